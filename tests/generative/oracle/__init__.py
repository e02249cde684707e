"""The labels a second time, in plain Python and from the clinical specification alone.

The SQL under `sql/definitions` is what runs; this is what it is compared with, patient by patient. Both follow the same
specification and share nothing else: no code list, no threshold, no line of logic.
"""

from collections.abc import Callable
from functools import partial

from tests.generative.oracle import asd, care, causes, red_flags, revisions, timeline
from tests.generative.oracle.codes import RED_FLAGS, TREATMENTS
from tests.generative.oracle.deliveries import Deliveries
from tests.generative.oracle.episode import Episode, read_episode
from tests.generative.oracle.records import Result, Row

__all__ = ["LABELS", "VERSIONS", "Deliveries", "Result", "label_patient"]

LABELS: dict[str, Callable[[Episode], Result]] = {
    "pain_past_3_months": timeline.pain_past_3_months,
    "pain_after_revision": timeline.pain_after_revision,
    **{name: partial(timeline.pain_in_window, window=window) for name, window in timeline.PAIN_WINDOWS.items()},
    "nerve_symptoms": timeline.nerve_symptoms,
    **{f"red_flag_{flag}": partial(red_flags.red_flag, flag=flag) for flag in RED_FLAGS},
    "radiographic_asd": asd.radiographic_asd,
    "clinical_asd": asd.clinical_asd,
    "surgical_asd": asd.surgical_asd,
    "suspected_asd": asd.suspected_asd,
    "suspected_nonunion": causes.suspected_nonunion,
    "suspected_scar_tissue": causes.suspected_scar_tissue,
    "suspected_hardware_irritation": causes.suspected_hardware_irritation,
    "suspected_unresolved_condition": causes.suspected_unresolved_condition,
    "suspected_posture": causes.suspected_posture,
    **{f"received_{name}": partial(care.received, treatment_class=name) for name in TREATMENTS},
    "opioid_supply_past_day_90": care.opioid_supply_past_day_90,
    "revision_performed": revisions.revision_performed,
    **{name: partial(revisions.revision_of_type, kind=kind) for name, kind in revisions.REVISION_LABELS.items()},
    "imaging_or_visit_after_red_flag": care.imaging_or_visit_after_red_flag,
    "imaging_after_pain": care.imaging_after_pain,
    "conservative_care_before_revision": care.conservative_care_before_revision,
}

VERSIONS: dict[str, int] = (
    dict.fromkeys(LABELS, 5)
    | dict.fromkeys(("pain_past_3_months", "pain_after_revision", *timeline.PAIN_WINDOWS), 3)
    | dict.fromkeys(("surgical_asd", "revision_performed", *revisions.REVISION_LABELS), 3)
    | dict.fromkeys(("nerve_symptoms", "radiographic_asd", *(f"red_flag_{flag}" for flag in RED_FLAGS)), 4)
    | dict.fromkeys(("received_oral_steroid", "received_radiofrequency"), 4)
    | dict.fromkeys(("received_gabapentinoid", "received_duloxetine"), 4)
)
"""The version of each definition that stands here."""


def label_patient(tables: dict[str, list[Row]], deliveries: Deliveries) -> dict[str, Result] | None:
    """Label one patient.

    Args:
        tables: the patient's rows in force, by table.
        deliveries: what the patient's site has sent.

    Returns:
        The result of each label; None when the patient is not in the cohort.
    """
    episode = read_episode(tables, deliveries)
    return None if episode is None else {name: label(episode) for name, label in LABELS.items()}
