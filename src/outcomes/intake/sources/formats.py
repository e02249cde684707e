"""The formats of `outcomes import`."""

from pathlib import Path

from outcomes.intake.sources.dated import Source
from outcomes.intake.sources.mapping import read_mapping
from outcomes.intake.sources.mimic_iv import mimic_iv_source
from outcomes.intake.sources.table import table_source

FORMATS = ("mimic-iv", "table")
"""Their names."""

MAPPED = frozenset({"table"})
"""Those that need a mapping."""


def source_of(name: str, folder: Path, mapping: Path | None) -> Source:
    """The source of a format.

    Args:
        name: one of `FORMATS`.
        folder: where its files are.
        mapping: the mapping, of a format that needs one.

    Raises:
        OutcomesError: mapping_malformed.
    """
    if name == "mimic-iv":
        return mimic_iv_source(folder)
    assert mapping
    return table_source(read_mapping(mapping), folder)
