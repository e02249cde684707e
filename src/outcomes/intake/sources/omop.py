"""OMOP CDM 5.4 → a dated extract.

Read are the tables and columns named here, from a folder of CSV or Parquet files, from a DuckDB file or from another
database; others are never loaded. What each contract column means in the CDM stands in the SQL files of
`sql/sources/omop/`, and what concepts mean that are no codes in its concept map, to which a site may add
(docs/sources/omop.md).

Source: OHDSI, OMOP Common Data Model 5.4; https://ohdsi.github.io/CommonDataModel/cdm54.html.
"""

import csv
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.intake.manifest import Method
from outcomes.intake.reading import MISSING
from outcomes.intake.rules import closed_lists
from outcomes.intake.sources.databases import Database, connected
from outcomes.intake.sources.dated import LeftOut, NotMapped, Source, dated_columns, dated_relation
from outcomes.intake.sources.engine import count
from outcomes.intake.sources.files import Opened, open_database, open_file
from outcomes.sql import files as sqlfiles
from outcomes.sql.engine import materialize
from outcomes.sql.files import SqlFile
from outcomes.sql.reference import code_list_names, code_list_rows
from outcomes.sql.shipped import shipped

_ID, _TEXT, _DATE = "id", "text", "date"

_EVENT = {"person_id": _ID, "visit_occurrence_id": _ID}

TABLES_READ = {
    "person": {
        "person_id": _ID,
        "gender_concept_id": _ID,
        "gender_source_value": _TEXT,
        "year_of_birth": _ID,
        "month_of_birth": _ID,
        "day_of_birth": _ID,
        "birth_date": _DATE,
    },
    "observation_period": {"person_id": _ID, "observation_period_end_date": _DATE},
    "visit_occurrence": _EVENT
    | {
        "visit_concept_id": _ID,
        "visit_source_value": _TEXT,
        "visit_start_date": _DATE,
        "visit_end_date": _DATE,
    },
    "procedure_occurrence": _EVENT
    | {
        "procedure_occurrence_id": _ID,
        "procedure_concept_id": _ID,
        "procedure_source_concept_id": _ID,
        "procedure_source_value": _TEXT,
        "procedure_date": _DATE,
        "modifier_source_value": _TEXT,
        "quantity": _ID,
        "provider_id": _ID,
    },
    "condition_occurrence": _EVENT
    | {
        "condition_occurrence_id": _ID,
        "condition_concept_id": _ID,
        "condition_source_concept_id": _ID,
        "condition_source_value": _TEXT,
        "condition_start_date": _DATE,
        "condition_status_concept_id": _ID,
    },
    "drug_exposure": _EVENT
    | {
        "drug_exposure_id": _ID,
        "drug_concept_id": _ID,
        "drug_source_concept_id": _ID,
        "drug_source_value": _TEXT,
        "drug_exposure_start_date": _DATE,
        "drug_exposure_end_date": _DATE,
        "days_supply": _ID,
        "route_concept_id": _ID,
        "route_source_value": _TEXT,
    },
    "device_exposure": _EVENT
    | {
        "device_exposure_id": _ID,
        "device_concept_id": _ID,
        "device_source_concept_id": _ID,
        "device_source_value": _TEXT,
        "device_exposure_start_date": _DATE,
    },
    "measurement": _EVENT
    | {
        "measurement_id": _ID,
        "measurement_concept_id": _ID,
        "measurement_source_concept_id": _ID,
        "measurement_source_value": _TEXT,
        "measurement_date": _DATE,
        "measurement_datetime": _TEXT,
        "value_as_number": _TEXT,
        "value_as_concept_id": _ID,
        "value_source_value": _TEXT,
        "unit_concept_id": _ID,
        "unit_source_value": _TEXT,
    },
    "observation": _EVENT
    | {
        "observation_id": _ID,
        "observation_concept_id": _ID,
        "observation_source_concept_id": _ID,
        "observation_source_value": _TEXT,
        "observation_date": _DATE,
        "observation_datetime": _TEXT,
        "value_as_number": _TEXT,
        "value_as_string": _TEXT,
        "value_as_concept_id": _ID,
        "value_source_value": _TEXT,
        "unit_concept_id": _ID,
        "unit_source_value": _TEXT,
    },
    "death": {"person_id": _ID, "death_date": _DATE},
    "concept": {"concept_id": _ID, "vocabulary_id": _TEXT, "concept_code": _TEXT},
    "concept_ancestor": {"ancestor_concept_id": _ID, "descendant_concept_id": _ID},
}
"""The tables and columns that are read, with the meaning of their text."""

_NEEDED = ("person", "procedure_occurrence")
_KEYS = {("procedure_occurrence", "procedure_date"), ("concept", "concept_id")}
"""Columns without which, beside person_id, a table is not what its name says."""

_DATETIMES = {"birth_date": "birth_datetime"}
"""Columns of a day that has another name than its datetime without `time`."""

_VOCABULARY = ("concept", "concept_ancestor")
"""Tables of the vocabulary: as they are published, with tabs, a quote is a character like any other."""

# A day may stand in either of two columns, with a time or without, as 2024-05-17 or 20240517. Of another age it stands
# for a missing one: 0001-01-01, 9999-12-31.
_DAY = (
    "coalesce(case when regexp_matches({cell}, '^(19|20)[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}($|[ T])') "
    "then try_cast(left({cell}, 10) as date) end, "
    "case when regexp_full_match({cell}, '(19|20)[0-9]{{6}}') then cast(try_strptime({cell}, '%Y%m%d') as date) end)"
)

# Decimals of a whole number go, unless it is so great that it may have been rounded, which the engine refuses.
_WHOLE = (
    "case when contains({cell}, '.') and try_cast({cell} as double) < 9007199254740992 "
    "then regexp_replace({cell}, '[.]0+$', '') else {cell} end"
)

_MISSING = ", ".join(f"'{word}'" for word in (*MISSING, r"\n"))

_KINDS = {
    "procedure_occurrence": ("procedure", "procedure_date"),
    "condition_occurrence": ("condition", "condition_start_date"),
    "drug_exposure": ("drug", "drug_exposure_start_date"),
    "device_exposure": ("device", "device_exposure_start_date"),
    "measurement": ("measurement", "measurement_date"),
    "observation": ("observation", "observation_date"),
}
"""The tables of records, each with the first word of its columns and its date."""

_OF_RECORDS = {
    "end_date": {
        "drug": "coalesce(drug_exposure_end_date, case when try_cast(days_supply as integer) between 1 and 366 then "
        "cast(drug_exposure_start_date + (cast(days_supply as integer) - 1) * interval 1 day as date) end)"
    },
    "time": {"measurement": "measurement_datetime", "observation": "observation_datetime"},
    "modifier": {"procedure": "modifier_source_value"},
    "units": {"procedure": "quantity"},
    "surgeon_id": {"procedure": "provider_id"},
    "status_concept_id": {"condition": "condition_status_concept_id"},
    "route_concept_id": {"drug": "route_concept_id"},
    "route_source_value": {"drug": "route_source_value"},
}
"""Columns of records that only some kinds have."""

# Yes and no: 4188539 and 4188540 of SNOMED, 45877994 (LA33-6) and 45878245 (LA32-8) of LOINC. 8554 is the percent of
# UCUM; its score, {score}, may be of points or of percent.
_VALUE = (
    "coalesce(value_as_number, {string} case when value_as_concept_id in ('4188539', '45877994') then 'true' "
    "when value_as_concept_id in ('4188540', '45878245') then 'false' end, value_source_value)"
)
_UNIT = (
    "case when unit_concept_id = '8554' or lower(unit_source_value) in ('%', 'percent') then 'percent' "
    "when lower(unit_source_value) in ('points', '{points}') then 'points' "
    "when lower(unit_source_value) = 'mm' then 'mm' end"
)

_MAP_COLUMNS = ("vocabulary_id", "concept_code", "concept_id", "source_value", "to", "value")
_CODE_SYSTEMS = ("CPT", "HCPCS", "ICD10PCS", "ICD9PCS", "ICD10CM", "ICD9CM", "ATC", "RXNORM")
_MAPPED_TABLES = ("patients", "encounters", "follow_ups", "treatments")
_LOOKED_UP = (("patients", "sex"), ("encounters", "type"), ("treatments", "route"))
"""Columns that come from a concept of their own, not from measurements and observations."""

_CODED_KINDS = ("procedure", "condition", "drug", "device")


def omop_source(
    place: Path | Database, method: Method, concept_map: Path | None = None, schema: str | None = None
) -> Source:
    """An OMOP CDM as a source.

    Args:
        place: a folder of CSV or Parquet files or of folders of Parquet files, each named after its table; a DuckDB
            file; or another database.
        method: how what is delivered is de-identified.
        concept_map: what the site adds to the shipped concept map, a CSV of the same columns.
        schema: of a database, that of tables of which there are several.
    """
    return Source(
        method,
        partial(_load, place, concept_map, schema),
        [file for file in _files() if file.name.startswith("dated_")],
        left_out=_left_out,
        not_mapped=_not_mapped,
    )


def _files() -> list[SqlFile]:
    return sqlfiles.load(shipped("sql", "sources", "omop"))


def _load(
    place: Path | Database,
    concept_map: Path | None,
    schema: str | None,
    con: duckdb.DuckDBPyConnection,
    scratch: Path,
) -> None:
    """Make each table a view `omop_…`, and of them what the dated relations need."""
    con.register("omop_concept_map", _concept_map(concept_map))
    tables = _tables(con, place, schema, scratch)
    if missing := [name for name in _NEEDED if name not in tables]:
        raise OutcomesError("source_malformed", f"there is no table {missing[0]} of the OMOP CDM")
    for name in TABLES_READ:
        con.execute(f"create view omop_{name} as {_select(name, tables.get(name))}")
    _view_records(con, "omop_records", _KINDS)
    _view_records(con, "omop_measured", ["measurement", "observation"])
    files = {file.name: file for file in _files()}
    materialize(con, [files["omop_words"], files["omop_concepts"]])
    con.execute(f"create table omop_ingredients as {_INGREDIENTS}", {"codes": _codes_of_ingredients()})
    # Once read and kept, what the files hold is not read again for each table of the contract and each of its counts.
    materialize(con, [files[name] for name in ("omop_meanings", "omop_codes", "omop_facts")])
    kinds = {kind for (kind,) in con.execute("select distinct kind from omop_codes").fetchall()}
    _view_records(con, "omop_codable", [table for table, (kind, _) in _KINDS.items() if kind in kinds] or _KINDS)
    materialize(con, [files["omop_coded"]])
    con.execute(f"create view {dated_relation(TABLES['follow_ups'])} as {_follow_ups()}")


_LISTED = "vocabulary_id = 'RxNorm' and list_contains($codes, concept_code)"

_INGREDIENTS = f"""
select distinct omop_concept_ancestor.descendant_concept_id as concept_id, omop_concept.concept_code as code
from omop_concept_ancestor
inner join omop_concept on omop_concept_ancestor.ancestor_concept_id = omop_concept.concept_id
where
    {_LISTED}
    and omop_concept_ancestor.descendant_concept_id in (select concept_id from omop_words where kind = 'drug')
"""


def _codes_of_ingredients() -> list[str]:
    """The ingredients of RxNorm that a code list reads."""
    rows = [row for name in code_list_names() for row in code_list_rows(name)]
    return sorted({row["code"] for row in rows if row["system"] == "RXNORM"})


def _tables(
    con: duckdb.DuckDBPyConnection, place: Path | Database, schema: str | None, scratch: Path
) -> dict[str, Opened]:
    """The tables that are there, opened, by name.

    Raises:
        OutcomesError: source_malformed; names the table that is there twice, or the file that cannot be read. Of a
            database also driver_missing and database_failed.
    """
    if isinstance(place, Database):
        return _copied(con, place, schema, scratch)
    if place.is_file():
        return open_database(con, place, TABLES_READ, schema)
    if not place.is_dir():
        raise OutcomesError("source_malformed", f"there is neither a folder nor a file {place.name}")
    opened = {}
    for name in TABLES_READ:
        pattern = re.compile(rf"{name}[.](csv|tsv|txt)([.]gz)?|{name}[.]parquet", re.IGNORECASE)
        paths = sorted(
            path
            for path in place.iterdir()
            if pattern.fullmatch(path.name) or (path.is_dir() and path.name.lower() == name)
        )
        if len(paths) > 1:
            raise OutcomesError("source_malformed", f"{len(paths)} files of the table {name}")
        if paths:
            opened[name] = open_file(con, paths[0], f"delivered_{name}", scratch, is_vocabulary=name in _VOCABULARY)
    return opened


def _copied(con: duckdb.DuckDBPyConnection, database: Database, schema: str | None, scratch: Path) -> dict[str, Opened]:
    """The tables of a database that are there, copied; of the ancestors of concepts, only those that are asked for."""
    columns = {
        name: {each for column, kind in kinds.items() for each in _spellings(column, kind)}
        for name, kinds in TABLES_READ.items()
    }
    ancestors = {"concept_ancestor": columns.pop("concept_ancestor")}
    with connected(database) as reader:
        opened = reader.open(con, columns, scratch, schema)
        concepts = _select("concept", opened.get("concept"))
        listed = con.execute(
            f"select try_cast(concept_id as bigint) from ({concepts}) where {_LISTED}",
            {"codes": _codes_of_ingredients()},
        ).fetchall()
        only = ("ancestor_concept_id", [number for (number,) in listed if number is not None])
        return opened | reader.open(con, ancestors, scratch, schema, only)


def _select(name: str, table: Opened | None) -> str:
    """The columns of a table of the CDM in their types; no rows where it is not there."""
    cells = ", ".join(f"{_cell(table, name, column, kind)} as {column}" for column, kind in TABLES_READ[name].items())
    return f"select {cells} {f'from {table.relation}' if table else 'where false'}"


def _cell(table: Opened | None, name: str, column: str, kind: str) -> str:
    """A column of a table of the CDM in its type; null where the table has it not.

    Raises:
        OutcomesError: source_malformed when it is the column by which the table is known.
    """
    if table is None:
        return f"cast(null as {'date' if kind == _DATE else 'varchar'})"
    if kind == _DATE:
        days = [table.column(each) for each in _spellings(column, kind)]
        read = [_DAY.format(cell=f"trim({day})") for day in days if day]
        found = f"coalesce({', '.join(read)})" if read else ""
    else:
        cell = f"trim({header})" if (header := table.column(column)) else ""
        read_as = _WHOLE.format(cell=cell) if kind == _ID else cell
        found = f"case when lower({cell}) not in ({_MISSING}) then {read_as} end" if cell else ""
    if not found and (column == "person_id" or (name, column) in _KEYS):
        raise OutcomesError("source_malformed", f"{table.name}: no column {column}, which {name} of the CDM has")
    return found or f"cast(null as {'date' if kind == _DATE else 'varchar'})"


def _spellings(column: str, kind: str) -> tuple[str, ...]:
    """The columns of the CDM that may hold it: a day stands in one of its own, or with a time."""
    return (column, _DATETIMES.get(column, f"{column}time")) if kind == _DATE else (column,)


def _view_records(con: duckdb.DuckDBPyConnection, name: str, tables: Iterable[str]) -> None:
    con.execute(f"create view {name} as {' union all by name '.join(map(_records, tables))}")


def _records(table: str) -> str:
    """The rows of a table of records, named as all of them are."""
    kind, date = _KINDS[table]
    string = "value_as_string," if kind == "observation" else ""
    has_values = "value_as_number" in TABLES_READ[table]
    columns = {
        "kind": f"'{kind}'",
        "record_id": f"{table}_id" if f"{table}_id" in TABLES_READ[table] else f"{kind}_id",
        "patient_id": "person_id",
        "encounter_id": "visit_occurrence_id",
        "date": date,
        **{name: f"{kind}_{name}" for name in ("concept_id", "source_concept_id", "source_value")},
        **{name: of.get(kind, "null") for name, of in _OF_RECORDS.items()},
        "value": _VALUE.format(string=string) if has_values else "null",
        "unit": _UNIT if has_values else "null",
    }
    return f"select {', '.join(f'{cell} as {name}' for name, cell in columns.items())} from omop_{table}"


def _follow_ups() -> str:
    """What was measured or observed of a patient on a day, as one visit."""
    targets = [name for name in dated_columns(TABLES["follow_ups"]) if name not in _GIVEN]
    cells = ", ".join(f"max(value) filter (where target = 'follow_ups.{name}') as {name}" for name in targets)
    return (
        f"select patient_id, min(encounter_id) as encounter_id, date, {cells} from omop_facts "
        "where starts_with(target, 'follow_ups.') group by patient_id, date"
    )


_GIVEN = ("follow_up_id", "patient_id", "encounter_id", "date")


def _concept_map(own: Path | None) -> pa.Table:
    """The shipped concept map, with the words of the contract themselves, and the site's; a column tells which.

    Raises:
        OutcomesError: mapping_malformed; names the line.
    """
    rows = [row | {"is_own": False} for row in _map_rows(shipped("sql", "sources", "omop", "concept_map.csv"))]
    rows += [
        {"source_value": word, "to": f"{table}.{column}", "value": value, "is_own": False}
        for table, column in _LOOKED_UP
        for word, value in closed_lists(table)[column].items()
    ]
    rows += [row | {"is_own": True} for row in (_map_rows(own) if own else [])]
    schema = pa.schema([*((name, pa.string()) for name in _MAP_COLUMNS), ("is_own", pa.bool_())])
    return pa.Table.from_pylist(rows, schema)


def _map_rows(path: Path) -> list[dict[str, str | bool | None]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            rows = [(reader.line_num, row) for row in reader]
            header = reader.fieldnames or ()
    except FileNotFoundError:
        raise OutcomesError("mapping_malformed", f"there is no file {path.name}") from None
    except (UnicodeDecodeError, csv.Error):
        raise OutcomesError("mapping_malformed", f"{path.name} is no CSV in UTF-8") from None
    if missing := [name for name in ("to", "value") if name not in header]:
        raise OutcomesError("mapping_malformed", f"{path.name}, line 1: no column {missing[0]}")
    for line, row in rows:
        if wrong := _wrong(row):
            raise OutcomesError("mapping_malformed", f"{path.name}, line {line}: {wrong}")
    return [{name: (row.get(name) or "").strip() or None for name in _MAP_COLUMNS} for _, row in rows]


def _wrong(row: dict[str, str]) -> str | None:
    """What is wrong with a row of a concept map, if anything."""
    to, value = (row.get("to") or "").strip(), (row.get("value") or "").strip()
    if None in row:
        return "more cells than columns"
    if not (row.get("concept_id") or row.get("source_value") or (row.get("vocabulary_id") and row.get("concept_code"))):
        return "it names neither a concept_id, nor a vocabulary_id with a concept_code, nor a source_value"
    table, _, column = to.partition(".")
    if to in _CODE_SYSTEMS:
        return None if value else "value is empty; a code system needs a code"
    if table not in _MAPPED_TABLES or column not in dated_columns(TABLES[table]):
        return "to is neither a code system nor a column that the contract has, as follow_ups.ndi_total"
    return "value is empty; it is the word to deliver" if (table, column) in _LOOKED_UP and not value else None


def _left_out(con: duckdb.DuckDBPyConnection) -> list[LeftOut]:
    """Records without a code, deaths without a date, and source values that no word of the contract is."""
    counts = con.execute(
        f"select kind, sum(row_count) from ({_WITHOUT_CODE}) where kind in {_CODED_KINDS} group by kind"
    ).fetchall()
    found = [LeftOut(_TABLE_OF[kind], "not_coded", int(rows)) for kind, rows in counts]
    undated = "from (select person_id from omop_death group by person_id having count(death_date) = 0)"
    found.append(LeftOut("patients", "unreadable", count(con, undated), "death_date"))
    return found + [
        LeftOut(
            table, "unreadable", count(con, f"from dated_{table} where {column} is null and {said} is not null"), column
        )
        for table, column, said in _SAID
    ]


_SAID = (
    ("patients", "sex", "gender_source_value"),
    ("procedures", "modifier", "modifier_source_value"),
    ("treatments", "route", "route_source_value"),
)
"""Columns that a source value may fill where it is one of the contract's words; any other may be any text."""

_TABLE_OF = {"procedure": "procedures", "condition": "diagnoses", "drug": "treatments", "device": "procedures"}

_WITHOUT_CODE = (
    "from omop_words anti join omop_codes on omop_words.kind = omop_codes.kind "
    "and omop_words.concept_id is not distinct from omop_codes.concept_id "
    "and omop_words.source_concept_id is not distinct from omop_codes.source_concept_id "
    "and omop_words.source_value is not distinct from omop_codes.source_value"
)


# A dry run shows no word with as many digits in a row as a record number has.
_IN_GROUPS = "format('{{:,}}', nullif(try_cast({concept_id} as bigint), 0))"

_UNKNOWN_WORDS = """
select
    '{kind}' as kind, coalesce({in_groups}, {kind}_source_value), count(*), count(distinct person_id)
from {rows}
where
    coalesce({in_groups}, {kind}_source_value) is not null
    and coalesce({kind}_concept_id, '') not in (
        select concept_id from omop_meanings where target = '{target}' and concept_id is not null
    )
    and coalesce(lower({kind}_source_value), '') not in (
        select source_value from omop_meanings where target = '{target}' and source_value is not null
    )
group by all
"""

_UNKNOWN = {
    ("gender", "patients.sex"): "omop_person",
    ("visit", "encounters.type"): "omop_visit_occurrence",
    ("route", "treatments.route"): "omop_drug_exposure",
}
"""The first word of the columns that say sex, visit and route, what they become, and where they are."""


_WORDS_WITHOUT_CODE = """
with words as (
    select *, {word} as word
    {without_code}
    where
        kind in {coded}
        or coalesce(concept_id, '0') = '0' and lower(source_value) not in (
            select source_value from omop_meanings where source_value is not null and target not in {looked_up}
        )
),

of_patients as (
    select words.kind, words.word, records.patient_id, count(*) as row_count
    from omop_records as records
    inner join words
        on
            records.kind = words.kind
            and records.concept_id is not distinct from words.concept_id
            and records.source_concept_id is not distinct from words.source_concept_id
            and records.source_value is not distinct from words.source_value
    group by words.kind, words.word, records.patient_id
)

select kind, word, sum(row_count), count(patient_id)
from of_patients
group by kind, word
order by 3 desc, 1, 2
"""


def _not_mapped(con: duckdb.DuckDBPyConnection) -> list[NotMapped]:
    """Words without meaning; of measurements and observations, most of which nobody needs, those without a concept."""
    found = con.execute(
        _WORDS_WITHOUT_CODE.format(
            word=f"coalesce({_IN_GROUPS.format(concept_id='concept_id')}, source_value)",
            without_code=_WITHOUT_CODE,
            coded=_CODED_KINDS,
            looked_up=tuple(target for _, target in _UNKNOWN),
        )
    ).fetchall()
    for (kind, target), rows in _UNKNOWN.items():
        in_groups = _IN_GROUPS.format(concept_id=f"{kind}_concept_id")
        found += con.execute(_UNKNOWN_WORDS.format(kind=kind, target=target, rows=rows, in_groups=in_groups)).fetchall()
    words = [NotMapped(kind, "concept", word or "0", int(rows), patients) for kind, word, rows, patients in found]
    missing = [name for name in _VOCABULARY if not count(con, f"from (from omop_{name} limit 1)")]
    return [*(NotMapped(name, "the table is not there") for name in missing), *words]
