"""Conservative treatment (section 5) and the care that the guide asks for (section 4)."""

from dataclasses import dataclass, replace

from tests.generative.oracle.codes import RED_FLAGS, TREATMENTS
from tests.generative.oracle.episode import Episode
from tests.generative.oracle.records import Evidence, Record, Result, cite, first, yes
from tests.generative.oracle.red_flags import all_red_flag_records
from tests.generative.oracle.revisions import revisions
from tests.generative.oracle.timeline import PAST_3_MONTHS, first_painful_visit

EARLY_OPIOID_UNTIL_DAY = 90
DAYS_TO_CARE_AFTER_RED_FLAG = 30
DAYS_TO_IMAGE_AFTER_PAIN = 60
VISIT_TYPES = ("outpatient", "emergency", "inpatient")


def treatments_of(episode: Episode, treatment_class: str) -> list[Record]:
    """The treatments of a class: as the site classed them, else by their code; injections may come as procedures."""
    treatments = [
        treatment
        for treatment in episode.treatments
        if treatment["treatment_class"] == treatment_class
        or (treatment["treatment_class"] is None and treatment in TREATMENTS[treatment_class])
    ]
    if treatment_class != "injection":
        return treatments
    return treatments + [procedure for procedure in episode.procedures if procedure in TREATMENTS["injection"]]


def received(episode: Episode, treatment_class: str) -> Result:
    """Any treatment of the class after day 0. Value: how many records."""
    given = [treatment for treatment in treatments_of(episode, treatment_class) if _last_day(treatment) >= 1]
    deciding = first(given)
    if deciding:
        return yes(max(deciding.day, 1), cite(deciding), len(given), "records")
    if "treatments" in episode.delivered and not _sees_all_treatments(episode):
        return episode.not_assessable("treatment_data_incomplete")
    return episode.not_found(["treatments"], observed_at_least=1)


def opioid_supply_past_day_90(episode: Episode) -> Result:
    """An opioid supplied for, or taken on, a day past 90."""
    after = EARLY_OPIOID_UNTIL_DAY + 1
    supplied = [(max(after, t.day), t) for t in treatments_of(episode, "opioid") if _last_day(t) >= after]
    visits = [visit for visit in episode.visits if visit.day >= after and visit["opioid_use"] is not None]
    taken = [(visit.day, visit) for visit in visits if visit["opioid_use"] is True]
    if supplied or taken:
        onset_day, deciding = min(supplied + taken, key=lambda found: (found[0], found[1].table, found[1].id))
        return yes(onset_day, cite(deciding))
    tables = ["treatments", "follow_ups"]
    if episode.delivers_any(tables) and not visits and not _sees_all_treatments(episode):
        return episode.not_assessable("treatment_data_incomplete")
    return episode.not_found(tables, observed_at_least=after)


def imaging_or_visit_after_red_flag(episode: Episode) -> Result:
    """Seen or imaged within 30 days of the first red flag. Value: the days it took."""
    flag = first(all_red_flag_records(episode))
    if flag is None:
        return episode.not_assessable("no_red_flag")
    coded_in = {
        diagnosis["encounter_id"]
        for diagnosis in episode.diagnoses
        if diagnosis.day == flag.day and any(diagnosis in listed for listed in RED_FLAGS.values())
    }
    visits = [
        stay
        for stay in episode.encounters
        if stay["type"] in VISIT_TYPES and not (stay.day == flag.day and stay.id in coded_in)
    ]
    anchor = _Anchor(flag.day, cite(flag))
    care = [*episode.images, *visits]
    return _care_within(episode, anchor, DAYS_TO_CARE_AFTER_RED_FLAG, care, ["imaging", "encounters"])


def imaging_after_pain(episode: Episode) -> Result:
    """Imaged within 60 days of pain past 3 months. Value: the days it took."""
    visit = first_painful_visit(episode, PAST_3_MONTHS)
    if visit is None:
        return episode.not_assessable("no_pain_past_3_months")
    anchor = _Anchor(visit.day, cite(visit))
    return _care_within(episode, anchor, DAYS_TO_IMAGE_AFTER_PAIN, list(episode.images), ["imaging"])


def conservative_care_before_revision(episode: Episode) -> Result:
    """Any conservative treatment between the index fusion and the first revision."""
    if not revisions(episode):
        return episode.not_assessable("not_revised")
    revision = revisions(episode)[0]
    deciding = first(
        treatment
        for treatment_class in TREATMENTS
        for treatment in treatments_of(episode, treatment_class)
        if 1 <= treatment.day <= revision.day
    )
    if deciding:
        return yes(deciding.day, cite(deciding, *revision.procedures))
    if "treatments" in episode.delivered and not _sees_all_treatments(episode):
        return episode.not_assessable("treatment_data_incomplete")
    return replace(episode.not_found(["treatments"], observed_at_least=1), evidence=cite(*revision.procedures))


@dataclass(frozen=True)
class _Anchor:
    """What the care has to follow."""

    day: int
    evidence: Evidence


def _care_within(episode: Episode, anchor: _Anchor, days: int, care: list[Record], tables: list[str]) -> Result:
    until = anchor.day + days
    deciding = first(record for record in care if anchor.day <= record.day <= until)
    if deciding:
        evidence = anchor.evidence | cite(deciding)
        return yes(deciding.day, evidence, deciding.day - anchor.day, "days_to_care")
    if episode.delivers_any(tables) and episode.data_cut_day < until:
        return episode.not_assessable("window_not_closed")
    return replace(episode.not_found(tables, observed_at_least=until), evidence=anchor.evidence)


def _last_day(treatment: Record) -> int:
    last_day: int = treatment.day if treatment["end_day"] is None else treatment["end_day"]
    return last_day


def _sees_all_treatments(episode: Episode) -> bool:
    return episode.patient.get("treatment_data_complete") is True
