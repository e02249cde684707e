"""The seven tables of the contract.

Every `day` is an integer, the event's day minus the day of the index fusion (0 = the index fusion). Closed lists,
ranges and other rules stand in `expectations/`, one suite per table.
"""

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

DAYS = "days since the index fusion"
"""The unit of every day."""


class ColumnType(StrEnum):
    """The types a contract column may have."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type in the lake."""
        return {
            ColumnType.TEXT: pa.string(),
            ColumnType.INTEGER: pa.int64(),
            ColumnType.DECIMAL: pa.float64(),
            ColumnType.BOOLEAN: pa.bool_(),
        }[self]

    @property
    def sql(self) -> str:
        """The SQL type in the marts."""
        return {
            ColumnType.TEXT: "varchar",
            ColumnType.INTEGER: "bigint",
            ColumnType.DECIMAL: "double",
            ColumnType.BOOLEAN: "boolean",
        }[self]


@dataclass(frozen=True)
class Column:
    """One column: its name, type, unit (empty when it has none), meaning and the first version that holds it."""

    name: str
    type: ColumnType
    description: str
    unit: str = ""
    since: int = 1

    @property
    def is_day(self) -> bool:
        """Whether it counts days since the index fusion."""
        return self.unit == DAYS


@dataclass(frozen=True)
class Table:
    """One table of a submission; the first column is its key."""

    name: str
    description: str
    columns: tuple[Column, ...]
    required: bool = False

    @property
    def key(self) -> str:
        """The column that identifies a row within the site."""
        return self.columns[0].name

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the contract's columns."""
        return pa.schema([pa.field(column.name, column.type.arrow) for column in self.columns])

    def names(self, version: int) -> list[str]:
        """The columns of this version of the contract, in the contract's order."""
        return [column.name for column in self.columns if column.since <= version]


def _text(name: str, description: str, *, since: int = 1) -> Column:
    return Column(name, ColumnType.TEXT, description, since=since)


def _integer(name: str, description: str, unit: str = "", *, since: int = 1) -> Column:
    return Column(name, ColumnType.INTEGER, description, unit, since)


def _decimal(name: str, description: str, unit: str = "") -> Column:
    return Column(name, ColumnType.DECIMAL, description, unit)


def _boolean(name: str, description: str) -> Column:
    return Column(name, ColumnType.BOOLEAN, description)


def _day(name: str, description: str) -> Column:
    return Column(name, ColumnType.INTEGER, description, DAYS)


_PATIENT = _text("patient_id", "the patient, a random key of the site")
_ENCOUNTER = _text("encounter_id", "the encounter in which it happened, when known")
_DELETED = _boolean("deleted", "true withdraws the row of this key (a tombstone); missing = false")

PATIENTS = Table(
    "patients",
    "one row per patient with an index fusion",
    (
        _PATIENT,
        _text("sex", "administrative gender (HL7): female, male, other, unknown"),
        _integer(
            "age_years", "age at the index fusion; 90 = 90 and over, at surgery or by the latest day given", "years"
        ),
        _text("index_period", "month (YYYY-MM) or, under Safe Harbor, year (YYYY) of the index fusion"),
        _decimal("bmi", "body mass index at the index fusion", "kg/m2"),
        _text("smoking", "never, former, current, unknown"),
        _boolean("diabetes", "diabetes mellitus at the index fusion"),
        _integer("asa_class", "ASA physical status at the index fusion, 1 to 6"),
        _boolean("prior_cervical_surgery", "any cervical surgery before the index fusion"),
        _text("indication", "radiculopathy, myelopathy, both, other"),
        _boolean("workers_compensation", "a workers' compensation claim at the index fusion"),
        _boolean("preop_opioid_use", "opioid use before the index fusion"),
        _day(
            "data_cut_day",
            "the day on which the extract was cut for this patient; counted from the last day of index_period or "
            "shifted per patient, so that no common date gives back the day of surgery",
        ),
        _day("last_contact_day", "the last day on which the patient was known to be alive and in care"),
        _day("death_day", "the day of death, when dead"),
        _boolean("treatment_data_complete", "the site sees all treatments of this patient"),
        _DELETED,
    ),
    required=True,
)

ENCOUNTERS = Table(
    "encounters",
    "one row per hospital stay or visit",
    (
        _text("encounter_id", "the encounter, a random key of the site"),
        _PATIENT,
        _day("start_day", "first day"),
        _day("end_day", "last day"),
        _text("type", "inpatient, outpatient, emergency, rehabilitation"),
        _DELETED,
    ),
)

PROCEDURES = Table(
    "procedures",
    "one row per coded procedure",
    (
        _text("procedure_id", "the procedure, a random key of the site"),
        _PATIENT,
        _ENCOUNTER,
        _day("day", "day of the procedure"),
        _text("code_system", "CPT, HCPCS, ICD10PCS, ICD9PCS"),
        _text("code", "the code; capitals, blanks and dots do not matter"),
        _text("modifier", "CPT modifier: 58 planned stage, 78 unplanned return"),
        _integer(
            "units", "how often the code is charged, as of an add-on code for each further level; missing = 1", since=2
        ),
        _text("levels", "joints operated on, C0-1 to T1-2, joined by a semicolon: C5-6;C6-7"),
        _text("approach", "anterior, posterior, combined"),
        _boolean("planned_stage", "planned at the index fusion as a further stage of it"),
        _text("surgeon_id", "the surgeon, a random key of the site"),
        _DELETED,
    ),
    required=True,
)

DIAGNOSES = Table(
    "diagnoses",
    "one row per coded diagnosis",
    (
        _text("diagnosis_id", "the diagnosis, a random key of the site"),
        _PATIENT,
        _ENCOUNTER,
        _day("day", "day on which it was recorded"),
        _text("code_system", "ICD10CM, ICD9CM"),
        _text("code", "the code; capitals, blanks and dots do not matter"),
        _integer("position", "1 = main diagnosis"),
        _DELETED,
    ),
)

_NDI_TOPICS = (
    "pain intensity",
    "personal care",
    "lifting",
    "reading",
    "headaches",
    "concentration",
    "work",
    "driving",
    "sleeping",
    "recreation",
)

_EQ5D_TOPICS = ("mobility", "self-care", "usual activities", "pain or discomfort", "anxiety or depression")

FOLLOW_UPS = Table(
    "follow_ups",
    "one row per visit at which an outcome was reported or examined; baseline visits have day <= 0",
    (
        _text("follow_up_id", "the visit, a random key of the site"),
        _PATIENT,
        _text("encounter_id", "the encounter in which the visit was held, when known", since=2),
        _day("day", "day of the visit"),
        _decimal("neck_pain_nrs", "neck pain, 0 none to 10 worst", "NRS points"),
        _decimal("arm_pain_nrs", "arm pain, 0 none to 10 worst", "NRS points"),
        _decimal("ndi_total", "Neck Disability Index, total; its unit stands in ndi_unit", "see ndi_unit"),
        _text("ndi_unit", "points (0 to 50) or percent (0 to 100)"),
        *(_integer(f"ndi_item_{i}", f"NDI item {i}: {topic}", "0 to 5") for i, topic in enumerate(_NDI_TOPICS, 1)),
        _integer("mjoa_total", "modified Japanese Orthopaedic Association score, higher is better", "0 to 18"),
        _integer("mjoa_upper_motor", "mJOA, motor function of the arms", "0 to 5"),
        _integer("mjoa_lower_motor", "mJOA, motor function of the legs", "0 to 7"),
        _integer("mjoa_sensory", "mJOA, sensation of the hands", "0 to 3"),
        _integer("mjoa_sphincter", "mJOA, bladder function", "0 to 3"),
        _text(
            "eq5d_version",
            "the EQ-5D that was asked: 3L (levels 1 to 3) or 5L (levels 1 to 5, the default); one that is stated and "
            "cannot be read costs the levels of the visit",
            since=2,
        ),
        *(_integer(f"eq5d_{i}", f"EQ-5D: {topic}", "level 1 to 5") for i, topic in enumerate(_EQ5D_TOPICS, 1)),
        _integer("eq_vas", "EQ visual analogue scale, higher is better", "0 to 100"),
        _decimal("promis_pf_t", "PROMIS physical function, higher is better", "T-score"),
        _decimal("promis_pi_t", "PROMIS pain interference, higher is worse", "T-score"),
        _integer("satisfaction", "NASS satisfaction, lower is better", "1 to 4"),
        _boolean("radiating_pain", "burning pain that spreads to the shoulder or arm"),
        _boolean("numbness", "numbness or tingling in a dermatome"),
        _integer("mrc_grade_min", "muscle strength, the weakest key muscle (MRC)", "0 to 5"),
        _decimal("neck_rotation_deg", "active rotation of the neck, the smaller side", "degrees"),
        _boolean("occipital_headache", "headache at the base of the skull"),
        _boolean("opioid_use", "takes an opioid at the visit"),
        _boolean("working", "works at the visit"),
        _DELETED,
    ),
)

IMAGING = Table(
    "imaging",
    "one row per finding of an image; an image without a finding is one row `normal`",
    (
        _text("imaging_id", "the finding, a random key of the site"),
        _PATIENT,
        _day("day", "day of the image"),
        _text("modality", "radiograph, ct, mri"),
        _text("level", "the joint, C0-1 to T1-2, when the finding has one"),
        _text(
            "finding",
            "normal, degeneration, disc_herniation, stenosis, interspinous_motion, superjacent_motion, bridging_bone, "
            "no_bridging_bone, epidural_scar, perineural_scar, recurrent_disc, screw_back_out, plate_fracture, "
            "subsidence, residual_stenosis, c2_7_sva",
        ),
        _decimal(
            "value",
            "the measured value; its unit stands in unit. Worse is: larger grade of degeneration, disc_herniation, "
            "stenosis; larger mm of disc_herniation (size of the herniation); smaller mm of degeneration (height of "
            "the disc), stenosis (width of the canal)",
            "see unit",
        ),
        _text("unit", "mm, degrees, grade (0 none to 4 severe)"),
        _DELETED,
    ),
)

TREATMENTS = Table(
    "treatments",
    "one row per conservative treatment or supply",
    (
        _text("treatment_id", "the treatment, a random key of the site"),
        _PATIENT,
        _day("start_day", "first day"),
        _day("end_day", "last day, of a supply the last day it covers"),
        _text("code_system", "ATC, RXNORM (an ingredient), CPT, HCPCS, ICD10PCS"),
        _text("code", "the code; capitals, blanks and dots do not matter"),
        _text(
            "treatment_class",
            "when the site codes by class: nsaid, muscle_relaxant, topical, injection, oral_steroid, opioid, "
            "gabapentinoid, duloxetine, radiofrequency, exercise_therapy, heat_ice_manual, tens, traction, "
            "complementary",
        ),
        _text(
            "route",
            "how a drug is given: oral, topical, injection, transdermal, other; it tells the form of an ingredient, "
            "which names none",
            since=2,
        ),
        _DELETED,
    ),
)

TABLES: dict[str, Table] = {
    table.name: table for table in (PATIENTS, ENCOUNTERS, PROCEDURES, DIAGNOSES, FOLLOW_UPS, IMAGING, TREATMENTS)
}
