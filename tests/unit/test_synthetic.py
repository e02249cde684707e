"""The synthetic registry: the same seed gives the same bytes, and the numbers look like a real registry's."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from outcomes.contract import TABLES, ColumnType
from outcomes.errors import OutcomesError
from outcomes.intake.landing import deliveries
from outcomes.intake.manifest import read_manifest
from outcomes.settings import Settings
from outcomes.site_files import Target, read_site_file
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.synthetic import synthesize
from outcomes.synthetic.stories import Kind, Story, factor_of
from tests.support.files import snapshot
from tests.support.situations import label
from tests.support.synthetic import answer_key, rows_in_force

DAYS_PER_YEAR = 365.25


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("small"))
    synthesize(settings, seed=3, sites=3, patients=150)
    return settings


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("large"))
    synthesize(settings, seed=5, patients=5000, faults=False, stories=False)
    return settings


def _key(settings: Settings, name: str) -> pd.DataFrame:
    return pd.DataFrame(answer_key(settings, name))


def _table(settings: Settings, table: str) -> pd.DataFrame:
    """The newest version of every row that landed, over all sites, typed as far as text tells."""
    texts = {column.name: str for column in TABLES[table].columns if column.type is ColumnType.TEXT}
    frames = []
    for one in deliveries(settings):
        for path in one.folder.glob(f"{table}.*"):
            rows = pd.read_csv(path, dtype=texts) if path.suffix == ".csv" else pd.read_parquet(path)
            frames.append(rows.assign(site_id=one.site_id, period=one.period))
    rows = pd.concat(frames, ignore_index=True)
    key = rows.columns[0]
    newest = rows.sort_values("period").drop_duplicates(["site_id", key], keep="last")
    return newest[~newest["deleted"].astype("boolean").fillna(False)]


@pytest.fixture(scope="module")
def answers(large: Settings) -> pd.DataFrame:
    """The labels of the large registry."""
    sites = rows_in_force(large)
    with label(sites, {site: list(tables) for site, tables in sites.items()}) as con:
        names = ["site_id", "patient_id", "label", "status", "reason", "kind", "onset_day"]
        return pd.DataFrame(con.execute(f"select {', '.join(names)} from labels").fetchall(), columns=names)


def test_the_same_seed_gives_the_same_bytes(small: Settings, tmp_path: Path) -> None:
    synthesize(Settings(home=tmp_path), seed=3, sites=3, patients=150)
    assert snapshot(tmp_path) == snapshot(small.home)


def test_another_seed_gives_other_patients(small: Settings, tmp_path: Path) -> None:
    synthesize(Settings(home=tmp_path), seed=4, sites=3, patients=150)
    keys, other_keys = (set(_table(one, "patients")["patient_id"]) for one in (small, Settings(home=tmp_path)))
    assert not keys & other_keys


def test_an_occupied_landing_folder_is_left_alone(small: Settings) -> None:
    before = snapshot(small.home)
    with pytest.raises(OutcomesError) as refused:
        synthesize(small, seed=3, sites=3, patients=150)
    assert refused.value.code == "folder_not_empty"
    assert snapshot(small.home) == before


def test_each_site_delivers_its_history_and_then_months(small: Settings) -> None:
    key = _key(small, "submissions")
    accepted = key[key["status"] == "accepted"].to_dict("records")
    kinds = {(row["site_id"], row["period"]): str(read_manifest(small.home / row["folder"]).kind) for row in accepted}
    periods = ["2026-06", "2026-07", "2026-08", "2026-09"]
    assert sorted(kinds) == [(site, period) for site in ("alder", "birch", "cedar") for period in periods]
    assert {kind for (_, period), kind in kinds.items() if period == "2026-06"} == {"full"}
    assert {kind for (_, period), kind in kinds.items() if period > "2026-06"} == {"incremental"}


def test_every_submission_says_that_its_patients_are_invented(small: Settings) -> None:
    paths = [path for folder in (small.landing, small.answer_key) for path in folder.rglob("manifest.json")]
    # One spoiled manifest is cut short.
    silent = [path for path in paths if '"is_synthetic": true' not in path.read_text(encoding="utf-8")]
    key = _key(small, "submissions")
    (malformed,) = key[key["code"] == "manifest_malformed"]["folder"]
    assert len(paths) > 12
    assert [path.parent for path in silent] == [small.home / malformed]


def test_the_targets_are_of_measures_that_there_are(small: Settings) -> None:
    measures = {measure.id: measure.unit for measure in measure_definitions()}
    targets = read_site_file(small.targets_file, Target, "targets_malformed", {"measures": measures})
    assert ("pain_past_3_months", 0.25) in {(target.measure, target.target) for target in targets.values()}
    assert len(targets) == 3


def test_progress_is_told_up_to_the_last_submission(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    synthesize(Settings(home=tmp_path), sites=2, patients=60, months=1, on_progress=lambda *step: told.append(step))
    assert [done for _, done, _ in told] == [1, 2, 3, 4]
    assert told[-1] == ("birch/2026-09", 4, 4)


def test_without_faults_nothing_is_planted(large: Settings) -> None:
    assert _key(large, "faults").empty
    assert set(_key(large, "submissions")["status"]) == {"accepted"}
    assert len(deliveries(large)) == 24


def test_planted_rows_stay_far_below_the_limit_of_a_refusal(small: Settings) -> None:
    faults = _key(small, "faults")
    planted = faults[faults["outcome"] == "quarantined"].groupby(["site_id", "period", "source_table"]).size()
    shares = {
        (site, period, table): rows
        / next(file.rows for file in read_manifest(small.landing / site / period).files if file.table == table)
        for (site, period, table), rows in zip(planted.index.tolist(), planted, strict=True)
    }
    assert shares
    assert max(shares.values()) <= 0.03


def test_every_submission_to_refuse_has_its_own_code(small: Settings) -> None:
    key = _key(small, "submissions")
    codes = key[key["status"].isin(["refused", "incomplete"])]["code"]
    assert sorted(codes) == sorted(
        [
            *("file_unreadable", "file_encoding", "file_empty", "checksum_mismatch", "column_missing", "column_extra"),
            *("identifier_found", "too_many_critical_rows", "contract_version_unknown", "manifest_malformed"),
            *("manifest_missing", "row_count_mismatch", "site_unknown", "data_cut_common", "age_over_89"),
        ]
    )


def test_the_key_lists_the_stories_of_the_sites_that_there_are(small: Settings, large: Settings) -> None:
    stories = _key(small, "stories")
    assert list(stories[["site_id", "kind", "risk"]].itertuples(index=False, name=None)) == [
        ("birch", "step", "adjacent_disease"),
        ("cedar", "loss_of_follow_up", "visits"),
    ]
    assert all(re.fullmatch("20[0-9]{2}-(01|04|07|10)", since) for since in stories["since"])
    assert _key(large, "stories").empty


def test_stories_leave_the_other_sites_as_they_are(small: Settings, tmp_path: Path) -> None:
    without = Settings(home=tmp_path)
    synthesize(without, seed=3, sites=3, patients=150, stories=False)
    sent = {site: [snapshot(each.landing / site) for each in (small, without)] for site in ("alder", "birch", "cedar")}
    assert [site for site, (with_stories, plain) in sent.items() if with_stories == plain] == ["alder"]


@pytest.mark.parametrize(
    ("kind", "since", "expected"),
    [
        ("outlier", None, [3, 3, 3, 3]),
        ("step", "2023-01", [1, 3, 3, 3]),
        ("drift", "2023-01", [1, 1, 2, 3]),
    ],
)
def test_a_story_takes_its_course(kind: Kind, since: str | None, expected: list[float]) -> None:
    days = np.array(["2022-12-31", "2023-01-01", "2024-01-01", "2026-01-01"], dtype="datetime64[D]").astype(np.int64)
    told = [Story("elm", kind, "revision", 3.0, since)]
    assert factor_of(told, "revision", days) == pytest.approx(expected)
    assert factor_of(told, "pain", days) == pytest.approx([1, 1, 1, 1])


def test_keys_are_letters_only_and_unique(large: Settings) -> None:
    patients = _table(large, "patients")["patient_id"]
    assert patients.is_unique
    assert all(re.fullmatch("[a-z]{14}", key) for key in patients)


def test_safe_harbor_gives_years_only_and_nobody_is_over_90(large: Settings) -> None:
    patients = _table(large, "patients")
    periods = patients["index_period"]
    assert set(periods[patients["site_id"] == "cedar"].str.len()) == {4}
    assert set(periods[patients["site_id"] == "alder"].str.len()) == {7}
    assert patients["age_years"].max() == 90


def test_no_age_reaches_90_while_followed_nor_changes(large: Settings) -> None:
    patients = _table(large, "patients")
    young = patients[patients["age_years"] < 90]
    assert (young["age_years"] + young["data_cut_day"] // DAYS_PER_YEAR).max() == 89
    assert (patients["age_years"] == 90).sum() > 20
    first, last = (
        pd.read_csv(large.landing / "alder" / period / "patients.csv", index_col="patient_id")["age_years"].dropna()
        for period in ("2026-06", "2026-09")
    )
    assert set((last - first).dropna()) == {0}


def test_the_days_to_the_cut_are_the_same_for_all_patients_of_an_index_period(large: Settings) -> None:
    patients = _table(large, "patients")
    sent_last = patients[patients["period"] == "2026-09"]
    assert (sent_last.groupby(["site_id", "index_period"])["data_cut_day"].nunique() == 1).all()
    by_month = sent_last[sent_last["index_period"] == "2026-06"]
    assert set(by_month["data_cut_day"]) == {92}


def test_nothing_comes_after_the_patients_own_cut(large: Settings) -> None:
    patients = _table(large, "patients").set_index(["site_id", "patient_id"])
    for table, day in (("follow_ups", "day"), ("diagnoses", "day"), ("procedures", "day"), ("encounters", "end_day")):
        # Rows of patients who were withdrawn stay behind without a cut.
        rows = _table(large, table).join(patients["data_cut_day"], on=["site_id", "patient_id"], how="inner")
        assert len(rows) > 1000
        assert (rows[day] <= rows["data_cut_day"]).all()
    assert patients["data_cut_day"].min() >= 0


def test_surgeries_spread_over_six_years(large: Settings) -> None:
    patients = _table(large, "patients")
    years = patients["index_period"].str[:4].value_counts()
    # Those of the cut's own month, under Safe Harbor of its year, come with a later submission.
    assert patients["index_period"].where(patients["index_period"].str.len() == 7).max() == "2026-08"
    assert patients["index_period"].where(patients["site_id"] == "cedar").max() == "2025"
    assert sorted(years.index) == [str(year) for year in range(2020, 2027)]
    assert years.drop(["2020", "2026"]).min() > 700


def test_increments_bring_new_patients_and_move_the_cut_of_the_others(large: Settings) -> None:
    first, last = (
        pd.read_csv(large.landing / "alder" / period / "patients.csv", index_col="patient_id")["data_cut_day"].dropna()
        for period in ("2026-06", "2026-09")
    )
    assert len(last.index.difference(first.index)) > 10
    assert set((last - first).dropna()) == {92}


def test_visits_are_corrected_and_withdrawn(large: Settings) -> None:
    versions = pd.concat(
        pd.read_csv(path, dtype=str).assign(period=path.parent.name)
        for path in sorted(large.landing.glob("alder/*/follow_ups.csv"))
    )
    again = versions[versions.duplicated("follow_up_id", keep=False)]
    withdrawn = again[again["deleted"] == "true"]
    corrected = again[~again["follow_up_id"].isin(withdrawn["follow_up_id"])]
    scores = corrected.sort_values("period").groupby("follow_up_id")["neck_pain_nrs"]
    assert len(withdrawn) > 3
    assert (scores.first() != scores.last()).sum() > 3


def _share_with_visit(settings: Settings, first: int, last: int) -> float:
    patients = _table(settings, "patients").set_index("patient_id")
    due = patients[patients["data_cut_day"] >= last]
    visits = _table(settings, "follow_ups")
    inside = visits[visits["day"].between(first, last) & visits["patient_id"].isin(due.index)]
    return inside["patient_id"].nunique() / len(due)


def test_follow_up_fades(large: Settings) -> None:
    assert _share_with_visit(large, 28, 63) == pytest.approx(0.85, abs=0.04)
    assert _share_with_visit(large, 640, 821) == pytest.approx(0.58, abs=0.04)


def test_disability_and_satisfaction_follow_published_registries(large: Settings) -> None:
    visits = _table(large, "follow_ups")
    items = visits[[f"ndi_item_{i}" for i in range(1, 11)]].mean(axis=1) * 20
    total = visits["ndi_total"] * visits["ndi_unit"].map({"points": 2, "percent": 1})
    index = total.fillna(items)
    one_year = visits["day"].between(274, 456)
    assert index[visits["day"] <= 0].mean() == pytest.approx(37.2, abs=1.5)
    assert index[one_year].mean() == pytest.approx(20.9, abs=1.5)
    satisfied = visits.loc[one_year, "satisfaction"].value_counts(normalize=True)
    assert satisfied[1] == pytest.approx(0.67, abs=0.05)
    assert satisfied[2] == pytest.approx(0.20, abs=0.04)


def _follow_up(settings: Settings, answers: pd.DataFrame, label: str) -> pd.DataFrame:
    """Each assessable patient of the sites with imaging: whether the event came, and when, or the last contact."""
    patients = _table(settings, "patients")[["patient_id", "data_cut_day", "last_contact_day"]]
    with_imaging = answers[answers["site_id"] != "dogwood"]
    assessed = with_imaging[(with_imaging["label"] == label) & (with_imaging["status"] != "not_assessable")]
    assessed = assessed.merge(patients, on="patient_id")
    contact = assessed["last_contact_day"].fillna(assessed["data_cut_day"])
    event = assessed["status"] == "yes"
    return pd.DataFrame(
        {"event": event, "day": assessed["onset_day"].where(event, contact).clip(lower=1).astype(float)}
    )


def _kaplan_meier(times: pd.DataFrame, until: int) -> float:
    """Share with the event by a day, as 1 - Kaplan-Meier."""
    free = 1.0
    for day in sorted(times.loc[times["event"] & (times["day"] <= until), "day"].unique()):
        free *= 1 - ((times["day"] == day) & times["event"]).sum() / (times["day"] >= day).sum()
    return 1 - free


def test_revisions_within_two_years(large: Settings, answers: pd.DataFrame) -> None:
    assert _kaplan_meier(_follow_up(large, answers, "revision_performed"), 730) == pytest.approx(0.097, abs=0.02)


def _per_year(times: pd.DataFrame) -> float:
    return float(times["event"].sum() / (times["day"].sum() / DAYS_PER_YEAR))


def test_adjacent_disease_per_year(large: Settings, answers: pd.DataFrame) -> None:
    operated = _per_year(_follow_up(large, answers, "surgical_asd"))
    assert operated == pytest.approx(0.024, abs=0.005)
    assert operated < _per_year(_follow_up(large, answers, "suspected_asd")) < 0.045


def test_the_edges_of_the_definitions_occur(large: Settings, answers: pd.DataFrame) -> None:
    visits = _table(large, "follow_ups")
    days = set(visits["day"])
    assert {80, 91, 92} <= days
    assert visits.duplicated(["site_id", "patient_id", "day"]).any()
    found = set(answers[["label", "status", "reason", "kind"]].fillna("").itertuples(index=False, name=None))
    assert {("pain_past_3_months", "yes", "", kind) for kind in ("persistent", "recurrent")} <= found
    assert {("clinical_asd", "yes", "", kind) for kind in ("possible", "probable")} <= found
    assert {("suspected_asd", "yes", "", kind) for kind in ("clinical", "surgical", "both")} <= found
    reasons = {
        "pain_past_3_months": [
            *("died_before_window", "revised_before_window", "window_not_closed", "no_follow_up"),
            "no_assessment_in_window",
        ],
        "suspected_asd": ["level_unknown", "no_source_data", "no_follow_up", "no_image"],
    }
    for name, named in reasons.items():
        assert {(name, "not_assessable", reason, "") for reason in named} <= found
    # A handful lost on day 0 would hide the headline of the whole demo.
    assert {status for name, status, _, _ in found if name == "revision_performed"} == {"yes", "no"}
    types = {kind for name, _, _, kind in found if name == "revision_performed" and kind}
    assert types == {
        *("nonunion_revision", "adjacent_segment_fusion", "fusion_revision_level_unknown", "disc_replacement"),
        *("hardware_removal", "hardware_removal_region_unknown", "laminoplasty", "foraminotomy", "other"),
    }


def test_some_patients_do_not_belong_to_the_cohort(large: Settings, answers: pd.DataFrame) -> None:
    labelled = answers["patient_id"].nunique()
    assert 0.95 < labelled / len(_table(large, "patients")) < 0.98
