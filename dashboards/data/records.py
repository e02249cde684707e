"""Rows of the marts that pages read, as declared. Built by `python -m scripts.docs`; do not edit."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AlarmsRow:
    """One row per site and measure that is named."""

    measure: str
    site_id: str
    reason: str
    side: str
    variation: str
    observed: int | None
    expected: float | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    index_period: str | None
    months: int | None
    chart: str | None
    value: float | None
    centre: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class AttritionRow:
    """One row per step from the delivered patients to the cohort, over all sites."""

    step: int
    reason: str
    patients_left: int | None
    state: str


@dataclass(frozen=True)
class BlankedCellsRow:
    """One row per attempt, rule and column of which a cell was set to missing."""

    site_id: str
    submission_period: str
    attempt: int
    source_table: str
    rule: str
    column_name: str
    reason: str
    rows_in: int | None
    cells: int | None
    state: str


@dataclass(frozen=True)
class CompletenessRow:
    """One row per visit window and site."""

    visit_window: str
    target_day: int
    site_id: str | None
    expected: int
    done: int
    due: int
    lost: int
    not_yet_due: int
    died_before_window: int
    revised_before_window: int
    closed: int
    answered: int
    response: float | None
    observed_days: int
    potential_days: int
    clarks_c: float | None


@dataclass(frozen=True)
class ControlChartsRow:
    """One row per charted measure, site (and all sites together) and month, or quarter, of the index fusion."""

    measure: str
    site_id: str | None
    index_period: str
    months: int
    chart: str | None
    reason_for_chart: str
    phase: int
    is_rebased: bool
    is_judged: bool
    has_trial_limits: bool
    value: float | None
    centre: float | None
    lower: float | None
    upper: float | None
    rules: str | None
    variation: str | None
    is_confirmed: bool
    false_alarm_rate: float | None
    target: float | None
    target_author: str | None
    target_reason: str | None
    assurance: str | None
    annotation: str | None
    annotation_author: str | None
    annotation_reason: str | None


@dataclass(frozen=True)
class CumulativeIncidenceRow:
    """One row per outcome, group of patients and day."""

    outcome: str
    stratum_kind: str
    stratum: str | None
    site_id: str | None
    day: int
    at_risk: int | None
    events: int | None
    incidence: float | None
    low: float | None
    high: float | None
    state: str


@dataclass(frozen=True)
class CusumRow:
    """One row per outcome, site and period of the index fusion with a patient."""

    measure: str
    site_id: str
    index_period: str
    patients: int
    observed: int
    expected: float
    vlad: float
    cusum_upper: float
    threshold_upper: float
    cusum_lower: float
    threshold_lower: float
    signal: str | None
    false_alarm_rate: float


@dataclass(frozen=True)
class ImprovementRatesRow:
    """One row per site with an accepted submission."""

    site_id: str
    marking: str
    eligible: int
    answered: int
    improved: int
    response: float | None
    observed_share: float | None
    expected_share: float | None
    predicted_share: float | None
    rate: float | None
    rate_low: float | None
    rate_high: float | None
    site_spread: float | None


@dataclass(frozen=True)
class LabelDefinitionsRow:
    """One row per label."""

    label: str
    title: str
    category: str
    definition_text: str
    guide: str
    version: int
    headline: int | None
    state: str


@dataclass(frozen=True)
class MeasureDefinitionsRow:
    """One row per measure."""

    measure: str
    place: int
    category: str
    title: str
    why: str
    numerator: str
    denominator: str
    exclusions: str
    direction: str
    unit: str
    exposure: str
    owner: str
    next_review: str
    version: int
    label: str | None
    baseline_score: str | None
    headline: int | None
    horizon_day: int | None
    judged_after_months: int
    state: str


@dataclass(frozen=True)
class MeasuresRow:
    """One row per measure, site, period of the index fusion and stratum, with the margins."""

    measure: str
    site_id: str | None
    resolution: str
    index_period: str | None
    stratum_kind: str
    stratum: str | None
    numerator: int | None
    patients: int | None
    excluded: int | None
    estimate: float | None
    estimate_low: float | None
    estimate_high: float | None
    person_years: float | None
    state: str


@dataclass(frozen=True)
class MissingAnswersRow:
    """One row per measure of what patients report and site."""

    measure: str
    site_id: str | None
    numerator: int
    answered: int
    not_answered: int
    share: float | None
    share_if_missing_no: float | None
    share_if_missing_yes: float | None
    weighted_share: float | None
    weighted_low: float | None
    weighted_high: float | None
    effective_patients: float


@dataclass(frozen=True)
class ReleaseInfoRow:
    """One row."""

    release_id: str
    data_to: str
    site_count: int
    patient_count_rounded: int | None
    minimum_cell_count: int
    code_version: str
    is_synthetic: bool
    state: str


@dataclass(frozen=True)
class RuleDefinitionsRow:
    """One row per rule."""

    source_table: str
    rule: str
    place: int
    category: str
    context: str
    severity: str
    costs: str
    measure_count: int
    marts: str | None
    state: str


@dataclass(frozen=True)
class RuleHistoryRow:
    """One row per site and rule that the latest submission in force or the one before it broke."""

    site_id: str
    source_table: str
    rule: str
    severity: str
    history: str
    submission_period: str
    attempt: int
    period_before: str | None
    attempt_before: int | None
    state: str


@dataclass(frozen=True)
class ScoreTrajectoriesRow:
    """One row per instrument and visit window (baseline included)."""

    instrument: str
    visit_window: str
    target_day: int
    patients: int | None
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None
    state: str


@dataclass(frozen=True)
class SiteComparisonRow:
    """One row per outcome and site with an accepted submission."""

    measure: str
    site_id: str
    marking: str | None
    patients: int | None
    eligible: int | None
    completeness: float | None
    observed: int | None
    expected: float | None
    share: float | None
    target_share: float | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    adjusted_share: float | None
    low_95: float | None
    high_95: float | None
    low_99_8: float | None
    high_99_8: float | None
    position: str | None
    phi: float | None
    tau2: float | None
    widened_low_95: float | None
    widened_high_95: float | None
    widened_low_99_8: float | None
    widened_high_99_8: float | None
    widened_position: str | None
    state: str


@dataclass(frozen=True)
class SitesRow:
    """One row per site that ever delivered."""

    site_id: str
    name: str
    state: str


@dataclass(frozen=True)
class SubmissionsRow:
    """One row per attempt of a site to deliver a month."""

    site_id: str
    submission_period: str
    attempt: int
    kind: str | None
    status: str
    code: str | None
    rows_in: int | None
    rows_accepted: int | None
    rows_quarantined: int | None
    rows_pending: int | None
    is_conserved: bool
    state: str


@dataclass(frozen=True)
class TableCountsRow:
    """One row per attempt and contract table."""

    site_id: str
    submission_period: str
    attempt: int
    source_table: str
    rows_in: int
    rows_accepted: int
    rows_quarantined: int
    rows_pending: int
    cells_blanked: int


@dataclass(frozen=True)
class ValidationResultsRow:
    """One row per attempt and rule."""

    site_id: str
    submission_period: str
    attempt: int
    submission_id: str
    source_table: str
    rule: str
    severity: str
    reason: str
    rows_checked: int
    rows_failed: int
    outcome: str
