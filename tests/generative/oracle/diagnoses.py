"""The diagnoses that may speak for a label after surgery (C7, B5, D7)."""

from tests.generative.oracle.codes import (
    COMPLICATION,
    DEVICE_COMPLICATION,
    NEEDS_CERVICAL_CONTEXT,
    OTHER_REGION_FUSION,
    Codes,
    has_cervical_context,
)
from tests.generative.oracle.episode import Episode
from tests.generative.oracle.records import Record


def diagnoses_after(episode: Episode, listed: Codes) -> list[Record]:
    """The listed diagnoses that were made after surgery and mean the neck."""
    return [
        diagnosis
        for diagnosis in episode.diagnoses
        if diagnosis in listed and not is_preoperative(episode, diagnosis) and is_of_the_neck(episode, diagnosis)
    ]


def is_preoperative(episode: Episode, diagnosis: Record) -> bool:
    """Does it tell why the patient came to surgery? So do the index stay's own diagnoses, but not its complications."""
    return diagnosis.day < 1 or (diagnosis not in COMPLICATION and episode.is_of_index_stay(diagnosis))


def is_of_the_neck(episode: Episode, diagnosis: Record) -> bool:
    """A code without a region needs a word of the neck; for hardware no other hardware than the neck's will do."""
    if diagnosis in DEVICE_COMPLICATION and not any(record in OTHER_REGION_FUSION for record in episode.procedures):
        return True
    return diagnosis not in NEEDS_CERVICAL_CONTEXT or has_cervical_context(diagnosis, episode.diagnoses)
