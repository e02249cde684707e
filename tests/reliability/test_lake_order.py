"""In whatever order months are taken in, again and again, by one process or two: the lake says the same."""

import multiprocessing
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from outcomes import pipeline
from outcomes.errors import SubmissionRefused
from outcomes.intake import validation
from outcomes.settings import Settings
from tests.reliability.deliveries import DELIVERIES, PLACES, land
from tests.reliability.lake_model import Delivery, Place
from tests.reliability.quick_judge import CriticalRules
from tests.support.examples import examples
from tests.support.lake_state import lake_state

SETS = st.dictionaries(PLACES, DELIVERIES, min_size=3, max_size=5)

_settings = settings(
    deadline=None,
    derandomize=examples(1) == 1,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "Expectations", CriticalRules)


@given(delivered=SETS, data=st.data())
@settings(_settings, max_examples=examples(2))
def test_any_order_with_repeats_leaves_the_lake_as_the_months_in_order(
    delivered: dict[Place, Delivery], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(sorted(delivered)))
    repeats = data.draw(st.lists(st.sampled_from(order), max_size=3))
    with TemporaryDirectory() as home:
        shuffled = _landed(Path(home), delivered)
        _take_in(shuffled, [*order[:2], *repeats, *order[2:]])
        assert lake_state(shuffled) == _in_order(delivered)


@pytest.mark.long
@given(delivered=SETS, data=st.data())
@settings(_settings, max_examples=examples(2))
def test_two_processes_at_once_leave_the_lake_as_the_months_in_order(
    delivered: dict[Place, Delivery], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(sorted(delivered)))
    with TemporaryDirectory() as home:
        _landed(Path(home), delivered)
        # Both take in the month in the middle.
        halves = (order[: len(order) // 2 + 1], order[len(order) // 2 :])
        processes = [_PROCESSES.Process(target=_take_in_quickly, args=(home, half)) for half in halves]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0]
        assert lake_state(_settings_of(Path(home))) == _in_order(delivered)


_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


def _take_in_quickly(home: str, places: list[Place]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "Expectations", CriticalRules)
        _take_in(_settings_of(Path(home)), places)


def _take_in(settings: Settings, places: Iterable[Place]) -> None:
    for place in places:
        with suppress(SubmissionRefused):
            pipeline.ingest(settings, *place)


def _in_order(delivered: dict[Place, Delivery]) -> dict[str, Any]:
    with TemporaryDirectory() as home:
        in_order = _landed(Path(home), delivered)
        _take_in(in_order, sorted(delivered))
        return lake_state(in_order)


def _landed(home: Path, delivered: dict[Place, Delivery]) -> Settings:
    settings = _settings_of(home)
    for place, delivery in delivered.items():
        land(settings, place, delivery)
    return settings


def _settings_of(home: Path) -> Settings:
    return Settings(home=home, max_critical_share=1.0)
