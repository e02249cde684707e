"""Any history of deliveries, mistakes, withdrawals and crashes leaves the lake as the rules in words say.

`STEPS=2000 pytest tests/reliability/test_lake_history.py --hypothesis-seed 1` takes 2,000 steps of the
seed; a plain run takes 40, always the same ones.
"""

import datetime
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from outcomes import pipeline
from outcomes.errors import OutcomesError, SubmissionRefused
from outcomes.intake import validation
from outcomes.intake.manifest import MANIFEST
from outcomes.lake import AsKnownOn, Lake
from outcomes.release.open import connect as connect_to_release
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.reliability.deliveries import DELIVERIES, PATIENTS, PERIODS, PLACES, land
from tests.reliability.lake_model import Delivery, Landed, Model, Place
from tests.reliability.quick_judge import CriticalRules

STEPS = int(os.environ.get("STEPS", "40"))
STEPS_OF_A_HISTORY = 20

Rows = list[tuple[Any, ...]]


class CrashError(BaseException):
    """The end of the process: nothing after it is done, and nobody catches it."""


class LakeHistory(RuleBasedStateMachine):
    """Two sites and four months of deliveries, each command run on files and in the model."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.settings = Settings(home=Path(self._folder.name), max_critical_share=1.0)
        self.model = Model()
        self.past: list[tuple[datetime.datetime, Model]] = []
        self.has_vacuumed = False

    def teardown(self) -> None:
        self._folder.cleanup()

    @initialize(deliveries=st.lists(DELIVERIES, min_size=2, max_size=2))
    def begin(self, deliveries: list[Delivery]) -> None:
        for period, delivery in zip(PERIODS[1:3], deliveries, strict=True):
            self.deliver(("north", period), delivery)

    @rule(place=PLACES, delivery=DELIVERIES)
    def deliver(self, place: Place, delivery: Delivery) -> None:
        """A first delivery, a correction, a late or a full one, by mistake or not."""
        self._land(place, delivery)
        self._do(lambda: self._ingest(place), lambda model: model.ingest(place))

    @rule(place=PLACES, delivery=DELIVERIES)
    def deliver_with_broken_manifest(self, place: Place, delivery: Delivery) -> None:
        self._land(place, delivery)
        (self._landing(place) / MANIFEST).write_text("{", encoding="utf-8")
        self.model.landed[place].is_described = False
        self._do(lambda: self._ingest(place), lambda model: model.ingest(place))

    @rule(place=PLACES, delivery=DELIVERIES)
    def deliver_with_broken_file(self, place: Place, delivery: Delivery) -> None:
        self._land(place, delivery)
        self._break_file(place)
        self._do(lambda: self._ingest(place), lambda model: model.ingest(place))

    @precondition(lambda self: self.model.attempts)
    @rule(data=st.data())
    def break_a_file_that_has_landed(self, data: st.DataObject) -> None:
        self._break_file(self._some_place(data))

    @precondition(lambda self: self.model.attempts)
    @rule(data=st.data())
    def deliver_an_earlier_attempt_again(self, data: st.DataObject) -> None:
        place = self._some_place(data)
        known = [one.delivery for one in self.model.attempts[place] if one.delivery.patients and one.delivery.visits]
        if known:
            self.deliver(place, data.draw(st.sampled_from(known)))

    @precondition(lambda self: self.model.attempts)
    @rule(data=st.data())
    def ingest_again(self, data: st.DataObject) -> None:
        place = self._some_place(data)
        self._do(lambda: self._ingest(place), lambda model: model.ingest(place))

    @precondition(lambda self: self.model.attempts)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        place = self._some_place(data)
        if self.model.can_withdraw(place):
            self._do(lambda: self._withdraw(place), lambda model: model.withdraw(place))
        else:
            with pytest.raises(OutcomesError, match="nothing_to_withdraw"):
                pipeline.withdraw(self.settings, *place, "wrong_data")
            self._check()

    @precondition(lambda self: self.model.attempts)
    @rule(data=st.data())
    def take_back_a_withdrawal(self, data: st.DataObject) -> None:
        place = self._some_place(data)
        if self.model.can_take_back(place):
            self._do(lambda: self._take_back(place), lambda model: model.take_back(place))
        else:
            with pytest.raises(OutcomesError):
                pipeline.take_back_withdrawal(self.settings, *place)
            self._check()

    @precondition(lambda self: self.model.attempts and not self.has_vacuumed)
    @rule(data=st.data(), patient=st.sampled_from(PATIENTS))
    def forget(self, data: st.DataObject, patient: str) -> None:
        """Not after a vacuum, which removes what tells whose a key once was."""
        site, _ = self._some_place(data)
        if self.model.can_forget(site, patient):
            keys = self.model.visits_ever(site, patient)
            for _, known_then in self.past:
                known_then.erase(site, patient, keys)
            self._do(lambda: self._forget(site, patient), lambda model: model.forget(site, patient))
        else:
            with pytest.raises(OutcomesError, match="patient_unknown"):
                pipeline.forget(self.settings, site, patient)
            self._check()

    @rule(keeps_history=st.booleans())
    def vacuum(self, *, keeps_history: bool) -> None:
        """What is in force stays, and what was in force too if it is to be kept."""
        pipeline.vacuum(self.settings, keep_days=36_500 if keeps_history else 0)
        self.has_vacuumed = True
        if not keeps_history:
            self.past.clear()
        self._check()

    @rule(dry_run=st.booleans())
    def reprocess(self, *, dry_run: bool) -> None:
        """Under the same rules nothing moves."""
        pipeline.reprocess(self.settings, pipeline.standing(self.settings), lambda _: None, dry_run=dry_run)
        self._check()

    @rule(place=PLACES, delivery=DELIVERIES, number=st.integers(1, 5), is_done=st.booleans())
    def crash_while_ingesting(self, place: Place, delivery: Delivery, number: int, *, is_done: bool) -> None:
        self._land(place, delivery)
        self._crash(lambda: self._ingest(place), lambda model: model.ingest(place), number, is_done=is_done)

    @precondition(lambda self: self.model.attempts)
    @rule(data=st.data(), number=st.integers(1, 3), is_done=st.booleans())
    def crash_while_withdrawing_or_taking_back(self, data: st.DataObject, number: int, *, is_done: bool) -> None:
        place = self._some_place(data)
        if self.model.can_withdraw(place):
            self._crash(lambda: self._withdraw(place), lambda model: model.withdraw(place), number, is_done=is_done)
        elif self.model.can_take_back(place):
            self._crash(lambda: self._take_back(place), lambda model: model.take_back(place), number, is_done=is_done)

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """Of now, or of what was known at an earlier time: every patient in force is in it, operated on and once."""
        time, known_then = data.draw(st.sampled_from([(None, self.model), *self.past]))
        known_on = time.isoformat() if time else None
        if not any(status == "accepted" for *_, status in known_then.statuses()):
            with pytest.raises(OutcomesError, match="nothing_to_release"):
                pipeline.release(self.settings, known_on)
            return
        built = pipeline.release(self.settings, known_on)
        with connect_to_release(built.id, self.settings) as con:
            episodes = con.sql("select site_id, patient_id from episodes order by all").fetchall()
        assert episodes == sorted((site, patient) for site, _, patient, _ in known_then.patients())

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def look_back(self, data: st.DataObject) -> None:
        """What was known at a time stays known of it; and a month's view leaves out the later ones."""
        time, known_then = data.draw(st.sampled_from(self.past))
        assert self._in_force(time) == (known_then.patients(), known_then.visits())
        period = data.draw(st.sampled_from(PERIODS))
        assert self._in_force(period) == (self.model.patients(period), self.model.visits(period))

    def _some_place(self, data: st.DataObject) -> Place:
        return data.draw(st.sampled_from(sorted(self.model.attempts)))

    def _landing(self, place: Place) -> Path:
        return self.settings.landing / place[0] / place[1]

    def _land(self, place: Place, delivery: Delivery) -> None:
        land(self.settings, place, delivery)
        self.model.landed[place] = Landed(delivery)

    def _break_file(self, place: Place) -> None:
        with (self._landing(place) / "patients.csv").open("a", encoding="utf-8") as file:
            file.write("\n")
        self.model.landed[place].is_whole = False

    def _ingest(self, place: Place) -> None:
        try:
            pipeline.ingest(self.settings, *place)
        except SubmissionRefused as refusal:
            event(f"refused: {refusal.code}")

    def _withdraw(self, place: Place) -> None:
        pipeline.withdraw(self.settings, *place, "wrong_data")

    def _forget(self, site: str, patient: str) -> None:
        event("forgot")
        pipeline.forget(self.settings, site, patient)

    def _take_back(self, place: Place) -> None:
        pipeline.take_back_withdrawal(self.settings, *place)

    def _do(self, command: Callable[[], None], expected: Callable[[Model], None]) -> None:
        command()
        expected(self.model)
        self._check()

    def _crash(
        self, command: Callable[[], None], expected: Callable[[Model], None], number: int, *, is_done: bool
    ) -> None:
        """End a command at a write to the lake, look at what is left, and go on."""
        before, after = self.model.copy(), self.model.copy()
        expected(after)
        with _ending_at(number, is_done=is_done) as has_ended:
            try:
                command()
            except CrashError:
                note("crashed")
        event(f"crashed: {has_ended[0]}")
        patients, visits = self._in_force()
        assert patients in (before.patients(), after.patients())
        # Months that are not judged again yet still stand as they did.
        assert set(visits) <= before.delivered_visits() | after.delivered_visits()
        with _forgiving("nothing_to_withdraw"):  # it was done before the end
            command()
        expected(self.model)
        self._check()

    def _check(self) -> None:
        assert self._in_force() == (self.model.patients(), self.model.visits())
        lake = Lake(self.settings.lake)
        with connect(self.settings) as con:
            lake.attach_submissions(con)
            statuses = con.sql("select site_id, period, attempt, status from submissions order by all").fetchall()
        assert statuses == self.model.statuses()
        assert [
            (one.site_id, one.period, one.rows_in, one.rows_accepted, one.rows_quarantined, one.rows_pending)
            for one in lake.standing()
        ] == self.model.counts()
        self.past.append((datetime.datetime.now(datetime.UTC), self.model.copy()))

    def _in_force(self, as_known_on: AsKnownOn = None) -> tuple[Rows, Rows]:
        with connect(self.settings) as con:
            damaged = Lake(self.settings.lake).attach_sound(con, as_known_on)
            patients = con.sql("select site_id, period, patient_id, data_cut_day from patients order by all").fetchall()
            visits = con.sql(
                "select site_id, period, follow_up_id, patient_id, day from follow_ups order by all"
            ).fetchall()
        assert damaged == []
        return patients, visits


@contextmanager
def _forgiving(code: str) -> Iterator[None]:
    try:
        yield
    except OutcomesError as error:
        if error.code != code:
            raise


@contextmanager
def _ending_at(number: int, *, is_done: bool) -> Iterator[list[bool]]:
    """Let the process end at a write to the lake, before it or once it is done; whatever follows is not done either."""
    has_ended, counted = [False], Counter[str]()

    def ending(write: Callable[..., None]) -> Callable[..., None]:
        def at_a_write(*arguments: Any) -> None:
            if has_ended[0]:
                raise CrashError
            counted["writes"] += 1
            has_ended[0] = counted["writes"] == number
            if is_done or not has_ended[0]:
                write(*arguments)
            if has_ended[0]:
                raise CrashError

        return at_a_write

    with pytest.MonkeyPatch.context() as patch:
        for name in ("write_rows", "commit"):
            patch.setattr(Lake, name, ending(getattr(Lake, name)))
        yield has_ended


def _run(histories: int, steps: int) -> None:
    run_state_machine_as_test(
        LakeHistory,
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            deadline=None,
            derandomize="STEPS" not in os.environ,
            suppress_health_check=list(HealthCheck),
            # To find a shorter history takes Hypothesis many minutes, and the one found is short enough to read.
            phases=[Phase.generate],
        ),
    )


def test_any_history_leaves_the_lake_as_the_rules_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "Expectations", CriticalRules)
    _run(STEPS // STEPS_OF_A_HISTORY, STEPS_OF_A_HISTORY)


@pytest.mark.long
def test_a_short_history_under_all_rules_leaves_the_lake_as_the_rules_say() -> None:
    _run(STEPS // STEPS_OF_A_HISTORY // 2, STEPS_OF_A_HISTORY // 4)
