"""A site's own list of drugs: what its codes of packages and products are as ATC, or as a class of treatment.

The contract knows ATC and the ingredients of RxNorm. Packages (NDC) and products of RxNorm are many and change by the
month, so which class each belongs to is told by the site that prescribes them.
"""

from pathlib import Path
from typing import Annotated

import duckdb
import pyarrow as pa
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.intake.rules import closed_lists
from outcomes.intake.sources.dated import completed, dated_relation
from outcomes.site_files import SiteFileRow, read_site_file

_Stated = Annotated[str, Field(min_length=1)]

PACKAGES = "dated.code_system ilike 'NDC' and dated.treatment_class is null"
"""The dated treatments that only a list of drugs could tell: no code system of the contract, so they are left out."""

# An NDC has eleven digits; with hyphens its parts may be shorter, and are then filled with zeros.
_PLAIN = (
    "case when regexp_full_match({code}, '[0-9]{{4,5}}-[0-9]{{3,4}}-[0-9]{{1,2}}') "
    "then lpad(split_part({code}, '-', 1), 5, '0') || lpad(split_part({code}, '-', 2), 4, '0') "
    "|| lpad(split_part({code}, '-', 3), 2, '0') else regexp_replace(upper({code}), '[ .-]', '', 'g') end"
)


class _Drug(SiteFileRow):
    """A line of the list: a code, and what it is."""

    code_system: _Stated
    code: _Stated
    atc: str
    treatment_class: str

    @field_validator("treatment_class")
    @classmethod
    def _atc_or_a_class(cls, treatment_class: str, info: ValidationInfo) -> str:
        if bool(info.data.get("atc")) == bool(treatment_class):
            raise PydanticCustomError("either", "either atc or treatment_class")
        if treatment_class and treatment_class not in closed_lists("treatments")["treatment_class"].values():
            raise PydanticCustomError("unknown", "no treatment_class of the contract")
        return treatment_class


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
    if not path.is_file():
        raise OutcomesError("mapping_malformed", f"there is no file {path.name}")
    drugs = [drug.model_dump() for drug in read_site_file(path, _Drug, "mapping_malformed").values()]
    names = pa.schema([(name, pa.string()) for name in _Drug.model_fields])
    con.register("drugs_as_written", pa.Table.from_pylist(drugs, names))
    con.execute(
        "create table drugs as select regexp_replace(upper(code_system), '[^A-Z0-9]', '', 'g') as code_system, "
        f"{_PLAIN.format(code='code')} as code, nullif(atc, '') as atc, "
        "nullif(treatment_class, '') as treatment_class from drugs_as_written"
    )
    if twice := con.execute("select count(*) - count(distinct (code_system, code)) from drugs").fetchall()[0][0]:
        raise OutcomesError("mapping_malformed", f"{path.name}: {twice} codes are named twice")
    dated, coded = dated_relation(TABLES["treatments"]), "treatments_as_coded"
    if con.execute("select 1 from duckdb_views() where view_name = ?", [dated]).fetchall():
        as_coded = completed(con, TABLES["treatments"]).replace(f"main.{dated}", f"main.{coded}")
        con.execute(f"alter view {dated} rename to {coded}")
        con.execute(_READ.format(dated=dated, coded=as_coded, code=_PLAIN.format(code="coded.code")))
