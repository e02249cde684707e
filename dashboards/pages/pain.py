"""Pain and recovery: pain since surgery, scores by visit window, who got clearly better, satisfaction, follow-up."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts import windows as charts
from dashboards.charts.trajectory import Scale, drawn, patients_below, score, trajectory
from dashboards.charts.windows import Panel
from dashboards.data import answers, scores
from dashboards.data.measures import Value
from dashboards.data.scores import Scores
from dashboards.pages.frame import Page, View
from dashboards.pages.number import big_number, counted, in_short, sentence, with_interval
from dashboards.pages.rows import Row, chosen, interval_card, none_held, notes_on_values, rows_of, values_table
from outcomes.sql.shipped import shipped

_HEADLINE = "pain_past_3_months"
_NO_RATE = {
    "under_half_answered": "Fewer than half of the patients answered both before surgery and a year after it: the rate "
    "is not reported. It is shown once half do.",
    "insufficient": "Fewer than 20 patients answered before surgery and a year after it: the rate is not reported.",
    "only_site": "There is no other site whose case mix the rate could be standardised to.",
}
_TIMELINE = (
    "early_discomfort",
    "normal_discomfort",
    "transition_pain",
    _HEADLINE,
    "late_pain_5_years",
    "late_pain_10_years",
    "late_pain_20_years",
)
_SCORE_HEAD = ("Visit window", "Whose", "Patients", "Lower quartile", "Median", "Upper quartile")
_QUARTERS = 4
"""Quartiles of others are shown of so many times the minimum cell count: each quarter holds it."""


@dataclass(frozen=True)
class _Words:
    """How an instrument is said: a title, a short name, its unit on an axis, where that begins, and what it is."""

    title: str
    short: str
    unit: str
    lowest: float
    about: str


_INSTRUMENTS = {
    "neck_pain_nrs": _Words(
        "Neck pain", "Neck pain", "0 to 10, lower is better", 0, "Neck pain as the patient rates it, from 0 to 10."
    ),
    "ndi": _Words(
        "Neck disability (NDI)",
        "Neck disability",
        "Percent, lower is better",
        0,
        "Neck Disability Index (NDI): ten questions on daily life, in percent of the possible points.",
    ),
    "arm_pain_nrs": _Words(
        "Arm pain", "Arm pain", "0 to 10, lower is better", 0, "Arm pain as the patient rates it, from 0 to 10."
    ),
    "mjoa": _Words(
        "Myelopathy (mJOA)",
        "Myelopathy",
        "Points of 18, higher is better",
        0,
        "Modified Japanese Orthopaedic Association score (mJOA): hands, legs, feeling and bladder, 0 to 18 points.",
    ),
    "promis_pf_t": _Words(
        "Physical function (PROMIS)",
        "Physical function",
        "T-score, higher is better",
        20,
        "Patient-Reported Outcomes Measurement Information System (PROMIS), physical function: 50 is the mean of the "
        "general population, 10 its standard deviation.",
    ),
    "promis_pi_t": _Words(
        "Pain interference (PROMIS)",
        "Pain interference",
        "T-score, lower is better",
        20,
        "Patient-Reported Outcomes Measurement Information System (PROMIS), how much pain interferes with daily life: "
        "50 is the mean of the general population, 10 its standard deviation.",
    ),
    "eq_vas": _Words(
        "Health as the patient rates it (EQ VAS)",
        "Health",
        "0 to 100, higher is better",
        0,
        "EQ visual analogue scale (EQ VAS): today's health, from 0, the worst imaginable, to 100, the best.",
    ),
}
"""Instruments in the order of the page."""

_PAIN_AND_DISABILITY = {name: _INSTRUMENTS[name].short for name in ("ndi", "neck_pain_nrs", "arm_pain_nrs")}
"""Instruments with a threshold in percent and an acceptable score."""

_CHANGE_CLASSES = {"better": "Better", "mixed": "Mixed", "same": "The same", "worse": "Worse"}
"""Classes of a change of health by the EQ-5D."""


def pain(view: View) -> Page:
    """Pain since surgery, scores by instrument and window, who got clearly better, satisfaction, follow-up."""
    own = scores.trajectories(view.reader, view.site.site_id if view.site else None)
    others = scores.trajectories(view.reader, None) if view.site else {}
    rows = rows_of(view)
    cards = [
        _timeline(view, chosen(rows_of(view.of_all_years()), _TIMELINE)),
        *(_trajectory(view, name, own.get(name, []), others.get(name, [])) for name in _INSTRUMENTS),
        _clearly_better(view, rows),
        _improved(view, rows),
        _acceptable(view, rows),
        _health(view, rows),
        *_improvement_rate(view),
        _satisfied(view, chosen(rows, [f"satisfied_{window}" for window in charts.TICKS])),
        _answered(view, chosen(rows, [f"follow_up_{window}" for window in charts.TICKS])),
    ]
    return Page("Pain and recovery", cards, filters=("period", "group"))


def _timeline(view: View, rows: Sequence[Row]) -> Card:
    """The headline as a number, and what came before and after it in rows."""
    whole = view.of_all_years().filters
    narrowed = f", {wording.narrowed(whole)}" if whole.are_narrow else ""
    title = f"Pain past 3 months: {view.who}{narrowed}"
    headline = next((row for row in rows if row.measure.measure == _HEADLINE), None)
    if headline is None:
        return none_held(view, Card("timeline", title))
    card = Card(
        "timeline",
        title,
        sentence=f"{headline.measure.why} The rows show neck pain by time since surgery, with 95 % intervals.",
        body=[big_number(headline.measure, headline.value)],
        notes=[
            "Discomfort in the first weeks is expected. Each row is of the patients assessed at that time, so the "
            "patients differ from row to row.",
            wording.all_years(view.filters),
        ],
    )
    return interval_card(view, card, rows)


def _trajectory(view: View, name: str, own: Sequence[Scores], others: Sequence[Scores]) -> Card:
    said = _INSTRUMENTS[name]
    card = f"scores-{name.replace('_', '-')}"
    if all(each.median is None for each in own):
        return Card(card, said.title, sentence=_no_scores(view, own), about=said.about, is_wide=False)
    before = next((each.median for each in (*own, *others) if each.visit_window == "baseline"), None)
    difference = None if before is None else _difference(name, before)
    reference = None if before is None or difference is None else before + difference
    windows = [each.visit_window for each in drawn(own)]
    own_name = "this site" if view.site else "all sites"
    return Card(
        card,
        said.title,
        sentence=f"{_course(view, drawn(own))} Bars: from the lower to the upper quartile."
        + (" Grey: all sites." if any(each.median is not None for each in others) else ""),
        figure=trajectory(own, others, Scale(said.unit, said.lowest, reference), own_name),
        css_class="chart chart--trajectory",
        table=_scores_table(view, said.title, own, others),
        below=[
            (f"Patients, {whose}", patients_below(of_whom, windows))
            for whose, of_whom in ((own_name, own), ("all sites", others))
            if of_whom
        ],
        notes=[
            _reference_note(before, difference),
            "Of all patients, whatever the filters." if view.filters.are_narrow else "",
            f"{wording.SUPPRESSED}: a window of fewer than {_QUARTERS * view.minimum_cell_count} patients, whose "
            "quartiles could disclose the score of one."
            if any(each.is_suppressed for each in (*own, *others))
            else "",
        ],
        about=f"{said.about} The patients differ from window to window: those who return differ from those who do not. "
        "Scores after a revision are left out. Windows after 24 months are in the table only.",
        is_wide=False,
    )


def _no_scores(view: View, own: Sequence[Scores]) -> str:
    if any(each.is_suppressed for each in own):
        return (
            f"{wording.SUPPRESSED}: fewer than {_QUARTERS * view.minimum_cell_count} patients in every window. "
            "Medians are shown once more patients have been followed."
        )
    return "No patient has this score yet. Medians are shown once scores have been delivered."


def _course(view: View, own: Sequence[Scores]) -> str:
    """The first and the last median that there are, in wording."""
    known = [(each.visit_window, each.median) for each in own if each.median is not None]
    if not known:
        return f"{view.who}: no median up to 24 months; later ones are in the table."
    (first, start), (last, end) = known[0], known[-1]
    at = [f"{score(start)} {_when(first)}", *([f"{score(end)} {_when(last)}"] if last != first else [])]
    return f"{view.who}: median {', '.join(at)}."


def _when(window: str) -> str:
    said = wording.in_words(window)
    return said.lower() if window == "baseline" else f"at {said}"


def _reference_note(before: float | None, difference: float | None) -> str:
    if before is None or difference is None:
        return ""
    better = "more" if difference > 0 else "less"
    return (
        f"Dashed: {score(abs(difference))} {better} than the median before surgery, the minimal clinically important "
        "difference (MCID)."
    )


def _scores_table(view: View, title: str, own: Sequence[Scores], others: Sequence[Scores]) -> Table:
    behind = {each.visit_window: each for each in others}
    return Table(
        f"{title} by visit window",
        _SCORE_HEAD,
        [
            [wording.in_words(each.visit_window), whose, *_score_cells(view, of_whom)]
            for each in own
            for whose, of_whom in ((view.who, each), ("All sites", behind.get(each.visit_window)))
            if of_whom is not None
        ],
        numbers=4,
    )


def _score_cells(view: View, one: Scores) -> list[Cell]:
    if one.is_suppressed:
        return [Cell(wording.SUPPRESSED, "suppressed")] * 4
    quartiles = (one.lower_quartile, one.median, one.upper_quartile)
    return [
        counted(one.patients),
        *(Cell(wording.DASH if number is None else score(number), number) for number in quartiles),
    ]


def _difference(instrument: str, before: float) -> float | None:
    """The minimal clinically important difference at a score before surgery, positive where higher is better."""
    row = _reference("instruments").get(instrument)
    if row is None:
        return None
    by_severity = next(
        (
            one["mcid"]
            for one in _reference("mjoa_severity").values()
            if float(one["lowest"]) <= before <= float(one["highest"])
        ),
        "",
    )
    mcid = row["mcid"] or (by_severity if instrument == "mjoa" else "")
    if not mcid:
        return None
    return float(mcid) if row["higher_is_better"] == "true" else -float(mcid)


@lru_cache
def _reference(table: str) -> dict[str, dict[str, str]]:
    """A reference table that labels and measures use too, by its first column."""
    with shipped("sql", "reference", f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        return {next(iter(row.values())): row for row in csv.DictReader(lines)}


def _clearly_better(view: View, rows: Mapping[str, Row]) -> Card:
    card = Card(
        "clearly-better",
        "Clearly better",
        sentence="Patients whose score improved by at least the minimal clinically important difference, among those "
        "with a score before surgery and in the window, with 95 % intervals.",
        css_class="chart chart--panels",
        notes=["A mean does not show how many patients improved; these are shares with a change that patients notice."],
    )
    return _panels_card(view, card, _by_window(rows, "mcid", {name: one.short for name, one in _INSTRUMENTS.items()}))


def _improved(view: View, rows: Mapping[str, Row]) -> Card:
    card = Card(
        "improved",
        "Improved by 30 percent",
        sentence="The same patients as for clearly better, by another threshold: a score that fell by at least 30 "
        "percent of the one before surgery.",
        css_class="chart chart--panels",
        notes=[
            "Points and percent disagree about patients whose score before surgery was very high or low; what holds by "
            "both is firm."
        ],
    )
    return _panels_card(view, card, _by_window(rows, "improved", _PAIN_AND_DISABILITY))


def _acceptable(view: View, rows: Mapping[str, Row]) -> Card:
    limits = _reference("acceptable_scores")
    card = Card(
        "acceptable",
        "In an acceptable state",
        sentence=f"Patients with a disability of at most {limits['ndi']['at_most']} percent, or pain of at most "
        f"{limits['neck_pain_nrs']['at_most']} of 10, among all with a score in the window.",
        css_class="chart chart--panels",
        notes=["A patient may improve much and still be badly off, or be well without having improved."],
    )
    return _panels_card(view, card, _by_window(rows, "acceptable", _PAIN_AND_DISABILITY))


def _health(view: View, rows: Mapping[str, Row]) -> Card:
    card = Card(
        "health",
        "Health by the EQ-5D",
        sentence="Change since before surgery in mobility, self-care, usual activities, pain and anxiety. Better: in "
        "at least one better and in none worse; worse: the reverse; mixed: better in some, worse in others.",
        css_class="chart chart--panels",
        notes=[
            "This classification (Paretian) needs no weights of the dimensions; shares of a window add up to 100 %."
        ],
    )
    return _panels_card(view, card, _by_window(rows, "eq5d", _CHANGE_CLASSES))


def _improvement_rate(view: View) -> list[Card]:
    """The site's own, as hip and knee replacement are reported."""
    one = answers.improvement_rate(view.reader, view.site.site_id) if view.site else None
    if one is None:
        return []
    card = Card(
        "improvement-rate",
        "Risk-standardised improvement rate",
        notes=[
            "A cervical twin of the measure of hip and knee replacement (CBE 3559), not the measure. Planned surgery, "
            "asked in the 90 days before it and 300 to 425 days after; substantial clinical benefit of the Neck "
            "Disability Index; weighted for those who did not answer, and drawn towards the other sites the fewer the "
            "patients."
        ],
    )
    if one.rate is None or one.rate_low is None or one.rate_high is None:
        return [replace(card, body=[_NO_RATE[one.marking]])]
    interval = f"({100 * one.rate_low:.0f}–{100 * one.rate_high:.0f})"
    basis = f"of patients would improve substantially with the case mix of all sites; {wording.count(one.answered)} of "
    basis += f"{wording.count(one.eligible)} answered both times"
    # Expected and predicted beside the rate would tell the exact share of all sites.
    shares = (("Observed", one.observed_share), ("Risk-standardised rate", one.rate))
    return [
        replace(
            card,
            body=[sentence(wording.percent(one.rate, one.answered), interval, basis)],
            table=Table(
                "Risk-standardised improvement rate",
                ("Which share", "Share"),
                [
                    [name, Cell(wording.DASH if share is None else wording.percent(share, one.answered), share)]
                    for name, share in shares
                ],
                numbers=1,
            ),
        )
    ]


def _by_window(rows: Mapping[str, Row], kind: str, names: Mapping[str, str]) -> dict[str, list[Row]]:
    """Measures of a kind by heading, in the order of the windows; `names` holds their names and headings."""
    return {
        heading: chosen(rows, [f"{kind}_{name}_{window}" for window in charts.TICKS]) for name, heading in names.items()
    }


def _satisfied(view: View, rows: list[Row]) -> Card:
    card = Card(
        "satisfied",
        "Satisfied with surgery",
        sentence="Patients who say that surgery met their expectations, among those who answered."
        f"{_at_12_months(view, rows)}",
        is_wide=False,
    )
    return _panels_card(view, card, {"Percent": rows})


def _answered(view: View, rows: list[Row]) -> Card:
    card = Card(
        "answered",
        "Follow-up complete",
        sentence=f"Patients with a scored visit, among those expected in a closed window.{_at_12_months(view, rows)}",
        notes=[next((row.measure.why for row in rows), "")],
        is_wide=False,
    )
    return _panels_card(view, card, {"Percent": rows})


def _at_12_months(view: View, rows: Sequence[Row]) -> str:
    year = next((row for row in rows if _window(row) == "12_months"), None)
    return f" At 12 months: {in_short(year.measure, year.value)}." if year else ""


def _panels_card(view: View, card: Card, found: dict[str, list[Row]]) -> Card:
    """Measures by visit window, a panel for each heading that has any."""
    rows = [row for of_one in found.values() for row in of_one]
    if not rows:
        return none_held(view, card)
    card = replace(card, table=values_table(view, card.title, rows))
    values = [value for row in rows for value in (row.value, row.everybody) if value is not None]
    if all(value.estimate is None for value in values):
        return replace(card, body=[_no_share(view, values)], notes=[])
    windows = [window for window in charts.TICKS if any(_window(row) == window for row in rows)]
    has_others = any(row.everybody and row.everybody.estimate is not None for row in rows)
    return replace(
        card,
        sentence=f"{card.sentence} Grey: all sites." if has_others else card.sentence,
        figure=charts.panels(
            windows, [_panel(view, name, of_one, windows) for name, of_one in found.items() if of_one]
        ),
        notes=[*card.notes, *notes_on_values(view, rows)],
    )


def _no_share(view: View, values: Sequence[Value]) -> str:
    if any(value.is_suppressed for value in values):
        return f"No share can be shown. {wording.hidden_note(view.minimum_cell_count)}"
    return "Nobody could be assessed yet. Shares are shown once scores have been delivered."


def _window(row: Row) -> str:
    """The visit window that a measure's name ends with."""
    return next((window for window in charts.TICKS if row.measure.measure.endswith(f"_{window}")), "")


def _panel(view: View, heading: str, rows: Sequence[Row], windows: Sequence[str]) -> Panel:
    by_window = {_window(row): row for row in rows}
    at = [by_window.get(window) for window in windows]
    others = [row and row.everybody and with_interval(row.measure, row.everybody) for row in at]
    return Panel(
        heading,
        [with_interval(row.measure, row.value) if row else None for row in at],
        [other[0] if other else None for other in others],
        [_hover(view, row) if row else "" for row in at],
        [wording.SUPPRESSED if row and row.value.is_suppressed else None for row in at],
    )


def _hover(view: View, row: Row) -> str:
    said = f"{wording.in_words(_window(row))}: {in_short(row.measure, row.value)}"
    return f"{said}<br>95 % interval {wording.interval(row.measure, row.value)}"
