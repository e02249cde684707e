"""The labels as analysts would write them by hand give the project's answers, so that their times can be compared."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks._large import make_large_lake
from benchmarks.analysts import LABELS
from benchmarks.beside import WAYS, assert_alike, write_tables
from outcomes.settings import Settings


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    """The answers of each way for one small registry."""
    home = tmp_path_factory.mktemp("beside")
    make_large_lake(Settings(home=home), home / "lake", patients=2000)
    write_tables(home / "lake", home / "csv")
    return {name: label(home / "csv") for name, label in WAYS.items()}


def test_all_ways_agree(answers: dict[str, pa.Table]) -> None:
    assert_alike(answers)


@pytest.mark.parametrize("label", LABELS)
def test_every_answer_occurs(answers: dict[str, pa.Table], label: str) -> None:
    given = answers["outcomes"]
    assert {"yes", "no"} <= set(given.filter(pc.equal(given["label"], label))["status"].to_pylist())


def test_ways_that_differ_are_named(answers: dict[str, pa.Table]) -> None:
    with pytest.raises(AssertionError, match="pandas and outcomes differ in 1 rows"):
        assert_alike({"outcomes": answers["outcomes"], "pandas": answers["pandas"].slice(1)})
