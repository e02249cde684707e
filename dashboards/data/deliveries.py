"""What sites delivered: submissions, rows, broken rules, blanked cells, who is counted, and who was followed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards.data.reader import SUPPRESSED, Reader
from dashboards.data.records import (
    AttritionRow,
    BlankedCellsRow,
    CompletenessRow,
    RuleDefinitionsRow,
    RuleHistoryRow,
    SubmissionsRow,
    TableCountsRow,
    ValidationResultsRow,
)


@dataclass(frozen=True)
class ValidationState:
    """Submissions accepted (and in force), and refused."""

    accepted: int
    refused: int


@dataclass(frozen=True)
class Submission(SubmissionsRow):
    """One attempt of a site to deliver a period, and whether its rows add up; hidden counts of rows are None."""

    @property
    def is_suppressed(self) -> bool:
        """Whether some count is hidden to protect patients."""
        return self.state == SUPPRESSED


RuleFailure = ValidationResultsRow
"""How many rows of a submission of one's own site broke a rule, of those that it was applied to."""

Step = AttritionRow
"""Patients left after a step from delivery to cohort; None when hidden."""


@dataclass(frozen=True)
class OwnStep(AttritionRow):
    """A step of one's own site; with the first, the patients without an index fusion whom the site did not deliver."""

    patients_without_index: int | None


TableRows = TableCountsRow
"""Rows of one contract table of a submission: delivered, accepted and kept out."""

BlankedCells = BlankedCellsRow
"""Cells of one column that a rule set to missing in a submission, of the rows delivered; hidden counts are None."""

Completeness = CompletenessRow
"""How many patients of a site were seen at a visit window.

Expected visits are done, due (the window is open) or lost (it has closed). `response` is the share answered among the
closed ones and `clarks_c` the share of the possible time that was observed, both from 0 to 1.
"""


@dataclass(frozen=True)
class BrokenRule:
    """A rule that some row of a submission broke; how many rows is not said."""

    site_id: str
    submission_period: str
    attempt: int
    rule: str
    reason: str


@dataclass(frozen=True)
class FailingRule:
    """A rule that some row of a submission broke, with what it may cost; how many rows is not said."""

    site_id: str
    submission_period: str
    attempt: int
    source_table: str
    rule: str
    severity: str
    reason: str


RuleHistory = RuleHistoryRow
"""What became of a rule from the submission before to the latest in force of a site; how many rows is not said."""


@dataclass(frozen=True)
class OwnRuleHistory:
    """The same of one's own site, with the rows that broke the rule, now and before."""

    source_table: str
    rule: str
    reason: str
    history: str
    submission_period: str
    attempt: int
    period_before: str | None
    attempt_before: int | None
    rows_failed: int
    rows_failed_before: int


@dataclass(frozen=True)
class _Affected:
    source_table: str
    rule: str
    measures: Sequence[str]


@dataclass(frozen=True)
class _Status:
    status: str


def validation_state(reader: Reader, site_id: str | None) -> ValidationState:
    """How many submissions of a site, or of all, were accepted and refused."""
    of_site = ("true",) if site_id is None else ("site_id = ?", site_id)
    found = Counter(one.status for one in reader.protected(_Status, "submissions", *of_site))
    return ValidationState(found["accepted"], found["refused"])


def submissions(reader: Reader) -> list[Submission]:
    """Every attempt of every site as everybody may see it, latest first."""
    return reader.protected(Submission, "submissions", order="site_id, submission_period desc, attempt desc")


def own_submissions(reader: Reader, site_id: str) -> list[Submission]:
    """Every attempt of one's own site, exact, latest first.

    Raises:
        Denied: the site is not one of the scope's.
    """
    order = "submission_period desc, attempt desc"
    conserved = "rows_in = rows_accepted + rows_quarantined + rows_pending"
    return reader.own(Submission, "submissions", site_id, order=order, derived={"is_conserved": conserved})


def own_tables(reader: Reader, site_id: str) -> list[TableRows]:
    """Rows of each table of each attempt of one's own site, latest first.

    Raises:
        Denied: the site is not one of the scope's.
    """
    return reader.own(TableRows, "table_counts", site_id, order="submission_period desc, attempt desc, source_table")


def own_rule_failures(reader: Reader, site_id: str) -> list[RuleFailure]:
    """The rules that some row of one's own site broke, exact, latest first.

    Raises:
        Denied: the site is not one of the scope's.
    """
    order = "submission_period desc, attempt desc, source_table, rule"
    return reader.own(RuleFailure, "validation_results", site_id, "rows_failed > 0", order=order)


def own_rules_not_applicable(reader: Reader, site_id: str) -> list[RuleFailure]:
    """The rules that applied to no row of one's own site, latest first.

    Raises:
        Denied: the site is not one of the scope's.
    """
    order = "submission_period desc, attempt desc, source_table, rule"
    return reader.own(RuleFailure, "validation_results", site_id, "outcome = 'not_applicable'", order=order)


_BLANKED_ORDER = "submission_period desc, attempt desc, source_table, column_name, rule"


def own_blanked_cells(reader: Reader, site_id: str) -> list[BlankedCells]:
    """The cells of one's own site that were set to missing, exact, latest first.

    Raises:
        Denied: the site is not one of the scope's.
    """
    return reader.own(BlankedCells, "blanked_cells", site_id, order=_BLANKED_ORDER)


def blanked_cells(reader: Reader, since: str) -> list[BlankedCells]:
    """The cells of every site that were set to missing in a period from `since` (`YYYY-MM`) on, as all may see them."""
    order = f"{_BLANKED_ORDER}, site_id"
    return reader.protected(BlankedCells, "blanked_cells", "submission_period >= ?", since, order=order)


def broken_rules(reader: Reader, since: str) -> list[BrokenRule]:
    """The rules that some row broke in a period from `since` (`YYYY-MM`) on, at every site, oldest first."""
    return reader.protected(
        BrokenRule,
        "rule_failures",
        "submission_period >= ?",
        since,
        order="submission_period, site_id, attempt, source_table, rule",
    )


def failing_rules(reader: Reader) -> list[FailingRule]:
    """The rules that some row broke at every site, oldest first; not those that only count or wait."""
    order = "submission_period, site_id, attempt, source_table, rule"
    return reader.protected(FailingRule, "rule_failures", "severity in ('critical', 'warning')", order=order)


def own_failing_rules(reader: Reader, site_id: str) -> list[FailingRule]:
    """The rules that some row of one's own site broke, oldest first; not those that only count or wait.

    Raises:
        Denied: the site is not one of the scope's.
    """
    failed, order = (
        "rows_failed > 0 and severity in ('critical', 'warning')",
        "submission_period, attempt, source_table, rule",
    )
    return reader.own(FailingRule, "validation_results", site_id, failed, order=order)


def rule_history(reader: Reader) -> list[RuleHistory]:
    """What became of each rule at every site."""
    return reader.protected(RuleHistory, "rule_history", order="site_id, source_table, rule")


def own_rule_history(reader: Reader, site_id: str) -> list[OwnRuleHistory]:
    """What became of each rule at one's own site.

    Raises:
        Denied: the site is not one of the scope's.
    """
    return reader.own(OwnRuleHistory, "rule_history", site_id, order="source_table, rule")


def rule_categories(reader: Reader) -> Mapping[tuple[str, str], str]:
    """What kind of quality each rule asks for, by table and code."""
    rules = reader.protected(RuleDefinitionsRow, "rule_definitions")
    return {(one.source_table, one.rule): one.category for one in rules}


def rule_measures(reader: Reader) -> Mapping[tuple[str, str], Sequence[str]]:
    """The measures that each rule affects, by its table and code."""
    # A row for each rule: there are as many rows as rules times measures, and a page would make a record of each.
    measures = {"measures": "list(measure order by measure)"}
    found = reader.protected(_Affected, "rule_measures", "true group by source_table, rule", derived=measures)
    return {(one.source_table, one.rule): one.measures for one in found}


def attrition(reader: Reader) -> list[Step]:
    """Patients of all sites left after each step, in the order of the steps."""
    return reader.protected(Step, "attrition", order="step")


def own_attrition(reader: Reader, site_id: str) -> list[OwnStep]:
    """Patients of one's own site left after each step, in the order of the steps.

    Raises:
        Denied: the site is not one of the scope's.
    """
    return reader.own(OwnStep, "attrition", site_id, order="step")


def completeness(reader: Reader, site_id: str) -> list[Completeness]:
    """How many patients of one's own site were seen at each visit window, in the order of the windows.

    Raises:
        Denied: the site is not one of the scope's.
    """
    return reader.own(Completeness, "completeness", site_id, order="target_day, visit_window")
