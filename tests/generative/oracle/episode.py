"""The episode: who is in the cohort, what was fused, how long the patient was observed (sections 0, C and G)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from tests.generative.oracle import codes
from tests.generative.oracle.codes import Codes
from tests.generative.oracle.deliveries import Deliveries
from tests.generative.oracle.records import Evidence, Record, Result, Row, records, until
from tests.generative.oracle.stays import IndexStay, index_stay
from tests.generative.oracle.surgery import may_be_of_the_neck, surgery_group

ARTHRODESIS_LOOKBACK_DAYS = 365
STAGE_DAYS = 14
PLANNED_STAGE = "58"
UNPLANNED_RETURN = "78"
SAME_OPERATION = ("62", "80", "81", "82", "AS")


@dataclass(frozen=True, eq=False)
class Episode:
    """One patient from the index fusion on, with the records that labels read: none of them after the data cut."""

    patient: Row
    deliveries: Deliveries
    encounters: tuple[Record, ...]
    procedures: tuple[Record, ...]
    diagnoses: tuple[Record, ...]
    visits: tuple[Record, ...]
    images: tuple[Record, ...]
    treatments: tuple[Record, ...]

    @cached_property
    def surgeries(self) -> dict[Record, str]:
        """The surgery of the neck from day 0 on, each procedure with its group."""
        groups = {
            procedure: surgery_group(procedure, self.procedures, self.diagnoses, self.index_joints)
            for procedure in self.procedures
            if procedure.day >= 0
        }
        return {procedure: group for procedure, group in groups.items() if group}

    @cached_property
    def stages(self) -> tuple[Record, ...]:
        """The index operation and what belongs to it; what does not is a revision (C4)."""
        return tuple(filter(self._is_stage, self.surgeries))

    @cached_property
    def stage_days(self) -> frozenset[int]:
        """The days of the index operation: what is done in its stay is of the neck, whatever its code names."""
        operations = filter(may_be_of_the_neck, self.procedures)
        return frozenset({0, *(procedure.day for procedure in operations if self._is_stage(procedure))})

    @cached_property
    def index_joints(self) -> frozenset[int]:
        """The joints fused in any stage; empty when no stage says."""
        fused = (procedure for procedure in self.procedures if codes.is_fusion(procedure) and self._is_stage(procedure))
        return frozenset[int]().union(*(fusion.joints for fusion in fused))

    @property
    def adjacent_joints(self) -> frozenset[int]:
        """The joints from just above the highest to just below the lowest fused one that are not fused themselves."""
        if not self.index_joints:
            return frozenset()
        return frozenset(range(min(self.index_joints) - 1, max(self.index_joints) + 2)) - self.index_joints

    @cached_property
    def index_stay(self) -> IndexStay:
        """The stay of the index fusion, transfers included."""
        return index_stay(self.encounters, self.procedures)

    @property
    def index_stay_last_day(self) -> int:
        """The last day of the index stay."""
        return self.index_stay.last_day

    def is_of_index_stay(self, record: Record) -> bool:
        """Does the procedure or diagnosis belong to the stay of the index fusion?"""
        return self.index_stay.holds(record)

    @property
    def death_day(self) -> int | None:
        """Day of death."""
        return self.patient.get("death_day")

    @cached_property
    def data_cut_day(self) -> int:
        """Day of the data cut; the last sign of the patient where it is not stated."""
        cut: int | None = self.patient.get("data_cut_day")
        return self._last_sign if cut is None else cut

    @cached_property
    def observed_days(self) -> int:
        """Days of true observation: up to death, the data cut, or the last sign of the patient (C2)."""
        return min(self._last_sign, self.data_cut_day, *_known(self.death_day))

    @property
    def patient_row(self) -> Evidence:
        """The patient's own row, on which a "no" rests."""
        return frozenset({("patients", self.patient["patient_id"])})

    @cached_property
    def _last_sign(self) -> int:
        tables = (self.encounters, self.procedures, self.diagnoses, self.visits, self.images, self.treatments)
        days = [record.day for table in tables for record in table]
        has_cut = self.patient.get("data_cut_day") is not None
        ends = [day for stay in self.encounters if has_cut for day in _known(stay["end_day"])]
        return max([*days, *ends, *_known(self.patient.get("last_contact_day"))], default=0)

    @cached_property
    def _fusion_stage_days(self) -> frozenset[int]:
        return frozenset(
            procedure.day
            for procedure in self.procedures
            if codes.is_fusion(procedure) and self._is_stage_itself(procedure)
        )

    def _is_stage(self, procedure: Record) -> bool:
        is_beside_a_stage = procedure.day in self._fusion_stage_days and not self._is_revision_itself(procedure)
        return is_beside_a_stage or self._is_stage_itself(procedure)

    def _is_stage_itself(self, procedure: Record) -> bool:
        """Was it planned, or in the stay of the index fusion?"""
        if procedure.day < 0 or self._is_revision_itself(procedure):
            return False
        is_soon = procedure.day <= STAGE_DAYS
        return procedure.day == 0 or self.is_of_index_stay(procedure) or (is_soon and _is_planned(procedure))

    @staticmethod
    def _is_revision_itself(procedure: Record) -> bool:
        """Was it an unplanned return, or did it take out or put right what the index operation had put in?"""
        is_device = procedure.day >= 1 and procedure in codes.DEVICE_REVISED and not _is_planned(procedure)
        return procedure["modifier"] == UNPLANNED_RETURN or is_device

    @property
    def delivered(self) -> frozenset[str]:
        """The tables that the site delivers."""
        return self.deliveries.tables

    def sent_until(self, table: str) -> int:
        """The day up to which the site has left nothing of the table out (G2)."""
        return self.deliveries.sent_until(table, self.data_cut_day)

    def delivers_any(self, tables: Iterable[str]) -> bool:
        """Did the site deliver at least one of the tables?"""
        return not self.delivered.isdisjoint(tables)

    def cannot_read(self, lists: Iterable[Codes]) -> bool:
        """Are all diagnoses after surgery in ICD-9-CM, of which the lists know nothing (B4)?"""
        systems = {diagnosis["code_system"] for diagnosis in self.diagnoses if diagnosis.day >= 1}
        return systems == {"ICD9CM"} and not any("ICD9CM" in listed.systems for listed in lists)

    def not_assessable(self, reason: str, evidence: Evidence | None = None) -> Result:
        """The label cannot be judged, and why."""
        return Result("not_assessable", reason, None, None, None, None, evidence or self.patient_row)

    def not_found(self, tables: Iterable[str], observed_at_least: int, last_day: int | None = None) -> Result:
        """The answer of an event-like label without its event: a "no" needs a table and enough observation.

        One of the tables must have been sent up to the last day on which the event could count, the last observed one
        where none is given.
        """
        sent = [self.sent_until(table) for table in tables if table in self.delivered]
        if not sent:
            return self.not_assessable("no_source_data")
        if self.observed_days < observed_at_least:
            return self.not_assessable("no_follow_up")
        if max(sent) < (self.observed_days if last_day is None else last_day):
            return self.not_assessable("delivery_gap")
        return Result("no", None, None, self.observed_days, "observed_days", None, self.patient_row)


def read_episode(tables: dict[str, list[Row]], deliveries: Deliveries) -> Episode | None:
    """The episode of one patient; None when the patient is not in the cohort."""
    patient = tables["patients"][0]

    def known(table: str) -> tuple[Record, ...]:
        return until(records(tables, table), patient.get("data_cut_day"))

    procedures, diagnoses, treatments = (
        _without_codes_out_of_force(known(table), patient.get("index_period"))
        for table in ("procedures", "diagnoses", "treatments")
    )
    procedures = _without_further_joints_elsewhere(tuple(_with_joints(each, procedures) for each in procedures))
    is_fused = any(procedure.day == 0 and procedure in codes.FUSION for procedure in procedures)
    if not is_fused or _was_fused_before(procedures, diagnoses):
        return None
    return Episode(
        patient=patient,
        deliveries=deliveries,
        encounters=known("encounters"),
        procedures=procedures,
        diagnoses=diagnoses,
        visits=known("follow_ups"),
        images=known("imaging"),
        treatments=treatments,
    )


def _without_codes_out_of_force(coded: tuple[Record, ...], index_period: str | None) -> tuple[Record, ...]:
    """The records; a code that was not in force on the day says nothing."""
    return tuple(
        record if codes.is_in_force(record, index_period) else replace(record, row=record.row | {"code": None})
        for record in coded
    )


def _with_joints(procedure: Record, procedures: tuple[Record, ...]) -> Record:
    """The procedure; of an assistant's or second surgeon's bill without joints, with those of the bill it repeats."""
    if procedure.joints or procedure["modifier"] not in SAME_OPERATION:
        return procedure
    levels = [
        other["levels"]
        for other in procedures
        if other.joints and other.day == procedure.day and _code(other) == _code(procedure)
    ]
    return replace(procedure, row=procedure.row | {"levels": ";".join(levels) or None})


def _code(procedure: Record) -> tuple[str, str]:
    return procedure["code_system"], procedure["code"]


def _without_further_joints_elsewhere(procedures: tuple[Record, ...]) -> tuple[Record, ...]:
    """The procedures; an add-on without joint or region says nothing on a day without a fusion of the neck."""
    fused = {
        procedure.day
        for procedure in procedures
        if codes.is_fusion(procedure) and procedure not in codes.ADD_ON_OF_ANY_REGION
    }
    return tuple(
        replace(procedure, row=procedure.row | {"code": None})
        if procedure in codes.ADD_ON_OF_ANY_REGION and not procedure.joints and procedure.day not in fused
        else procedure
        for procedure in procedures
    )


def _was_fused_before(procedures: tuple[Record, ...], diagnoses: tuple[Record, ...]) -> bool:
    """A cervical fusion before day 0, or the status of one that no fusion of another region explains (C6)."""
    other_region_days = [procedure.day for procedure in procedures if procedure in codes.OTHER_REGION_FUSION]
    is_unexplained = any(
        diagnosis in codes.ARTHRODESIS_STATUS
        and -ARTHRODESIS_LOOKBACK_DAYS <= diagnosis.day <= -1
        and not any(day <= diagnosis.day for day in other_region_days)
        for diagnosis in diagnoses
    )
    is_coded = any(procedure.day < 0 and codes.is_fusion(procedure) for procedure in procedures)
    return is_coded or is_unexplained


def _is_planned(procedure: Record) -> bool:
    return procedure["modifier"] == PLANNED_STAGE or procedure["planned_stage"] is True


def _known(value: int | None) -> list[int]:
    return [] if value is None else [value]
