"""The state of each visit window, situation by situation, and that there is always exactly one."""

from collections.abc import Iterator, Sequence

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import marts
from tests.support.examples import examples
from tests.support.situations import Row, complete, measure

_REVISION: Row = {"code_system": "CPT", "code": "22551", "levels": "C6-7"}
_TO_24_MONTHS = ("baseline", "6_weeks", "3_months", "6_months", "12_months", "24_months")


def _patient(
    *days: int, cut: int = 3000, death: int | None = None, revision: int | None = None, visits: Sequence[Row] = ()
) -> dict[str, list[Row]]:
    """A patient with neck pain asked on the days, and further visits."""
    asked = [{"day": day, "neck_pain_nrs": 3.0} for day in days]
    return complete(
        {
            "patients": [{"data_cut_day": cut, "last_contact_day": 1, "death_day": death}],
            "procedures": [] if revision is None else [_REVISION | {"day": revision}],
            "follow_ups": [*asked, *visits],
        }
    )


SITUATIONS: dict[str, tuple[dict[str, list[Row]], str, tuple[str, int | None]]] = {
    "a visit on the first day": (_patient(64), "3_months", ("done", 64)),
    "a visit on the last day": (_patient(136), "3_months", ("done", 136)),
    "a visit on the day before the first": (_patient(63), "3_months", ("lost", None)),
    "a visit on the day after the last": (_patient(137), "3_months", ("lost", None)),
    "no visit, the data cut on the day before the first": (_patient(cut=63), "3_months", ("not_yet_due", None)),
    "no visit, the data cut on the first day": (_patient(cut=64), "3_months", ("due", None)),
    "no visit, the data cut on the day before the last": (_patient(cut=135), "3_months", ("due", None)),
    "no visit, the data cut on the last day": (_patient(cut=136), "3_months", ("lost", None)),
    "a visit in a window that is still open": (_patient(70, cut=100), "3_months", ("done", 70)),
    "the nearest to the target": (_patient(80, 95, 120), "3_months", ("done", 95)),
    "of two equally near the earlier": (_patient(95, 87), "3_months", ("done", 87)),
    "the nearest reported nothing": (
        _patient(80, visits=[{"day": 91, "mrc_grade_min": 5}]), "3_months", ("done", 80)
    ),
    "only an examination": (_patient(visits=[{"day": 91, "numbness": True}]), "3_months", ("lost", None)),
    "died on the day before the first": (_patient(death=63), "3_months", ("died_before_window", None)),
    "died on the first day": (_patient(death=64), "3_months", ("lost", None)),
    "died in the open window": (_patient(death=70, cut=100), "3_months", ("lost", None)),
    "visited, then died in the window": (_patient(70, death=80), "3_months", ("done", 70)),
    "a visit after the day of death, which a later delivery changed": (
        _patient(91, death=50), "3_months", ("died_before_window", None)
    ),
    "revised on the day before the first": (_patient(91, revision=63), "3_months", ("revised_before_window", None)),
    "revised on the first day": (_patient(91, revision=64), "3_months", ("lost", None)),
    "revised in the open window": (_patient(revision=70, cut=100), "3_months", ("lost", None)),
    "visited on the day of the revision": (_patient(91, revision=91), "3_months", ("done", 91)),
    "visited, then revised, then visited nearer the target": (
        _patient(70, 91, revision=80), "3_months", ("done", 70)
    ),
    "revised, then died": (_patient(revision=30, death=60), "3_months", ("died_before_window", None)),
    "died in the window before: the data cut does not matter": (
        _patient(death=50, cut=60), "3_months", ("died_before_window", None)
    ),
    "a baseline on the day of surgery": (_patient(0, cut=10), "baseline", ("done", 0)),
    "a baseline on its first day": (_patient(-180, cut=10), "baseline", ("done", -180)),
    "a baseline too early": (_patient(-181, cut=10), "baseline", ("lost", None)),
    "a baseline that was never asked": (_patient(cut=0), "baseline", ("lost", None)),
    "6 weeks on their last day": (_patient(63), "6_weeks", ("done", 63)),
    "24 months not begun": (_patient(cut=639), "24_months", ("not_yet_due", None)),
    "24 months begun": (_patient(cut=640), "24_months", ("due", None)),
    "24 months over": (_patient(cut=821), "24_months", ("lost", None)),
    "36 months begun": (_patient(cut=1006), "36_months", ("due", None)),
    "36 months, a visit on the last day": (_patient(1186), "36_months", ("done", 1186)),
}  # fmt: skip


FURTHER = {0: (), 1005: (), 1006: ("36_months",), 1371: ("36_months", "48_months")}
"""By data cut the windows beyond 24 months."""


@pytest.fixture(scope="module")
def windows() -> Iterator[duckdb.DuckDBPyConnection]:
    """Every situation as a site of its own."""
    cuts = {f"cut {cut}": _patient(cut=cut) for cut in FURTHER}
    with measure({name: records for name, (records, _, _) in SITUATIONS.items()} | cuts) as con:
        yield con


@pytest.mark.parametrize("name", SITUATIONS)
def test_state(windows: duckdb.DuckDBPyConnection, name: str) -> None:
    _, window, (state, day) = SITUATIONS[name]
    found = windows.execute(
        """
        select window_states.state, window_states.day, follow_ups.day
        from window_states left join follow_ups using (site_id, follow_up_id)
        where site_id = ? and visit_window = ?
        """,
        [name, window],
    ).fetchall()
    assert found == [(state, day, day)]


@pytest.mark.parametrize("cut", FURTHER)
def test_later_windows_are_listed_once_they_open(windows: duckdb.DuckDBPyConnection, cut: int) -> None:
    sql = "select visit_window from window_states where site_id = ? order by target_day"
    found = windows.execute(sql, [f"cut {cut}"]).fetchall()
    assert tuple(window for (window,) in found) == _TO_24_MONTHS + FURTHER[cut]


_DAYS = st.sampled_from([-181, -180, 0, 1, 27, 28, 63, 64, 91, 136, 137, 273, 274, 456, 457, 640, 821, 1006, 1186])


@st.composite
def _histories(draw: st.DrawFn) -> dict[str, list[Row]]:
    """Visits, revision and death on the edges of the windows; nothing happens after death."""
    days, revision, death = draw(st.lists(_DAYS, max_size=5)), draw(st.none() | _DAYS), draw(st.none() | _DAYS)
    death = None if death is None or death < 0 else death
    alive = [day for day in days if death is None or day <= death]
    revision = revision if revision and revision > 0 and (death is None or revision <= death) else None
    examined = [{"day": draw(_DAYS), "mrc_grade_min": 5}] if death is None and draw(st.booleans()) else []
    return _patient(*alive, cut=max(draw(_DAYS), death or 0, 0), death=death, revision=revision, visits=examined)


@settings(max_examples=examples(5), deadline=None, derandomize=True, database=None)
@given(st.lists(_histories(), min_size=60, max_size=120))
def test_each_episode_has_exactly_one_state_in_each_window(histories: list[dict[str, list[Row]]]) -> None:
    closed_list = marts.column(marts.exact("visit_windows"), "state").enum
    with measure({str(number): records for number, records in enumerate(histories)}) as con:
        rows = con.execute(
            """
            select
                window_states.site_id, window_states.visit_window, window_states.state, window_states.is_closed,
                window_states.day, visit_windows.first_day, visit_windows.last_day,
                episodes.data_cut_day, episodes.death_day, episodes.first_revision_day
            from window_states
            inner join visit_windows using (visit_window)
            inner join episodes using (site_id)
            """
        ).fetchall()
    assert len({row[:2] for row in rows}) == len(rows)
    for number in range(len(histories)):
        assert {window for site, window, *_ in rows if site == str(number)} >= set(_TO_24_MONTHS)
    for _, _, state, is_closed, day, first, last, cut, death, revision in rows:
        assert state in closed_list
        assert (state == "done") == (day is not None)
        assert day is None or (
            first <= day <= last and day <= min(last if end is None else end for end in (death, revision))
        )
        assert (state == "died_before_window") == (death is not None and death < first)
        assert state != "revised_before_window" or revision < first
        assert state not in {"due", "not_yet_due"} or not is_closed
        assert state != "lost" or is_closed
        assert (state == "not_yet_due") <= (cut < first)
        assert (cut >= last) <= is_closed
