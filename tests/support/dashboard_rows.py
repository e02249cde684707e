"""Invented numbers for every table of a release, of one site and of what everybody may see of several."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from math import sqrt
from typing import Any

from outcomes.sql.catalog.labels import label_definitions
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
_WINDOWS = {"baseline": 0, "6_weeks": 42, "3_months": 91, "6_months": 182, "12_months": 365, "24_months": 730}
_SCALES = {
    "ndi": 40.0,
    "neck_pain_nrs": 6.0,
    "arm_pain_nrs": 5.0,
    "mjoa": 14.0,
    "promis_pf_t": 40.0,
    "promis_pi_t": 60.0,
}
"""Instruments, with a median before surgery."""
_REVISIONS = (
    "nonunion_revision",
    "adjacent_segment_fusion",
    "fusion_revision_level_unknown",
    "disc_replacement",
    "foraminotomy",
    "laminoplasty",
    "hardware_removal",
    "other",
)
_OUTCOMES = (
    "asd",
    "revision",
    "revision_adjacent_segment_fusion",
    "revision_disc_replacement",
    "revision_foraminotomy",
    "revision_fusion_level_unknown",
    "revision_hardware_removal",
    "revision_laminoplasty",
    "revision_nonunion",
    "revision_other",
)
_DAYS = tuple(
    {365: 365, 730: 730, 1826: 1826}.get(day, day)
    for day in (*range(0, 360, 30), 365, *range(390, 720, 30), 730, *range(750, 1826, 30), 1826)
)
_KINDS: dict[str, dict[str | None, int | None]] = {
    "pain_past_3_months": {"persistent": 780, "recurrent": 385},
    "suspected_asd": {"clinical": 800, "surgical": 345, "both": None},
    "surgical_asd": {None: None},
    "revision_performed": dict(zip(_REVISIONS, (510, 320, 170, 95, 60, None, None, 25), strict=True)),
}
_REASONS: dict[str, int | None] = {
    "no_assessment_in_window": 640,
    "window_not_closed": 300,
    "revised_before_window": 130,
    "no_follow_up": 70,
    "died_before_window": None,
}
_STEPS = {
    "delivered": 0,
    "no_cervical_fusion_on_day_0": 13,
    "earlier_cervical_fusion": 19,
    "arthrodesis_status_before": 7,
}
_TABLES = ("patients", "procedures", "encounters", "follow_ups", "imaging", "diagnoses", "treatments")
_REASONS_FOR_CHART = {
    "p": "shares with at least one outcome a month on average: binomial limits that vary with the month's patients",
    "g": "fewer than one outcome a month on average: the patients between outcomes say more than monthly shares",
    "xmr": "rates with at least one event a month on average: limits from the moving range",
    "t": "fewer than one event a month on average: the person-days between events say more than monthly rates",
    None: "no patients in any month",
}
_VARIATIONS = (
    ("special_concerning", "outside;near"),
    ("special_improving", "run"),
    ("special_neutral", "trend"),
    ("common", None),
)


@dataclass(frozen=True)
class _Slot:
    """A cell of the cube, and the part of a site's patients in it."""

    resolution: str
    index_period: str | None
    stratum_kind: str
    stratum: str | None
    part: float

    def row(self) -> Row:
        return {name: value for name, value in vars(self).items() if name != "part"}


_ALL = _Slot("all", None, "all", None, 1.0)
_YEAR_SLOTS = tuple(_Slot("year", year, "all", None, 1 / (len(YEARS) + 3 - place)) for place, year in enumerate(YEARS))
_MONTH_SLOTS = tuple(_Slot("month", month, "all", None, 0.02) for month in MONTHS)
_GROUP_SLOTS = tuple(
    _Slot("all", None, kind, value, 0.03 if value == "unknown" else 0.3 + 0.1 * (place % 3))
    for place, (kind, value) in enumerate(GROUPS)
)


def exact(site_id: str, patients: int) -> Rows:
    """Every table of `research.duckdb` as far as it is of one site.

    Args:
        site_id: the site.
        patients: how many it has.
    """
    made: dict[str, Callable[[], Iterator[Row]]] = {
        "measures": lambda: _exact_measures(patients),
        "measure_exclusions": lambda: _exact_reasons(patients),
        "control_charts": _control_charts,
        "cumulative_incidence": lambda: _exact_curves(patients),
        "cusum": _cusum,
        "site_comparison": lambda: _exact_comparison(patients),
        "share_bounds": lambda: _share_bounds(patients),
        "score_trajectories": lambda: _exact_trajectories(patients),
        "completeness": lambda: _completeness(patients),
        "attrition": lambda: _exact_attrition(patients),
        "submissions": lambda: _exact_submissions(site_id),
        "table_counts": _table_counts,
        "validation_results": lambda: _validation_results(site_id),
        **_of_patients(),
    }
    return {mart: [{"site_id": site_id, **row} for row in rows()] for mart, rows in made.items()}


def of_all_sites_exact() -> Rows:
    """The tables of `research.duckdb` that are of all sites together."""
    return {
        "measure_definitions": list(definitions()),
        "risk_models": list(_risk_models()),
        "risk_calibration": list(_calibration()),
        "sensitivity": list(_sensitivity()),
        "responders_baseline": list(_responders_baseline()),
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
    made: dict[str, Iterator[Row]] = {
        "release_info": iter(
            [_release_info(release_id, len(sites), None if all_hidden else patients * len(delivering))]
        ),
        "sites": iter([{"site_id": site_id, "name": name} for site_id, name in sites.items()]),
        "measure_definitions": definitions(),
        "label_definitions": _label_definitions(),
        "measures": _measures(sites, empty, patients, all_hidden),
        "measure_exclusions": _reasons(all_hidden),
        "label_kinds": _kinds(all_hidden),
        "cumulative_incidence": _curves(delivering, patients, all_hidden),
        "site_comparison": _comparison(sites, empty, patients, all_hidden),
        "score_trajectories": _trajectories(patients, all_hidden),
        "risk_models": (row | {"state": "shown"} for row in _risk_models()),
        "risk_calibration": (row | {"state": "shown"} for row in _calibration()),
        "submissions": (row for site_id in delivering for row in _submissions(site_id)),
        "rule_failures": (row for site_id in delivering for row in _rule_failures(site_id)),
        "attrition": _attrition(patients * len(delivering), all_hidden),
    }
    return {mart: list(rows) for mart, rows in made.items()}


def definitions() -> Iterator[Row]:
    """The measures as they are defined."""
    for place, one in enumerate(measure_definitions()):
        yield {
            "measure": one.id,
            "place": place,
            **{
                name: getattr(one, name)
                for name in (
                    "category",
                    "title",
                    "why",
                    "numerator",
                    "denominator",
                    "exclusions",
                    "direction",
                    "unit",
                    "owner",
                    "next_review",
                    "version",
                    "label",
                    "headline",
                )
            },
        }


def _label_definitions() -> Iterator[Row]:
    for one in label_definitions():
        yield {
            "label": one.name,
            "title": one.title,
            "category": one.category,
            "definition_text": one.definition,
            "guide": one.guide,
            "version": one.version,
            "headline": one.headline,
        }


def _release_info(release_id: str, sites: int, patients: int | None) -> Row:
    return {
        "release_id": release_id,
        "data_to": DATA_TO,
        "site_count": sites,
        "patient_count_rounded": patients,
        "minimum_cell_count": THRESHOLD,
        "code_version": "0.1.0",
        "is_synthetic": True,
    }


# Measures


def _count(measure: MeasureDefinition, place: int, patients: float) -> Row:
    """Counts and estimate of some patients."""
    if measure.id == NEVER_DUE:
        none = {"estimate": None, "estimate_low": None, "estimate_high": None}
        return {"numerator": 0, "patients": 0, "excluded": round(patients), "days": None, **none}
    counted = max(round(patients * 0.85), 1)
    numerator = round(counted * (4 + 7 * place % 40) / 100)
    excluded = round(patients) - counted
    row: Row = {"numerator": numerator, "patients": counted, "excluded": excluded, "days": None}
    if measure.is_rate:
        days = 700 * counted
        rate = 36525 * numerator / days
        limits = {"estimate": rate, "estimate_low": 0.7 * rate, "estimate_high": 1.4 * rate + 0.1}
        return row | {"days": days} | limits
    low, high = _wilson(numerator / counted, counted)
    return row | {"estimate": numerator / counted, "estimate_low": low, "estimate_high": high}


def _wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def _exact_measures(patients: int) -> Iterator[Row]:
    for place, measure in enumerate(measure_definitions()):
        for slot in (_ALL, *_YEAR_SLOTS, *_MONTH_SLOTS, *_GROUP_SLOTS):
            counts = _count(measure, place, patients * slot.part)
            yield {"measure": measure.id, "unit": measure.unit, **slot.row(), **counts}


def _measures(sites: dict[str, str], empty: str, patients: int, all_hidden: bool) -> Iterator[Row]:
    everybody: dict[str | None, int] = {None: patients * max(len(sites) - 1, 1)}
    for place, measure in enumerate(measure_definitions()):
        for number, (site_id, of_site) in enumerate((everybody | dict.fromkeys(sites, patients)).items()):
            # Of a site alone the pages read no year and no group.
            for slot in (_ALL, *_YEAR_SLOTS, *_GROUP_SLOTS) if site_id is None else (_ALL,):
                is_hidden = (
                    slot.index_period == HIDDEN_YEAR
                    or slot.stratum == "unknown"
                    or (site_id is not None and (place + number) % 3 == 0)
                )
                counts = _rounded(measure, place, 0 if site_id == empty else of_site * slot.part)
                said = _SUPPRESSED if all_hidden or (is_hidden and site_id != empty) else counts
                yield {"measure": measure.id, "site_id": site_id, **slot.row(), **said}


_SUPPRESSED: Row = {
    "state": "suppressed",
    **dict.fromkeys(("numerator", "patients", "excluded", "person_years", "estimate", "estimate_low", "estimate_high")),
}


def _rounded(measure: MeasureDefinition, place: int, patients: float) -> Row:
    """Counts to the nearest 5, as everybody may see them."""
    row = _count(measure, place, patients)
    days = row.pop("days")
    if not row["numerator"] and not patients:
        row = {"numerator": 0, "patients": 0, "excluded": 0} | dict.fromkeys(
            ("estimate", "estimate_low", "estimate_high")
        )
    counts = {name: 5 * round(row[name] / 5) for name in ("numerator", "patients", "excluded")}
    state = "missing" if row["estimate"] is None else "shown" if counts["numerator"] else "zero"
    return row | counts | {"state": state, "person_years": None if days is None or not patients else days / 365.25}


def _exact_reasons(patients: int) -> Iterator[Row]:
    for measure in measure_definitions():
        for place, reason in enumerate(_REASONS):
            yield {
                "measure": measure.id,
                "reason": reason,
                "is_missing": place < 2,
                "patients": patients // (7 + 9 * place),
            }


def _reasons(all_hidden: bool) -> Iterator[Row]:
    for measure, (reason, patients) in product(measure_definitions(), _REASONS.items()):
        is_hidden = all_hidden or patients is None
        yield {
            "measure": measure.id,
            "reason": reason,
            "state": "suppressed" if is_hidden else "shown",
            "patients": None if is_hidden else patients,
        }


def _kinds(all_hidden: bool) -> Iterator[Row]:
    for label, kinds in _KINDS.items():
        for kind, episodes in kinds.items():
            is_hidden = all_hidden or episodes is None
            yield {
                "label": label,
                "kind": kind,
                "episodes": None if is_hidden else episodes,
                "state": "suppressed" if is_hidden else "shown",
            }


# Time


def _control_charts() -> Iterator[Row]:
    for place, measure in enumerate(measure_definitions()):
        chart = None if place == len(measure_definitions()) - 1 else _chart(measure, place)
        for month, period in enumerate(MONTHS):
            yield {"measure": measure.id, "index_period": period, **_month(chart, place, month)}


def _chart(measure: MeasureDefinition, place: int) -> str:
    return ("xmr", "t")[place % 2] if measure.is_rate else ("p", "p", "p", "g")[place % 4]


def _month(chart: str | None, place: int, month: int) -> Row:
    """A month of a control chart: every kind of variation in the last month of one chart or another."""
    is_last = month == len(MONTHS) - 1
    is_signal = chart is not None and (is_last or month == 12)
    variation, rules = _VARIATIONS[place % 4] if is_signal else ("common", None)
    centre = 40.0 if chart in ("g", "t") else 0.2
    is_filled = chart is not None and (month % 11 != 3)
    value = centre * (1 + 0.3 * ((5 * month + place) % 7 - 3) / 3 + (0.6 if rules else 0))
    target = centre * 0.9 if place % 3 == 0 and chart else None
    is_noted = place == 0 and month == 15
    return {
        "chart": chart,
        "reason_for_chart": _REASONS_FOR_CHART[chart],
        "phase": 1 + (place == 0 and month >= 15),
        "is_rebased": is_noted,
        "is_judged": chart is not None,
        "has_trial_limits": place % 5 == 4,
        "value": value if is_filled else None,
        "centre": centre if chart else None,
        "lower": 0.6 * centre if chart else None,
        "upper": 1.4 * centre if chart else None,
        "rules": rules if is_filled else None,
        "variation": variation if is_filled else None,
        "target": target,
        "assurance": ("hits", "misses", "either")[place % 9 // 3] if target is not None and is_filled else None,
        "annotation": "New implant system" if is_noted else None,
        "annotation_author": "quality lead" if is_noted else None,
        "annotation_reason": "changed on purpose" if is_noted else None,
    }


def _cusum() -> Iterator[Row]:
    for place, measure in enumerate(HEADLINES):
        for month, period in enumerate(MONTHS):
            upper = (month % 12) * (0.5 if place == 0 else 0.2)
            yield {
                "measure": measure,
                "index_period": period,
                "patients": 12 + month % 5,
                "observed": 2 + month % 3,
                "expected": 2.5,
                "vlad": 0.4 * ((month * 7) % 11 - 5),
                "cusum_upper": upper,
                "threshold_upper": 5.0,
                "cusum_lower": 0.2 * (month % 9),
                "threshold_lower": 5.0,
                "signal": "upper" if upper > 5 else None,
            }


def _curve(place: int, patients: int) -> Iterator[Row]:
    for day in _DAYS:
        incidence = (0.16 - 0.01 * place) * day / (day + 900)
        yield {
            "day": day,
            "at_risk": round(patients * (1 - 0.9 * day / _DAYS[-1]) / 10) * 10 + 20,
            "events": 10 * round(patients * incidence / 10),
            "incidence": incidence,
            "low": 0.8 * incidence if day else None,
            "high": 1.25 * incidence if day else None,
        }


def _groups_of(outcome: str) -> tuple[tuple[str, str | None], ...]:
    return (("all", None), *(GROUPS if outcome in ("asd", "revision") else ()))


def _exact_curves(patients: int) -> Iterator[Row]:
    for place, outcome in enumerate(_OUTCOMES):
        for kind, group in _groups_of(outcome):
            for point in _curve(place, patients if group is None else patients // 4):
                where = {"outcome": outcome, "stratum_kind": kind, "stratum": group}
                yield {**where, "estimator": "aalen_johansen", **point, "competing": 3, "censored": 40}


def _curves(sites: list[str], patients: int, all_hidden: bool) -> Iterator[Row]:
    of_sites = [("all", None, site_id) for site_id in sites]
    nothing = dict.fromkeys(("at_risk", "events", "incidence", "low", "high"))
    for place, outcome in enumerate(_OUTCOMES):
        whose = [(kind, group, None) for kind, group in _groups_of(outcome)]
        for kind, group, site_id in (*whose, *(of_sites if place < 2 else [])):
            for number, point in enumerate(_curve(place, 5 * patients)):
                is_ended = all_hidden or number > len(_DAYS) - 12
                state = "ended" if is_ended else "suppressed" if number % 4 == 2 else "shown"
                said = point if state == "shown" else {"day": point["day"], **nothing}
                where = {"outcome": outcome, "stratum_kind": kind, "stratum": group, "site_id": site_id}
                yield {**where, "state": state, **said}


def _exact_trajectories(patients: int) -> Iterator[Row]:
    for (instrument, start), (window, day) in product(_SCALES.items(), _WINDOWS.items()):
        yield {
            "instrument": instrument,
            "visit_window": window,
            "target_day": day,
            "patients": patients - day // 3,
            **_quartiles(start, day),
        }


def _trajectories(patients: int, all_hidden: bool) -> Iterator[Row]:
    for (instrument, start), (window, day) in product(_SCALES.items(), _WINDOWS.items()):
        is_hidden = all_hidden or (instrument == "mjoa" and window == "24_months")
        quartiles = dict.fromkeys(_quartiles(start, day)) if is_hidden else _quartiles(start, day)
        yield {
            "instrument": instrument,
            "visit_window": window,
            "target_day": day,
            "patients": None if is_hidden else 5 * patients - 10 * (day // 30),
            **quartiles,
            "state": "suppressed" if is_hidden else "shown",
        }


def _quartiles(start: float, day: int) -> dict[str, Any]:
    median = start * (0.6 if day else 1.0)
    return {"lower_quartile": 0.7 * median, "median": median, "upper_quartile": 1.2 * median}


# Sites


_COMPARED: Row = {
    "completeness": 0.86,
    "share": 0.2,
    "target_share": 0.18,
    "phi": 1.4,
    "tau2": 0.001,
    "low_95": 0.14,
    "high_95": 0.22,
    "low_99_8": 0.12,
    "high_99_8": 0.25,
    "widened_low_95": 0.12,
    "widened_high_95": 0.24,
    "widened_low_99_8": 0.10,
    "widened_high_99_8": 0.27,
}


def _place(measure: str, patients: int, factor: float, position: str) -> Row:
    expected = 0.18 * patients
    ratio = {"ratio": factor, "ratio_low": 0.8 * factor, "ratio_high": 1.2 * factor, "adjusted_share": 0.18 * factor}
    counts = {
        "patients": patients,
        "eligible": patients + 60,
        "observed": round(expected * factor),
        "expected": expected,
    }
    where = {"measure": measure, "marking": "compared", "position": position, "widened_position": position}
    return {**where, **_COMPARED, **counts, **ratio}


def _exact_comparison(patients: int) -> Iterator[Row]:
    for measure, position in zip(HEADLINES, ("above_95", "inside", "below_99_8"), strict=True):
        yield _place(measure, patients, {"above_95": 1.3, "inside": 1.0, "below_99_8": 0.6}[position], position)


def _comparison(sites: dict[str, str], empty: str, patients: int, all_hidden: bool) -> Iterator[Row]:
    for place, measure in enumerate(HEADLINES):
        for number, site_id in enumerate(sites):
            row = _place(measure, 10 * round(patients * (1 + number % 5) / 20), 0.7 + 0.1 * (number % 7), "inside")
            is_hidden = all_hidden or (number + place) % 6 == 3
            if site_id == empty or is_hidden:
                said = None if is_hidden else "insufficient"
                row = {"measure": measure, **dict.fromkeys(name for name in row if name != "measure"), "marking": said}
            yield {"site_id": site_id, **row, "state": "suppressed" if is_hidden else "shown"}


def _share_bounds(patients: int) -> Iterator[Row]:
    for measure in HEADLINES:
        yield {
            "measure": measure,
            "numerator": patients // 6,
            "patients": patients,
            "missing": patients // 7,
            "not_applicable": patients // 9,
            "share": 0.17,
            "share_if_missing_no": 0.14,
            "share_if_missing_yes": 0.29,
        }


def _risk_models() -> Iterator[Row]:
    levels = (("age", "per 10 years"), ("approach", "anterior"), ("approach", "posterior"), ("sex", "male"))
    for measure, (number, (term, level)) in product(HEADLINES, enumerate(levels)):
        is_reference = level == "anterior"
        yield {
            "measure": measure,
            "term": term,
            "level": level,
            "role": "reference" if is_reference else "estimated",
            "coefficient": 0.1 * number,
            "std_error": 0.05,
            "odds_ratio": 1.0 if is_reference else 1.0 + 0.1 * number,
            "odds_ratio_low": None if is_reference else 0.9,
            "odds_ratio_high": None if is_reference else 1.6,
            "model_kind": "full",
            "reason": None,
            "patients": 3730,
            "events": 680,
            "c_statistic": 0.61,
            "brier": 0.15,
            "calibration_intercept": 0.0,
            "calibration_slope": 0.97,
        }


def _calibration() -> Iterator[Row]:
    for measure, tenth in product(HEADLINES, range(1, 11)):
        share = 0.04 * tenth
        yield {
            "measure": measure,
            "first_tenth": tenth,
            "last_tenth": tenth,
            "patients": 370,
            "observed": 15 * tenth,
            "expected": 14.0 * tenth,
            "observed_share": share,
            "observed_share_low": 0.8 * share,
            "observed_share_high": 1.2 * share,
            "expected_share": 0.95 * share,
        }


def _sensitivity() -> Iterator[Row]:
    for number, setting in enumerate(("3", "4", "5")):
        yield {
            "label": "pain_past_3_months",
            "convention": "pain_nrs",
            "setting": setting,
            "is_default": setting == "4",
            "yes": 900 - 90 * number,
            "no": 2600 + 90 * number,
            "not_assessable": 700,
            "share": 0.25 - 0.02 * number,
        }


def _responders_baseline() -> Iterator[Row]:
    for characteristic in ("female", "age_years", "baseline_ndi"):
        yield {
            "visit_window": "12_months",
            "target_day": 365,
            "characteristic": characteristic,
            "responders": 1900,
            "non_responders": 1700,
            "responders_value": 0.5,
            "non_responders_value": 0.48,
            "difference": 0.03,
        }


# Deliveries


def _submissions(site_id: str) -> Iterator[Row]:
    for number, period in enumerate(("2025-12", "2026-01", "2026-02", "2026-03")):
        is_refused = number == 2
        is_hidden = number == 1
        yield {
            "site_id": site_id,
            "submission_period": period,
            "attempt": 1,
            "kind": "incremental" if number else "full",
            "status": "refused" if is_refused else "accepted",
            "code": "identifier_found" if is_refused else None,
            "rows_in": 2114,
            "rows_accepted": None if is_hidden else 0 if is_refused else 2091,
            "rows_quarantined": None if is_hidden else 2114 if is_refused else 23,
            "is_conserved": True,
            "state": "suppressed" if is_hidden else "shown",
        }


def _exact_submissions(site_id: str) -> Iterator[Row]:
    for row in _submissions(site_id):
        counts = {"rows_accepted": 2110, "rows_quarantined": 4} if row["state"] == "suppressed" else {}
        named = {
            "submission_id": f"{site_id}-{row['submission_period']}",
            "deidentification_method": "limited_data_set",
        }
        yield {
            name: value
            for name, value in (row | counts | named | {"is_synthetic": True}).items()
            if name not in ("site_id", "is_conserved", "state")
        }


def _table_counts() -> Iterator[Row]:
    for period, table in product(("2025-12", "2026-01", "2026-03"), _TABLES):
        yield {
            "submission_period": period,
            "attempt": 1,
            "source_table": table,
            "rows_in": 302,
            "rows_accepted": 300,
            "rows_quarantined": 2,
        }


_RULES = (
    ("follow_ups", "FUP-006", "critical", "day is after the patient's death"),
    ("encounters", "ENC-004", "critical", "start_day is missing"),
    ("procedures", "PRO-006", "warning", "the code is not in the format of its system"),
)


def _rule_failures(site_id: str) -> Iterator[Row]:
    for number, (table, rule, severity, reason) in enumerate(_RULES):
        is_hidden = number == 1
        yield {
            "site_id": site_id,
            "submission_period": "2026-03",
            "attempt": 1,
            "source_table": table,
            "rule": rule,
            "severity": severity,
            "reason": reason,
            "rows_checked": None if is_hidden else 305,
            "rows_failed": None if is_hidden else 15,
            "state": "suppressed" if is_hidden else "shown",
        }


def _validation_results(site_id: str) -> Iterator[Row]:
    for period, (table, rule, severity, reason) in product(("2025-12", "2026-01", "2026-03"), _RULES):
        yield {
            "submission_period": period,
            "attempt": 1,
            "submission_id": f"{site_id}-{period}",
            "source_table": table,
            "rule": rule,
            "severity": severity,
            "reason": reason,
            "rows_checked": 302,
            "rows_failed": 2,
        }


def _exact_attrition(patients: int) -> Iterator[Row]:
    left = patients + sum(_STEPS.values())
    for step, (reason, out) in enumerate(_STEPS.items(), 1):
        yield {"step": step, "reason": reason, "patients_in": left, "patients_out": out, "patients_left": left - out}
        left -= out


def _attrition(patients: int, all_hidden: bool) -> Iterator[Row]:
    for step, reason in enumerate(_STEPS, 1):
        left = None if all_hidden else patients + 40 * (len(_STEPS) - step)
        yield {"step": step, "reason": reason, "patients_left": left, "state": "suppressed" if all_hidden else "shown"}


def _completeness(patients: int) -> Iterator[Row]:
    for window, day in _WINDOWS.items():
        done = patients * 3 // 4
        yield {
            "visit_window": window,
            "target_day": day,
            "expected": patients,
            "done": done,
            "due": 12,
            "lost": patients // 8,
            "not_yet_due": 21,
            "died_before_window": 2,
            "revised_before_window": 3,
            "closed": patients - 40,
            "answered": done,
            "response": done / (patients - 40),
            "observed_days": 300 * patients,
            "potential_days": 340 * patients,
            "clarks_c": 300 / 340,
        }


# Patients


def _of_patients() -> dict[str, Callable[[], Iterator[Row]]]:
    patients = [f"patient{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(30)]
    return {
        "episodes": lambda: (_episode(patient, number) for number, patient in enumerate(patients)),
        "labels": lambda: (row for number, patient in enumerate(patients) for row in _labels(patient, number)),
        "label_evidence": lambda: (_evidence(patient) for patient in patients[::3]),
        "follow_ups": lambda: (row for patient in patients for row in _follow_ups(patient)),
        "visit_windows": lambda: (row for patient in patients for row in _visits(patient)),
        "responders": lambda: (row for patient in patients for row in _responders(patient)),
        "revisions": lambda: (_revision(patient, number) for number, patient in enumerate(patients[::5])),
        "expected_outcomes": lambda: (
            {"measure": measure, "patient_id": patient, "observed": 0, "expected": 0.2}
            for measure, patient in product(HEADLINES, patients)
        ),
    }


def _episode(patient: str, number: int) -> Row:
    return {
        "patient_id": patient,
        "index_period": MONTHS[number],
        "index_year": int(MONTHS[number][:4]),
        "sex": ("female", "male")[number % 2],
        "age_years": 41 + number,
        "age_band": "45-64",
        "bmi": 27.5,
        "smoking": "never",
        "diabetes": False,
        "asa_class": 2,
        "prior_cervical_surgery": False,
        "indication": "radiculopathy",
        "workers_compensation": False,
        "preop_opioid_use": False,
        "is_trauma": False,
        "is_tumour": False,
        "is_infection": False,
        "approach": "anterior",
        "index_levels": "C5-6",
        "level_count": 1,
        "levels_band": "1",
        "is_staged": False,
        "observed_days": 900,
        "death_day": None,
        "first_revision_day": 396 if number % 5 == 0 else None,
        "treatment_data_complete": True,
    }


def _labels(patient: str, number: int) -> Iterator[Row]:
    for place, label in enumerate(label_definitions()):
        status = ("yes", "no", "no", "not_assessable")[(number + place) % 4]
        yield {
            "patient_id": patient,
            "label": label.name,
            "status": status,
            "reason": "no_follow_up" if status == "not_assessable" else None,
            "onset_day": 120 if status == "yes" else None,
            "value": 5.0 if status == "yes" else None,
            "value_name": "neck_pain_nrs" if status == "yes" else None,
            "kind": next(iter(_KINDS.get(label.name, {})), None) if status == "yes" else None,
            "definition_version": 1,
            "is_counted": status != "not_assessable",
        }


def _evidence(patient: str) -> Row:
    return {
        "patient_id": patient,
        "label": "pain_past_3_months",
        "source_table": "follow_ups",
        "record_id": f"{patient}-12_months",
        "submission_id": "delivery-2026-03",
    }


def _follow_ups(patient: str) -> Iterator[Row]:
    for window, day in _WINDOWS.items():
        yield {
            "patient_id": patient,
            "follow_up_id": f"{patient}-{window}",
            "day": day,
            "visit_window": window,
            "is_window_visit": True,
            "is_after_revision": False,
            "has_outcome": True,
            "neck_pain_nrs": 5.0,
            "arm_pain_nrs": 3.0,
            "ndi_percent": 34.0,
            "ndi_band": "moderate",
            "ndi_items_answered": 10,
            "mjoa": 15,
            "mjoa_severity": "mild",
            "eq_vas": 70,
            "promis_pf_t": 41.0,
            "promis_pi_t": 60.0,
            "satisfaction": 1,
            "is_satisfied": True,
            "opioid_use": False,
            "working": True,
        }


def _visits(patient: str) -> Iterator[Row]:
    for window, day in _WINDOWS.items():
        yield {
            "patient_id": patient,
            "visit_window": window,
            "target_day": day,
            "state": "done",
            "is_closed": True,
            "follow_up_id": f"{patient}-{window}",
            "day": day,
        }


def _responders(patient: str) -> Iterator[Row]:
    for instrument, (window, day) in product(_SCALES, list(_WINDOWS.items())[1:]):
        yield {
            "patient_id": patient,
            "instrument": instrument,
            "visit_window": window,
            "target_day": day,
            "baseline_value": 40.0,
            "value": 24.0,
            "change": 16.0,
            "reached_mcid": True,
            "reached_scb": False,
            "reached_percent": True,
            "reason": None,
        }


def _revision(patient: str, number: int) -> Row:
    kind = _REVISIONS[number % len(_REVISIONS)]
    return {
        "patient_id": patient,
        "revision_number": 1,
        "day": 396,
        "type": kind,
        "types": kind,
        "levels": "C5-6",
        "is_adjacent_only": False,
        "procedure_ids": f"{patient}-revision",
    }
