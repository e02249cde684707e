"""How numbers and codes are said: percent, counts, periods, and one plain sentence for every value."""

from calendar import month_name
from collections.abc import Mapping
from datetime import date

from dashboards.data.alarms import patients_beyond
from dashboards.data.changes import Towards
from dashboards.data.control import RecentMonth
from dashboards.data.measures import Measure, Value
from dashboards.data.records import AlarmsRow, ControlChartsRow, MissingAnswersRow, SiteComparisonRow
from dashboards.data.signals import Signal, parsed_id
from dashboards.filters import Filters
from dashboards.reviews.earlier import Earlier
from dashboards.reviews.queue import NAMES, Decision, Review, State
from outcomes.statistics.control_charts import QUARTER

NBSP = "\u00a0"
DASH = "–"
SUPPRESSED = f"{DASH} suppressed"
"""What stands in place of a suppressed number. A word for small counts alone would tell that the others are not small,
and with them what the small ones are."""

UNKNOWN_FILTERS = {
    "period": (
        "No such year of fusion",
        "It is a year in which patients of this release were fused, with four digits, such as period=2024. Choose "
        "another year once the page is open.",
        "Show all years",
    ),
    "group": (
        "No such group of patients",
        "It is a group of this release, by its kind and its value, such as group=approach:anterior. Choose another "
        "group once the page is open.",
        "Show all patients",
    ),
    "peers": (
        "No such peers",
        "They are peers=similar, sites of similar size, or peers=case_mix, sites of similar case mix. Choose once the "
        "page is open.",
        "Show all sites as peers",
    ),
    "month": (
        "No such month",
        "It is the month of the log for the board, as year and month, such as month=2026-03. Choose another month once "
        "the page is open.",
        "Show the last whole month",
    ),
}
"""By parameter of the address: what there is not, what it can be, and the way on without it."""

_CODES = {
    # why a patient could not be assessed
    "no_assessment_in_window": "No usable assessment in the visit window",
    "window_not_closed": "Visit window still open",
    "died_before_window": "Died before the visit window",
    "revised_before_window": "Revised before the visit window",
    "no_follow_up": "Not followed up long enough",
    "no_source_data": "Site delivers no table that records it",
    "delivery_gap": "Site left the table out for some of the time",
    "no_contact": "No visit, encounter or diagnosis after surgery",
    "code_system_unknown": "Diagnoses in a code system that cannot be read",
    "no_image": "No image that could have shown it",
    "no_baseline_image": "Image after surgery with none before to compare",
    "level_unknown": "Level of the fusion not recorded",
    "treatment_data_incomplete": "Site does not record all treatments",
    "not_revised": "Never revised",
    "no_red_flag": "No red flag",
    "no_pain_past_3_months": "No pain past 3 months",
    "painful_before_revision": "Pain began before the revision",
    "no_baseline": "Not assessed before surgery",
    "not_applicable": "Score before surgery too good to get clearly better",
    # tables
    "follow_ups": "Follow-ups",
    # kinds
    "recurrent": "Recurrent or late onset",
    "probable": "Probable (imaging and a symptom)",
    "possible": "Possible (diagnosis code only)",
    "already_imaged": "Imaged already before it",
    "treatment_change": "Another treatment",
    "fusion_revision_level_unknown": "Fusion again, level not recorded",
    "hardware_removal_region_unknown": "Hardware removed or revised, region not recorded",
    # visit windows
    "baseline": "Before surgery",
    # submissions
    "full": "Full",
    "incremental": "Incremental",
    # why a signal came about
    "case_mix": "Case mix that the risk model does not cover",
    "incomplete_follow_up": "Incomplete follow-up",
    "technique_or_implant": "Surgical technique or implant",
    "care_after_surgery": "Care after surgery",
    "other_see_minutes": "Other, see the minutes",
    # what happened in a month
    "new_pathway": "New pathway of care",
    "new_implant": "New implant or technique",
    "new_team": "New surgeon or team",
    "new_record_system": "New record system",
    "new_coding": "New way of coding",
    "new_way_of_asking": "New way of asking patients",
    "rebase": "Limits start anew",
    # what is done about it
    "watch_two_quarters": "Watch for two quarters",
    # what became of it
    "unchanged": "No change",
    "cannot_tell": "Too early or too few to tell",
    "not_done": "Action not carried out",
}


CHARTS = {
    "xmr": "XmR chart (individual values and moving ranges)",
    "p": "p-chart (shares, limits by the patients of the period)",
    "g": "g-chart (patients between outcomes)",
}
"""Control charts by code; each abbreviation is spelled out where it is used."""

DIRECTIONS = {
    "lower_is_better": "Lower is better",
    "higher_is_better": "Higher is better",
    "neutral": "Neither direction is better",
}

_VARIATIONS = {
    None: "No value",
    "common": "Common cause variation",
    "special_improving": "Special cause, improving",
    "special_concerning": "Special cause, concerning",
    "special_neutral": "Special cause, neither better nor worse",
}

_ASSURANCES = {
    None: "No target",
    "hits": "Consistently passing the target",
    "misses": "Consistently failing the target",
    "either": "Hit and miss: the target is passed or failed by chance",
}

_POSITIONS = {
    "above_99_8": "Higher than expected (99.8 %)",
    "above_95": "Higher than expected (95 %)",
    "inside": "As expected",
    "below_95": "Lower than expected (95 %)",
    "below_99_8": "Lower than expected (99.8 %)",
}

_UNCOMPARED = {
    "only_site": "No other site to compare with",
    "insufficient": "Too few patients followed to compare",
    "none_expected": "No site has the outcome",
    "compared": "Cannot be shown",
    "suppressed": "Cannot be shown",
}
"""Why a site has no place in a funnel; where rounded figures would say another word than the exact ones, none is
said."""

_SURENESS = {
    "beyond_99_8": "Chance alone gives this at one site in 500.",
    "beyond_95_and_cusum": "Chance alone gives this at fewer than one site in 20; the cumulative sum signals too.",
    "beyond_95": "Chance alone gives this at one site in 20.",
}

SPECIAL = "triangle, special cause, concerning; ring, improving; diamond, neither."
"""The marks of special causes."""

SPARK = f"wave, common cause; {SPECIAL}"
"""The signs of variation."""

COMPLETE = 0.8
"""The share of patients followed from which a site can be judged (sql/marts/completeness.yaml)."""

_RULES = {
    "outside": "beyond a control limit",
    "run": "run of 7 or more on one side of the average",
    "trend": "trend of 7 or more, rising or falling",
    "near": "2 of 3 points close to a control limit",
    "cusum_upper": "cumulatively more outcomes than expected",
    "cusum_lower": "cumulatively fewer outcomes than expected",
    "cusum_both": "cumulatively more and fewer outcomes than expected, one after the other",
    "funnel_more": "more patients than expected, beyond the limits of the funnel",
    "funnel_fewer": "fewer patients than expected, beyond the limits of the funnel",
}

_METHODS = {"cusum": "Cumulative sum", "funnel": "Funnel"} | {
    rule: f"Chart ({_RULES[rule]})" for rule in ("outside", "run", "trend", "near")
}
"""What found a signal, by the part of its id that names it."""

_GROUP_KINDS = {
    "approach": "Approach",
    "levels_band": "Levels fused",
    "age_band": "Age at fusion",
    "indication": "Indication",
}

_GROUPS = {
    ("levels_band", "1"): "1 level",
    ("levels_band", "2"): "2 levels",
    ("levels_band", "3+"): "3 or more levels",
    ("levels_band", "unknown"): "Not recorded",
    ("age_band", "unknown"): "Not recorded",
    ("age_band", "under 45"): "Under 45 years",
    ("age_band", "45-64"): "45 to 64 years",
    ("age_band", "65 and over"): "65 years and over",
    ("indication", "both"): "Radiculopathy and myelopathy",
    ("indication", "other"): "Other",
    ("indication", "unknown"): "Not recorded",
    ("approach", "unknown"): "Not recorded",
}


def in_words(code: str | None) -> str:
    """A code as a phrase in sentence case; codes without a phrase of their own lose their underscores.

    None stands for several codes that are suppressed together, their names included.
    """
    if code is None:
        return "Several, combined"
    return _CODES.get(code, sentence_case(code.replace("_", " ")))


def sentence_case(text: str) -> str:
    """A text with a capital at its start; what is in capitals already stays so."""
    return text[:1].upper() + text[1:]


def percent(share: float, n: int) -> str:
    """A share from 0 to 1 as percent: whole numbers under n = 1,000, one decimal above.

    A share of somebody is never 0 %, and one that leaves somebody out never 100 %: it gets the decimal that says so.
    """
    return f"{_percentage(share, n)}{NBSP}%"


def count(number: int) -> str:
    """A count with thousands separated."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """A count with its noun: 1 site, 6 sites."""
    return f"{count(number)} {noun}" + ("" if number == 1 else "s")


def period(code: str) -> str:
    """A period `YYYY-MM` as month and year; a year as it is."""
    year, _, month = code.partition("-")
    return f"{month_name[int(month)]}{NBSP}{year}" if month else year


def span(code: str, months: int) -> str:
    """A period of the index fusion: a month or year, or the quarter that begins with a month."""
    if months != QUARTER:
        return period(code)
    year, _, month = code.partition("-")
    return f"quarter {(int(month) + 2) // QUARTER} of {year}"


def hidden_note(minimum_cell_count: int) -> str:
    """Why a number is suppressed, as a footnote."""
    return f"{_why_suppressed(minimum_cell_count)} Other counts of patients are rounded to 5."


def rows_note(minimum_cell_count: int, is_suppressed: bool) -> str:
    """How coarse the numbers of rows are that everybody may see, and why one is suppressed, as a footnote."""
    rounded = f"Rows are rounded to {minimum_cell_count - 1}."
    return f"{_why_suppressed(minimum_cell_count)} {rounded}" if is_suppressed else rounded


def variation(code: str | None) -> str:
    """What kind of variation a month shows."""
    return _VARIATIONS[code]


def assurance(code: str | None) -> str:
    """Whether a target is met, as far as the limits tell."""
    return _ASSURANCES[code]


def position(one: SiteComparisonRow | None) -> str:
    """Where a site lies in a funnel, by the exact and by the widened limits where they differ, or why there is none.

    A dash stands for a measure that is not compared.
    """
    if one is None:
        return DASH
    code = one.widened_position or one.position
    if code is None:
        return _UNCOMPARED[one.marking or "suppressed"]
    if one.position in (None, code):
        return _POSITIONS[code]
    return f"{_POSITIONS[one.position]}; {_POSITIONS[code].lower()} where limits are widened"


def standing_out(measure: Measure, one: AlarmsRow, place: SiteComparisonRow | None, since: str | None) -> str:
    """Why a measure is named: a number, what it is compared with, and how sure it is; its title stands before it.

    Args:
        measure: the measure.
        one: why it is named.
        place: of the site in the funnel.
        since: the first year of fusion that it counts.
    """
    if one.reason == "confirmed":
        return _confirmed(one)
    observed, expected = one.observed or 0, one.expected or 0
    compared = f"{count(observed)} observed against {expected:.1f} expected for these patients"
    if place is not None and place.patients and not measure.is_incidence:
        own, other = (percent(number / place.patients, place.patients) for number in (observed, expected))
        compared = f"{own} against {other} expected for these patients"
    beyond, side = abs(patients_beyond(one)), "more" if one.side == "more" else "fewer"
    of_years = f" since {since}" if since else ""
    return (
        f"{compared}: about {plural(round(beyond), f'{side} patient')} than expected{of_years}. {_SURENESS[one.reason]}"
    )


def named(one: AlarmsRow) -> str:
    """Why a measure is named, without a number of patients or a value."""
    if one.reason == "confirmed":
        when = span(one.index_period or "", one.months or 1)
        return f"{when} lies beyond the control limits, and the next {_unit(one)} confirms it."
    side = "more" if one.side == "more" else "fewer"
    return f"{side} than expected for these patients. {_SURENESS[one.reason]}"


def _unit(one: AlarmsRow) -> str:
    return "quarter" if one.months == QUARTER else "month"


def _confirmed(one: AlarmsRow) -> str:
    unit = "patients" if one.chart == "g" else "%"
    value, low, high = (
        "" if number is None else f"{number:.0f}" if one.chart == "g" else _percentage(number, 0)
        for number in (one.value, one.lower, one.upper)
    )
    return (
        f"{span(one.index_period or '', one.months or 1)} lies beyond the control limits ({value}{NBSP}{unit}, "
        f"limits {low}–{high}), and the next {_unit(one)} confirms it."
    )


def towards(code: Towards) -> str:
    """Where something moved, in words."""
    return "neither better nor worse" if code == "neither" else f"to the {code}"


def state(code: State) -> str:
    """Where a signal stands in the review queue, in a word or two."""
    return NAMES[code]


def named_signal(signal_id: str, defined: Mapping[str, Measure]) -> tuple[str, str]:
    """The measure of a signal by its title, and what found it when."""
    _, measure, method, first = parsed_id(signal_id)
    title = defined[measure].title if measure in defined else measure
    return title, f"{_METHODS.get(method, method)}, {period(first)}"


def reviewed(review: Review) -> str:
    """What a team has made of a signal."""
    decided = review.decision
    finding = in_words(decided.finding).lower() if decided.finding else ""
    if review.state == "acting":
        return f"Action: {action(decided)} (finding: {finding})"
    if review.state == "closed":
        outcome = f", {in_words(decided.outcome).lower()}" if decided.outcome else ""
        return f"Closed: {finding}{outcome}"
    return {"new": "Reviewed: no", "reviewing": "Under review", "explained": f"Explained: {finding}"}[review.state]


def earlier(of: Earlier) -> str:
    """What became of the signal of an earlier year about the same outcome."""
    review = of.review
    work = f"Work on this since the signal of {of.year}"
    if review.state != "closed":
        return f"{work} is open: {lower_first(reviewed(review).removeprefix('Action: '))}"
    closed = day(date.fromisoformat((review.at or "")[:10]))
    return f"{work} was closed on {closed}: {reviewed(review).removeprefix('Closed: ')}"


def lower_first(text: str) -> str:
    """A text with a small letter at its start, as it goes on in a sentence."""
    return text[:1].lower() + text[1:]


def signal_periods(signal: Signal) -> str:
    """When the patients of a signal were fused."""
    if signal.is_of_funnel:
        return f"all years to {signal.last}"
    first, last = period(signal.first), period(signal.last)
    return first if first == last else f"{first} to {last}"


def action(decided: Decision) -> str:
    """What is done, by whom and by when."""
    if decided.action is None or decided.owner is None or decided.due is None:
        return "none"
    return f"{in_words(decided.action).lower()}, {in_words(decided.owner).lower()}, due {day(decided.due)}"


def day(of: date) -> str:
    """A day as people write it."""
    return f"{of.day}{NBSP}{month_name[of.month]}{NBSP}{of.year}"


def target(measure: Measure, point: ControlChartsRow | None, latest: ControlChartsRow | RecentMonth | None) -> str:
    """What a measure should reach, who set it and why, and whether it is met.

    Args:
        measure: the measure.
        point: a month that has its target; None where there is none.
        latest: the last month that can be judged.
    """
    if point is None or point.target is None:
        return "none set"
    aim = f"{point.target:.1f} per 100 person-years" if measure.is_rate else f"{100 * point.target:.0f}{NBSP}%"
    met = f"; {assurance(latest.assurance).lower()}" if latest and latest.assurance else ""
    return f"{aim} ({point.target_author}: {point.target_reason}){met}"


def completeness(place: SiteComparisonRow | None) -> str:
    """How many of those who could have been followed were; empty where that is not known."""
    if place is None or place.completeness is None:
        return ""
    below = "" if place.completeness >= COMPLETE else f", below the mark of {100 * COMPLETE:.0f}{NBSP}%"
    return f"{followed_share(place.completeness, place.eligible or 0)} of those who could be followed{below}"


def followed_share(share: float, n: int) -> str:
    """How complete a follow-up is; just below the mark it gets the decimal that says so."""
    said = percent(share, n)
    is_just_below = share < COMPLETE and said == percent(COMPLETE, n)
    return f"{int(1000 * share) / 10:.1f}{NBSP}%" if is_just_below else said


def unanswered(one: MissingAnswersRow) -> str:
    """How far those who did not answer could change a share, in one sentence; empty where everybody answered."""
    everybody = one.answered + one.not_answered
    if not one.not_answered or one.share_if_missing_no is None or one.share_if_missing_yes is None:
        return ""
    said = (
        f"{percent(one.not_answered / everybody, everybody)} did not answer: with them it could lie anywhere from "
        f"{_percentage(one.share_if_missing_no, everybody)} to {percent(one.share_if_missing_yes, everybody)}"
    )
    if one.weighted_share is None or one.weighted_low is None or one.weighted_high is None:
        return f"{said}."
    return (
        f"{said}; if they were like those who did and looked like them, "
        f"{percent(one.weighted_share, one.answered)} ({_number(one.weighted_low, one.answered)}–"
        f"{_number(one.weighted_high, one.answered)})."
    )


def rules(codes: str) -> str:
    """The rules that hold, in words."""
    return ", ".join(_RULES[code] for code in codes.split(";"))


def narrowed(filters: Filters) -> str:
    """Which patients the filters choose."""
    if filters.group is not None:
        return f"{group_kind(filters.group[0]).lower()}, {group(*filters.group).lower()}"
    return f"fused in {filters.period}" if filters.period else "all patients"


def all_years(filters: Filters) -> str:
    """Why shares that grow with the time observed are of all years, where a year of fusion is asked for."""
    if filters.period is None:
        return ""
    return "All years of fusion together: such a share grows with the time observed, so that years cannot be compared."


def left_out_of_a_year(filters: Filters) -> str:
    """Which measures a year of fusion leaves out, and why."""
    if filters.period is None:
        return ""
    return (
        "Left out: what may happen at any time while observed. Such a share grows with the time observed, so that "
        "years cannot be compared; it is shown with all years."
    )


def group_kind(kind: str) -> str:
    """How patients are grouped, in words."""
    return _GROUP_KINDS[kind]


def no_year(is_hidden: bool, minimum_cell_count: int) -> str:
    """Why no year can be shown, and what would change it."""
    if is_hidden:
        return f"{_why_suppressed(minimum_cell_count)} Years are shown once more patients have been followed."
    return "No patient could be assessed yet. Years are shown once assessments have been delivered."


def group(kind: str, value: str) -> str:
    """A group of patients, in words."""
    return _GROUPS.get((kind, value), sentence_case(value.replace("_", " ")))


def group_of_kind(kind: str, value: str) -> str:
    """A group of patients with how they are grouped, in words."""
    return f"{group_kind(kind)}: {group(kind, value)}"


def amount(measure: Measure, value: Value) -> str:
    """The value alone: percent, or a rate with its unit; why there is none where there is none."""
    if value.estimate is None or value.patients is None:
        return no_value(measure, value)
    if measure.is_rate:
        return f"{value.estimate:.1f}{NBSP}per 100 person-years"
    return percent(value.estimate, value.patients)


def short_amount(measure: Measure, value: Value) -> str:
    """The value as it stands in a cell, where the column or the title says the unit."""
    if value.is_suppressed:
        return SUPPRESSED
    if value.estimate is None or value.patients is None:
        return DASH
    return f"{value.estimate:.1f}" if measure.is_rate else percent(value.estimate, value.patients)


def interval(measure: Measure, value: Value) -> str:
    """The 95 % interval of a value, in its unit, without it; empty where there is none."""
    if value.estimate_low is None or value.estimate_high is None or value.patients is None:
        return ""
    low, high = (
        f"{limit:.1f}" if measure.is_rate else _number(limit, value.patients)
        for limit in (value.estimate_low, value.estimate_high)
    )
    return f"{low}–{high}"


def in_brackets(measure: Measure, value: Value) -> str:
    """The 95 % interval of a value in brackets; empty where there is none, as of an incidence of 0."""
    limits = interval(measure, value)
    return f"({limits})" if limits else ""


def no_value(measure: Measure, value: Value | None) -> str:
    """Why there is no value though nothing is suppressed."""
    if value is not None and measure.is_incidence and value.patients:
        return "Nobody followed so long"
    return "Nobody assessed"


def basis(measure: Measure, value: Value) -> str:
    """What a value rests on: how many patients were assessed, and how many of all could not be."""
    if value.is_suppressed or value.patients is None or value.excluded is None:
        return ""
    everybody = value.patients + value.excluded
    if everybody == 0:
        return "no patients yet"
    if value.patients == 0:
        return f"none of {plural(everybody, 'patient')} could be assessed"
    if measure.is_incidence:
        return f"{plural(value.patients, 'patient')} followed from surgery"
    if value.excluded == 0:
        return f"{plural(everybody, 'patient')}, all assessed"
    left_out = f"{count(value.excluded)} of {count(everybody)} could not be assessed"
    return (
        f"{plural(value.patients, 'assessed patient')}; {left_out} ({percent(value.excluded / everybody, everybody)})"
    )


def cannot_be_told(value: Value) -> str:
    """Of a share that rests on fewer than half of the patients."""
    everybody = (value.patients or 0) + (value.excluded or 0)
    return f"Cannot be told: {count(value.patients or 0)} of {count(everybody)} assessed"


def counted_among(measure: Measure, value: Value) -> str:
    """With the outcome, and among whom; of an incidence those seen to have it, as the share counts everybody's time."""
    among = "seen among" if measure.is_incidence else "of"
    return f"{count(value.numerator or 0)} {among} {basis(measure, value)}"


def sentence(measure: Measure, value: Value | None) -> str:
    """The whole statement of a measure in one line."""
    if value is None:
        return f"{measure.title}: this release holds no result."
    if value.is_suppressed:
        return f"{measure.title}: {SUPPRESSED}."
    if value.estimate is None:
        return f"{measure.title}: no value yet, {basis(measure, value)}."
    said = f"{measure.title}: {amount(measure, value)} {in_brackets(measure, value)}".rstrip()
    return f"{said}, {counted_among(measure, value)}."


def limits(low: float | None, high: float | None, n: int) -> str:
    """Two limits of a share in percent; empty where there are none."""
    return "" if low is None or high is None else f"{_number(low, n)}–{percent(high, n)}"


def _why_suppressed(minimum_cell_count: int) -> str:
    few = f"from 1 to {minimum_cell_count - 1}"
    return f"{SUPPRESSED}: a count behind it is {few}, or a count {few} could be worked out from it."


def _percentage(share: float, n: int) -> str:
    """The same as `percent`, without its sign."""
    text = _number(share, n)
    if 0 < share < 1 and float(text) in (0, 100):
        text = {"0.0": "<0.1", "100.0": ">99.9"}.get(finer := f"{100 * share:.1f}", finer)
    return text


def _number(share: float, n: int) -> str:
    return f"{100 * share:.{1 if n >= 1000 else 0}f}"
