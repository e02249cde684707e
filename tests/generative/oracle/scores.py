"""Patient-reported scores of a visit (section 7)."""

from collections.abc import Iterable
from decimal import Decimal

from tests.generative.oracle.records import Record, at_least, at_most

NDI_ITEMS = tuple(f"ndi_item_{number}" for number in range(1, 11))
NDI_ITEMS_NEEDED = 8
MJOA_DOMAINS = ("mjoa_upper_motor", "mjoa_lower_motor", "mjoa_sensory", "mjoa_sphincter")
MJOA_BEST = 18

PAIN_NRS = 4
PAIN_NDI_PERCENT = 30
PAIN_NDI_ITEM = 2
CONTROLLED_NRS = 3
CONTROLLED_NDI_PERCENT = 10

# Visit window: first day, last day, target day
BASELINE = (-180, 0, 0)
SIX_WEEKS = (28, 63, 42)
THREE_MONTHS = (64, 136, 91)


def ndi_percent(visit: Record) -> float | None:
    """Neck Disability Index in percent: from its items where enough are given, else from the stated total (E2)."""
    answers = [visit[item] for item in NDI_ITEMS if visit[item] is not None]
    if len(answers) >= NDI_ITEMS_NEEDED:
        return float(100 * sum(answers) / (5 * len(answers)))
    if visit["ndi_total"] is None:
        return None
    per_unit = {"points": 2, "percent": 1}.get(visit["ndi_unit"])
    return None if per_unit is None else float(visit["ndi_total"] * per_unit)


def exact(value: float) -> Decimal:
    """The number as the site wrote it, so that sums and ratios have no binary rounding (C10)."""
    return Decimal(str(value))


def mjoa(visit: Record) -> int | None:
    """Modified JOA: the sum of all four domains, else the stated total."""
    domains = [visit[domain] for domain in MJOA_DOMAINS]
    total: int | None = visit["mjoa_total"]
    return total if None in domains else sum(domains)


def mjoa_mcid(score: int) -> int:
    """The smallest change that matters, by the severity of the score: mild 1, moderate 2, severe 3."""
    if score >= 15:
        return 1
    return 2 if score >= 12 else 3


def has_mjoa_fall(visit: Record, visits: Iterable[Record]) -> bool:
    """Did the mJOA fall by its MCID or more from the best score of the earlier visits?"""
    now = mjoa(visit)
    earlier = [score for other in visits if other.day < visit.day and (score := mjoa(other)) is not None]
    return now is not None and bool(earlier) and max(earlier) - now >= mjoa_mcid(max(earlier))


def is_painful(visit: Record) -> bool:
    """Neck NRS of 4 or more, or NDI of 30 % or more with a pain item of 2 or more."""
    by_ndi = at_least(ndi_percent(visit), PAIN_NDI_PERCENT) and at_least(visit["ndi_item_1"], PAIN_NDI_ITEM)
    return at_least(visit["neck_pain_nrs"], PAIN_NRS) or by_ndi


def is_pain_assessed(visit: Record) -> bool:
    """Can the visit say whether there is pain? A high NDI without its pain item cannot."""
    ndi = ndi_percent(visit)
    by_ndi = ndi is not None and (ndi < PAIN_NDI_PERCENT or visit["ndi_item_1"] is not None)
    return visit["neck_pain_nrs"] is not None or by_ndi


def is_pain_controlled(visit: Record) -> bool:
    """Neck NRS of 3 or less; where nobody asked, NDI of 10 % or less (B7)."""
    if visit["neck_pain_nrs"] is not None:
        return at_most(visit["neck_pain_nrs"], CONTROLLED_NRS)
    return at_most(ndi_percent(visit), CONTROLLED_NDI_PERCENT)


def has_pain_score(visit: Record) -> bool:
    """Is the neck NRS or the NDI known?"""
    return visit["neck_pain_nrs"] is not None or ndi_percent(visit) is not None


def deciding_score(visit: Record) -> tuple[float | None, str]:
    """The score that makes a visit painful, and its name."""
    if at_least(visit["neck_pain_nrs"], PAIN_NRS):
        return visit["neck_pain_nrs"], "neck_pain_nrs"
    return ndi_percent(visit), "ndi_percent"


def worst_score(visits: list[Record]) -> tuple[float, str]:
    """The worst score of assessed visits: of neck NRS where any was asked, else of NDI."""
    neck = [visit["neck_pain_nrs"] for visit in visits if visit["neck_pain_nrs"] is not None]
    if neck:
        return max(neck), "neck_pain_nrs"
    return max(score for visit in visits if (score := ndi_percent(visit)) is not None), "ndi_percent"


def window_visit(visits: Iterable[Record], window: tuple[int, int, int]) -> Record | None:
    """The visit of a window: the nearest to its target day, ties by day and id."""
    first_day, last_day, target = window
    inside = (visit for visit in visits if first_day <= visit.day <= last_day)
    return min(inside, key=lambda visit: (abs(visit.day - target), visit), default=None)
