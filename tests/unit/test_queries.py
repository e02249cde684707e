from pathlib import Path

import pytest

from dashboards.queries import Release, Releases, Tally
from tests.support.dashboard_release import LABELS, write_release


@pytest.fixture
def release(tmp_path: Path) -> Release:
    write_release(tmp_path)
    current = Releases(tmp_path / "releases").current()
    assert current is not None
    return current


def test_before_the_first_release_there_is_none(tmp_path: Path) -> None:
    assert Releases(tmp_path / "releases").current() is None


def test_a_view_stays_on_its_release_and_the_next_view_follows_the_pointer(tmp_path: Path) -> None:
    releases = Releases(tmp_path / "releases")
    write_release(tmp_path, "2026-01-aaaaaaaaaaaa", sites=1)
    first = releases.current()
    assert first is not None
    write_release(tmp_path, "2026-02-bbbbbbbbbbbb", sites=5)
    second = releases.current()
    assert second is not None
    assert (first.info().release_id, len(first.sites())) == ("2026-01-aaaaaaaaaaaa", 1)
    assert (second.info().release_id, len(second.sites())) == ("2026-02-bbbbbbbbbbbb", 5)


def test_headline_labels_come_first_then_titles(release: Release) -> None:
    definitions = release.definitions()
    assert [definition.is_headline for definition in definitions] == [True] * 3 + [False] * 4
    assert [one.title for one in definitions[3:]] == sorted(one.title for one in definitions[3:])
    assert {definition.label for definition in definitions} == set(LABELS)


def test_sites_stand_by_name_and_shares_in_their_order(release: Release) -> None:
    sites = release.sites()
    assert [site.name for site in sites] == sorted((site.name for site in sites), key=str.lower)
    assert [share.site_id for share in release.by_site("suspected_asd")] == [site.site_id for site in sites]


def test_a_suppressed_share_holds_no_number(release: Release) -> None:
    hidden = [share for share in release.by_site("suspected_asd") if share.is_suppressed]
    assert [share.site_id for share in hidden] == ["site-002", "site-004"]
    for share in hidden:
        assert (share.yes, share.no, share.not_assessable, share.assessed) == (None,) * 4
        assert (share.share, share.share_low, share.share_high) == (None,) * 3


def test_years_run_forward_and_submissions_backward(release: Release) -> None:
    assert [share.index_year for share in release.by_year("revision_performed")] == list(range(2018, 2027))
    dunmore = [(one.period, one.attempt) for one in release.submissions() if one.site_id == "site-003"]
    assert dunmore == [("2026-03", 2), ("2026-03", 1), ("2026-02", 1), ("2026-01", 1), ("2025-12", 1)]


def test_kinds_and_reasons_are_sorted_by_size_and_hidden_ones_come_last(release: Release) -> None:
    kinds = release.kinds("revision_performed")
    assert [kind.patients for kind in kinds] == [511, 322, 168, 94, None, None]
    assert [kind.code for kind in kinds[-2:]] == ["disc_replacement", "laminoplasty"]
    assert release.kinds("surgical_asd") == [Tally(None, None, True)]
    assert release.reasons("revision_performed")[0].code == "no_assessment_in_window"


def test_attrition_keeps_the_order_of_the_steps(release: Release) -> None:
    assert [step.patients for step in release.attrition()] == [17204, 16891, 16402, 16368]


def test_rule_failures_leave_out_rules_that_no_row_broke(release: Release) -> None:
    failures = release.rule_failures()
    assert all(failure.is_suppressed or (failure.rows_failed or 0) > 0 for failure in failures)
    assert len(failures) == 24
