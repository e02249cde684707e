"""A site's own list of drugs: what its codes of packages and products are as ATC, or as a class of treatment.

The contract knows ATC and the ingredients of RxNorm. Packages (NDC) and products of RxNorm are many and change by the
month, so which class each belongs to is told by the site that prescribes them.
"""

import csv
from pathlib import Path

import duckdb
import pyarrow as pa

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.intake.rules import closed_lists
from outcomes.intake.sources.dated import completed, dated_relation

_COLUMNS = ("code_system", "code", "atc", "treatment_class")

PACKAGES = "dated.code_system ilike 'NDC' and dated.treatment_class is null"
"""The dated treatments that only a list of drugs could tell: no code system of the contract, so they are left out."""

# An NDC has eleven digits; with hyphens its parts may be shorter, and are then filled with zeros.
_PLAIN = (
    "case when regexp_full_match({code}, '[0-9]{{4,5}}-[0-9]{{3,4}}-[0-9]{{1,2}}') "
    "then lpad(split_part({code}, '-', 1), 5, '0') || lpad(split_part({code}, '-', 2), 4, '0') "
    "|| lpad(split_part({code}, '-', 3), 2, '0') else regexp_replace(upper({code}), '[ .-]', '', 'g') end"
)

_READ = """
create view {dated} as
select
    coded.* replace (
        case when drugs.code is null then coded.code_system when drugs.atc is not null then 'ATC' end as code_system,
        case when drugs.code is null then coded.code else drugs.atc end as code,
        coalesce(coded.treatment_class, drugs.treatment_class) as treatment_class
    )
from ({coded}) as coded
left join drugs
    on regexp_replace(upper(coded.code_system), '[^A-Z0-9]', '', 'g') = drugs.code_system and {code} = drugs.code
"""


def read_drugs(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Make the dated treatments anew, with what a list of drugs says of their codes; without treatments, do nothing.

    Args:
        con: where the dated relations are.
        path: a CSV with the columns code_system, code and atc or treatment_class, a line per code.

    Raises:
        OutcomesError: mapping_malformed; names the line.
    """
    con.register("drugs_as_written", _rows(path))
    con.execute(
        "create table drugs as select regexp_replace(upper(code_system), '[^A-Z0-9]', '', 'g') as code_system, "
        f"{_PLAIN.format(code='code')} as code, atc, treatment_class from drugs_as_written"
    )
    if twice := con.execute("select count(*) - count(distinct (code_system, code)) from drugs").fetchall()[0][0]:
        raise OutcomesError("mapping_malformed", f"{path.name}: {twice} codes are named twice")
    dated, coded = dated_relation(TABLES["treatments"]), "treatments_as_coded"
    if con.execute("select 1 from duckdb_views() where view_name = ?", [dated]).fetchall():
        as_coded = completed(con, TABLES["treatments"]).replace(f"main.{dated}", f"main.{coded}")
        con.execute(f"alter view {dated} rename to {coded}")
        con.execute(_READ.format(dated=dated, coded=as_coded, code=_PLAIN.format(code="coded.code")))


def _rows(path: Path) -> pa.Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            rows = [
                (reader.line_num, {name: (row.get(name) or "").strip() or None for name in _COLUMNS}) for row in reader
            ]
    except FileNotFoundError:
        raise OutcomesError("mapping_malformed", f"there is no file {path.name}") from None
    except (UnicodeDecodeError, csv.Error):
        raise OutcomesError("mapping_malformed", f"{path.name} is no CSV in UTF-8") from None
    classes = set(closed_lists("treatments").get("treatment_class", {}).values())
    for line, row in rows:
        if wrong := _wrong(row, classes):
            raise OutcomesError("mapping_malformed", f"{path.name}, line {line}: {wrong}")
    return pa.Table.from_pylist([row for _, row in rows], pa.schema([(name, pa.string()) for name in _COLUMNS]))


def _wrong(row: dict[str, str | None], classes: set[str]) -> str | None:
    """What is wrong with a line, if anything."""
    if not (row["code_system"] and row["code"]):
        return "code_system and code are needed"
    if (row["atc"] is None) == (row["treatment_class"] is None):
        return "either atc or treatment_class"
    if row["treatment_class"] and row["treatment_class"] not in classes:
        return "no treatment_class of the contract"
    return None
