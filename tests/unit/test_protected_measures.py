"""What of the measures is hidden and how the rest is shown, on tables that can be followed by hand."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from outcomes.disclosure import measures as protection
from outcomes.disclosure.audit import PublishedTables, audit
from outcomes.disclosure.lattice import EVERYBODY, UNNESTED, Lattice, Nesting
from outcomes.disclosure.measures import (
    in_order,
    protected_exclusions,
    protected_measures,
    require_nested,
    safe_measures,
)
from outcomes.errors import OutcomesError
from tests.support.lattices import Answers, Group, by_site, measure_counts

MINIMUM = 11


def test_a_small_count_of_one_of_three_sites_takes_the_smallest_other_site_with_it() -> None:
    shown = _protected({"pain": by_site(a=(3, 60, 20), b=(40, 70, 20), c=(20, 50, 20))})
    assert _hidden(shown) == {("pain", "a"), ("pain", "c")}


def test_among_four_sites_a_small_count_takes_two_with_it_for_one_of_them_subtracts_itself() -> None:
    shown = _protected({"pain": by_site(a=(3, 60, 20), b=(40, 70, 20), c=(20, 50, 20), d=(30, 90, 20))})
    assert _hidden(shown) == {("pain", "a"), ("pain", "b"), ("pain", "c")}
    (of_all,) = (row for row in shown.to_pylist() if not row["site_id"] and row["resolution"] == "year")
    assert of_all["state"] == "shown"


def test_of_what_only_two_of_four_sites_have_all_sites_tell_neither_the_count_of_the_other() -> None:
    groups: dict[Group, Answers] = {(site, "2023", "anterior"): (90, 90, 90) for site in "abcd"}
    groups |= {("a", "2023", "posterior"): (60, 60, 60), ("b", "2023", "posterior"): (30, 40, 6)}
    shown = safe_measures(measure_counts({"pain": groups}), MINIMUM)
    (of_all,) = (row for row in shown.to_pylist() if (row["site_id"], row["stratum"]) == (None, "posterior"))
    assert of_all["state"] == "suppressed"


def test_sites_without_patients_do_not_count_among_the_four() -> None:
    sites = {"a": (3, 60, 20), "b": (40, 70, 20), "c": (20, 50, 20), "d": (0, 0, 0)}
    assert _hidden(_protected({"pain": by_site(**sites)})) == {("pain", "a"), ("pain", "c")}


def test_what_all_sites_have_beside_one_must_not_be_few() -> None:
    few_beside_d = by_site(a=(4, 60, 20), b=(0, 70, 20), c=(2, 50, 20), d=(90, 90, 20))
    rows = _protected({"pain": few_beside_d}).to_pylist()
    assert {row["state"] for row in rows if row["site_id"] is None} == {"suppressed"}
    three_sites = by_site(a=(4, 60, 20), b=(2, 70, 20), d=(90, 90, 20))
    assert ("all", "shown") in {
        (row["resolution"], row["state"])
        for row in _protected({"pain": three_sites}).to_pylist()
        if row["site_id"] is None
    }


@pytest.mark.parametrize("answers", [(3, 60, 20), (60, 3, 20), (60, 60, 3), (4, 5, 60)])
def test_yes_no_excluded_and_their_sums_are_protected_alike(answers: Answers) -> None:
    shown = _protected({"pain": by_site(a=answers, b=(40, 70, 30), c=(30, 90, 40))})
    assert ("pain", "a") in _hidden(shown)
    assert len(_hidden(shown)) == 2


def test_zero_missing_and_suppressed_are_three_things() -> None:
    zero_and_missing = {"a": (0, 60, 0), "b": (0, 0, 60)}
    pain = by_site(**zero_and_missing, c=(5, 60, 0), d=(30, 60, 0), e=(30, 70, 0), f=(30, 80, 20))
    states = {
        row["site_id"]: (row["state"], row["patients"], row["estimate"])
        for row in _of_sites(_protected({"pain": pain}))
    }
    assert states["a"] == ("zero", 60, 0.0)
    assert states["b"] == ("missing", 0, None)
    assert states["c"] == ("suppressed", None, None)
    assert states["f"][0] == "shown"


def test_what_is_hidden_is_null_throughout() -> None:
    shown = _protected({"pain": by_site(a=(3, 60, 20), b=(40, 70, 20), c=(20, 50, 20))})
    for row in shown.filter(np.array(shown["state"].to_pylist()) == "suppressed").to_pylist():
        assert {row[name] for name in shown.column_names[6:-1]} == {None}


def test_estimates_are_those_of_the_rounded_counts() -> None:
    (row,) = (
        row
        for row in _protected({"pain": by_site(a=(12, 61, 22))}).to_pylist()
        if row["resolution"] == "year" and row["site_id"]
    )
    assert (row["numerator"], row["patients"], row["excluded"], row["state"]) == (15, 75, 20, "shown")
    assert row["estimate"] == 0.2
    assert row["estimate_low"] < 0.2 < row["estimate_high"]


def test_a_share_of_all_is_shown_only_where_it_holds_for_all() -> None:
    shown = _protected({"pain": by_site(a=(12, 0, 0), b=(100, 11, 0))})
    assert {row["site_id"]: row["estimate"] for row in _of_sites(shown)} == {"a": 1.0, "b": 100 / 115}


def test_person_years_of_rates_are_rounded() -> None:
    counts = measure_counts({"rate": by_site(a=(20, 60, 0))})
    counts = counts.set_column(counts.column_names.index("days"), "days", pa.array([30_000] * len(counts)))
    row = protected_measures(counts, MINIMUM).to_pylist()[0]
    assert row["person_years"] == 80  # 30,000 days are 82.1 years
    assert row["estimate"] == pytest.approx(25)


def test_the_size_of_a_tiny_site_is_hidden_in_every_measure() -> None:
    groups = {"a": 4, "b": 80, "c": 30}
    shown = _protected(
        {
            "pain": by_site(**{site: (size // 2, size - size // 2, 0) for site, size in groups.items()}),
            "revision": by_site(**{site: (0, size, 0) for site, size in groups.items()}),
        }
    )
    assert _hidden(shown) == {(measure, site) for measure in ("pain", "revision") for site in ("a", "c")}


def test_the_newest_year_does_not_take_the_others_with_it() -> None:
    years = {"2022": 60, "2023": 70, "2024": 80, "2025": 90, "2026": 3}
    groups = {(site, year, "anterior"): (yes, 2 * yes, 40) for site in "abc" for year, yes in years.items()}
    shown = _protected({"pain": groups})
    hidden = {row["index_period"] for row in shown.to_pylist() if row["state"] == "suppressed"}
    assert hidden == {"2026", "2022"}


def test_a_part_is_hidden_where_little_of_the_whole_is_beside_it() -> None:
    whole = by_site(a=(45, 55, 0), b=(60, 40, 0), c=(60, 60, 0))
    part = by_site(a=(40, 60, 0), b=(30, 70, 0), c=(30, 90, 0))
    nesting = Nesting(part_of=frozenset({("part", "whole")}))
    assert _hidden(_protected({"whole": whole, "part": part}, nesting)) == {("part", "a"), ("part", "b")}


def test_a_measure_that_lies_within_another_is_hidden_where_the_difference_is_small() -> None:
    revision = by_site(a=(40, 60, 0), b=(40, 60, 0), c=(40, 60, 0))
    fusion = by_site(a=(37, 63, 0), b=(20, 80, 0), c=(20, 80, 0))
    counts = measure_counts({"revision": revision, "fusion": fusion})
    within = _hidden(safe_measures(counts, MINIMUM, Nesting(part_of=frozenset({("fusion", "revision")}))))
    assert ("fusion", "a") not in _hidden(safe_measures(counts, MINIMUM))
    assert ("fusion", "a") in within
    assert ("revision", "a") not in within


def test_what_follows_from_declared_parts_is_known_too() -> None:
    declared = Nesting(
        part_of=frozenset(
            {("probable", "clinical"), ("clinical", "suspected"), ("suspected", "rate"), ("rate", "suspected")}
        ),
        among=frozenset({("imaging", "clinical")}),
    )
    known = declared.closed()
    assert known.part_of == declared.part_of | {
        ("probable", "suspected"), ("probable", "rate"), ("clinical", "rate"),
        *(("imaging", whole) for whole in ("clinical", "suspected", "rate")),
    }  # fmt: skip
    assert known.among == {("imaging", whole) for whole in ("clinical", "suspected", "rate")}


@pytest.mark.parametrize(
    ("part", "nesting"),
    [
        ((31, 69, 0), Nesting(part_of=frozenset({("part", "whole")}))),
        ((20, 30, 50), Nesting(among=frozenset({("part", "whole")}))),
    ],
    ids=["part of", "among"],
)
def test_a_declared_part_that_is_none_is_an_error(part: Answers, nesting: Nesting) -> None:
    counts = measure_counts({"whole": by_site(a=(30, 70, 0), b=(80, 20, 0)), "part": by_site(a=part, b=(1, 2, 97))})
    with pytest.raises(OutcomesError, match="part is no part of whole") as found:
        require_nested(counts, nesting)
    assert found.value.code == "definition_malformed"


def test_a_part_lies_within_its_whole_only_at_sites_that_deliver_what_the_whole_asks_for() -> None:
    whole = by_site(a=(50, 50, 0), b=(0, 0, 100), c=(60, 40, 0), d=(70, 80, 0))
    part = by_site(a=(45, 55, 0), b=(80, 20, 0), c=(30, 70, 0), d=(40, 110, 0))
    counts = measure_counts({"whole": whole, "part": part})
    nesting = Nesting(part_of=frozenset({("part", "whole")}))
    require_nested(counts, nesting)
    assert {("part", "a"), ("whole", "a")} & _hidden(safe_measures(counts, MINIMUM, nesting))  # 5 are between them
    exact = protected_measures(counts, MINIMUM, round_to=1)
    findings = audit(PublishedTables(MINIMUM, exact, counts, round_to=1), nesting)
    assert {(finding.count, finding.low, finding.high) for finding in findings} == {("what whole has more", 5, 5)}
    assert {finding.cell[1] for finding in findings if finding.cell} == {"a"}


def test_of_a_part_counted_among_the_whole_the_excluded_are_protected() -> None:
    revised = by_site(a=(45, 155, 0), b=(60, 140, 0), c=(70, 180, 0))
    pain_after = by_site(a=(20, 20, 160), b=(20, 25, 155), c=(20, 30, 200))  # 5 of the revised were never asked
    nesting = Nesting(among=frozenset({("pain_after", "revised")}))
    assert ("pain_after", "a") in _hidden(_protected({"revised": revised, "pain_after": pain_after}, nesting))


def test_a_part_of_a_hidden_whole_is_hidden() -> None:
    nesting = Nesting(part_of=frozenset({("part", "whole")}))
    whole = by_site(a=(90, 4, 0), b=(60, 40, 0), c=(60, 60, 0))
    part = by_site(a=(50, 44, 0), b=(30, 70, 0), c=(30, 90, 0))
    hidden = _hidden(_protected({"whole": whole, "part": part}, nesting))
    assert ("whole", "a") in hidden
    assert {site for measure, site in hidden if measure == "whole"} <= {
        site for measure, site in hidden if measure == "part"
    }


def test_safe_measures_hide_what_only_several_sums_together_give_away() -> None:
    groups = _bridge()
    counts = measure_counts({"pain": groups})
    first = protected_measures(counts, MINIMUM, round_to=1)
    assert audit(PublishedTables(MINIMUM, first, counts, round_to=1))
    shown = safe_measures(counts, MINIMUM)
    assert len(_suppressed(shown)) > len(_suppressed(first))


def test_what_the_release_before_shows_is_not_given_away_by_the_next() -> None:
    sites = {"b": (40, 70, 20), "c": (50, 80, 30), "d": (60, 90, 40)}
    before = measure_counts({"pain": by_site(a=(20, 60, 20), **sites)})
    shown_before = PublishedTables(MINIMUM, safe_measures(before, MINIMUM), before)
    assert not _hidden(shown_before.measures)
    # A correction: 12 patients of site a are delivered by nobody any more.
    now = measure_counts({"pain": by_site(a=(8, 60, 20), **sites)})
    shown = safe_measures(now, MINIMUM, previous=[shown_before])
    assert not audit(PublishedTables(MINIMUM, shown, now), previous=[shown_before])


def test_all_measures_are_audited_with_the_release_before_also_where_one_has_to_hide_more() -> None:
    """The first attempt ends with what the bridge gives away; the second must not look at what changed alone."""
    bridge = _bridge()

    def both(revised: tuple[int, ...]) -> pa.Table:
        answers = zip(bridge.items(), revised, strict=True)
        return measure_counts(
            {"pain": bridge, "revision": {group: (yes, sum(all_of) - yes, 0) for (group, all_of), yes in answers}}
        )

    first, now = both((12, 3, 3, 3, 8, 8, 8, 12, 0)), both((8, 12, 0, 0, 0, 20, 0, 8, 3))
    before = PublishedTables(MINIMUM, safe_measures(first, MINIMUM), first)
    shown = safe_measures(now, MINIMUM, previous=[before])
    assert not audit(PublishedTables(MINIMUM, shown, now), previous=[before])


def test_what_other_tables_show_is_kept_and_others_are_hidden_around_it() -> None:
    counts = measure_counts({"pain": by_site(a=(3, 60, 20), b=(40, 70, 20), c=(20, 50, 20))})
    assert _hidden(safe_measures(counts, MINIMUM)) == {("pain", "a"), ("pain", "c")}
    shown = safe_measures(counts, MINIMUM, shown_elsewhere=[("pain", "c", EVERYBODY)])
    assert _hidden(shown) == {("pain", "a"), ("pain", "b")}


def test_what_cannot_be_kept_beside_other_tables_is_hidden() -> None:
    counts = measure_counts({"pain": by_site(a=(4, 60, 20), b=(40, 70, 20), c=(30, 50, 20))})
    told = [("pain", site, EVERYBODY) for site in (None, "b", "c")]
    shown = safe_measures(counts, MINIMUM, shown_elsewhere=told)
    (of_all,) = (row for row in shown.to_pylist() if not row["site_id"] and row["resolution"] == "year")
    assert of_all["state"] == "suppressed" or len(_hidden(shown)) > 1


def test_a_cell_with_a_small_count_is_hidden_whatever_other_tables_show() -> None:
    counts = measure_counts({"pain": by_site(a=(30, 60, 4), b=(40, 70, 20), c=(20, 50, 20))})
    shown = safe_measures(counts, MINIMUM, shown_elsewhere=[("pain", "a", EVERYBODY)])
    assert ("pain", "a") in _hidden(shown)


def test_what_is_asked_again_is_answered_as_if_asked_first() -> None:
    """Also of measures that are tied to each other, and where less is to be hidden than before."""
    counts = in_order(
        measure_counts(
            {
                "whole": by_site(a=(45, 60, 20), b=(40, 70, 30), c=(20, 50, 40)),
                "part": by_site(a=(30, 75, 20), b=(26, 84, 30), c=(12, 58, 40)),
                "other": by_site(a=(4, 101, 20), b=(40, 70, 30), c=(20, 50, 40)),
            }
        )
    )
    nesting = Nesting(part_of=frozenset({("part", "whole")}))
    suppression = protection._Suppression(counts, nesting, MINIMUM)
    for cells in ((), [("whole", "a", EVERYBODY)], [("part", "c", EVERYBODY)], [("other", "b", EVERYBODY)], ()):
        asked = protection.Settled(cells)
        anew = protection._Suppression(counts, nesting, MINIMUM).hidden(asked)
        assert (suppression.hidden(asked) == anew).all()


def test_what_cannot_be_protected_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protection._Suppression, "smallest_beside", lambda *_: set())
    monkeypatch.setattr(protection, "_whole_breakdowns", lambda *_: set())
    with pytest.raises(OutcomesError, match="disclosure_risk"):
        safe_measures(measure_counts({"pain": _bridge()}), MINIMUM)


def test_reasons_are_coarse_and_hidden_with_others() -> None:
    measures = _protected({"pain": by_site(a=(40, 60, 60)), "rare": by_site(a=(4, 60, 60))})
    counts = {"died": 3, "lost": 20, "unasked": 37, "unknown": 0}
    exclusions = pa.Table.from_pylist(
        [
            {"measure": measure, "site_id": site, "reason": reason, "patients": count}
            for measure in ("pain", "rare")
            for site in (None, "a")
            for reason, count in counts.items()
        ]
    )
    shown = protected_exclusions(exclusions, measures, MINIMUM).to_pylist()
    assert [(row["reason"], row["patients"], row["state"]) for row in shown if row["measure"] == "pain"] == [
        ("died", None, "suppressed"),
        ("lost", None, "suppressed"),
        ("unasked", 40, "shown"),
        ("unknown", 0, "zero"),
    ]
    assert {row["state"] for row in shown if row["measure"] == "rare"} == {"suppressed"}


def test_a_table_with_a_hole_is_refused() -> None:
    counts = measure_counts({"pain": by_site(a=(40, 60, 60), b=(40, 60, 60))})
    with pytest.raises(ValueError, match="once for each site and key"):
        Lattice.of(counts.slice(1))


def test_patients_without_a_month_are_the_rest_of_their_year() -> None:
    groups: dict[Group, Answers] = {("a", "2024-01", "x"): (20, 30, 0), ("b", "2024", "x"): (40, 50, 0)}
    counts = measure_counts({"pain": groups})
    lattice = Lattice.of(counts)
    yes = lattice.cube(counts["numerator"])[0]
    assert [yes[site, lattice.all_keys.index(("month", "2024", "all", "rest"))] for site in range(3)] == [40, 0, 40]


def _bridge() -> dict[Group, Answers]:
    """Sites and years of which every sum by itself hides enough, and all together do not."""
    by_year = {
        "a": [(40, 0, 60), (12, 12, 40), (3, 12, 12)],
        "b": [(40, 20, 6), (0, 6, 60), (0, 60, 12)],
        "c": [(12, 60, 60), (60, 60, 0), (60, 0, 0)],
    }
    return {
        (site, str(2024 + place), "x"): answers
        for site, years in by_year.items()
        for place, answers in enumerate(years)
    }


def _protected(measures: dict[str, dict[Group, Answers]], nesting: Nesting = UNNESTED) -> pa.Table:
    return protected_measures(measure_counts(measures), MINIMUM, nesting)


def _of_sites(shown: pa.Table) -> list[dict[str, Any]]:
    return [row for row in shown.to_pylist() if row["site_id"] and (row["resolution"], row["stratum"]) == ("all", None)]


def _hidden(shown: pa.Table | None) -> set[tuple[str, str]]:
    assert shown is not None
    return {(row["measure"], row["site_id"]) for row in _of_sites(shown) if row["state"] == "suppressed"}


def _suppressed(shown: pa.Table) -> list[dict[str, Any]]:
    return [row for row in shown.to_pylist() if row["state"] == "suppressed"]


def test_classes_of_one_denominator_are_hidden_together() -> None:
    better = by_site(a=(60, 60, 0), b=(60, 60, 0), c=(60, 60, 0))
    worse = by_site(a=(56, 64, 0), b=(30, 90, 0), c=(30, 90, 0))
    same = by_site(a=(4, 116, 0), b=(30, 90, 0), c=(30, 90, 0))
    measures = {"better": better, "worse": worse, "same": same}
    alone = _hidden(_protected(measures))
    assert ("better", "a") not in alone
    together = _hidden(_protected(measures, Nesting(classes=frozenset({frozenset(measures)}))))
    assert {site for measure, site in alone if measure == "same"} == {"a", "b"}
    assert together == {(measure, site) for measure in measures for site in ("a", "b")}


def test_a_part_that_comes_first_hides_its_whole_where_little_is_between_them() -> None:
    whole = by_site(a=(90, 30, 0), b=(80, 40, 0), c=(70, 50, 0), d=(60, 60, 0))
    part = by_site(a=(86, 34, 0), b=(40, 80, 0), c=(30, 90, 0), d=(30, 90, 0))
    nesting = Nesting(part_of=frozenset({("part", "whole")}), first={"part": 0, "whole": 1})
    hidden = _hidden(_protected({"whole": whole, "part": part}, nesting))
    assert ("whole", "a") in hidden
    assert not {site for measure, site in hidden if measure == "part"}


def test_a_hidden_part_that_comes_first_leaves_its_whole_shown() -> None:
    whole = by_site(a=(20, 60, 0), b=(60, 30, 0), c=(0, 30, 0))
    part = by_site(a=(20, 60, 0), b=(4, 86, 0), c=(0, 30, 0))
    nesting = Nesting(part_of=frozenset({("part", "whole")}), first={"part": 0, "whole": 1})
    for shown in (
        _protected({"whole": whole, "part": part}, nesting),
        safe_measures(measure_counts({"whole": whole, "part": part}), MINIMUM, nesting),
    ):
        hidden = _hidden(shown)
        assert ("part", "b") in hidden
        assert not {site for measure, site in hidden if measure == "whole"}
