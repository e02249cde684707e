"""The formats of `outcomes import`."""

from dataclasses import dataclass, replace
from pathlib import Path

from outcomes.intake.manifest import Method
from outcomes.intake.sources.databases import Database
from outcomes.intake.sources.dated import Source
from outcomes.intake.sources.fhir import fhir_source
from outcomes.intake.sources.fhir_mapping import FhirMapping, read_fhir_mapping
from outcomes.intake.sources.mapping import read_mapping
from outcomes.intake.sources.mimic_iv import mimic_iv_source
from outcomes.intake.sources.omop import omop_source
from outcomes.intake.sources.redcap import redcap_source
from outcomes.intake.sources.table import table_source

FORMATS = frozenset({"fhir", "mimic-iv", "omop", "redcap", "table"})
"""Their names."""

NEED_MAPPING = frozenset({"redcap", "table"})
"""Those that need a mapping."""

TAKE_MAPPING = NEED_MAPPING | {"fhir", "omop"}
"""Those that may have one."""

TAKE_METHOD = frozenset({"omop"})
"""Those that do not themselves say how what is delivered is de-identified."""


@dataclass(frozen=True)
class Choices:
    """What a site says of its source.

    Attributes:
        mapping: what its columns or concepts mean, of a format that takes one.
        method: how what is delivered is de-identified, of a format that takes it; without it safe_harbor, which tells
            the least.
        drugs: its list of drugs.
        strip_identifiers: of fhir: whether elements that identify persons are dropped as they are read.
        schema: of a database, that of tables of which there are several.
    """

    mapping: Path | None = None
    method: Method | None = None
    drugs: Path | None = None
    strip_identifiers: bool = False
    schema: str | None = None


def source_of(name: str, place: Path | Database, choices: Choices) -> Source:
    """The source of a format.

    Args:
        name: one of `FORMATS`.
        place: where its files are; of omop also a database.
        choices: what the site says of it.

    Raises:
        OutcomesError: mapping_malformed.
    """
    if name == "omop":
        source = omop_source(place, choices.method or "safe_harbor", choices.mapping, choices.schema)
        return replace(source, drugs=choices.drugs)
    assert isinstance(place, Path)
    if name == "mimic-iv":
        source = mimic_iv_source(place)
    elif name == "fhir":
        said = read_fhir_mapping(choices.mapping) if choices.mapping else FhirMapping()
        source = fhir_source(place, said, strip_identifiers=choices.strip_identifiers)
    else:
        assert choices.mapping
        of_mapping = redcap_source if name == "redcap" else table_source
        source = of_mapping(read_mapping(choices.mapping), place)
    return replace(source, drugs=choices.drugs)
