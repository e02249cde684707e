"""What changed at a site since the release before, and how the first screen says it."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from dashboards.access.scope import Denied, Scope
from dashboards.data.alarms import Alarm
from dashboards.data.changes import Moved, changes, of_gone, of_new
from dashboards.data.measures import Measure, Value
from dashboards.data.reader import Reader, Releases
from dashboards.digests import digest
from dashboards.filters import Filters
from dashboards.pages.news import changed
from outcomes.release.open import DASHBOARD, RESEARCH
from outcomes.release.verify import seal
from outcomes.settings import Settings
from tests.support.dashboard_release import FIRST_ID, FOREIGN, OWN, write_release
from tests.support.dashboard_views import view_at
from tests.support.html_tree import parsed
from tests.support.records import a

SITE = OWN[0]
_NEXT = "2026-04-5e1d00c0ffee"


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    """Two releases: in the second pain is named no more and asd is, one more month came and another was refused.

    There more could not be assessed of every measure too: that moves no number.
    """
    home = tmp_path_factory.mktemp("home")
    write_release(home)
    folder = write_release(home, _NEXT, after=FIRST_ID)
    with duckdb.connect(str(folder / RESEARCH)) as con:
        con.execute(
            "update alarms set measure = 'asd_2_years' where site_id = ? and measure = 'pain_12_months'", [SITE]
        )
        con.execute(
            "update measures set numerator = numerator + 10, patients = patients + 20, estimate = 0.3 "
            "where site_id = ? and measure = 'pain_12_months' and resolution = 'all' and stratum_kind = 'all'",
            [SITE],
        )
        con.execute("update measures set excluded = excluded + 1 where site_id = ?", [SITE])
        for period, attempt, status in (("2026-04", 1, "accepted"), ("2026-02", 2, "refused")):
            con.execute(
                "insert into submissions select * replace (? as submission_period, ? as attempt, ? as status) "
                "from submissions where site_id = ? and submission_period = '2026-03'",
                [period, attempt, status, SITE],
            )
    with duckdb.connect(str(folder / DASHBOARD)) as con:
        con.execute("update measure_definitions set version = version + 1 where measure = 'revision_2_years'")
    seal(folder)
    return Releases(home / "releases")


def _readers(releases: Releases, *sites: str) -> tuple[Reader, Reader]:
    now = releases.read(Scope("ada", frozenset(sites), "quality"))
    assert now is not None
    before = releases.before(now)
    assert before is not None
    return before, now


def test_each_kind_of_change_is_found(releases: Releases) -> None:
    before, now = _readers(releases, SITE)
    assert (before.release_id, now.release_id) == (FIRST_ID, _NEXT)
    found = changes(before, now, SITE)
    ((pain),) = found.moved
    assert pain.measure.measure == "pain_12_months"
    assert pain.before is not None
    assert pain.now is not None
    assert (pain.now.patients or 0) - (pain.before.patients or 0) == 20
    assert pain.towards == "worse"
    named, gone = ([one.measure for one in alarms] for alarms in (found.named, found.no_longer_named))
    assert (named, gone) == (["asd_2_years"], ["pain_12_months"])
    assert (found.accepted, found.refused) == (["2026-04"], ["2026-02"])
    assert found.redefined == ["revision_2_years"]


def test_the_first_screen_says_it_in_sentences(releases: Releases) -> None:
    _, now = _readers(releases, SITE)
    view = replace(view_at("/", releases.folder.parent), reader=now, filters=Filters(SITE), releases=releases)
    card = changed(view, SITE)
    assert card.title == f"What changed since release {FIRST_ID}"
    assert [line.text for line in parsed(str(card.body[0])).all("li")] == [
        "Neck pain at 12 months: 27\u00a0% → 30\u00a0%, to the worse (544 → 564 assessed).",
        "Newly named: Suspected adjacent segment disease within 2 years (to the worse).",
        "No longer named: Neck pain at 12 months (to the better).",
        "Accepted: April\u00a02026.",
        "Refused: February\u00a02026.",
        "Defined anew: 1 measure.",
    ]


def test_nothing_is_said_to_have_changed_where_nothing_has(releases: Releases) -> None:
    site = OWN[1]
    before, now = _readers(releases, site)
    found = changes(before, now, site)
    assert (found.moved, found.named, found.accepted, found.refused) == ([], [], [], [])


@pytest.mark.parametrize(
    ("direction", "before", "now", "is_redefined", "towards"),
    [
        ("lower_is_better", 0.2, 0.3, False, "worse"),
        ("lower_is_better", 0.3, 0.2, False, "better"),
        ("higher_is_better", 0.2, 0.3, False, "better"),
        ("higher_is_better", 0.3, 0.2, False, "worse"),
        ("neutral", 0.3, 0.2, False, "neither"),
        ("lower_is_better", 0.2, 0.2, False, "neither"),
        ("lower_is_better", 0.2, 0.3, True, "neither"),
        ("lower_is_better", None, 0.3, False, "neither"),
    ],
)
def test_a_number_moved_to_the_better_or_the_worse_as_its_measure_says(
    direction: str, before: float | None, now: float, is_redefined: bool, towards: str
) -> None:
    was, is_now = (a(Value, estimate=estimate) for estimate in (before, now))
    assert Moved(a(Measure, direction=direction), was, is_now, is_redefined).towards == towards


@pytest.mark.parametrize(
    ("variation", "new", "gone"),
    [
        ("special_concerning", "worse", "better"),
        ("special_improving", "better", "worse"),
        ("special_neutral", "neither", "neither"),
    ],
)
def test_a_measure_that_is_named_means_better_or_worse_and_the_reverse_when_it_is_no_more(
    variation: str, new: str, gone: str
) -> None:
    one = a(Alarm, variation=variation)
    assert (of_new(one), of_gone(one)) == (new, gone)


def test_what_changed_at_a_foreign_site_is_denied(releases: Releases) -> None:
    before, now = _readers(releases, SITE)
    with pytest.raises(Denied):
        changes(before, now, FOREIGN)


def test_the_first_release_has_none_before_it(tmp_path: Path) -> None:
    write_release(tmp_path)
    releases = Releases(tmp_path / "releases")
    now = releases.read(Scope("ada", frozenset({SITE}), "quality"))
    assert now is not None
    assert releases.before(now) is None
    view = replace(view_at("/", tmp_path), releases=releases)
    assert changed(view, SITE).body == ["There is no release before this one."]


def test_a_release_before_that_cannot_be_read_is_said_to_be_there(tmp_path: Path) -> None:
    write_release(tmp_path, _NEXT, after=FIRST_ID)
    view = replace(view_at("/", tmp_path), releases=Releases(tmp_path / "releases"))
    (said,) = changed(view, SITE).body
    assert said.startswith(f"The release before, {FIRST_ID}, is not kept or of an earlier version")
    assert digest(Settings(home=tmp_path), SITE) is None
