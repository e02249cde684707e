"""A release with the installation's EQ-5D-5L value set, which is one of its inputs."""

from pathlib import Path

import duckdb
import pytest

from outcomes.errors import OutcomesError
from outcomes.release.build import build_release, next_release_id
from outcomes.settings import Settings
from tests.integration.small_lake import commit
from tests.support.exact_release import build_exact_release


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path, eq5d_value_set=tmp_path / "values.csv")
    visit = {"follow_up_id": "f1", "patient_id": "p1", "day": 90} | {f"eq5d_{number}": 2 for number in range(1, 6)}
    fusion = {"procedure_id": "c1", "patient_id": "p1", "day": 0, "code_system": "CPT", "code": "22551"}
    patient = {"patient_id": "p1", "index_period": "2024-01"}
    commit(made, "west", "2026-01", {"patients": [patient], "procedures": [fusion], "follow_ups": [visit]})
    return made


def test_the_index_reaches_the_release_and_another_value_set_makes_another(settings: Settings) -> None:
    assert settings.eq5d_value_set
    settings.eq5d_value_set.write_text("profile,index\n22222,0.7\n", encoding="utf-8")
    release = build_exact_release(settings)
    with duckdb.connect(str(release.research), read_only=True) as con:
        assert con.execute("select eq5d_profile, eq5d_index from follow_ups").fetchall() == [("22222", 0.7)]
    settings.eq5d_value_set.write_text("profile,index\n22222,0.8\n", encoding="utf-8")
    without = settings.model_copy(update={"eq5d_value_set": None})
    assert len({release.id, next_release_id(settings), next_release_id(without)}) == 3


def test_a_value_set_that_is_not_there_stops_the_release(settings: Settings) -> None:
    with pytest.raises(OutcomesError) as refused:
        build_release(settings)
    assert refused.value.code == "value_set_malformed"
    assert not settings.releases.exists() or not list(settings.releases.iterdir())
