"""FHIR R4 and R4B → a dated extract.

ViewDefinitions (`sql/sources/fhir/views/`) make tables of resources; SQL files beside them make the dated extract of
those, and the CSV files beside them say which code means what. Answers of questionnaires and other observations are
read as a site's mapping says (`fhir_mapping.py`).

Source: https://hl7.org/fhir/R4/, https://hl7.org/fhir/uv/bulkdata/.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.intake.sources.dated import LeftOut, NotMapped, Source, words_not_mapped
from outcomes.intake.sources.fhir_files import FhirFiles, read_files, readable_resources, refuse_identified
from outcomes.intake.sources.fhir_mapping import ANSWERS, NUMERIC, FhirMapping
from outcomes.intake.sources.mapping import Cell
from outcomes.intake.sources.table import converted
from outcomes.sql import files as sqlfiles
from outcomes.sql.quoting import literal
from outcomes.sql.shipped import shipped
from outcomes.sql.view_definitions import ViewDefinition, read_view

_NUMERIC = ", ".join(map(literal, sorted({*NUMERIC, "bmi"})))
"""The names of answers that are numbers, for SQL."""

_REFERENCES = {
    "patient_id": "Patient",
    "other_id": "Patient",
    "encounter_id": "Encounter",
    "condition_id": "Condition",
    "study_id": "ImagingStudy",
}
"""Columns of views that refer to resources of a type."""

# A day is as written, in whatever time zone; less than a day is none.
_MACROS = (
    r"create macro fhir_day(moment) as "
    r"case when regexp_full_match(moment, '\d{4}-\d{2}-\d{2}(?:T.*)?') then try_cast(left(moment, 10) as date) end",
    "create macro fhir_system(system) as lower(regexp_replace(rtrim(system, '/'), '^https:', 'http:'))",
)

_CONCEPTS = """
create table fhir_concepts as
select fhir_system(system) as system, trim(code) as code, trim(meaning) as meaning, trim(word) as word
from (select *, false as is_shipped from {own} union all by name select *, true as is_shipped from {shipped})
qualify rank() over (partition by fhir_system(system), trim(code), trim(meaning) order by is_shipped) = 1
"""

# From each patient to the last in the export that has replaced it; where that is not one, nobody has.
_REPLACED = """
create table fhir_replaced as
with recursive links as (
    select id as patient_id, other_id as successor
    from fhir_patient_links
    where type = 'replaced-by'
    union
    select other_id, id
    from fhir_patient_links
    where type = 'replaces'
),

to_known as (
    select links.*
    from links
    semi join (from fhir_index where type = 'Patient' and not is_deleted and not is_modified) as known
        on links.successor = known.id
    where links.patient_id <> links.successor
),

chains as (
    from to_known
    union
    select chains.patient_id, to_known.successor
    from chains
    inner join to_known on chains.successor = to_known.patient_id
)

select chains.patient_id, any_value(chains.successor) as successor
from chains
anti join to_known on chains.successor = to_known.patient_id
group by chains.patient_id
having count(distinct chains.successor) = 1
"""

_REFER_TO_SUCCESSORS = (
    "update fhir_aliases set id = successor from fhir_replaced "
    "where type = 'Patient' and fhir_aliases.id = fhir_replaced.patient_id",
    "insert into fhir_aliases select 'Patient', patient_id, successor from fhir_replaced",
)

# One answer in words, whatever its type: a coded answer counts by its score, else by its code. Of several codings of an
# answer or a body site that of SNOMED CT counts, else the first.
_OBSERVED = """
create table fhir_said as
select
    'observation' as origin, fhir_system(observed.system) || '|' || observed.code as key, observed.patient_id,
    observed.encounter_id, coalesce(observed.moment, observed.start_time, observed.instant) as moment, observed.id,
    cast(null as varchar) as questionnaire,
    case when observed.comparator is null
        then coalesce(
            cast(observed.number as varchar), cast(observed.whole as varchar), cast(observed.yes as varchar),
            cast(observed.answer_score as varchar), cast(observed.answer_weight as varchar), answers.word,
            observed.answer_code
        )
    end as answer,
    observed.comparator is not null as is_inexact, observed.unit, observed.system, observed.code,
    coalesce(
        sites.word,
        case
            when regexp_matches(observed.site_text, '(?i)\\bneck\\b|cervical') then 'neck'
            when regexp_matches(observed.site_text, '(?i)\\barm\\b|upper limb') then 'arm'
        end
    ) as site
from fhir_observations as observed
left join fhir_concepts as answers
    on coalesce(observed.answer_snomed, observed.answer_code) = answers.code
    and if(observed.answer_snomed is null, fhir_system(observed.answer_system), 'http://snomed.info/sct')
    = answers.system
    and answers.meaning = 'smoking'
left join fhir_concepts as sites
    on coalesce(observed.site_snomed, observed.site_code) = sites.code
    and if(observed.site_snomed is null, fhir_system(observed.site_system), 'http://snomed.info/sct') = sites.system
    and sites.meaning = 'site'
union all
select
    'answer', link, patient_id, encounter_id, authored, id, regexp_replace(questionnaire, '[|].*$', ''),
    case when comparator is null
        then coalesce(
            cast(number as varchar), cast(quantity as varchar), cast(whole as varchar), cast(yes as varchar),
            cast(answer_score as varchar), cast(answer_weight as varchar), answer_code
        )
    end,
    comparator is not null, null, null, null, null
from fhir_answers
"""

_NAMED = """
create table fhir_named as
select
    said.* replace (if(said.unit = '%', 'percent', named.unit) as unit),
    named.name, named.place, named.part, trim(regexp_replace(said.answer, '[.]0$', '')) as cell
from fhir_said as said
inner join fhir_keys as named
    on said.origin = named.origin and said.key = named.key
    and (named.site is null or named.site = said.site)
    and (named.questionnaire is null or named.questionnaire = said.questionnaire)
where said.answer is not null or said.is_inexact
"""

# The conversion of a column reads from a column of that name. A number that is none, and a word that is no smoking
# status, cannot be read.
_READ = """
select
    patient_id, encounter_id, fhir_day(moment) as date, coalesce(moment, '') as moment, coalesce(id, '') as id,
    name, place, unit,
    case
        when name in ({numeric}) then if(try_cast({value} as double) is null, null, {value})
        when name <> 'smoking' or {value} in (select word from fhir_concepts where meaning = 'smoking') then {value}
    end as value
from (select *, {cell} as {column} from fhir_named where place = {place})
"""

# What a mapping says of every response of a questionnaire.
_CONSTANT = """
select distinct
    patient_id, encounter_id, fhir_day(moment) as date, coalesce(moment, '') as moment, coalesce(id, '') as id,
    {name} as name, 0 as place, cast(null as varchar) as unit, {constant} as value
from fhir_named
where part = {part}
"""

_VISITS = """
create view dated_follow_ups as
select
    patient_id, arg_min(encounter_id, (encounter_id is null, encounter_id)) as encounter_id, date, {columns}
from fhir_read
where name not in ('bmi', 'smoking') and value is not null
group by patient_id, date
"""

_CODED = {
    "procedures": "(select id, patient_id, system, code from fhir_procedures)",
    "diagnoses": "(select id, patient_id, system, code from fhir_conditions)",
    "treatments": "(select distinct treatment_id as id, patient_id, system, code from fhir_drugs)",
}
"""The codings of what becomes rows of a table."""

_NOT_CODED = (
    "select count(*) from (select id from {coded} as coded left join fhir_codes on coded.system = fhir_codes.system "
    "and coded.code = fhir_codes.delivered_code and fhir_codes.table_name = '{table}' "
    "group by id having count(fhir_codes.code) = 0)"
)

_DROPPED = {
    ("patients", "replaced"): "select count(*) from fhir_patients semi join fhir_replaced on id = patient_id",
    ("imaging", "elsewhere"): "select count(distinct id) from fhir_imaging_studies anti join fhir_images using (id)",
    **{(table, "not_coded"): _NOT_CODED.format(coded=coded, table=table) for table, coded in _CODED.items()},
}
"""What the SQL files do not deliver, by table and reason."""

_UNREADABLE = {
    ("patients", "birth_date"): (
        "select count(*) from fhir_patients where birth is not null and fhir_day(birth) is null "
        r"and not regexp_full_match(birth, '\d{4}(?:-\d{2})?')"
    ),
    ("patients", "death_date"): (
        "select count(*) from fhir_patients where fhir_day(death) is null and (death is not null or is_deceased)"
    ),
    ("encounters", "end_date"): (
        "select count(*) from fhir_encounters where end_time is not null and fhir_day(end_time) is null"
    ),
}

_UNMEANT = (
    "(select distinct told.id, told.patient_id, told.{system} as system, told.{code} as delivered_code "
    "from {view} as told anti join fhir_concepts on fhir_system(told.{system}) = fhir_concepts.system "
    "and told.{code} = fhir_concepts.code and fhir_concepts.meaning = '{meaning}' where told.{code} is not null)"
)

_NOT_MAPPED = {
    **{
        table: f"(select patient_id, system, code as delivered_code from {coded} as coded anti join fhir_codes "
        "on coded.system = fhir_codes.system and coded.code = fhir_codes.delivered_code "
        f"and fhir_codes.table_name = '{table}' where coded.system is distinct from 'reference')"
        for table, coded in _CODED.items()
    },
    "follow_ups": "(select patient_id, system, code as delivered_code from fhir_said "
    "anti join fhir_keys using (origin, key) where origin = 'observation' and (answer is not null or is_inexact))",
    "follow_ups: body site": "(select patient_id, system, code as delivered_code from fhir_said "
    "semi join (from fhir_keys where site is not null) using (origin, key) where site is null)",
    "follow_ups: answer": "(select patient_id, key as system, cell as delivered_code from fhir_named "
    f"where name in ({_NUMERIC}) and place = 0 and cell is not null and try_cast(cell as double) is null)",
    "follow_ups: linkId": "(select patient_id, questionnaire as system, key as delivered_code from fhir_said "
    "anti join fhir_keys using (origin, key) where origin = 'answer')",
    "encounters: class": _UNMEANT.format(
        view="fhir_encounters", system="class_system", code="class_code", meaning="encounter_type"
    ),
    "imaging: modality": _UNMEANT.format(view="fhir_imaging_studies", system="system", code="code", meaning="modality"),
    "imaging: conclusion": _UNMEANT.format(
        view="fhir_diagnostic_reports", system="system", code="code", meaning="finding"
    ),
    "procedures: body site": "(select fhir_procedures.patient_id, fhir_body_sites.system, "
    "fhir_body_sites.code as delivered_code from fhir_body_sites "
    "inner join fhir_procedures on fhir_body_sites.procedure_id = fhir_procedures.id "
    "anti join fhir_levels on fhir_body_sites.procedure_id = fhir_levels.procedure_id)",
}
"""Codes that mean nothing here, by where they stand."""


def fhir_source(source: Path, mapping: FhirMapping, *, strip_identifiers: bool = False) -> Source:
    """A FHIR export.

    Args:
        source: a file, or the folder of the files.
        mapping: what the site says of it.
        strip_identifiers: whether elements that identify persons are dropped; else an export that has any is refused.
    """
    extract = _Extract(source, mapping, strip_identifiers)
    return Source(
        mapping.method,
        extract.load,
        sqlfiles.load(shipped("sql", "sources", "fhir")),
        left_out=extract.left_out,
        not_mapped=extract.not_mapped,
    )


@dataclass
class _Extract:
    source: Path
    mapping: FhirMapping
    strips: bool
    files: FhirFiles = field(default_factory=lambda: FhirFiles({}))
    undelivered: Counter[tuple[str, str]] = field(default_factory=Counter)

    def load(self, con: duckdb.DuckDBPyConnection, scratch: Path) -> None:
        """Make the tables that the SQL files need."""
        for macro in _MACROS:
            con.execute(macro)
        self.files = read_files(con, self.source)
        if not self.strips:
            refuse_identified(con)
        self._load_meanings(con)
        with readable_resources():
            con.execute("begin")
            try:
                self._make_views(con)
                con.execute("commit")
            except duckdb.ConversionException:  # as in one of a thousand exports; so nobody looks for it before
                con.execute("rollback")
                self.undelivered.clear()
                self.files.refuse_misshapen(con, [self._view(path) for path in _view_paths()])
                self._make_views(con)
        self._read_answers(con)

    def left_out(self, con: duckdb.DuckDBPyConnection) -> list[LeftOut]:
        """What neither the reader nor the SQL files hand on."""
        found = self.files.left_out(con, stripped=self.strips)
        found += [LeftOut(table, reason, rows) for (table, reason), rows in sorted(self.undelivered.items())]
        found += [LeftOut(table, reason, _number(con, sql)) for (table, reason), sql in _DROPPED.items()]
        found += [LeftOut(table, "unreadable", _number(con, sql), name) for (table, name), sql in _UNREADABLE.items()]
        unread = con.execute("select name, count(*) from fhir_read where value is null group by name order by name")
        return found + [LeftOut("follow_ups", "unreadable", rows, name) for name, rows in unread.fetchall()]

    def not_mapped(self, con: duckdb.DuckDBPyConnection) -> list[NotMapped]:
        """Types, elements and codes that mean nothing here."""
        found = self.files.not_mapped(con)
        for place, rows in _NOT_MAPPED.items():
            words = f"select coalesce(system, 'no system') as spot, delivered_code as word, patient_id from {rows}"
            found += words_not_mapped(con, place, words)
        return found

    def _load_meanings(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make `fhir_concepts`, `fhir_code_systems`, `fhir_undelivered`, `joints` and `fhir_site`."""
        folder = shipped("sql", "sources", "fhir")
        shipped_concepts = _csv(folder / "concepts.csv")
        own = _csv(self.mapping.folder / self.mapping.concepts) if self.mapping.concepts else None
        try:
            con.execute(_CONCEPTS.format(own=own or f"(from {shipped_concepts} where false)", shipped=shipped_concepts))
        except duckdb.Error:
            raise OutcomesError(
                "mapping_malformed", f"{self.mapping.concepts}: its columns are system, code, meaning and word"
            ) from None
        con.execute(
            "create table fhir_code_systems as select table_name, fhir_system(system) as system, code_system "
            f"from {_csv(folder / 'code_systems.csv')}"
        )
        con.execute(f"create table fhir_undelivered as from {_csv(folder / 'undelivered.csv')}")
        con.execute(
            "create table joints as select joint, cast(position as integer) as position "
            f"from {_csv(shipped('sql', 'reference', 'joints.csv'))}"
        )
        con.execute(
            "create table fhir_site as select cast(? as boolean) as treatment_data_complete",
            [self.mapping.treatment_data_complete],
        )

    def _make_views(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make the table of each ViewDefinition, with references to the patients who have replaced others."""
        links, *others = _view_paths()
        self._make_view(con, links)
        for sql in (_REPLACED, *_REFER_TO_SUCCESSORS):
            con.execute(sql)
        for path in others:
            self._make_view(con, path)

    def _view(self, path: Path) -> ViewDefinition:
        """The site's own ViewDefinition in the place of a shipped one, where there is one."""
        own = self.mapping.folder / self.mapping.views / path.name if self.mapping.views else path
        return read_view(own if own.is_file() else path)

    def _make_view(self, con: duckdb.DuckDBPyConnection, path: Path) -> None:
        """Make the table of a ViewDefinition.

        Raises:
            OutcomesError: definition_malformed.
        """
        view = self._view(path)
        table = f"fhir_{path.stem}"
        con.execute(f"create table {table} as {self.files.resources(con, view)}")
        columns = con.table(table).columns
        if self.mapping.views:
            con.execute(f"create view shipped as {read_view(path).select('(select null::json as resource)')}")
            missing = set(con.table("shipped").columns) - set(columns)
            con.execute("drop view shipped")
            if missing:
                raise OutcomesError("definition_malformed", f"{path.name}: no column {', '.join(sorted(missing))}")
        for column in _REFERENCES.keys() & set(columns):
            con.execute(
                f"update {table} set {column} = aliases.id from fhir_aliases as aliases "
                f"where aliases.type = '{_REFERENCES[column]}' and aliases.alias = {table}.{column}"
            )
        self._drop_undelivered(con, path.stem)

    def _drop_undelivered(self, con: duckdb.DuckDBPyConnection, view: str) -> None:
        """Drop what was planned, not done, refuted or entered in error from the table of a view, and count it."""
        said = con.execute(
            "select table_name, reason, view_column, word from fhir_undelivered where view_name = ?", [view]
        ).fetchall()
        if said:
            table, reason, *_ = said[0]
            where = " or ".join(f"cast({column} as varchar) = {literal(word)}" for *_, column, word in said)
            self.undelivered[table, reason] += _number(con, f"select count(distinct id) from fhir_{view} where {where}")
            con.execute(f"delete from fhir_{view} where {where}")

    def _read_answers(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make `fhir_read`, every answer that is mapped, `dated_follow_ups` and `fhir_background`."""
        con.execute(_OBSERVED)
        cells = self._load_keys(con)
        con.execute(_NAMED)
        reads = [_READ.format(cell="cell", column="word", value="word", place=0, numeric=_NUMERIC)]
        reads += [
            _READ.format(
                cell=_present(cell),
                column=name,
                value=converted(TABLES["follow_ups"], name, cell),
                place=place,
                numeric=_NUMERIC,
            )
            for place, name, cell in cells
        ]
        reads += [
            _CONSTANT.format(name=literal(name), constant=literal(cell.constant), part=part)
            for part, answers in enumerate(self.mapping.answers, 1)
            for name, cell in answers.columns.items()
            if cell.constant is not None and name != "ndi_unit"
        ]
        con.execute(f"create table fhir_read as {' union all '.join(reads)}")
        columns = ", ".join(_of_visit(column.name) for column in ANSWERS)
        con.execute(_VISITS.format(columns=columns))
        con.execute(
            "create view fhir_background as select patient_id, name, value, date, moment from fhir_read "
            "where name in ('bmi', 'smoking') and value is not null and date is not null"
        )

    def _load_keys(self, con: duckdb.DuckDBPyConnection) -> list[tuple[int, str, Cell]]:
        """Make `fhir_keys`, which key fills which column, and give the site's cells with their places.

        Part 0 are the observations, the others the site's questionnaires in their order; a total of the Neck Disability
        Index has the unit of its part. What a site says of a code stands in the place of what is shipped.
        """
        con.execute(
            "create table fhir_keys as select 'observation' as origin, system || '|' || code as key, word as name, "
            "nullif(replace(meaning, 'observation_of_', ''), 'observation') as site, "
            "cast(null as varchar) as questionnaire, 0 as place, 0 as part, cast(null as varchar) as unit "
            "from fhir_concepts where meaning like 'observation%'"
        )
        cells: list[tuple[int, str, Cell]] = []
        rows: list[tuple[str, str, str, str | None, int, int]] = []
        for part, answers in enumerate(self.mapping.answers, 1):
            for name, cell in answers.columns.items():
                if cell.source:
                    cells.append((len(cells) + 1, name, cell))
                    asked = answers.questionnaire or (None,)
                    rows += [("answer", cell.source, name, one, len(cells), part) for one in asked]
        for name, cell in self.mapping.observations.items():
            if cell.source:
                system, _, code = cell.source.rpartition("|")
                key = f"{_system(system)}|{code}"
                cells.append((len(cells) + 1, name, cell))
                rows.append(("observation", key, name, None, len(cells), 0))
                con.execute("delete from fhir_keys where key = ? and name = ?", [key, name])
        for row in rows:
            con.execute("insert into fhir_keys values (?, ?, ?, null, ?, ?, ?, null)", row)
        for part, columns in enumerate([self.mapping.observations, *(one.columns for one in self.mapping.answers)]):
            if "ndi_unit" in columns:
                unit = columns["ndi_unit"].constant
                con.execute("update fhir_keys set unit = ? where name = 'ndi_total' and part = ?", [unit, part])
        return cells


def _view_paths() -> list[Path]:
    """The shipped ViewDefinitions; that of links between patients comes first."""
    return sorted(
        shipped("sql", "sources", "fhir", "views").glob("*.json"),
        key=lambda path: (path.stem != "patient_links", path.stem),
    )


def _number(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(con.execute(sql).fetchall()[0][0])


def _csv(path: Path) -> str:
    return f"read_csv({literal(path)}, header = true, all_varchar = true)"


def _system(system: str) -> str:
    """As the macro `fhir_system`."""
    return system.rstrip("/").replace("https:", "http:", 1).lower()


def _present(cell: Cell) -> str:
    """The answer, null where it stands for a missing value."""
    return f"case when cell not in ({', '.join(map(literal, cell.missing))}) then cell end" if cell.missing else "cell"


def _of_visit(name: str) -> str:
    """A column of a visit: the last answer of the day; the unit is that of the last total, where it tells one."""
    order = "(moment, place, id, value)"
    last = f"arg_max(value, {order}) filter (where name = '{name}')"
    if name != "ndi_unit":
        return f"{last} as {name}"
    of_total = f"struct_extract(arg_max({{'unit': unit}}, {order}) filter (where name = 'ndi_total'), 'unit')"
    return f"coalesce({of_total}, {last}) as {name}"
