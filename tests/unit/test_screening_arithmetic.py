"""What several cells give away together: the day of surgery from a common data cut, an age over 89 from an age."""

import datetime
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.arrays import Ints
from outcomes.contract import TABLES
from outcomes.errors import SubmissionRefused
from outcomes.intake.inference import FEWEST_PATIENTS, ages_reaching_90
from outcomes.intake.screening import findings, screen
from tests.support.examples import examples

Grain = Literal["M", "Y"]

CUT = int(np.datetime64("2026-09-30", "D").astype(np.int64))

repeatable = settings(max_examples=examples(75), deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 2**32 - 1)


def patients(**columns: list[str | None]) -> pa.Table:
    rows = len(next(iter(columns.values())))
    nothing: list[str | None] = [None] * rows
    return pa.table(
        {column: pa.array(columns.get(column, nothing), pa.string()) for column in TABLES["patients"].schema.names}
    )


def found(table: pa.Table, code: str) -> list[tuple[str, str, int]]:
    all_found = findings({"patients": table}, "limited_data_set")
    return [(one.column, one.rule, one.rows) for one in all_found if one.code == code]


def surgeries(rng: np.random.Generator, count: int, days: int) -> Ints:
    """Days of surgery, since 1970-01-01, within so many days before the cut."""
    return CUT - rng.integers(0, days, count)


def delivered(index: Ints, cuts: Ints, grain: Grain = "M", column: str = "data_cut_day") -> pa.Table:
    """The patients whose cuts come after surgery, with the days from the one to the other."""
    kept = cuts >= index
    periods = np.datetime_as_string(index[kept].astype("datetime64[D]"), unit=grain)
    return patients(index_period=[str(one) for one in periods], **{column: as_text(cuts[kept] - index[kept])})


def as_text(days: Ints) -> list[str | None]:
    return [str(day) for day in days]


def period_end(index: Ints, grain: Grain) -> Ints:
    following = index.astype("datetime64[D]").astype(f"datetime64[{grain}]") + 1
    return np.asarray(following.astype("datetime64[D]").astype(np.int64) - 1)


@repeatable
@given(seed=seeds, count=st.integers(FEWEST_PATIENTS, 800), months=st.integers(6, 72))
def test_a_common_cut_is_always_found(seed: int, count: int, months: int) -> None:
    index = surgeries(np.random.default_rng(seed), count, 30 * months)
    table = delivered(index, np.full(count, CUT))
    assert found(table, "data_cut_common") == [("data_cut_day", "one_date_fits", count)]


@repeatable
@given(seed=seeds, count=st.integers(FEWEST_PATIENTS, 800), months=st.integers(6, 72), shift=st.integers(60, 400))
def test_own_shifts_of_two_months_or_more_pass(seed: int, count: int, months: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    index = surgeries(rng, count, 30 * months) - shift
    cuts = CUT - rng.integers(0, shift + 1, count)
    assert not found(delivered(index, cuts), "data_cut_common")
    assert not found(delivered(index, cuts, column="last_contact_day"), "data_cut_common")


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("shift", [0, 7, 14, 30])
def test_a_shift_within_the_month_hides_too_little(seed: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    index = surgeries(rng, 600, 1500) - shift
    assert found(delivered(index, CUT - rng.integers(0, shift + 1, 600)), "data_cut_common")


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("shift", [0, 90, 180])
def test_with_years_a_shift_of_months_hides_too_little(seed: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    index = surgeries(rng, 200, 2000) - shift
    assert found(delivered(index, CUT - rng.integers(0, shift + 1, 200), "Y"), "data_cut_common")


@repeatable
@given(seed=seeds, count=st.integers(FEWEST_PATIENTS, 800), years=st.integers(1, 10))
def test_with_years_own_shifts_of_two_years_pass(seed: int, count: int, years: int) -> None:
    rng = np.random.default_rng(seed)
    index = surgeries(rng, count, 365 * years) - 731
    assert not found(delivered(index, CUT - rng.integers(0, 731, count), "Y"), "data_cut_common")


@repeatable
@given(seed=seeds, count=st.integers(1, 800), grain=st.sampled_from(["M", "Y"]))
def test_days_counted_from_the_last_day_of_the_index_period_pass(seed: int, count: int, grain: Grain) -> None:
    index = surgeries(np.random.default_rng(seed), count, 2000)
    table = delivered(index, CUT - (period_end(index, grain) - index), grain)
    assert not found(table, "data_cut_common")


def test_most_patients_with_a_common_cut_are_enough() -> None:
    rng = np.random.default_rng(1)
    index = surgeries(rng, 400, 1500) - 90
    cuts = np.where(np.arange(400) < 300, CUT, CUT - rng.integers(0, 91, 400))
    ((column, _, rows),) = found(delivered(index, cuts), "data_cut_common")
    assert column == "data_cut_day"
    assert rows >= 300


def test_a_common_last_contact_is_a_common_cut_where_no_cut_is_given_or_it_comes_after() -> None:
    index = surgeries(np.random.default_rng(2), 60, 900)
    alone = delivered(index, np.full(60, CUT), column="last_contact_day")
    assert found(alone, "data_cut_common") == [("last_contact_day", "one_date_fits", 60)]
    place = alone.column_names.index("data_cut_day")
    by_month = pa.array(as_text(CUT - period_end(index, "M")), pa.string())
    after_the_cut = sum((period_end(index, "M") > index).tolist())
    assert found(alone.set_column(place, "data_cut_day", by_month), "data_cut_common") == [
        ("last_contact_day", "one_date_fits", after_the_cut)
    ]


def test_what_cannot_be_told_from_chance_is_not_judged() -> None:
    rng = np.random.default_rng(3)
    few = surgeries(rng, FEWEST_PATIENTS - 1, 900)
    assert not found(delivered(few, np.full(len(few), CUT)), "data_cut_common")
    of_one_month = np.full(300, CUT - 200) - rng.integers(0, 10, 300)
    assert not found(delivered(of_one_month, np.full(300, CUT)), "data_cut_common")


@pytest.mark.parametrize("seed", range(20))
def test_a_fixed_time_after_each_patient_s_own_last_stay_passes(seed: int) -> None:
    # As a source with shifted dates delivers: nine patients of ten from one year, most of them seen once.
    rng = np.random.default_rng(seed)
    index = np.where(rng.random(100) < 0.9, CUT - 900, CUT - 1800) - rng.integers(0, 300, 100)
    cuts = index + 365 + rng.integers(1, 12, 100) + np.where(rng.random(100) < 0.4, rng.integers(0, 900, 100), 0)
    assert not found(delivered(index, cuts, "Y"), "data_cut_common")


def test_cells_that_cannot_be_read_are_left_to_validation() -> None:
    index = surgeries(np.random.default_rng(4), 40, 900)
    sound = delivered(index, np.full(40, CUT))
    periods: list[str | None] = ["May", "", None, "2023-13", "2023-05", " 2023 ", "2023-05"]
    days: list[str | None] = ["10", "10", "10", "10", "soon", "1e3", "20000"]
    table = pa.concat_tables([sound, patients(index_period=periods, data_cut_day=days)])
    assert found(table, "data_cut_common") == [("data_cut_day", "one_date_fits", 40)]


def test_the_refusal_says_what_to_do_and_no_value() -> None:
    index = surgeries(np.random.default_rng(5), 30, 900)
    with pytest.raises(SubmissionRefused) as refused:
        screen({"patients": delivered(index, np.full(30, CUT))}, "limited_data_set")
    assert refused.value.code == "data_cut_common"
    assert refused.value.where == "patients.data_cut_day: one_date_fits, 30 rows"
    assert "count data_cut_day from the last day of index_period" in str(refused.value)


@pytest.mark.parametrize("column", ["data_cut_day", "last_contact_day", "death_day"])
@pytest.mark.parametrize(
    ("age", "day", "reaches_90"),
    [
        ("89", "365", False),
        ("89", "366", True),
        ("85", "1826", False),
        ("85", "1827", True),
        ("85", "1827.0", True),
        ("90", "4000", False),
        ("61", "10957", True),
        ("60", "20000", False),
        ("89", "-400", False),
        ("89", "soon", False),
        ("old", "4000", False),
    ],
)
def test_an_age_that_becomes_90_while_followed(*, column: str, age: str, day: str, reaches_90: bool) -> None:
    cells: dict[str, list[str | None]] = {"age_years": [age, "50", None], column: [day, "400", "400"]}
    expected = [("age_years", "reaches_90_in_follow_up", 1)] if reaches_90 else []
    assert found(patients(**cells), "age_over_89") == expected


@pytest.mark.parametrize(
    ("period", "day", "reaches_90"),
    [
        *(("2023-05", "1492", True), ("2023-05", "1493", False), ("2023", "1612", True), ("2023", "1613", False)),
        *((None, "9998", True), (None, "9999", False), ("1995-01", "9999", True), ("1995-01", "10958", False)),
    ],
)
def test_a_day_that_cannot_be_makes_nobody_older(period: str | None, day: str, *, reaches_90: bool) -> None:
    """Validation blanks the same days, so that none enters that the gate has not judged."""
    table = patients(age_years=["87"], index_period=[period], death_day=[day])
    assert bool(ages_reaching_90(table, datetime.date(2025, 6, 1))) == reaches_90


def test_the_latest_day_known_of_a_patient_counts() -> None:
    table = patients(
        age_years=["88", "88"],
        data_cut_day=["100", "731"],
        last_contact_day=["731", "100"],
        death_day=[None, "90"],
    )
    assert found(table, "age_over_89") == [("age_years", "reaches_90_in_follow_up", 2)]


def test_a_patient_of_90_may_be_followed_for_years() -> None:
    screen({"patients": patients(age_years=["90"], data_cut_day=["4000"])}, "safe_harbor")


@pytest.mark.parametrize("spell", ["+{}", "000{}", "{}.0", "0000000{}"])
def test_no_spelling_of_a_number_hides_it(spell: str) -> None:
    """Validation reads these as numbers, so the gate has to."""
    old = patients(age_years=[spell.format(89)], data_cut_day=[spell.format(760)])
    assert found(old, "age_over_89") == [("age_years", "reaches_90_in_follow_up", 1)]


def visits(keys: list[str], days: list[str]) -> pa.Table:
    rows: dict[str, list[str | None]] = {"encounter_id": list(keys), "patient_id": list(keys), "start_day": list(days)}
    nothing: list[str | None] = [None] * len(keys)
    return pa.table(
        {name: pa.array(rows.get(name, nothing), pa.string()) for name in TABLES["encounters"].schema.names}
    )


@pytest.mark.parametrize(("spread", "is_found"), [(0, True), (60, False), (400, False)])
@pytest.mark.parametrize("seed", range(5))
def test_a_visit_of_everyone_on_one_date_is_found(seed: int, spread: int, is_found: bool) -> None:
    rng = np.random.default_rng(seed)
    index = surgeries(rng, 120, 1000) - 400
    keys: list[str | None] = [f"k{place}" for place in range(120)]
    table = delivered(index, index + rng.integers(0, 400, 120)).set_column(0, "patient_id", pa.array(keys))
    others = np.concatenate([CUT - rng.integers(0, spread + 1, 120) - index, rng.integers(0, 900, 120)])
    encounters = visits([*map(str, keys)] * 2, [str(day) for day in others])
    all_found = findings({"patients": table, "encounters": encounters}, "limited_data_set")
    places = [(one.table, one.column, one.rule) for one in all_found if one.code == "data_cut_common"]
    assert places == ([("encounters", "start_day", "one_date_fits")] if is_found else [])


@pytest.mark.parametrize("seed", range(5))
def test_the_visits_of_one_month_pass(seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = surgeries(rng, 200, 1000) - 400
    keys: list[str | None] = [f"k{place}" for place in range(200)]
    table = delivered(index, index + rng.integers(0, 400, 200)).set_column(0, "patient_id", pa.array(keys))
    encounters = visits([*map(str, keys)], [str(day) for day in CUT - rng.integers(0, 30, 200) - index])
    all_found = findings({"patients": table, "encounters": encounters}, "limited_data_set")
    assert not [one for one in all_found if one.table == "encounters" and one.code == "data_cut_common"]


@pytest.mark.parametrize(("day", "is_found"), [("1826", False), ("1827", True)])
def test_an_age_is_reached_by_the_day_of_any_table(day: str, is_found: bool) -> None:
    table = patients(patient_id=["k1", "k2"], age_years=["85", "60"], index_period=["2019-01", "2019-01"])
    all_found = findings({"patients": table, "encounters": visits(["k1"], [day])}, "limited_data_set")
    assert [one.rule for one in all_found if one.code == "age_over_89"] == ["reaches_90_in_follow_up"] * is_found
