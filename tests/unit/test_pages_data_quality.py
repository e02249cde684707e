"""The data-quality page: exact for one's own site, protected for all, and rows always adding up."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.access.log import AccessLog
from dashboards.access.scope import Scope
from dashboards.cards import Card
from dashboards.charts.months import Line, lines
from dashboards.data.deliveries import (
    BlankedCells,
    BrokenRule,
    Completeness,
    FailingRule,
    OwnRuleHistory,
    RuleFailure,
    Submission,
)
from dashboards.pages.data_quality import blanked_cells, broken_rules, cohort, resting_measures, submitted
from dashboards.pages.frame import View
from dashboards.pages.site import Site
from tests.support.dashboard_release import FOREIGN, SITES, leaked
from tests.support.dashboard_views import cards, reader_of, texts
from tests.support.golden import site_over
from tests.support.records import a

OWN = "ashworth"
ACCEPTED = Submission("a", "2026-02", 1, "full", "accepted", None, 1000, 960, 40, 0, True, "shown")
REFUSED = Submission("a", "2026-03", 1, None, "refused", "file_encoding", 500, 0, 500, 0, True, "shown")
CRITICAL = a(
    RuleFailure, site_id="a", submission_period="2026-02", attempt=1, source_table="follow_ups", rule="FUP-006",
    severity="critical", reason="day is after death", rows_checked=1000, rows_failed=40,
)  # fmt: skip

BLANKED = a(
    BlankedCells, site_id="a", submission_period="2026-02", attempt=1, source_table="patients", rule="PAT-006",
    column_name="bmi", reason="ASA is out of range", rows_in=1000, cells=20, state="shown",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(home: Path) -> Site:
    return site_over(home)


def _built(site: Site, query: str) -> tuple[View, dict[str, Card]]:
    view, page = site.build(reader_of(site.settings.home, OWN), "/data-quality", query)
    return view, cards(page)


def _shown(site: Site, query: str) -> str:
    shown = site.show(Scope("me", frozenset({OWN}), "quality"), "/data-quality", query)
    return shown.html


def test_rows_in_are_rows_accepted_plus_rows_quarantined_as_a_sentence() -> None:
    assert submitted.conservation([ACCEPTED, REFUSED]) == (
        "Rows add up in every submission: 1,500 in = 960 accepted + 540 quarantined + 0 pending."
    )


def test_rows_that_do_not_add_up_are_said() -> None:
    lost = replace(ACCEPTED, rows_accepted=959, is_conserved=False)
    assert submitted.conservation([lost, REFUSED]).startswith("Rows do not add up in 1 submission: 1,500 in")


def test_totals_leave_out_submissions_whose_counts_are_hidden() -> None:
    hidden = replace(
        ACCEPTED,
        submission_period="2026-04",
        rows_in=77,
        rows_accepted=None,
        rows_quarantined=None,
        rows_pending=None,
        state="suppressed",
    )
    assert submitted.conservation([ACCEPTED, hidden]) == (
        "Rows add up in every submission: 1,000 in = 960 accepted + 40 quarantined + 0 pending, "
        "over the 1 submission whose counts are shown."
    )


def test_ones_own_site_sees_its_exact_rows(site: Site) -> None:
    _, shown = _built(site, f"?site={OWN}")
    hidden_to_others = texts(shown["attempts"])[2]
    assert hidden_to_others == [
        "January\u00a02026",
        "1",
        "Incremental",
        "Accepted",
        "–",
        "Yes",
        "2,114",
        "2,111",
        "3",
        "0",
    ]


def test_all_sites_together_show_no_exact_number_of_another(site: Site) -> None:
    text = _shown(site, "?site=all")
    assert leaked(text) == []
    assert "2,111" not in text


def test_a_hidden_count_is_said_to_be_hidden_and_never_zero(site: Site) -> None:
    view, _ = _built(site, "?site=all")
    hidden = replace(
        ACCEPTED, site_id=OWN, rows_accepted=None, rows_quarantined=None, rows_pending=None, state="suppressed"
    )
    card = submitted.by_site(view, [hidden], [])
    row = next(row for row in texts(card) if row[0] == SITES[OWN])
    assert row[-4:] == ["1,000", *["– suppressed"] * 3]


def test_patients_without_an_index_fusion_are_told_of_ones_own_site_alone(site: Site) -> None:
    _, own = _built(site, f"?site={OWN}")
    said = "Of the site's source, 1,204 further patients have no index fusion and were not delivered."
    assert list(own["attrition"].notes)[-1] == said
    assert "no index fusion" not in _shown(site, "?site=all")


def test_sites_stand_in_the_order_of_their_names_and_only_ones_own_leads_on(site: Site) -> None:
    _, shown = _built(site, "?site=all")
    table = shown["sites"].table
    assert table is not None
    names = [next(iter(row)) for row in table.cells()]
    assert [name.text for name in names] == sorted(SITES.values(), key=str.lower)
    assert [name.text for name in names if name.href] == [SITES[OWN]]


def test_a_refused_submission_says_what_was_wrong_and_what_to_do() -> None:
    (card,) = submitted.refused([ACCEPTED, REFUSED], {})
    assert texts(card) == [["March\u00a02026", "1", "file_encoding", "A file is not UTF-8", "Export it as UTF-8"]]


def test_a_long_list_of_refused_submissions_says_that_it_is_cut() -> None:
    many = [replace(REFUSED, attempt=attempt) for attempt in range(1, 71)]
    (card,) = submitted.refused(many, {})
    rows = texts(card)
    assert (len(rows), rows[0][1], card.notes[0]) == (60, "70", "The latest 60 of 70.")


def test_rules_over_time_are_exact_shares_of_the_last_attempt_that_was_not_refused(site: Site) -> None:
    _, shown = _built(site, f"?site={OWN}")
    rows = texts(shown["over-time"])
    assert [row[0] for row in rows] == ["2025-12", "2026-01", "2026-03"]
    assert rows[0][1:] == ["2,114", "23", "1.1\u00a0%", "2", "0.1\u00a0%"]
    one, none = (replace(ACCEPTED, rows_in=20_000, rows_quarantined=rows) for rows in (1, 0))
    said = [broken_rules.over_time([each], [])[0].sentence for each in (one, none)]
    assert ["<0.1\u00a0% of the rows broke a critical" in said[0], "no row broke a critical rule, " in said[1]] == [
        True,
        True,
    ]


def test_rules_of_all_sites_are_counted_by_submission_and_not_by_row() -> None:
    second = replace(ACCEPTED, site_id="b")
    broken = [
        BrokenRule("a", "2026-02", 1, "FUP-006", "r"),
        BrokenRule("a", "2026-02", 1, "FUP-007", "r"),
        BrokenRule("b", "2026-02", 1, "FUP-006", "r"),
        BrokenRule("a", "2026-03", 1, "FUP-006", "r"),
    ]
    (card,) = broken_rules.rules_by_month([ACCEPTED, second, REFUSED], broken, ["2026-02"])
    assert texts(card) == [["2026-02", "2", "1.5"]]
    (bars,) = broken_rules.rules(broken, ["2026-02"])
    assert texts(bars) == [["FUP-006", "r", "3"], ["FUP-007", "r", "1"]]


def test_quarantine_counts_critical_rules_of_submissions_in_force() -> None:
    failures = [
        CRITICAL,
        replace(CRITICAL, rule="FUP-007", severity="warning"),
        replace(CRITICAL, rule="FUP-008", submission_period="2026-03"),
    ]
    (card,) = broken_rules.quarantine([ACCEPTED, REFUSED], failures)
    assert texts(card) == [["FUP-006", "day is after death", "40"]]
    assert not card.body
    (empty,) = broken_rules.quarantine([ACCEPTED], [])
    assert empty.body == ["No row is in quarantine."]


def test_many_rules_are_drawn_in_part_and_listed_in_full() -> None:
    failures = [replace(CRITICAL, rule=f"R-{number:02d}", rows_failed=number) for number in range(1, 31)]
    (card,) = broken_rules.quarantine([ACCEPTED], failures)
    assert card.figure is not None
    assert (len(card.figure["data"][0]["x"]), len(card.beside), len(texts(card))) == (12, 12, 30)
    assert card.notes[0] == "The 12 most frequent of 30 rules; the table has them all."


def test_follow_up_stacks_held_open_and_lost_to_the_whole() -> None:
    counts = {"expected": 200, "done": 120, "due": 20, "lost": 60, "closed": 180, "answered": 120}
    window = a(Completeness, visit_window="12_months", **counts, response=120 / 180, clarks_c=0.9)
    nobody = a(Completeness, visit_window="24_months")
    (card,) = cohort.follow_up([window, nobody])
    assert card.figure is not None
    assert [trace["x"] for trace in card.figure["data"]] == [[60.0], [10.0], [30.0]]
    assert card.sentence == (
        "At 12 months, 67\u00a0% of the visits whose window has closed were held (120 of 180); "
        "no window after surgery reaches 80\u00a0%."
    )


def test_months_without_a_value_leave_a_gap_and_few_are_named() -> None:
    months = [f"2025-{month:02d}" for month in range(1, 13)]
    figure = lines(months, [Line("kept out", [1.0, None, *[2.0] * 10], "#000000")], "Percent", " %")
    assert figure["data"][0]["y"][:3] == [1.0, None, 2.0]
    assert figure["layout"]["xaxis"]["tickvals"] == months[1::2]
    assert figure["layout"]["xaxis"]["ticktext"][-1] == "Dec<br>2025"


def test_names_of_lines_that_end_close_to_each_other_keep_apart() -> None:
    close = [Line("kept out", [5.0], "#000000"), Line("flagged", [5.1], "#000000")]
    ends = {note["text"]: note.get("yanchor") for note in lines(["2025-01"], close, "Percent")["layout"]["annotations"]}
    assert (ends["kept out"], ends["flagged"]) == ("top", "bottom")


def test_reading_another_site_leaves_a_line_in_the_access_log(tmp_path: Path, site: Site) -> None:
    noted = replace(site, log=AccessLog(tmp_path / "access.jsonl"))
    noted.show(Scope("me", frozenset({OWN}), "quality"), "/data-quality", f"?site={FOREIGN}")
    assert json.loads((tmp_path / "access.jsonl").read_text())["view"] == "denied /data-quality"


def test_blanked_cells_are_shares_of_the_rows_of_submissions_in_force(site: Site) -> None:
    view, _ = _built(site, f"?site={OWN}")
    refused = replace(BLANKED, submission_period="2026-03", cells=400)
    hidden = replace(BLANKED, column_name="asa", cells=None, rows_in=None, state="suppressed")
    card = blanked_cells.blanked(view, [ACCEPTED, REFUSED], [BLANKED, refused, hidden])
    assert texts(card) == [
        ["Patients", "asa", "PAT-006", "ASA is out of range", "1", "– suppressed", "– suppressed", "–"],
        ["Patients", "bmi", "PAT-006", "ASA is out of range", "1", "20", "1,000", "2.0\u00a0%"],
    ]


def test_no_blanked_cell_is_said(site: Site) -> None:
    view, _ = _built(site, f"?site={OWN}")
    card = blanked_cells.blanked(view, [ACCEPTED], [])
    assert card.table is None
    assert "No cell was set to missing." in str(card.body)


def test_all_sites_together_hide_the_blanked_cells_of_few_patients(site: Site) -> None:
    _, shown = _built(site, "?site=all")
    (row,) = texts(shown["blanked"])
    assert row[-3:] == ["– suppressed", "– suppressed", "–"]


def test_a_rule_that_no_row_could_break_is_not_applicable_in_words() -> None:
    idle = replace(CRITICAL, rows_checked=0, rows_failed=0, outcome="not_applicable")
    (card,) = broken_rules.not_applicable([REFUSED, ACCEPTED], [idle, replace(idle, submission_period="2026-03")])
    assert "1 rule not applicable" in str(card.sentence)
    assert texts(card) == [["FUP-006", "Follow-ups", "day is after death"]]
    assert broken_rules.not_applicable([ACCEPTED], []) == []


def _became(rule: str, history: str, now: int, before: int) -> OwnRuleHistory:
    return OwnRuleHistory("follow_ups", rule, "day is after death", history, "2026-03", 2, "2026-01", 1, now, before)


def test_what_became_of_rules_is_said_in_words() -> None:
    found = [
        _became("FUP-001", "resolved", 0, 3),
        _became("FUP-002", "new", 2, 0),
        _became("FUP-003", "persisting", 4, 5),
        _became("FUP-004", "untested", 0, 1),
        _became("FUP-005", "new", 1, 0),
    ]
    (card,) = broken_rules.own_history(found, {("follow_ups", "FUP-002"): "completeness"})
    assert card.sentence == (
        "March\u00a02026, attempt 2, against January\u00a02026, attempt 1: 2 rules newly broken, 1 rule still broken, "
        "1 rule resolved, 1 rule with no row to check."
    )
    assert [(row[0], row[2], row[4], *row[5:]) for row in texts(card)] == [
        ("FUP-002", "Completeness", "Newly broken", "2", "0"),
        ("FUP-005", "\u2013", "Newly broken", "1", "0"),
        ("FUP-003", "\u2013", "Still broken", "4", "5"),
        ("FUP-001", "\u2013", "Resolved", "0", "3"),
        ("FUP-004", "\u2013", "With no row to check", "0", "1"),
    ]
    assert broken_rules.own_history([], {}) == []


def test_a_first_submission_is_held_against_none() -> None:
    first = replace(_became("FUP-002", "new", 2, 0), period_before=None, attempt_before=None)
    (card,) = broken_rules.own_history([first], {})
    assert card.sentence == "March\u00a02026, attempt 2, is the first submission: 1 rule newly broken."


def test_measures_rest_on_failing_rules_of_submissions_in_force_alone(site: Site) -> None:
    view, _ = _built(site, f"?site={OWN}")
    in_force = replace(ACCEPTED, site_id=OWN)
    failing = FailingRule(OWN, "2026-02", 1, "follow_ups", "FUP-006", "critical", "day is after the patient's death")
    card = resting_measures.resting(view, [in_force], [failing])
    assert str(card.sentence).startswith("4 measures of this site rest on months with failing rules: ")
    assert str(card.sentence).endswith(" and 1 more.")
    ((together, *row),) = texts(card)
    assert together.endswith(" and 1 more")
    assert row == ["FUP-006", "February\u00a02026", "4", "1"]
    for other in (replace(failing, submission_period="2026-03"), replace(failing, rule="FUP-001")):
        none = resting_measures.resting(view, [in_force, replace(REFUSED, site_id=OWN)], [other])
        assert none.table is None
        assert "No measure of this site rests" in str(none.body)


def test_all_sites_are_told_how_many_measures_rest_on_failing_rules_and_no_rows(site: Site) -> None:
    _, shown = _built(site, "?site=all")
    card = shown["resting"]
    assert card.sentence == "At 5 of 6 sites measures rest on months with failing rules."
    assert {tuple(row[1:]) for row in texts(card)} == {("4", "1", "1")}
    assert {tuple(row[3:]) for row in texts(shown["history"])} == {("1", "1", "1", "0")}
