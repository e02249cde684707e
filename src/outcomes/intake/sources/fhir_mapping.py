"""What a site says of its FHIR export: a TOML file, none of which is needed.

It names linkIds, codes and files, never a value of a record. Cells are written as in a mapping of tables
(`mapping.py`): `from` is a linkId, or of an observation `system|code`.
"""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from outcomes.contract import TABLES, ColumnType
from outcomes.errors import OutcomesError
from outcomes.intake.manifest import Method
from outcomes.intake.sources.mapping import Cell, Texts

ANSWERS = tuple(
    column
    for column in TABLES["follow_ups"].columns
    if not column.name.endswith("_id") and not column.is_day and column.name != "deleted"
)
"""The columns of a visit that an answer may fill."""

_NAMES = {column.name for column in ANSWERS}
NUMERIC = frozenset(column.name for column in ANSWERS if column.type in (ColumnType.INTEGER, ColumnType.DECIMAL))
"""The names of those that are numbers."""


def _of_visits(cells: dict[str, Cell]) -> dict[str, Cell]:
    for name, cell in cells.items():
        if name not in _NAMES:
            raise ValueError(f"{name} is no answer of follow_ups")
        if cell.is_converted and (name not in NUMERIC or cell.values):
            raise ValueError(f"{name}: reverse, offset and scale are of numbers, and do not go with values")
        if cell.date_format:
            raise ValueError(f"{name}: a FHIR export writes dates one way; date_format is of tables")
        if cell.checked:
            raise ValueError(f"{name}: checked is of tables; a FHIR answer takes values")
    return cells


def _of_codes(cells: dict[str, Cell]) -> dict[str, Cell]:
    for name, cell in cells.items():
        if "|" not in (cell.source or "") and not (name == "ndi_unit" and cell.constant):
            raise ValueError(f"{name} is from a code, written as system|code; ndi_unit may be a constant")
    return cells


Cells = Annotated[dict[str, Cell], AfterValidator(_of_visits)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Answers(_Part):
    """The answers of a questionnaire, by linkId; without `questionnaire`, of any."""

    questionnaire: Annotated[Texts, BeforeValidator(lambda given: given if isinstance(given, list) else [given])] = []
    columns: Cells


class FhirMapping(_Part):
    """The whole mapping.

    Attributes:
        method: how the result is de-identified.
        treatment_data_complete: whether the export holds all treatments of its patients.
        concepts: a CSV file beside the mapping with the columns system, code, meaning and word, added to the shipped
            one; a row replaces the shipped one of its system, code and meaning.
        views: a folder beside the mapping with ViewDefinitions in the place of shipped ones of the same name.
        answers: of questionnaires.
        observations: answers by what was observed; a constant `ndi_unit` is that of totals that tell none.
        folder: where the mapping lies.
    """

    method: Method = "safe_harbor"
    treatment_data_complete: bool | None = None
    concepts: str | None = None
    views: str | None = None
    answers: list[Answers] = []
    observations: Annotated[Cells, AfterValidator(_of_codes)] = {}
    folder: Path = Path()


def read_fhir_mapping(path: Path) -> FhirMapping:
    """Read and check a mapping.

    Raises:
        OutcomesError: mapping_malformed; names the fields that are wrong.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise OutcomesError("mapping_malformed", f"there is no file {path.name}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise OutcomesError("mapping_malformed", f"{path.name} is not TOML in UTF-8") from None
    try:
        mapping = FhirMapping.model_validate(document | {"folder": path.absolute().parent})
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_context=False)
        ]
        raise OutcomesError("mapping_malformed", f"{path.name}, {'; '.join(problems)}") from None
    for name in filter(None, (mapping.concepts, mapping.views)):
        if not (mapping.folder / name).exists():
            raise OutcomesError("mapping_malformed", f"{path.name}: there is no {name} beside it")
    return mapping
