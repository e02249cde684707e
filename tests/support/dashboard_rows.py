"""Invented rows for every mart of a release, of one site and of what everybody may see of several.

A row states what pages need to hang together (curves that rise, a hidden year, a site without patients); every other
column is filled by its declared type and closed list. A table that no page reads has one row, filled alike.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from math import sqrt
from typing import Any

from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.marts import Column, Mart, protected_marts, research_marts
from outcomes.sql.catalog.measures import MeasureDefinition, measure_definitions

Row = dict[str, Any]
Rows = dict[str, list[Row]]

THRESHOLD = 11
DATA_TO = "2026-03"
YEARS = tuple(str(year) for year in range(2018, 2027))
MONTHS = tuple(f"{year}-{month:02d}" for year in range(2023, 2027) for month in range(1, 13))[9:39]
HIDDEN_YEAR = "2021"
"""A year in which every measure of all sites is suppressed."""
NEVER_DUE = "late_pain_20_years"
"""A measure that nobody can be assessed for yet."""
HEADLINES = tuple(
    one.id for one in sorted(measure_definitions(), key=lambda one: one.headline or 0) if one.headline is not None
)
GROUPS = (
    *product(["approach"], ["anterior", "combined", "posterior"]),
    *product(["levels_band"], ["1", "2", "3+", "unknown"]),
    *product(["age_band"], ["under 45", "45-64", "65 and over"]),
    *product(["indication"], ["both", "myelopathy", "other", "radiculopathy"]),
)
_ENUMS = {(mart.name, column.name): column.enum for mart in research_marts() for column in mart.columns}
_OUTCOMES = _ENUMS["cumulative_incidence", "outcome"]
_STEPS = dict(zip(_ENUMS["attrition", "reason"], (0, 13, 19, 7), strict=True))
_SCALES = dict(
    zip(_ENUMS["score_trajectories", "instrument"], (40.0, 6.0, 5.0, 14.0, 40.0, 60.0, 55.0, 0.6), strict=True)
)
"""Instruments, with a median before surgery."""
_WINDOWS = [
    {"visit_window": window, "target_day": day}
    for window, day in zip(_ENUMS["visit_windows", "visit_window"], (0, 42, 91, 182, 365, 730), strict=False)
]
_DAYS = (*range(0, 360, 30), 365, *range(390, 720, 30), 730, *range(750, 1826, 30), 1826)
_KINDS: dict[str, dict[str | None, int | None]] = {
    "pain_past_3_months": {"persistent": 780, "recurrent": 385},
    "suspected_asd": {"clinical": 800, "surgical": 345, "both": None},
    "surgical_asd": {None: None},
    "revision_performed": dict(
        zip(_ENUMS["revisions", "type"], (510, 320, 170, 95, None, None, 60, None, 25), strict=True)
    ),
}
_REASONS: dict[str, int | None] = {
    "no_assessment_in_window": 640,
    "window_not_closed": 300,
    "revised_before_window": 130,
    "no_follow_up": 70,
    "died_before_window": None,
}
_VARIATIONS = (
    ("special_concerning", "outside;near"),
    ("special_improving", "run"),
    ("special_neutral", "trend"),
    ("common", None),
)
_RULES = (
    ("follow_ups", "FUP-006", "critical", "day is after the patient's death"),
    ("encounters", "ENC-004", "critical", "start_day is missing"),
    ("procedures", "PRO-006", "warning", "the code is not in the format of its system"),
)
_HISTORY = ("persisting", "new", "resolved")
"""What became of each of these rules."""
_MEASURES = tuple(enumerate(measure_definitions()))
_ALL = {"resolution": "all", "stratum_kind": "all"}
_SLOTS = {
    "all": [(_ALL, 1.0)],
    "year": [
        (_ALL | {"resolution": "year", "index_period": year}, 1 / (len(YEARS) + 3 - place))
        for place, year in enumerate(YEARS)
    ],
    "month": [(_ALL | {"resolution": "month", "index_period": month}, 0.02) for month in MONTHS],
    "group": [
        (_ALL | {"stratum_kind": kind, "stratum": value}, 0.03 if value == "unknown" else 0.3 + 0.1 * (place % 3))
        for place, (kind, value) in enumerate(GROUPS)
    ],
}
"""Cells of the cube, each with the part of a site's patients in it."""


def exact(site_id: str, patients: int) -> Rows:
    """Every table of `research.duckdb`: of one site where they are of sites.

    Args:
        site_id: the site.
        patients: how many it has.
    """
    people = [f"patient{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(30)]
    periods = [{"submission_period": period, "attempt": 1} for period in ("2025-12", "2026-01", "2026-03")]
    made: dict[str, Iterable[Row]] = {
        "measures": (
            {"measure": measure.id, "unit": measure.unit, **slot, **_count(measure, place, patients * part)}
            for place, measure in _MEASURES
            for slot, part in _slots("all", "year", "month", "group")
        ),
        "measure_exclusions": (
            {"measure": one.id, "reason": reason, "is_missing": place < 2, "patients": patients // (7 + 9 * place)}
            for (_, one), (place, reason) in product(_MEASURES, enumerate(_REASONS))
        ),
        "control_charts": _control_charts(),
        "cumulative_incidence": (
            {"outcome": outcome, "stratum_kind": kind, "stratum": group, **point}
            for place, outcome in enumerate(_OUTCOMES)
            for kind, group in _groups_of(outcome)
            for point in _curve(place, patients if group is None else patients // 4)
        ),
        "cusum": _cusum(),
        "site_comparison": (
            _compared(measure, patients, factor, position)
            for measure, factor, position in zip(
                HEADLINES,
                (1.3, 1.0, 0.6, 1.1, 0.9),
                ("above_95", "inside", "below_99_8", "inside", "inside"),
                strict=True,
            )
        ),
        "alarms": _alarms(),
        "missing_answers": (
            {"measure": measure, "numerator": 31, "answered": 124, "not_answered": 62, "share": 0.25}
            | {"share_if_missing_no": 0.1667, "share_if_missing_yes": 0.5, "effective_patients": 110.0}
            | {"weighted_share": 0.27, "weighted_low": 0.2, "weighted_high": 0.35}
            for measure in ("pain_12_months", "improved_ndi_12_months")
        ),
        "improvement_rates": [
            {"marking": "reported", "eligible": 240, "answered": 150, "improved": 96, "response": 0.625}
            | {"observed_share": 0.64, "expected_share": 0.6, "predicted_share": 0.62, "rate": 0.63}
            | {"rate_low": 0.56, "rate_high": 0.7, "site_spread": 0.2}
        ],
        "score_trajectories": (
            {"instrument": instrument, **window, "patients": patients - window["target_day"] // 3, **quartiles}
            for instrument, window, quartiles in _trajectories()
        ),
        "completeness": (window | _followed(patients) for window in _WINDOWS),
        "attrition": _attrition_of_site(patients),
        "submissions": (row | _exact_rows(site_id, row) for row in _submissions()),
        "table_counts": (
            {
                **period,
                "source_table": table,
                "rows_in": 302,
                "rows_accepted": 300,
                "rows_quarantined": 2,
                "rows_pending": 0,
            }
            | {"cells_blanked": 2}
            for period, table in product(periods, _ENUMS["table_counts", "source_table"])
        ),
        "blanked_cells": (period | _BLANKED | {"rows_in": 302, "cells": 2} for period in periods),
        "validation_results": (
            period | rule | {"submission_id": f"{site_id}-{period['submission_period']}"}
            for period, rule in product(periods, _broken(302, 2))
        ),
        "rule_history": (
            {"site_id": site_id} | one | {"rows_failed": 3, "rows_failed_before": 4} for one in _history()
        ),
        "episodes": (
            {"patient_id": patient, "index_period": MONTHS[number], "index_year": int(MONTHS[number][:4])}
            | {"sex": ("female", "male")[number % 2], "index_levels": "C5-6", "level_count": 1}
            | {"first_revision_day": 396 if number % 5 == 0 else None}
            for number, patient in enumerate(people)
        ),
        "labels": (row for number, patient in enumerate(people) for row in _labels(patient, number)),
        "measure_cases": (
            {"measure": one.id, "patient_id": patient}
            for _, one in _MEASURES
            for number, patient in enumerate(people)
            if number % 3 == 0 and one.is_compared
        ),
        "expected_outcomes": (
            {"measure": HEADLINES[0], "patient_id": patient, "observed": int(number % 3 == 0), "expected": 0.3}
            for number, patient in enumerate(people)
        ),
    }
    unread = [{"patient_id": people[0]}]
    return {
        mart.name: _filled(mart, ({"site_id": site_id} | row for row in made.get(mart.name, unread)))
        for mart in research_marts()
    }


def protected(release_id: str, sites: dict[str, str], empty: str, patients: int, all_hidden: bool) -> Rows:
    """Every table of `dashboard.duckdb`.

    Args:
        release_id: the release.
        sites: name by id.
        empty: the site without a patient.
        patients: how many each other site has.
        all_hidden: every count of patients is suppressed.
    """
    delivering = [site for site in sites if site != empty]
    everybody = patients * len(delivering)

    def told(row: Row, is_hidden: bool, *hidden: str, **state: str) -> Row:
        """The row, or the row without what is hidden."""
        is_hidden = all_hidden or is_hidden
        return row | (dict.fromkeys(hidden) | {"state": "suppressed"} if is_hidden else state)

    made: dict[str, Iterable[Row]] = {
        "release_info": [
            {"release_id": release_id, "data_to": DATA_TO, "site_count": len(sites), "code_version": "0.1.0"}
            | {"minimum_cell_count": THRESHOLD, "is_synthetic": True}
            | {"patient_count_rounded": None if all_hidden else everybody}
        ],
        "sites": ({"site_id": site_id, "name": name} for site_id, name in sites.items()),
        "measure_definitions": (vars(one) | {"measure": one.id, "place": place} for place, one in _MEASURES),
        "label_definitions": (
            {"label": one.name, "definition_text": one.definition}
            | {name: getattr(one, name) for name in ("title", "category", "guide", "version", "headline")}
            for one in label_definitions()
        ),
        "measures": _measures(sites, empty, patients, told),
        "measure_exclusions": (
            told({"measure": one.id, "reason": reason, "patients": count}, count is None, "patients")
            for (_, one), (reason, count) in product(_MEASURES, _REASONS.items())
        ),
        "label_kinds": (
            told({"label": label, "kind": kind, "episodes": episodes}, episodes is None, "episodes")
            for label, kinds in _KINDS.items()
            for kind, episodes in kinds.items()
        ),
        "cumulative_incidence": _curves(delivering, patients, all_hidden),
        "site_comparison": _comparison(sites, empty, patients, told),
        "score_trajectories": (
            told(
                {"instrument": instrument, **window, **quartiles}
                | {"patients": 5 * patients - 10 * (window["target_day"] // 30)},
                instrument == "mjoa" and window["visit_window"] == "24_months",
                *("patients", *quartiles),
            )
            for instrument, window, quartiles in _trajectories()
        ),
        "submissions": ({"site_id": site_id} | _coarse(row) for site_id, row in product(delivering, _submissions())),
        "rule_failures": (
            told({"site_id": site_id, "submission_period": DATA_TO, "attempt": 1} | rule, False)
            | (_hidden_rows if number == 1 else {})
            for site_id, (number, rule) in product(delivering, enumerate(_broken(300, 20)))
        ),
        "blanked_cells": (
            {"site_id": site_id, "submission_period": DATA_TO, "attempt": 1, **_BLANKED, "state": "suppressed"}
            | {"rows_in": None, "cells": None}
            for site_id in delivering
        ),
        "rule_history": ({"site_id": site_id, "state": "shown"} | one for site_id in delivering for one in _history()),
        "rule_measures": (
            {"source_table": "follow_ups", "rule": "FUP-006", "measure": measure, "state": "shown"}
            for measure in ("pain_past_3_months", "early_discomfort", "transition_pain", "normal_discomfort")
        ),
        "rule_definitions": (
            {"source_table": table, "rule": rule, "severity": severity, "reason": reason, "category": "plausibility"}
            | {"state": "shown", "measure_count": 4}
            for table, rule, severity, reason in _RULES
        ),
        "attrition": (
            told({"step": step, "reason": reason, "patients_left": everybody + 40 * (4 - step)}, False, "patients_left")
            for step, reason in enumerate(_STEPS, 1)
        ),
    }
    return {mart.name: _filled(mart, made.get(mart.name, [{}])) for mart in protected_marts()}


def _filled(mart: Mart, rows: Iterable[Row]) -> list[Row]:
    return [
        {column.name: row[column.name] if column.name in row else _plausible(column) for column in mart.columns}
        for row in rows
    ]


def _plausible(column: Column) -> Any:
    """A value of the column's type; none where its text says what null means, or where any text may stand."""
    if "null" in column.description or (column.type == "text" and not column.enum):
        return None
    if column.enum:
        return column.enum[0]
    return {"boolean": False, "integer": 24, "number": 0.2 if column.unit == "fraction" else 2.5}[column.type]


def _slots(*kinds: str) -> Iterator[tuple[Row, float]]:
    return (slot for kind in kinds for slot in _SLOTS[kind])


# Measures


def _count(measure: MeasureDefinition, place: int, patients: float) -> Row:
    """Counts and estimate of some patients."""
    if measure.id == NEVER_DUE:
        return {"numerator": 0, "patients": 0, "excluded": round(patients)}
    counted = max(round(patients * 0.85), 1)
    numerator = round(counted * (4 + 7 * place % 40) / 100)
    row = {"numerator": numerator, "patients": counted, "excluded": round(patients) - counted}
    if measure.is_rate:
        rate = 36525 * numerator / (700 * counted)
        return row | _interval(rate, 0.7 * rate, 1.4 * rate + 0.1) | {"days": 700 * counted}
    share, z = numerator / counted, 1.96
    centre = (share + z * z / (2 * counted)) / (1 + z * z / counted)
    half = z / (1 + z * z / counted) * sqrt(share * (1 - share) / counted + z * z / (4 * counted * counted))
    return row | _interval(share, centre - half, centre + half)


def _interval(estimate: float, low: float, high: float) -> Row:
    return {"estimate": estimate, "estimate_low": low, "estimate_high": high}


def _measures(sites: dict[str, str], empty: str, patients: int, told: Callable[..., Row]) -> Iterator[Row]:
    everybody: dict[str | None, int] = {None: patients * max(len(sites) - 1, 1)}
    for place, measure in _MEASURES:
        for number, (site_id, of_site) in enumerate((everybody | dict.fromkeys(sites, patients)).items()):
            # Of a site alone the pages read no year and no group.
            for slot, part in _slots("all", "year", "group") if site_id is None else _slots("all"):
                is_hidden = (
                    slot.get("index_period") == HIDDEN_YEAR
                    or slot.get("stratum") == "unknown"
                    or (site_id is not None and (place + number) % 3 == 0)
                )
                row = _rounded(measure, place, 0 if site_id == empty else of_site * part)
                where = {"measure": measure.id, "site_id": site_id, **slot}
                yield told(where | row, is_hidden and site_id != empty, *(name for name in row if name != "state"))


def _rounded(measure: MeasureDefinition, place: int, patients: float) -> Row:
    """Counts to the nearest 5, as everybody may see them."""
    row = _count(measure, place, patients) if patients else dict.fromkeys(("numerator", "patients", "excluded"), 0)
    counts = {name: 5 * round(row[name] / 5) for name in ("numerator", "patients", "excluded")}
    state = "missing" if "estimate" not in row else "shown" if counts["numerator"] else "zero"
    return row | counts | {"state": state, "person_years": row["days"] / 365.25 if "days" in row else None}


# Time


def _control_charts() -> Iterator[Row]:
    for place, measure in _MEASURES:
        if not measure.is_compared:
            continue
        kinds = ("p", "xmr", "p", "g")
        chart = None if place == len(_MEASURES) - 1 else kinds[place % len(kinds)]
        for month, period in enumerate(MONTHS):
            yield {"measure": measure.id, "index_period": period, **_month(chart, place, month)}


def _month(chart: str | None, place: int, month: int) -> Row:
    """A month of a control chart: every kind of variation in the last month of one chart or another."""
    is_signal = chart is not None and month in (12, len(MONTHS) - 1)
    variation, rules = _VARIATIONS[place % 4] if is_signal else ("common", None)
    centre = 40.0 if chart == "g" else 0.2
    target = centre * 0.9 if place % 3 == 0 and chart else None
    is_noted = place == 0 and month == 15
    value = centre * (1 + 0.3 * ((5 * month + place) % 7 - 3) / 3 + (0.6 if rules else 0))
    row: Row = {"chart": chart, "reason_for_chart": f"what a {chart} chart is for", "is_judged": chart is not None}
    row |= {"phase": 1 + (place == 0 and month >= 15), "is_rebased": is_noted, "has_trial_limits": place % 5 == 4}
    row |= {"months": 1, "is_confirmed": False, "false_alarm_rate": 0.11 if chart else None}
    if chart is not None:
        row |= {"centre": centre, "lower": 0.6 * centre, "upper": 1.4 * centre, "target": target}
        if target is not None:
            row |= {"target_author": "quality lead", "target_reason": "agreed with the board"}
    if chart is not None and month % 11 != 3:
        assurance = None if target is None else ("hits", "misses", "either")[place % 9 // 3]
        row |= {"value": value, "rules": rules, "variation": variation, "assurance": assurance}
    if is_noted:
        row |= {"annotation": "New implant system", "annotation_author": "quality lead"}
        row |= {"annotation_reason": "changed on purpose"}
    return row


def _cusum() -> Iterator[Row]:
    for (place, measure), (month, period) in product(enumerate(HEADLINES), enumerate(MONTHS)):
        upper = (month % 12) * (0.5 if place == 0 else 0.2)
        row = {"measure": measure, "index_period": period, "patients": 12 + month % 5, "observed": 2 + month % 3}
        row |= {"cusum_upper": upper, "threshold_upper": 5.0, "cusum_lower": 0.2 * (month % 9), "threshold_lower": 5.0}
        row |= {"false_alarm_rate": 0.08}
        yield row | {"vlad": 0.4 * ((month * 7) % 11 - 5), "signal": "upper" if upper > 5 else None}


def _curve(place: int, patients: int) -> Iterator[Row]:
    for day in _DAYS:
        incidence = (0.16 - 0.01 * place) * day / (day + 900)
        at_risk = round(patients * (1 - 0.9 * day / _DAYS[-1]) / 10) * 10 + 20
        limits = {"low": 0.8 * incidence, "high": 1.25 * incidence} if day else {"low": None, "high": None}
        events = 10 * round(patients * incidence / 10)
        yield {"day": day, "at_risk": at_risk, "events": events, "incidence": incidence, **limits}


def _groups_of(outcome: str) -> tuple[tuple[str, str | None], ...]:
    return (("all", None), *(GROUPS if outcome in ("asd", "revision") else ()))


def _curves(sites: list[str], patients: int, all_hidden: bool) -> Iterator[Row]:
    of_sites = [("all", None, site_id) for site_id in sites]
    for place, outcome in enumerate(_OUTCOMES):
        whose = [(kind, group, None) for kind, group in _groups_of(outcome)]
        for kind, group, site_id in (*whose, *(of_sites if place < 2 else [])):
            for number, point in enumerate(_curve(place, 5 * patients)):
                is_ended = all_hidden or number > len(_DAYS) - 12
                state = "ended" if is_ended else "suppressed" if number % 4 == 2 else "shown"
                said = point if state == "shown" else dict.fromkeys(point) | {"day": point["day"]}
                where = {"outcome": outcome, "stratum_kind": kind, "stratum": group, "site_id": site_id}
                yield {**where, "state": state, **said}


def _trajectories() -> Iterator[tuple[str, Row, Row]]:
    for (instrument, start), window in product(_SCALES.items(), _WINDOWS):
        median = start * (0.6 if window["target_day"] else 1.0)
        quartiles = {"lower_quartile": 0.7 * median, "median": median, "upper_quartile": 1.2 * median}
        yield instrument, window, quartiles


# Sites


def _compared(measure: str, patients: int, factor: float, position: str) -> Row:
    ratio = {"ratio": factor, "ratio_low": 0.8 * factor, "ratio_high": 1.2 * factor, "adjusted_share": 0.18 * factor}
    expected = 0.18 * patients
    counts = {"patients": patients, "eligible": patients + 60, "observed": round(expected * factor)}
    limits = {"low_95": 0.14, "high_95": 0.22, "low_99_8": 0.12, "high_99_8": 0.25, "widened_low_95": 0.12}
    limits |= {"widened_high_95": 0.24, "widened_low_99_8": 0.10, "widened_high_99_8": 0.27}
    where = {"measure": measure, "marking": "compared", "position": position, "widened_position": position}
    shares = {"expected": expected, "completeness": 0.86, "share": 0.2, "target_share": 0.18, "phi": 1.4, "tau2": 0.001}
    return where | counts | shares | ratio | limits


def _alarms() -> list[Row]:
    """One of each reason: of the headlines the first, the third, and a measure by its chart."""
    sums = {"observed": 61, "expected": 43.2, "ratio": 1.41, "ratio_low": 1.08, "ratio_high": 1.81}
    period = {"index_period": "2025-01", "months": 3, "chart": "p", "value": 0.41, "centre": 0.2}
    nothing = dict.fromkeys((*sums, *period, "lower", "upper"))
    concerning = {"side": "more", "variation": "special_concerning"}
    return [
        nothing | sums | concerning | {"measure": HEADLINES[0], "reason": "beyond_95_and_cusum"},
        nothing
        | sums
        | {"measure": HEADLINES[2], "reason": "beyond_99_8"}
        | {"side": "fewer", "variation": "special_improving", "observed": 21, "ratio": 0.49},
        nothing
        | period
        | concerning
        | {"measure": "early_discomfort", "reason": "confirmed", "lower": 0.05}
        | {"upper": 0.35, "variation": "special_neutral"},
    ]


def _comparison(sites: dict[str, str], empty: str, patients: int, told: Callable[..., Row]) -> Iterator[Row]:
    for (place, measure), (number, site_id) in product(enumerate(HEADLINES), enumerate(sites)):
        row = _compared(measure, 10 * round(patients * (1 + number % 5) / 20), 0.7 + 0.1 * (number % 7), "inside")
        nothing = dict.fromkeys(name for name in row if name != "measure")
        where = {"measure": measure, "site_id": site_id}
        said = row if site_id != empty else nothing | {"marking": "insufficient"}
        yield told(said | where, (number + place) % 6 == 3, *nothing)


# Deliveries

_BLANKED = {"source_table": "patients", "rule": "PAT-005", "column_name": "bmi", "reason": "BMI is out of range"}
_hidden_rows = {"rows_checked": None, "rows_failed": None, "state": "suppressed"}


def _submissions() -> Iterator[Row]:
    for number, period in enumerate(("2025-12", "2026-01", "2026-02", "2026-03")):
        accepted, quarantined = ((2091, 23), (None, None), (0, 2114), (2091, 23))[number]
        row = {"submission_period": period, "attempt": 1, "kind": "incremental" if number else "full"}
        row |= {"status": "accepted", "is_conserved": True, "state": "suppressed" if number == 1 else "shown"}
        row |= {"rows_in": 2114, "rows_accepted": accepted, "rows_quarantined": quarantined}
        row |= {"rows_pending": None if number == 1 else 0}
        yield row | ({"status": "refused", "code": "identifier_found"} if number == 2 else {})


def _coarse(row: Row) -> Row:
    """A submission as everybody may see it."""
    rounded = {name: None if row[name] is None else round(row[name], -1) for name in row if name.startswith("rows_")}
    return row | rounded


def _exact_rows(site_id: str, row: Row) -> Row:
    named = {"submission_id": f"{site_id}-{row['submission_period']}", "is_synthetic": True}
    return named | (
        {"rows_accepted": 2111, "rows_quarantined": 3, "rows_pending": 0} if row["state"] == "suppressed" else {}
    )


def _broken(checked: int, failed: int) -> list[Row]:
    names = ("source_table", "rule", "severity", "reason", "rows_checked", "rows_failed")
    return [dict(zip(names, (*rule, checked, failed), strict=True)) for rule in _RULES]


def _history() -> Iterator[Row]:
    for (table, rule, severity, reason), history in zip(_RULES, _HISTORY, strict=True):
        row: Row = {"source_table": table, "rule": rule, "severity": severity, "reason": reason, "history": history}
        row |= {"submission_period": DATA_TO, "attempt": 1, "period_before": "2026-01", "attempt_before": 1}
        yield row


def _attrition_of_site(patients: int) -> Iterator[Row]:
    left = patients + sum(_STEPS.values())
    for step, (reason, out) in enumerate(_STEPS.items(), 1):
        yield (
            {"step": step, "reason": reason, "patients_in": left, "patients_out": out, "patients_left": left - out}
            | {"cells_blanked": 41 if step == 1 else None, "patients_without_index": 1204 if step == 1 else None}
        )
        left -= out


def _followed(patients: int) -> Row:
    done, closed = patients * 3 // 4, patients - 40
    counts = {"expected": patients, "done": done, "due": 12, "lost": patients // 8, "closed": closed, "answered": done}
    return counts | {"response": done / closed, "clarks_c": 300 / 340}


# Patients


def _labels(patient: str, number: int) -> Iterator[Row]:
    for place, label in enumerate(label_definitions()):
        status = ("yes", "no", "no", "not_assessable")[(number + place) % 4]
        row = {"patient_id": patient, "label": label.name, "status": status, "definition_version": 1}
        row |= {"reason": "no_follow_up"} if status == "not_assessable" else {"is_counted": True}
        if status == "yes":
            kind = next(iter(_KINDS.get(label.name, {})), None)
            row |= {"onset_day": 120, "value": 5.0, "value_name": "neck_pain_nrs", "kind": kind}
        yield row
