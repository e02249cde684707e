"""SQL over the lake's files: what became of each submission, and which rows are in force."""

from collections.abc import Sequence

from outcomes.contract import Table
from outcomes.lake.digest import LOOKED_AT
from outcomes.lake.records import PROVENANCE
from outcomes.sql.quoting import literal

JUDGEMENT_ID = "judgement_id"
"""Marks each row with the judgement that accepted it; null where an earlier version wrote it."""

WRITTEN_BY = f"coalesce({JUDGEMENT_ID}, submission_id)"
"""SQL: what marks the rows of a judgement, of the rows and of its record alike."""

SUBMISSIONS_WITH_STATUS = """
with recorded as (
    select *
    from recorded_submissions
    where
        ($recorded_to is null or coalesce(recorded_at <= $recorded_to, true))
        and ($period_to is null or period <= $period_to)
        and ($period_before is null or period < $period_before)
        and ($period_after is null or period > $period_after)
),

judged as (
    select *
    from recorded
    qualify row_number() over (partition by site_id, period, attempt order by recorded_at desc nulls last) = 1
),

-- A refused attempt leaves the one before it in force; a withdrawn one does not, for the site takes the month back.
decided as (
    select site_id, period, max(attempt) as attempt
    from judged
    where outcome in ('accepted', 'withdrawn')
    group by site_id, period
),

newest_full as (
    select judged.site_id, max(judged.period) as period
    from judged
    inner join decided
        on judged.site_id = decided.site_id and judged.period = decided.period and judged.attempt = decided.attempt
    where judged.outcome = 'accepted' and judged.kind = 'full'
    group by judged.site_id
)

select
    judged.*,
    coalesce(judged.outcome = 'accepted' and judged.attempt = decided.attempt, false) as stands,
    case
        when judged.outcome <> 'accepted' then judged.outcome
        when judged.attempt = decided.attempt and judged.period >= coalesce(newest_full.period, '') then 'accepted'
        else 'superseded'
    end as status
from judged
left join decided
    on judged.site_id = decided.site_id and judged.period = decided.period
left join newest_full
    on judged.site_id = newest_full.site_id
order by judged.site_id, judged.period, judged.attempt
"""
"""Each attempt as last judged, of the judgements recorded up to a time and of periods within bounds (null: all).

`stands`: the attempt is what its site and period stands on, be it superseded by a later full submission or not.
"""

CONTEXTS = """
with standing as (
    select
        site_id, period, kind, coalesce(judgement_id, submission_id) as written_by, holds, unnest(tables) as counts
    from {submissions}
    where stands
),

looked_at as (
    select
        site_id, period,
        string_agg(
            counts.source_table || ' ' || coalesce(counts.context, counts.digest, written_by),
            ' '
            order by counts.source_table
        ) as digests,
        any_value(holds) as holds
    from standing
    where counts.rows_accepted > 0 and counts.source_table in ({looked_at})
    group by site_id, period
),

bounds as (
    select
        judged.site_id,
        judged.period,
        judged.attempt,
        max(standing.period) filter (where standing.period < judged.period) as full_before,
        max(standing.period) filter (where standing.period > judged.period) as full_after
    from {judged} as judged
    left join standing
        on judged.site_id = standing.site_id and standing.kind = 'full'
    group by judged.site_id, judged.period, judged.attempt
)

select
    bounds.site_id,
    bounds.period,
    bounds.attempt,
    md5(coalesce(string_agg(looked_at.period || ' ' || looked_at.digests, ';' order by looked_at.period)
        filter (where looked_at.period < bounds.period and looked_at.period >= coalesce(bounds.full_before, '')), ''))
        as earlier,
    md5(coalesce(string_agg(looked_at.period || ' ' || looked_at.digests, ';' order by looked_at.period)
        filter (
            where looked_at.period > bounds.period
            and looked_at.period >= coalesce(bounds.full_after, '')
            and case
                when judged.seeks is null then looked_at.period <= coalesce(judged.looks_ahead_to, looked_at.period)
                else
                    looked_at.holds is null
                    or list_has_any(looked_at.holds, judged.seeks)
                    or (
                        looked_at.period <= judged.looks_ahead_to
                        and list_has_any(looked_at.holds, judged.finds)
                    )
            end
        ), ''))
        as later
from bounds
inner join {judged} as judged
    on bounds.site_id = judged.site_id and bounds.period = judged.period and bounds.attempt = judged.attempt
left join looked_at
    on bounds.site_id = looked_at.site_id
group by bounds.site_id, bounds.period, bounds.attempt
"""
"""Of attempts: a digest of what rules look at in earlier periods, and in those later ones that hold what it names.

A name that nobody holds is common: a site that delivers no encounters names thousands. Were any later period to matter
to it, each month would be judged again with each later month.
"""

OF_ACCEPTED_SUBMISSIONS = """
inner join {submissions} as submissions
    on rows_written.site_id = submissions.site_id
    and rows_written.period = submissions.period
    and {written_by} = coalesce(submissions.judgement_id, submissions.submission_id)
    and submissions.status = 'accepted'
"""
"""An earlier version marked rows with their submission alone."""

_WRITTEN_BY_ROW = "concat(coalesce(rows_written.judgement_id, rows_written.submission_id), '')"
"""Not the plain columns: by their statistics DuckDB would pass over rows, and a wrong bit of these would hide some."""


def rows_written(table: Table, files: Sequence[str], *, with_filename: bool = False) -> str:
    """SQL: every row of the files, in the contract's types whatever a file says. Columns that a file lacks are null.

    Args:
        table: of the contract.
        files: of the lake.
        with_filename: whether `filename` tells of each row which file holds it.
    """
    types = dict.fromkeys((*PROVENANCE.names, JUDGEMENT_ID, *["filename"] * with_filename), "varchar")
    types |= {column.name: column.type.sql for column in table.columns}
    empty = f"select {', '.join(f'cast(null as {sql_type}) as {name}' for name, sql_type in types.items())} where false"
    if not files:
        return empty
    quoted = ", ".join(map(literal, files))
    typed = ", ".join(f"cast({name} as {sql_type}) as {name}" for name, sql_type in types.items())
    return (
        f"select {typed} from ({empty} union all by name "
        f"select * from read_parquet([{quoted}], union_by_name = true, filename = {str(with_filename).lower()}, "
        "hive_partitioning = true, hive_types = {'site_id': varchar, 'period': varchar}))"
    )


def rows_in_force(table: Table, files: Sequence[str]) -> str:
    """SQL: of each key of a site the row last delivered, unless that is a tombstone."""
    return _one_row_a_key(table, rows_written(table, files), "submissions", "desc")


def rows_in_force_of_patient(table: Table, files: Sequence[str]) -> str:
    """SQL: as `rows_in_force`, of one patient: $site_id and $patient_id.

    What is in force of a key may be another patient's row, so the patient's keys are found first; of all other rows of
    the site nothing but key and patient is read.
    """
    of_patient = "site_id = $site_id and patient_id = $patient_id"
    rows = rows_written(table, files)
    of_keys = f"select * from ({rows}) where {table.key} in (select {table.key} from ({rows}) where {of_patient})"
    return f"select * from ({_one_row_a_key(table, of_keys, 'submissions', 'desc')}) where {of_patient}"


def rows_before(table: Table, files: Sequence[str]) -> str:
    """SQL: as `rows_in_force`, the columns at which the rules look."""
    return _looked_at(table, rows_in_force(table, files))


def rows_beside(table: Table, rows: str, columns: Sequence[str]) -> str:
    """SQL: as `rows_in_force`, these columns of the periods beside the one that is judged.

    Args:
        table: of the contract.
        rows: SQL of what is written, with these columns and the table's key.
        columns: of the table.
    """
    return f"select {', '.join(columns)} from ({_one_row_a_key(table, rows, 'beside_submissions', 'desc', columns)})"


def rows_first_delivered_later(table: Table, files: Sequence[str]) -> str:
    """SQL: as `rows_before`, of each key of a site the row first delivered after the period, unless a tombstone."""
    return _looked_at(table, _one_row_a_key(table, rows_written(table, files), "later_submissions", "asc"))


def _looked_at(table: Table, rows: str) -> str:
    return f"select {', '.join(('site_id', 'period', *LOOKED_AT[table.name]))} from ({rows})"


def _one_row_a_key(table: Table, rows: str, submissions: str, order: str, columns: Sequence[str] | None = None) -> str:
    # The digest of the rows does not cover the name of their submission, that of the record does.
    names = [*PROVENANCE.names, *table.schema.names] if columns is None else [*columns, "deleted"]
    selected = ", ".join(
        f"{'submissions' if name == 'submission_id' else 'rows_written'}.{name}" for name in dict.fromkeys(names)
    )
    return f"""
        with accepted as (
            select {selected}
            from ({rows}) as rows_written
            {OF_ACCEPTED_SUBMISSIONS.format(submissions=submissions, written_by=_WRITTEN_BY_ROW)}
            qualify row_number() over (
                partition by rows_written.site_id, rows_written.{table.key}
                order by rows_written.period {order}
            ) = 1
        )
        select * from accepted where not coalesce(deleted, false)
    """
