"""What the pipeline asks of Great Expectations directly is what Great Expectations' own validator says."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import great_expectations as gx
import pyarrow as pa
import pytest

from outcomes import pipeline
from outcomes.arrays import Ids
from outcomes.errors import SubmissionRefused
from outcomes.intake import validation
from outcomes.intake.expectations import Expectations
from outcomes.settings import Settings
from outcomes.synthetic import synthesize

Asked = tuple[str, pa.Table, Sequence[dict[str, Any]], dict[str, Ids]]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """Every table, rows and rules that the submissions of a registry with planted faults were judged by, and how."""
    found: list[Asked] = []

    class Recorded(Expectations):
        def broken_rows(self, table: str, rows: pa.Table, expectations: Sequence[dict[str, Any]]) -> dict[str, Ids]:
            broken = super().broken_rows(table, rows, expectations)
            found.append((table, rows, expectations, broken))
            return broken

    monkeypatch.setattr(validation, "Expectations", Recorded)
    settings = Settings(home=tmp_path, max_critical_share=1.0)
    synthesize(settings, patients=600, sites=2, months=0)
    for one in pipeline.landed(settings):
        with contextlib.suppress(SubmissionRefused):
            pipeline.take_in(settings, one.site_id, one.period)
    return found


def test_the_same_rows_break_the_same_rules(asked: list[Asked]) -> None:
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("submission").add_dataframe_asset("table")
    batches = asset.add_batch_definition_whole_dataframe("rows")
    broken_rules = set()
    for table, rows, expectations, broken in asked:
        if not expectations:
            continue
        validated = batches.get_batch({"dataframe": rows.to_pandas()}).validate(
            gx.ExpectationSuite(name=table, expectations=list(expectations)),
            result_format={"result_format": "COMPLETE", "return_unexpected_index_query": False},
        )
        said = {
            result.expectation_config.meta["code"]: list(result.result.get("unexpected_index_list") or ())
            for result in validated.results
        }
        assert said == {code: at.tolist() for code, at in broken.items()}
        broken_rules |= {code for code, at in broken.items() if len(at)}
    assert len(broken_rules) > 30
