"""What the dashboards read of a release, for whom."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

import duckdb
import pytest

from dashboards.access.scope import Denied, Scope
from dashboards.data import comparison, control, deliveries, measures
from dashboards.data.reader import Reader, Releases
from dashboards.filters import GROUP_KINDS, Filters
from outcomes.release.open import MANIFEST, RESEARCH
from outcomes.release.verify import seal
from outcomes.sql.catalog.measures import measure_definitions
from tests.support.dashboard_release import FIRST_ID, FOREIGN, SECOND_ID, SITES, write_release
from tests.support.dashboard_rows import HEADLINES, HIDDEN_YEAR, MONTHS, NEVER_DUE, YEARS
from tests.support.dashboard_views import reader_of

OWN = "ashworth"
SCOPE = Scope("quinn", frozenset({OWN}), "quality")
PAIN, COMPARED = "pain_past_3_months", "pain_12_months"


@pytest.fixture(scope="module")
def releases(home: Path) -> Releases:
    return Releases(home / "releases")


@pytest.fixture(scope="module")
def reader(home: Path) -> Reader:
    return reader_of(home, OWN)


def test_before_the_first_release_there_is_none(tmp_path: Path) -> None:
    releases = Releases(tmp_path)
    assert (releases.current_id(), releases.read(SCOPE), releases.is_synthetic()) == (None, None, None)
    assert releases.sites() == frozenset()


def test_a_reader_stays_on_its_release_and_the_next_follows_the_pointer(tmp_path: Path) -> None:
    releases = Releases(tmp_path / "releases")
    write_release(tmp_path, FIRST_ID, sites=1)
    first = releases.read(SCOPE)
    assert first is not None
    write_release(tmp_path, SECOND_ID, sites=5)
    second, again, gone = (releases.read(SCOPE, wanted) for wanted in (None, FIRST_ID, "2020-01-gone"))
    assert second is not None
    assert again is not None
    assert gone is not None
    found = [(one.release_id, len(measures.sites(one))) for one in (first, second, again, gone)]
    assert found == [(FIRST_ID, 1), (SECOND_ID, 5), (FIRST_ID, 1), (SECOND_ID, 5)]
    assert measures.release_info(again).release_id == FIRST_ID


def test_a_folder_outside_of_the_releases_is_no_release(releases: Releases) -> None:
    for wanted in ("../elsewhere", "current", "/etc", "a" * 300, "\x00", "\ud800"):
        found = releases.read(SCOPE, wanted)
        assert found is not None
        assert found.release_id == FIRST_ID


def test_a_release_that_is_being_built_or_was_removed_is_not_read(tmp_path: Path) -> None:
    releases = Releases(tmp_path / "releases")
    write_release(tmp_path, FIRST_ID, sites=1)
    shown = releases.read(SCOPE, FIRST_ID)
    assert shown is not None
    write_release(tmp_path, SECOND_ID, sites=5)
    (releases.folder / FIRST_ID).rename(releases.folder / ".building")
    for wanted in (FIRST_ID, ".building"):
        found = releases.read(SCOPE, wanted)
        assert found is not None
        assert found.release_id == SECOND_ID


def test_a_release_that_an_older_version_made_is_not_read(tmp_path: Path) -> None:
    write_release(tmp_path)
    with duckdb.connect(str(tmp_path / "releases" / FIRST_ID / RESEARCH)) as con:
        con.execute("alter table control_charts drop column is_judged")
    seal(tmp_path / "releases" / FIRST_ID)
    assert Releases(tmp_path / "releases").read(SCOPE) is None
    write_release(tmp_path, SECOND_ID)
    newer = Releases(tmp_path / "releases").read(SCOPE, FIRST_ID)
    assert newer is not None
    assert newer.release_id == SECOND_ID


def test_the_release_says_its_sites_and_that_its_patients_are_invented(releases: Releases) -> None:
    assert releases.sites() == frozenset(SITES)
    assert releases.is_synthetic() is True


def test_an_earlier_release_of_real_patients_is_not_called_invented(tmp_path: Path) -> None:
    releases = Releases(tmp_path / "releases")
    write_release(tmp_path, FIRST_ID, sites=1)
    write_release(tmp_path, SECOND_ID, sites=1)
    manifest = releases.folder / FIRST_ID / MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text(encoding="utf-8")) | {"is_synthetic": False}))
    seal(releases.folder / FIRST_ID)
    assert releases.current_id() == SECOND_ID
    assert releases.is_synthetic() is False


def test_exact_numbers_of_a_foreign_site_are_denied_to_every_function(reader: Reader) -> None:
    asked = (
        lambda: measures.values(reader, Filters(FOREIGN)),
        lambda: measures.by_year(reader, PAIN, FOREIGN),
        lambda: measures.by_group(reader, PAIN, FOREIGN),
        lambda: measures.reasons(reader, PAIN, FOREIGN),
        lambda: control.chart(reader, PAIN, FOREIGN),
        lambda: control.recent_charts(reader, FOREIGN, 24),
        lambda: control.cusum(reader, FOREIGN),
        lambda: comparison.own(reader, FOREIGN),
        lambda: reader.own(measures.Site, "measures", FOREIGN),
    )
    for ask in asked:
        with pytest.raises(Denied):
            ask()


def test_a_condition_cannot_reach_beyond_the_site(reader: Reader) -> None:
    @dataclass(frozen=True)
    class Row:
        site_id: str | None

    found = reader.own(Row, "measures", OWN, "true or site_id is null or site_id <> ?", OWN)
    assert {row.site_id for row in found} == {OWN}


def test_own_numbers_are_exact_and_those_of_all_sites_are_rounded(reader: Reader) -> None:
    own = measures.values(reader, Filters(OWN))
    everybody = measures.values(reader, Filters(None))
    assert (own[PAIN].numerator, own[PAIN].patients, own[PAIN].excluded) == (22, 544, 96)
    assert set(own) == set(everybody) == {one.id for one in measure_definitions()}
    counts = [one.patients for one in everybody.values() if one.patients is not None]
    assert all(count % 5 == 0 for count in counts)
    rate = own["revision_rate"]
    assert rate.person_years == pytest.approx(700 * 544 / 365.25)
    assert own[NEVER_DUE].state == "missing"
    assert own[NEVER_DUE].estimate is None


@pytest.mark.parametrize(
    ("filters", "period", "group"),
    [
        (Filters(OWN, period="2023"), "2023", None),
        (Filters(OWN, group=("approach", "anterior")), None, "anterior"),
        (Filters(None, period=HIDDEN_YEAR), HIDDEN_YEAR, None),
    ],
)
def test_filters_pick_one_cell_of_each_measure_and_a_year_those_of_a_fixed_exposure(
    reader: Reader, filters: Filters, period: str | None, group: str | None
) -> None:
    found = measures.values(reader, filters)
    assert set(found) == {one.id for one in measure_definitions() if one.is_compared or period is None}
    assert {(one.index_period, one.stratum) for one in found.values()} == {(period, group)}


def test_a_suppressed_value_holds_no_number(reader: Reader) -> None:
    hidden = [one for one in measures.by_year(reader, PAIN, None) if one.is_suppressed]
    assert [one.index_period for one in hidden] == [HIDDEN_YEAR]
    numbers = [field.name for field in fields(measures.Value)][6:-1]
    assert [getattr(hidden[0], name) for name in numbers] == [None] * 7


def test_years_run_forward_and_groups_stand_by_kind(reader: Reader) -> None:
    assert [one.index_period for one in measures.by_year(reader, PAIN, OWN)] == list(YEARS)
    kinds = [one.stratum_kind for one in measures.by_group(reader, PAIN, OWN)]
    assert list(dict.fromkeys(kinds)) == list(GROUP_KINDS)
    assert len(kinds) == 14


def test_choices_are_the_sites_of_the_scope_the_years_and_the_groups(reader: Reader) -> None:
    choices = measures.choices(reader)
    assert choices.sites == (OWN,)
    assert choices.years == tuple(reversed(YEARS))
    assert choices.groups[0] == ("approach", "anterior")
    assert len(choices.groups) == 14


def test_sites_stand_by_name_and_measures_in_their_order(reader: Reader) -> None:
    assert [site.name for site in measures.sites(reader)] == sorted(SITES.values(), key=str.lower)
    assert [one.measure for one in measures.measures(reader)] == [one.id for one in measure_definitions()]


def test_kinds_and_reasons_are_sorted_by_size_and_hidden_ones_come_last(reader: Reader) -> None:
    kinds = measures.kinds(reader, "revision_performed")
    assert [kind.patients for kind in kinds] == [510, 320, 170, 95, 60, 25, None, None, None]
    assert [kind.code for kind in kinds[-3:]] == [
        "hardware_removal",
        "hardware_removal_region_unknown",
        "laminoplasty",
    ]
    assert measures.kinds(reader, "surgical_asd") == [measures.Count(None, None)]
    assert measures.reasons(reader, PAIN, None)[0] == measures.Count("no_assessment_in_window", 640)
    assert measures.reasons(reader, PAIN, OWN)[0] == measures.Count("no_assessment_in_window", 640 // 7)


def test_charts_run_forward_and_recent_ones_end_with_the_last_month_that_is_judged(reader: Reader) -> None:
    points = control.chart(reader, COMPARED, OWN)
    assert [point.index_period for point in points] == list(MONTHS)
    recent = control.recent_charts(reader, OWN, 10)
    last = max(point.index_period for point in points if point.is_judged and point.value is not None)
    assert [point.index_period for point in recent[COMPARED]] == [month for month in MONTHS if month <= last][-10:]
    assert set(control.cusum(reader, OWN)) == set(HEADLINES)


def test_every_site_is_compared_as_everybody_may_see_it(reader: Reader) -> None:
    found = comparison.peers(reader, COMPARED)
    assert [one.site_id for one in found] == list(SITES)
    assert comparison.peers(reader, "revision_rate") == []
    assert set(comparison.own(reader, OWN)) == set(HEADLINES)


def test_a_site_stands_beside_the_share_of_all_sites_that_everybody_may_see(reader: Reader) -> None:
    """The exact one, less its own patients, would tell it of the others."""
    exact = comparison.own(reader, OWN)[COMPARED]
    assert exact.target_share == next(each.target_share for each in comparison.peers(reader, COMPARED))
    shares = ("target_share", "adjusted_share", "high_95")
    coarse = comparison._beside(exact, 2 * (exact.target_share or 0))
    hidden = comparison._beside(exact, None)
    assert [getattr(coarse, name) for name in shares] == [2 * getattr(exact, name) for name in shares]
    assert [getattr(hidden, name) for name in shares] == [None] * 3
    assert (coarse.ratio, hidden.ratio, hidden.position) == (exact.ratio, exact.ratio, exact.position)


def test_deliveries_are_counted_by_their_state_latest_first(reader: Reader) -> None:
    state = deliveries.validation_state(reader, OWN)
    assert (state.accepted, state.refused) == (3, 1)
    assert deliveries.validation_state(reader, None).accepted == 15
    ashworth = [one.submission_period for one in deliveries.submissions(reader) if one.site_id == OWN]
    assert ashworth == ["2026-03", "2026-02", "2026-01", "2025-12"]
    steps = deliveries.attrition(reader)
    assert [step.step for step in steps] == [1, 2, 3, 4]


def test_each_rule_names_the_measures_that_it_affects(reader: Reader) -> None:
    affected = ["early_discomfort", "normal_discomfort", "pain_past_3_months", "transition_pain"]
    assert deliveries.rule_measures(reader) == {("follow_ups", "FUP-006"): affected}


def test_what_a_page_does_with_its_rows_changes_those_of_no_other(reader: Reader) -> None:
    before = measures.sites(reader)
    measures.sites(reader).clear()
    assert measures.sites(reader) == before != []
