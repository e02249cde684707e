"""What the labels mean."""

from dashboards.data.reader import Reader
from dashboards.data.records import LabelDefinitionsRow

LabelDefinition = LabelDefinitionsRow
"""A label: the sentence that defines it, and the sentence of the patient guide that it follows."""


def labels(reader: Reader) -> list[LabelDefinition]:
    """Every label, by category and title."""
    return reader.protected(LabelDefinition, "label_definitions", order="category, lower(title), label")
