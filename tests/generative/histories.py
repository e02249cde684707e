"""Invented patients full of edges: each rule's last day and the day after it, ties, gaps and codes of every list."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from outcomes.contract import TABLES

Row = dict[str, Any]
Draw = Callable[[Random], Row]

MISSING_TABLE_SHARE = 0.07
SELDOM = 0.05
OUTCOME_VISIT_SHARE = 0.4
MOTION_STUDY_SHARE = 0.2
REOPERATED_SHARE = 0.6
SAME_AGAIN_SHARE = 0.2
OPTIONAL_TABLES = ("encounters", "diagnoses", "follow_ups", "imaging", "treatments")
_DAYS_BEFORE = (-366, -365, -181, -180, -30, -1, 0)
_EARLY_DAYS = (1, 2, 14, 15, 30, 41, 42, 43, 49, 56, 57, 63, 64, 80, 84, 85, 90, 91, 92, 93, 106, 120)
_LATE_DAYS = (136, 137, 150, 179, 180, 181, 182, 210, 271, 272, 273, 300, 364, 365, 366, 545, 700)
_YEARS = (1825, 1826, 3651, 3652, 7304, 7305)

_JOINTS = ("C0-1", "C1-2", "C3-4", "C4-5", "C4-5", "C5-6", "C5-6", "C6-7", "C6-7", "C7-T1")
_LEVELS = (None, "C5-6", "C4-5", "C6-7", "C3-4", "C4-5;C5-6", "C6-7;C7-T1", "C4-5;C6-7", "C0-1", "C7-T1")

_INDEX_FUSIONS = (
    *[("CPT", "22551")] * 6,
    *[("CPT", "22554"), ("CPT", "22600"), ("CPT", "22548"), ("CPT", "22590"), ("CPT", "22595"), ("CPT", "63081")],
    *[("ICD10PCS", "0RG10A0"), ("ICD10PCS", "0RG2071"), ("ICD10PCS", "0RG00J0"), ("ICD10PCS", "0RG40JJ")],
    *[("CPT", "22552"), ("ICD10PCS", "0RG60A0")],
)
_PROCEDURES = (
    *[("CPT", code) for code in ("22551", "22600", "22552", "22585", "22849", "22830", "22855", "22850", "22852")],
    *[("CPT", code) for code in ("22856", "22858", "22861", "0098T", "22864", "0095T", "63020", "63040", "63043")],
    *[("CPT", code) for code in ("63035", "63045", "63048", "63050", "63051", "63001", "63015", "63075", "63081")],
    *[("CPT", code) for code in ("22845", "99213", "62321", "20552", "64405", "62320", "64480", "64492")],
    *[("ICD10PCS", code) for code in ("0RG10A0", "0RG40JJ", "0RG60A0", "0RW10JZ", "0RW30JZ", "0RW50JZ", "0PW304Z")],
    *[("ICD10PCS", code) for code in ("0RP104Z", "0RP4X4Z", "0RP10AZ", "0RP10JZ", "0RP30JZ", "0RPJ0JZ", "0PP334Z")],
    *[("ICD10PCS", code) for code in ("0RR30JZ", "0RR50JZ", "01N10ZZ", "01N14ZZ", "00NW0ZZ", "00NW0ZZ", "0PU30JZ")],
    *[("ICD10PCS", code) for code in ("0PS304Z", "0RB30ZZ", "0RT30ZZ", "0PB30ZZ", "3E0R33Z", "3E0T33Z")],
)
_DIAGNOSES = (
    *(
        "M5001",
        "M50020",
        "M50021",
        "M50022",
        "M50023",
        "M5003",
        "M5010",
        "M5011",
        "M50121",
        "M50122",
        "M50123",
        "M5013",
    ),
    *("M5020", "M50221", "M50222", "M5023", "M5030", "M50321", "M50323", "M5031"),
    *("M4712", "M4722", "M4802", "M4803", "M4312", "M4313", "G992", "M9931", "M9951", "M9961", "M9971"),
    *("M960", "M960", "M532X2", "M532X3", "T84216A", "T84226D", "T84296S", "T84498A", "T8484XA", "T8489XD", "M9669"),
    *("T8463XA", "T847XXA", "G9612", "T8482XA", "M961", "M9941", "R293", "M4003", "M963", "M7912", "M7918"),
    *("M62838", "M9901", "M5412", "M5413", "M792", "R208", "M79601", "M79622", "M79641", "M25511", "M25512"),
    *("R200", "R201", "R202", "R203", "R209", "M6281", "R531", "R29898", "M436", "M2560", "M2569", "R519", "G4486"),
    *("M5481", "M542", "M542", "M542", "S12600A", "I10"),
)
_FAMILIES = (
    *(("M5001", "M50021", "M50022", "M50023"), ("M5010", "M50122", "M5013"), ("M5020", "M50222", "M5021")),
    *(("M4712",), ("M4722",), ("M4802",), ("G992",), ("M9931", "M9951"), ("M9961",), ("M9971",)),
)
_TREATMENTS = (
    *[
        ("ATC", code)
        for code in ("M01AE01", "M03BX01", "M02AB01", "N01BX04", "H02AB06", "N02AA05", "N02AA05", "N02BE01")
    ],
    *[("CPT", code) for code in ("62321", "64479", "20553", "97161", "97110", "97530", "97010", "97140", "97124")],
    *[("CPT", code) for code in ("97014", "97032", "97012", "97810", "97814", "98940", "98942", "97165")],
    *[("HCPCS", code) for code in ("G0283", "E0720", "E0730", "E0840", "E0860", "E0856")],
    *[("ICD10PCS", code) for code in ("3E0R33Z", "3E0T33Z")],
)
_CLASSES = (
    None,
    None,
    None,
    None,
    None,
    None,
    "muscle_relaxant",
    "traction",
    "nsaid",
    "opioid",
    "opioid",
    "exercise_therapy",
    "injection",
    "tens",
    "complementary",
)


@dataclass(frozen=True)
class Patient:
    """One invented patient: rows by table, and the tables that the patient's site delivered."""

    tables: dict[str, list[Row]]
    delivered: tuple[str, ...]

    def __str__(self) -> str:
        rows = [
            f"  {table}: " + ", ".join(f"{column}={value}" for column, value in row.items() if value is not None)
            for table, rows in self.tables.items()
            for row in rows
        ]
        return "\n".join([f"  delivered: {', '.join(self.delivered)}", *rows])


def with_code(system: str, code: str, index_period: str) -> list[Patient]:
    """Patients with the code where it may decide: before, at and after the fusion, with and without the neck named."""
    coded = {"code_system": system, "code": code}
    neck_pain = {"day": 400, "code_system": "ICD10CM", "code": "M542"}

    def one(index_levels: str | None, procedures: Sequence[Row] = (), **tables: list[Row]) -> Patient:
        index = {"day": 0, "code_system": "CPT", "code": "22554", "levels": index_levels}
        return patient_of({"procedures": [index, *procedures], **tables})

    def patient_of(tables: dict[str, list[Row]]) -> Patient:
        patient = {"data_cut_day": 730, "last_contact_day": 730, "treatment_data_complete": True}
        return Patient(
            _keyed({"patients": [patient | {"index_period": index_period}], **tables}), delivered=tuple(TABLES)
        )

    if system == "ICD10CM":
        refixation = {"day": 400, "code_system": "CPT", "code": "22849"}
        return [
            *(one("C5-6", diagnoses=[coded | {"day": day}]) for day in (-10, 400)),
            *(one(index, diagnoses=[coded | {"day": 400}]) for index in ("C3-4", "C4-5", "C6-7")),
            one("C5-6", diagnoses=[coded | {"day": -10}, coded | {"day": 400}, neck_pain]),
            one("C5-6", diagnoses=[coded | {"day": 400}], procedures=[refixation]),
        ]
    given = one("C5-6", treatments=[coded | {"start_day": 10}])
    if system == "ATC":
        return [given]
    companion = {"day": 400, "code_system": "ICD10PCS", "code": "0PU30JZ"}
    return [
        given,
        one(None, procedures=[coded | {"day": -10}]),
        one("C5-6", procedures=[coded | {"day": 400}]),
        one("C5-6", procedures=[coded | {"day": 400}], diagnoses=[neck_pain]),
        one("C5-6", procedures=[coded | {"day": 400, "levels": "C4-5"}, companion]),
        one("C5-6", procedures=[coded | {"day": 400, "levels": "C5-6"}]),
        patient_of({"procedures": [coded | {"day": 0}]}),
    ]


def _keyed(tables: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {
        table: [
            {TABLES[table].key: f"{table}-{number}", "patient_id": "p", **row} for number, row in enumerate(rows, 1)
        ]
        for table, rows in tables.items()
    }


def without_a_row(patient: Patient) -> Iterator[Patient]:
    """The patient with one row less, each way once."""
    for table, rows in patient.tables.items():
        if table != "patients":
            for number in range(len(rows)):
                others = [*rows[:number], *rows[number + 1 :]]
                yield Patient(patient.tables | {table: others}, patient.delivered)


def without_a_value(patient: Patient) -> Iterator[Patient]:
    """The patient with one value less that a row can do without, each way once."""
    for table, rows in patient.tables.items():
        needed = {
            TABLES[table].key,
            "patient_id",
            "day",
            "start_day",
            "end_day",
            "code",
            "code_system",
            "ndi_unit",
            "unit",
        }
        for number, row in enumerate(rows):
            for column in row.keys() - needed if table != "treatments" else ():
                less = {name: value for name, value in row.items() if name != column}
                changed = [*rows[:number], less, *rows[number + 1 :]]
                if row[column] is not None:
                    yield Patient(patient.tables | {table: changed}, patient.delivered)


def patients(count: int, seed: int) -> list[Patient]:
    """Invented patients; the same seed gives the same ones, and more of them begin with the same."""
    random = Random(seed)
    return [_patient(random) for _ in range(count)]


def _patient(random: Random) -> Patient:
    """One patient, as the intake would let pass: known keys, no table that was not delivered, nothing after death."""
    tables: dict[str, list[Row]] = {
        "patients": [_PATIENT(random)],
        "encounters": _several(random, _encounter, 3),
        "procedures": [
            _INDEX(random) | {"day": 0},
            *_seldom(random, _EARLIER_FUSION),
            *_several(random, _STAGE, 2),
            *(_several(random, _PROCEDURE, 3) if random.random() < REOPERATED_SHARE else []),
        ],
        "diagnoses": [*_seldom(random, _ARTHRODESIS), *_several(random, _DIAGNOSIS, 6), *_same_again(random)],
        "follow_ups": [*_several(random, _VISIT, 6), *_outcome_visits(random)],
        "imaging": [*_several(random, _IMAGE, 5), *_motions(random)],
        "treatments": _several(random, _treatment, 4),
    }
    missing = {table for table in OPTIONAL_TABLES if random.random() < MISSING_TABLE_SHARE}
    death_day = tables["patients"][0]["death_day"]
    present = {
        table: [row for row in rows if death_day is None or _last_day(row) <= death_day]
        for table, rows in tables.items()
        if table not in missing
    }
    return Patient(_keyed(present), tuple(table for table in TABLES if table not in missing))


def _several(random: Random, draw: Draw, most: int) -> list[Row]:
    return [draw(random) for _ in range(random.choice((0, 0, *range(1, most + 1))))]


def _seldom(random: Random, draw: Draw) -> list[Row]:
    return [draw(random)] if random.random() < SELDOM else []


def _row(**columns: Sequence[Any]) -> Draw:
    """Draws a row: one of the choices in each column."""
    return lambda random: {column: random.choice(choices) for column, choices in columns.items()}


def _coded(choices: Sequence[tuple[str, str]]) -> Draw:
    return lambda random: dict(zip(("code_system", "code"), random.choice(choices), strict=True))


def _any_of(*draws: Draw) -> Draw:
    return lambda random: random.choice(draws)(random)


def _merged(*draws: Draw) -> Draw:
    return lambda random: {column: value for draw in draws for column, value in draw(random).items()}


def _last_day(row: Row) -> int:
    days = (row.get(column) for column in ("day", "start_day", "end_day"))
    return max((day for day in days if day is not None), default=0)


def _ndi_items(random: Random) -> Row:
    answered, each = random.choice((6, 7, 8, 9, 10)), random.choice((0, 1, 2, 3))
    items: Row = {f"ndi_item_{number}": each for number in range(10, 10 - answered, -1)}
    return items | {"ndi_item_1": random.choice((None, 1, 2, 5)), "ndi_item_5": random.choice((None, 2, 3))}


def _outcome_visits(random: Random) -> list[Row]:
    """Sometimes a visit in each of the windows in which the early outcome is judged."""
    windows = ((-181, -180, -1, 0), (28, 35, 42, 49, 63), (64, 80, 91, 102, 136))
    return [
        _OUTCOME(random) | {"day": random.choice(days)} for days in windows if random.random() < OUTCOME_VISIT_SHARE
    ]


def _same_again(random: Random) -> list[Row]:
    """Sometimes a diagnosis of before the surgery that comes back."""
    if random.random() >= SAME_AGAIN_SHARE:
        return []
    family = random.choice(_FAMILIES)
    days = random.choice((-30, -1, 0, 1)), random.choice((56, 57, 58, 91, 180))
    return [{"day": day, "code_system": "ICD10CM", "code": random.choice(family)} for day in days]


def _motions(random: Random) -> list[Row]:
    """Sometimes a motion study: the spinous processes of a joint, and the joint above on the same day."""
    if random.random() >= MOTION_STUDY_SHARE:
        return []
    study = _MOTION_STUDY(random)
    above = {
        "day": study["day"],
        "finding": "superjacent_motion",
        "unit": "mm",
        "value": random.choice((3.9, 4.0, 5.0)),
    }
    return [study, above]


def _encounter(random: Random) -> Row:
    first_day = random.choice(_ANY_DAY)
    types = ("inpatient", "outpatient", "emergency", "rehabilitation")
    return {"start_day": first_day, "end_day": first_day + random.choice((0, 0, 1, 30)), "type": random.choice(types)}


def _treatment(random: Random) -> Row:
    first_day, lasting = random.choice(_ANY_DAY), random.choice((None, 0, 1, 30, 91))
    return {
        "start_day": first_day,
        "end_day": None if lasting is None else first_day + lasting,
        "treatment_class": random.choice(_CLASSES),
        **_coded(_TREATMENTS)(random),
    }


_AFTER = (*_EARLY_DAYS, *_EARLY_DAYS, *_LATE_DAYS, *_YEARS)
_ANY_DAY = (*_DAYS_BEFORE, *_EARLY_DAYS, *_EARLY_DAYS, *_LATE_DAYS, *_YEARS)
_NRS = (None, 0.0, 3.0, 3.5, 4.0, 5.0, 6.5, 7.0, 10.0)
_STAY = (None, None, "encounters-1", "encounters-2", "encounters-3")

_PATIENT = _row(
    index_period=(
        *["2022-01"] * 12,
        "2022",
        "2021-09",
        "2021-01",
        "2020",
        "2020-09",
        "2018",
        "2016-09",
        "2015-11",
        "2010-12",
        None,
    ),
    data_cut_day=(None, 0, 40, 41, 83, 84, 90, 91, 92, *[730] * 8, 1826, *[9000] * 12),
    last_contact_day=(None, 0, 1, 41, 42, 90, 91, 92, 119, 120, *[700] * 6, *[9000] * 6),
    death_day=(*[None] * 30, 0, 1, 41, 91, 92, 400),
    treatment_data_complete=(True, True, False, None),
)
_INDEX = _merged(_coded(_INDEX_FUSIONS), _row(levels=(*_LEVELS, *["C5-6"] * 8), encounter_id=_STAY))
_PLANNED = _row(planned_stage=(None, None, None, False, True), modifier=(None, None, None, "58", "78"))
_PROCEDURE = _merged(_row(day=_AFTER, levels=(*_LEVELS, None), encounter_id=_STAY), _coded(_PROCEDURES), _PLANNED)
_STAGE = _merged(_row(day=(0, 1, 14, 15), levels=_LEVELS, encounter_id=_STAY), _coded(_PROCEDURES[:5]), _PLANNED)
_EARLIER_FUSION = _merged(_row(day=(-400, -1)), _coded(_INDEX_FUSIONS))
_DIAGNOSIS = _row(day=_ANY_DAY, code_system=("ICD10CM",), code=_DIAGNOSES, encounter_id=_STAY)
_ARTHRODESIS = _row(day=(-366, -365, -1, 0), code_system=("ICD10CM",), code=("Z981",))
_OUTCOME = _any_of(_row(arm_pain_nrs=(None, 0.0, 3.5, 4.0, 5.0)), _row(mjoa_total=(11, 12, 14, 17, 18)))
_MEASURE = _any_of(
    _row(neck_pain_nrs=_NRS, arm_pain_nrs=_NRS),
    _row(neck_pain_nrs=_NRS, arm_pain_nrs=_NRS),
    _row(neck_pain_nrs=_NRS),
    _row(arm_pain_nrs=_NRS),
    _row(ndi_total=(None, 0.0, 14.5, 15.0, 20.0, 30.0, 40.0), ndi_unit=("points", "percent"), ndi_item_1=(None,)),
    _ndi_items,
    _row(mjoa_total=(None, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)),
    _row(
        mjoa_upper_motor=(None, 3, 4, 5, 5),
        mjoa_lower_motor=(4, 5, 7),
        mjoa_sensory=(2, 3),
        mjoa_sphincter=(None, 2, 3),
    ),
    _row(mrc_grade_min=(None, 3, 4, 5), numbness=(None, False, True)),
    _row(neck_rotation_deg=(None, 40.0, 45.0, 49.5, 50.0, 55.0, 60.0)),
    _row(radiating_pain=(None, False, True), occipital_headache=(None, False, True)),
    _row(opioid_use=(None, False, True)),
)
_VISIT = _merged(_row(day=_ANY_DAY), _MEASURE, _MEASURE)
_IMAGE = _any_of(
    _row(
        day=_ANY_DAY,
        modality=("mri", "ct", "radiograph"),
        level=_JOINTS,
        finding=("degeneration", "disc_herniation", "stenosis", "stenosis", "normal"),
        value=(None, 1.0, 2.0, 3.0),
        unit=("grade",),
    ),
    _row(
        day=_AFTER,
        modality=("ct", "mri", "radiograph"),
        level=(None, *_JOINTS),
        finding=(
            *("interspinous_motion", "superjacent_motion", "no_bridging_bone", "no_bridging_bone", "bridging_bone"),
            *("screw_back_out", "plate_fracture", "subsidence", "residual_stenosis", "residual_stenosis", "c2_7_sva"),
        ),
        value=(None, 0.9, 1.0, 2.9, 3.0, 3.9, 4.0, 40.0, 40.5, 55.0),
        unit=("mm", "mm", "mm", "mm", "mm", "degrees"),
    ),
    _row(
        day=_AFTER,
        modality=("mri", "mri", "ct"),
        level=(None, "C5-6"),
        finding=("epidural_scar", "perineural_scar", "recurrent_disc"),
    ),
)
_MOTION_STUDY = _row(
    day=(179, 180, 181, 364, 365),
    finding=("interspinous_motion",),
    level=(None, "C5-6", "C4-5"),
    modality=("radiograph", "ct"),
    value=(0.9, 1.0, 2.0),
    unit=("mm", "mm", "mm", "degrees"),
)
