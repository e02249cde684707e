"""Conservative treatment (sections 5, D5) and the care that the guide asks for (sections 4, D3, D4)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tests.generative.oracle import codes
from tests.generative.oracle.codes import TOPICAL_BY_ROUTE, TREATMENTS
from tests.generative.oracle.episode import Episode
from tests.generative.oracle.records import Record, Result, cite, first, yes
from tests.generative.oracle.red_flags import all_red_flag_records
from tests.generative.oracle.revisions import revisions
from tests.generative.oracle.timeline import PAST_3_MONTHS, first_painful_visit

EARLY_OPIOID_UNTIL_DAY = 90
DAYS_TO_CARE_AFTER_RED_FLAG = 30
DAYS_TO_IMAGE_AFTER_PAIN = 60
ALREADY_IMAGED_DAYS = 30
CONSERVATIVE_FROM_DAY = 43
CONSERVATIVE_LOOKBACK_DAYS = 365
RECOVERY_DAYS = 14
ADEQUATE_CLASSES = 2
ADEQUATE_DAYS = 42
VISIT_TYPES = ("outpatient", "emergency", "inpatient")


def treatments_of(episode: Episode, treatment_class: str) -> list[Record]:
    """The treatments of a class: as the site classed them, else by code and route; or a procedure by its code."""
    treatments = [treatment for treatment in episode.treatments if _is_of_class(treatment, treatment_class)]
    return treatments + [procedure for procedure in episode.procedures if procedure in TREATMENTS[treatment_class]]


def _is_of_class(treatment: Record, treatment_class: str) -> bool:
    if treatment["treatment_class"] is not None:
        return bool(treatment["treatment_class"] == treatment_class)
    if treatment["code_system"] == "RXNORM":
        return treatment_class == _class_of_ingredient(treatment)
    if treatment in TREATMENTS["oral_steroid"]:
        return treatment_class == ("injection" if treatment["route"] == "injection" else "oral_steroid")
    if treatment in TOPICAL_BY_ROUTE and treatment["route"] not in ("topical", "transdermal"):
        return False
    return treatment in TREATMENTS[treatment_class]


_ByClass = dict[str, tuple[codes.Codes, ...]]

_ON_SKIN: _ByClass = {
    "opioid": (codes.FENTANYL, codes.BUPRENORPHINE),
    "topical": (codes.ANTI_INFLAMMATORY_ON_SKIN, codes.LIDOCAINE),
}
_SWALLOWED: _ByClass = {
    "opioid": (codes.FENTANYL,),
    "oral_steroid": (codes.PREDNISONE, codes.OTHER_STEROIDS),
    "nsaid": (codes.ANTI_INFLAMMATORY,),
}
_INJECTED: _ByClass = {"injection": (codes.OTHER_STEROIDS,), "nsaid": (codes.ANTI_INFLAMMATORY,)}
_UNSTATED: _ByClass = {"nsaid": (codes.ANTI_INFLAMMATORY,)}
_BY_ROUTE: dict[str | None, _ByClass] = {
    "topical": _ON_SKIN,
    "transdermal": _ON_SKIN,
    "oral": _SWALLOWED,
    "injection": _INJECTED,
    None: _UNSTATED,
}


def _class_of_ingredient(treatment: Record) -> str | None:
    """The class of a drug that is named by its ingredient: what is given in several forms by its route."""
    by_route = _BY_ROUTE.get(treatment["route"], {})
    any_route: _ByClass = {name: (listed,) for name, listed in codes.INGREDIENTS.items()}
    return next(
        (
            name
            for listed in (by_route, any_route)
            for name, parts in listed.items()
            if any(treatment in p for p in parts)
        ),
        None,
    )


def received(episode: Episode, treatment_class: str) -> Result:
    """Any treatment of the class after day 0. Value: how many records."""
    given = [treatment for treatment in treatments_of(episode, treatment_class) if last_day(treatment) >= 1]
    deciding = first(given)
    if deciding:
        return yes(max(deciding.day, 1), cite(deciding), len(given), "records")
    if "treatments" in episode.delivered and not _sees_all_treatments(episode):
        return episode.not_assessable("treatment_data_incomplete")
    return episode.not_found(["treatments"], observed_at_least=1)


def opioid_supply_past_day_90(episode: Episode) -> Result:
    """An opioid supplied for, or taken on, a day past 90."""
    after = EARLY_OPIOID_UNTIL_DAY + 1
    supplied = [(max(after, t.day), t) for t in treatments_of(episode, "opioid") if last_day(t) >= after]
    visits = [visit for visit in episode.visits if visit.day >= after and visit["opioid_use"] is not None]
    taken = [(visit.day, visit) for visit in visits if visit["opioid_use"] is True]
    if supplied or taken:
        onset_day, deciding = min(supplied + taken, key=lambda found: (found[0], found[1].table, found[1].id))
        return yes(onset_day, cite(deciding))
    if visits:
        return episode.not_found(["follow_ups"], observed_at_least=after, last_day=0)
    is_told = "treatments" in episode.delivered and _sees_all_treatments(episode)
    if episode.delivers_any(["treatments", "follow_ups"]) and not is_told:
        return episode.not_assessable("treatment_data_incomplete")
    return episode.not_found(["treatments"], observed_at_least=after)


def imaging_or_visit_after_red_flag(episode: Episode) -> Result:
    """Imaged, seen or treated anew within 30 days after the first red flag. Value: the days it took."""
    flag = first(all_red_flag_records(episode))
    if flag is None:
        return episode.not_assessable("no_red_flag")
    answer = _care_after(
        episode,
        flag,
        days=DAYS_TO_CARE_AFTER_RED_FLAG,
        care=[*_later_images(episode, flag), *_visits_after(episode, flag), *_treatment_changes(episode, flag)],
        tables=("imaging", "encounters", "treatments"),
    )
    if answer.status == "no" and not _sees_all_treatments(episode):
        return episode.not_assessable("treatment_data_incomplete")
    return answer


def imaging_after_pain(episode: Episode) -> Result:
    """Imaged within 60 days after pain past 3 months. Value: the days it took."""
    visit = first_painful_visit(episode, PAST_3_MONTHS)
    if visit is None:
        return episode.not_assessable("no_pain_past_3_months")
    care = _later_images(episode, visit)
    return _care_after(episode, visit, DAYS_TO_IMAGE_AFTER_PAIN, care, tables=("imaging",))


def conservative_care_before_revision(episode: Episode) -> Result:
    """Conservative treatment tried before the first revision. Kind: `adequate`, or `some`."""
    if not revisions(episode):
        return episode.not_assessable("not_revised")
    revision = revisions(episode)[0]
    tried = {
        treatment_class: [
            treatment for treatment in treatments_of(episode, treatment_class) if _was_tried(episode, treatment)
        ]
        for treatment_class in TREATMENTS
    }
    deciding = first(treatment for treatments in tried.values() for treatment in treatments)
    if deciding:
        classes = [treatments for treatments in tried.values() if treatments]
        lasted = any(_duration(treatments, revision.day) >= ADEQUATE_DAYS for treatments in classes)
        kind = "adequate" if len(classes) >= ADEQUATE_CLASSES or lasted else "some"
        return yes(deciding.day, cite(deciding, *revision.procedures), kind=kind)
    if "treatments" in episode.delivered and not _sees_all_treatments(episode):
        return episode.not_assessable("treatment_data_incomplete")
    answer = episode.not_found(["treatments"], observed_at_least=0, last_day=revision.day)
    return replace(answer, evidence=cite(*revision.procedures))


def _was_tried(episode: Episode, treatment: Record) -> bool:
    """Begun before the first revision and near it, or after the early weeks; not as part of any surgery's recovery."""
    revised_on = revisions(episode)[0].day
    operated_on = episode.stage_days
    is_recovery = any(0 <= treatment.day - day <= RECOVERY_DAYS for day in operated_on)
    is_late = treatment.day >= CONSERVATIVE_FROM_DAY or treatment.day >= revised_on - CONSERVATIVE_LOOKBACK_DAYS
    return 1 <= treatment.day < revised_on and not is_recovery and is_late


def _duration(treatments: list[Record], revised_on: int) -> int:
    """Days from the first start to the last end of one class, at most up to the revision."""
    return min(revised_on, max(map(last_day, treatments))) - min(treatment.day for treatment in treatments)


@dataclass(frozen=True, order=True)
class _Care:
    """A record of care, and what it was."""

    record: Record
    kind: str


def _later_images(episode: Episode, anchor: Record) -> list[_Care]:
    return [_Care(image, "imaging") for image in episode.images if image.day > anchor.day]


def _visits_after(episode: Episode, flag: Record) -> list[_Care]:
    """The encounters after the flag; on its day only one that is known to be another than that of the flag."""
    is_known = flag["encounter_id"] is not None
    return [
        _Care(stay, "visit")
        for stay in episode.encounters
        if stay["type"] in VISIT_TYPES
        and (stay.day > flag.day or (stay.day == flag.day and is_known and stay.id != flag["encounter_id"]))
    ]


def _treatment_changes(episode: Episode, flag: Record) -> list[_Care]:
    """The treatments begun after the flag, of classes that were not running on its day."""
    by_class = [treatments_of(episode, treatment_class) for treatment_class in TREATMENTS]
    return [
        _Care(treatment, "treatment_change")
        for treatments in by_class
        if not any(treatment.day <= flag.day <= last_day(treatment) for treatment in treatments)
        for treatment in treatments
        if treatment.day > flag.day
    ]


def _care_after(episode: Episode, anchor: Record, days: int, care: Iterable[_Care], tables: tuple[str, ...]) -> Result:
    """The first care within the days after the anchor, else the last image shortly before it."""
    until = anchor.day + days
    deciding = min((given for given in care if given.record.day <= until), default=None) or _already_imaged(
        episode, anchor
    )
    if deciding:
        record = deciding.record
        return yes(record.day, cite(anchor, record), record.day - anchor.day, "days_to_care", deciding.kind)
    if not episode.delivered.issuperset(tables):
        return episode.not_assessable("no_source_data")
    if episode.data_cut_day < until:
        return episode.not_assessable("window_not_closed")
    if episode.observed_days >= until and any(episode.sent_until(table) < until for table in tables):
        return episode.not_assessable("delivery_gap")
    return replace(episode.not_found(tables, until, last_day=until), evidence=cite(anchor))


def _already_imaged(episode: Episode, anchor: Record) -> _Care | None:
    images = [image for image in episode.images if 0 <= anchor.day - image.day <= ALREADY_IMAGED_DAYS]
    latest = min(images, key=lambda image: (-image.day, image.id), default=None)
    return _Care(latest, "already_imaged") if latest else None


def last_day(treatment: Record) -> int:
    """The last day covered, the first where no end is given."""
    return int(treatment.day if treatment["end_day"] is None else treatment["end_day"])


def _sees_all_treatments(episode: Episode) -> bool:
    return episode.patient.get("treatment_data_complete") is True
