"""Notes on a chart: what may be said of a month, and what was said or taken back.

There is no free text, as it could name a patient.
"""

import hashlib
from collections.abc import Mapping
from typing import get_args

from outcomes.settings import Settings
from outcomes.site_files import Annotation, WithdrawnAnnotation, read_site_file

KINDS: tuple[str, ...] = get_args(Annotation.model_fields["kind"].annotation)
REASONS = (
    "new_pathway",
    "new_implant",
    "new_team",
    "new_record_system",
    "new_coding",
    "new_way_of_asking",
    "other_see_minutes",
)
WITHDRAWALS = ("noted_by_mistake", "wrong_month", "wrong_reason", "did_not_happen", "other_see_minutes")
"""Why a note is taken back."""


def noted(settings: Settings, known: Mapping[str, object], site_id: str, measure: str) -> list[Annotation]:
    """The notes on a chart of a site that the next release reads, in the order of the file.

    Args:
        settings: of the installation.
        known: the measures and sites of the release.
        site_id: the site, for which alone they hold.
        measure: what is charted.

    Raises:
        OutcomesError: `annotations_malformed`.
    """
    path = settings.annotations_file
    lines = read_site_file(path, Annotation, "annotations_malformed", known).values() if path.exists() else []
    return [line for line in lines if (line.site_id, line.measure) == (site_id, measure)]


def withdrawn(settings: Settings, site_id: str, measure: str) -> list[WithdrawnAnnotation]:
    """The notes on a chart of a site that were taken back, in that order.

    Raises:
        OutcomesError: `annotations_malformed`.
    """
    path = settings.withdrawn_annotations_file
    lines = read_site_file(path, WithdrawnAnnotation, "annotations_malformed").values() if path.exists() else []
    return [line for line in lines if (line.site_id, line.measure) == (site_id, measure)]


def key_of(note: Annotation) -> str:
    """What a form calls a note, whose text may have been written by hand: 16 digits of a hash of all of it."""
    return hashlib.sha256(note.model_dump_json().encode()).hexdigest()[:16]
