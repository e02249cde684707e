"""A symptom and an image that belong together (section 3)."""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.generative.oracle.records import Evidence, Record, cite

SYMPTOM_IMAGE_DAYS = 180


@dataclass(frozen=True)
class Pair:
    """A symptom and an image."""

    symptom: Record
    image: Record

    @property
    def onset_day(self) -> int:
        """The later of the two."""
        return max(self.symptom.day, self.image.day)

    @property
    def days_apart(self) -> int:
        """Days between the two, in either order."""
        return abs(self.symptom.day - self.image.day)

    @property
    def evidence(self) -> Evidence:
        """Both records."""
        return cite(self.symptom, self.image)

    @property
    def rank(self) -> tuple[int, int, str, str, str]:
        """The earliest decides, then the nearer pair, then the ids."""
        return (self.onset_day, self.days_apart, self.image.id, self.symptom.table, self.symptom.id)


def pairs(found: Iterable[Record], images: Iterable[Record]) -> list[Pair]:
    """Every symptom with every image at most 180 days from it, the deciding pair first."""
    symptoms = set(found)
    together = [Pair(symptom, image) for image in images for symptom in symptoms]
    return sorted((pair for pair in together if pair.days_apart <= SYMPTOM_IMAGE_DAYS), key=lambda pair: pair.rank)
