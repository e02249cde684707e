"""The episode: who is in the cohort, what was fused, how long the patient was observed (section 0)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from tests.generative.oracle.codes import ARTHRODESIS_STATUS, FUSION, FUSION_ADD_ON, is_in_force
from tests.generative.oracle.records import Evidence, Record, Result, Row, records

ARTHRODESIS_LOOKBACK_DAYS = 365
STAGE_DAYS = 14
PLANNED_STAGE = "58"
UNPLANNED_RETURN = "78"


@dataclass(frozen=True, eq=False)
class Episode:
    """One patient from the index fusion on, with the records that labels read."""

    patient: Row
    delivered: frozenset[str]
    encounters: tuple[Record, ...]
    procedures: tuple[Record, ...]
    diagnoses: tuple[Record, ...]
    visits: tuple[Record, ...]
    images: tuple[Record, ...]
    treatments: tuple[Record, ...]
    stages: tuple[Record, ...]

    @cached_property
    def index_joints(self) -> frozenset[int]:
        """The joints fused in any stage; empty when no stage says."""
        return frozenset[int]().union(*(stage.joints for stage in self.stages))

    @property
    def adjacent_joints(self) -> frozenset[int]:
        """The joint just above the highest and the one just below the lowest fused joint."""
        if not self.index_joints:
            return frozenset()
        return frozenset({min(self.index_joints) - 1, max(self.index_joints) + 1})

    @property
    def death_day(self) -> int | None:
        """Day of death."""
        return self.patient.get("death_day")

    @cached_property
    def data_cut_day(self) -> int:
        """Day of the data cut: a record later than the stated one shows that the extract reached further."""
        return max([self._latest_record_day, *_known(self.patient.get("data_cut_day"))])

    @cached_property
    def observed_days(self) -> int:
        """Days of true observation: up to death, the data cut, or the last sign of the patient."""
        last_sign = max([self._latest_record_day, *_known(self.patient.get("last_contact_day"))])
        return min(last_sign, self.data_cut_day, *_known(self.death_day))

    @property
    def patient_row(self) -> Evidence:
        """The patient's own row, on which a "no" rests."""
        return frozenset({("patients", self.patient["patient_id"])})

    @cached_property
    def _latest_record_day(self) -> int:
        days = [
            record.day
            for table in (
                self.encounters,
                self.procedures,
                self.diagnoses,
                self.visits,
                self.images,
                self.treatments,
            )
            for record in table
        ]
        return max(days + [day for stay in self.encounters for day in _known(stay["end_day"])])

    def delivers_any(self, tables: Iterable[str]) -> bool:
        """Did the site deliver at least one of the tables?"""
        return not self.delivered.isdisjoint(tables)

    def not_assessable(self, reason: str, evidence: Evidence | None = None) -> Result:
        """The label cannot be judged, and why."""
        return Result("not_assessable", reason, None, None, None, None, evidence or self.patient_row)

    def not_found(self, tables: Iterable[str], observed_at_least: int) -> Result:
        """The answer of an event-like label without its event: a "no" needs a table and enough observation."""
        if not self.delivers_any(tables):
            return self.not_assessable("no_source_data")
        if self.observed_days < observed_at_least:
            return self.not_assessable("no_follow_up")
        return Result("no", None, None, self.observed_days, "observed_days", None, self.patient_row)


def read_episode(tables: dict[str, list[Row]], delivered: frozenset[str]) -> Episode | None:
    """The episode of one patient; None when the patient is not in the cohort."""
    period = tables["patients"][0].get("index_period")
    procedures, diagnoses, treatments = (
        _without_future_codes(records(tables, table), period) for table in ("procedures", "diagnoses", "treatments")
    )
    fusions = [record for record in procedures if record in FUSION or record in FUSION_ADD_ON]
    if not any(fusion.day == 0 and fusion in FUSION for fusion in fusions) or _was_fused_before(fusions, diagnoses):
        return None
    return Episode(
        patient=tables["patients"][0],
        delivered=delivered,
        encounters=records(tables, "encounters"),
        procedures=procedures,
        diagnoses=diagnoses,
        visits=records(tables, "follow_ups"),
        images=records(tables, "imaging"),
        treatments=treatments,
        stages=_stages(fusions),
    )


def _without_future_codes(coded: tuple[Record, ...], index_period: str | None) -> tuple[Record, ...]:
    """The records; a code that was not in force yet says nothing."""
    return tuple(
        record if is_in_force(record, index_period) else replace(record, row=record.row | {"code": None})
        for record in coded
    )


def _was_fused_before(fusions: list[Record], diagnoses: tuple[Record, ...]) -> bool:
    return any(fusion.day < 0 and fusion in FUSION for fusion in fusions) or any(
        diagnosis in ARTHRODESIS_STATUS and -ARTHRODESIS_LOOKBACK_DAYS <= diagnosis.day <= -1 for diagnosis in diagnoses
    )


def _stages(fusions: list[Record]) -> tuple[Record, ...]:
    """The index fusion and the planned further fusions that belong to it; an unplanned return never does."""
    index_encounters = {fusion["encounter_id"] for fusion in fusions if fusion.day == 0} - {None}

    def is_stage(fusion: Record) -> bool:
        if fusion.day == 0:
            return True
        if fusion["modifier"] == UNPLANNED_RETURN or fusion.day < 0:
            return False
        is_planned = fusion["modifier"] == PLANNED_STAGE or fusion["planned_stage"] is True
        return fusion["encounter_id"] in index_encounters or (fusion.day <= STAGE_DAYS and is_planned)

    return tuple(filter(is_stage, fusions))


def _known(value: int | None) -> list[int]:
    return [] if value is None else [value]
