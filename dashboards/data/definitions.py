"""What the labels mean."""

from dataclasses import dataclass

from dashboards.data.reader import Reader


@dataclass(frozen=True)
class LabelDefinition:
    """A label: the sentence that defines it, and the sentence of the patient guide that it follows."""

    label: str
    title: str
    category: str
    definition_text: str
    guide: str
    version: int


def labels(reader: Reader) -> list[LabelDefinition]:
    """Every label, by category and title."""
    return reader.protected(LabelDefinition, "label_definitions", order="category, lower(title), label")
