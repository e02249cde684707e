"""Invented patients full of edges: each rule's last day and the day after it, ties, gaps and codes of every list."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from outcomes.contract import TABLES
from tests.support.situations import PERIODS, LeftOut

Row = dict[str, Any]
Tables = dict[str, list[Row]]
Draw = Callable[[Random], Row]
Scene = Callable[[Random], Tables]

MISSING_TABLE_SHARE = 0.07
LEFT_OUT_SHARE = 0.2
SELDOM = 0.05
REOPERATED_SHARE = 0.4
ONLY_OLD_CODES_SHARE = 0.6
OPTIONAL_TABLES = ("encounters", "diagnoses", "follow_ups", "imaging", "treatments")
OLD_CODES_UNTIL = "2015-09"
_DAYS_BEFORE = (-366, -365, -181, -180, -30, -1, 0)
_EARLY_DAYS = (1, 2, 14, 15, 30, 41, 42, 43, 49, 56, 57, 63, 64, 80, 84, 85, 90, 91, 92, 93, 106, 120)
_LATE_DAYS = (136, 137, 150, 179, 180, 181, 182, 210, 271, 272, 273, 300, 364, 365, 366, 545, 700)
_YEARS = (1825, 1826, 3651, 3652, 7304, 7305)
_BEYOND = (9999,)
_AFTER = (*_EARLY_DAYS * 3, *_LATE_DAYS * 2, *_YEARS, *_BEYOND)
_ANY_DAY = (*_DAYS_BEFORE * 2, *_AFTER)
_STAY = (None, None, None, "encounters-1", "encounters-1", "encounters-2", "encounters-3", "encounters-99")

_JOINTS = ("C0-1", "C1-2", "C3-4", *["C4-5"] * 4, *["C5-6"] * 3, *["C6-7"] * 4, "C7-T1", "T1-2")
_LEVELS = (
    *(None, "C5-6", "C4-5", "C6-7", "C3-4", "C4-5;C5-6", "C6-7;C7-T1", "C4-5;C6-7", "C3-4;C6-7", "C0-1", "C7-T1"),
    *("C7-T1;T1-2", "T1-2"),
)


def _coded_in(system: str, text: str) -> list[tuple[str, str]]:
    return [(system, code) for code in text.split()]


_INDEX_FUSIONS = (
    *_coded_in("CPT", "22554 22554 22554 22551 22551 22551 22600 22548 22590 22595 63081 22552"),
    *_coded_in("ICD10PCS", "0RG10A0 0RG2071 0RG00J0 0RG40JJ 0RG60A0 XRG1092 XRG20F3"),
)
_OLD_INDEX_FUSIONS = (
    *_coded_in("ICD9PCS", "8101 8102 8102 8102 8103 8131 8132 8105"),
    *_coded_in("CPT", "22554 22600 22554"),
)
_OTHER_REGION_FUSIONS = (
    *_coded_in("CPT", "22612 22558 22610"),
    *_coded_in("ICD10PCS", "0SG00A1 0RG60A0"),
    *_coded_in("ICD9PCS", "8108"),
)
_PROCEDURES = (
    *_coded_in("CPT", "22551 22600 22552 22585 22849 22830 22855 22850 22852 22856 22858 22861 0098T 22864 0095T"),
    *_coded_in("CPT", "63020 63040 63043 63035 63045 63048 63050 63051 63001 63015 63075 63081 22845 22853 99213"),
    *_coded_in("CPT", "62321 20552 64405 62320 62310 64480 64492 64633"),
    *_coded_in("ICD10PCS", "0RG10A0 0RG40JJ 0RG60A0 0RW10JZ 0RW30JZ 0RW50JZ 0PW304Z 0RH104Z 0PH304Z XRG10F3"),
    *_coded_in("ICD10PCS", "0RP104Z 0RP4X4Z 0RP10AZ 0RP43KZ 0RP10JZ 0RP30JZ 0RP53JZ 0RPJ0JZ 0PP334Z"),
    *_coded_in("ICD10PCS", "0RR30JZ 0RR50JZ 01N10ZZ 01N14ZZ 00NW0ZZ 00NW0ZZ 0PU30JZ 0PS304Z 0RB30ZZ 0RB30ZX 0RT50ZZ"),
    *_coded_in("ICD10PCS", "0RT30ZZ 0PB30ZZ 0PB30ZX 3E0R33Z 3E0T33Z 3E0U33Z"),
)
_OLD_PROCEDURES = _coded_in("ICD9PCS", "8102 8103 8132 8133 8461 8462 8466 7869 8051 0309")
_STAGES = (
    *_coded_in("CPT", "22551 22600 22552 22585 22849 22850 22855 63045 63020 22830"),
    *_coded_in("ICD10PCS", "0RG10A0 0RP104Z 0RW10JZ 0RW30JZ 01N10ZZ"),
)
_DIAGNOSES = _coded_in(
    "ICD10CM",
    "M5001 M5002 M50020 M50021 M50022 M50023 M5003 M5010 M5011 M50121 M50122 M50123 M5013"
    " M5020 M50221 M50222 M5023 M5030 M50321 M50321 M50323 M50323 M5031"
    " M4712 M4713 M4722 M4723 M4802 M4803 M4312 M4313 G992 M9931 M9951 M9961 M9971"
    " M960 M960 M532X2 M532X3 T84216A T84226D T84296S T84498A T8484XA T8489XD M9669"
    " T8463XA T847XXA T814XXA G9612 G9741 T8482XA M961 M9941 R293 M4003 M963 M791 M7912 M7918"
    " M62838 M9901 M5412 M5413 M792 R208 M79601 M79609 M79622 M79641 M25511 M25519"
    " R200 R201 R202 R203 R209 M6281 R531 R29898 G8321 M436 M2560 M2569 R51 R519 G4486"
    " M5481 M542 M542 M542 M542 S12600A I10",
)
_OLD_DIAGNOSES = _coded_in(
    "ICD9CM",
    "7210 7211 7220 7224 72271 72281 72291 7230 7231 7231 7234 73382 73382 99640 99649 33828 72887 7820 7840 80500"
    " 4019",
)
_FAMILIES = (
    *(("M5001", "M50021", "M50022", "M50023"), ("M5010", "M50122", "M5013"), ("M5020", "M50222", "M5021")),
    *(("M4712", "M4713"), ("M4722",), ("M4802",), ("G992",), ("M9931", "M9951"), ("M9961",), ("M9971",)),
)
_TREATMENTS = (
    *_coded_in("ATC", "M01AE01 M03BX01 M02AB01 M02AA15 N01BX04 H02AB06 H02AB06 N02AA05 N02AA05 N02BE01 N02BF01"),
    *_coded_in("ATC", "N02BF02 N06AX21 N06AX16 N01BB02 N01BB02"),
    *_coded_in("RXNORM", "5640 3355 41493 6387 57258 8640 6902 7804 4337 1819 25480 72625 36567"),
    *_coded_in("CPT", "62321 62310 64479 20553 64633 64634 97001 97161 97110 97530 97010 97140 97124"),
    *_coded_in("CPT", "97014 97032 97012 97810 97814 98940 98942 97165"),
    *_coded_in("HCPCS", "G0283 E0720 E0730 E0840 E0860 E0856"),
    *_coded_in("ICD10PCS", "3E0R33Z 3E0T33Z 3E0U33Z"),
)
_CLASSES = (
    *[None] * 9,
    *("muscle_relaxant", "traction", "nsaid", "opioid", "exercise_therapy", "injection", "tens", "complementary"),
    *("oral_steroid", "gabapentinoid", "duloxetine", "radiofrequency"),
)
_ROUTES = (None, "oral", "topical", "injection", "transdermal", "other")


@dataclass(frozen=True)
class Patient:
    """One invented patient: rows by table, and the tables that the patient's site delivered.

    `left_out` are the tables that the site left out of a submission, by its period; it sent one a month. Without any it
    sent one alone.
    """

    tables: Tables
    delivered: tuple[str, ...]
    left_out: LeftOut = field(default_factory=dict)

    def __str__(self) -> str:
        rows = [
            f"  {table}: " + ", ".join(f"{column}={value}" for column, value in row.items() if value is not None)
            for table, rows in self.tables.items()
            for row in rows
        ]
        return "\n".join([f"  delivered: {', '.join(self.delivered)}; left out: {self.left_out}", *rows])


def with_code(system: str, code: str, index_period: str) -> list[Patient]:
    """Patients with the code where it may decide: before, at and after the fusion, with and without the neck named."""
    coded = {"code_system": system, "code": code}
    neck_pain = {"day": 400, "code_system": "ICD10CM", "code": "M542"}

    def one(index_levels: str | None, procedures: Sequence[Row] = (), **tables: list[Row]) -> Patient:
        return patient_of({"procedures": [_fusion(0, index_levels), *procedures], **tables})

    def patient_of(tables: Tables) -> Patient:
        patient = {"data_cut_day": 730, "last_contact_day": 730, "treatment_data_complete": True}
        return Patient(
            _keyed({"patients": [patient | {"index_period": index_period}], **tables}), delivered=tuple(TABLES)
        )

    if system in ("ICD10CM", "ICD9CM"):
        again = {"day": 400, "code_system": "CPT", "code": "22849"}
        removed = {"day": 400, "code_system": "CPT", "code": "22855", "levels": "C5-6"}
        lumbar = {"day": -10, "code_system": "CPT", "code": "22612"}
        return [
            *(one("C5-6", diagnoses=[coded | {"day": day}]) for day in (-10, 1, 400)),
            *(one(index, diagnoses=[coded | {"day": 400}]) for index in ("C3-4", "C4-5", "C6-7")),
            one("C5-6", diagnoses=[coded | {"day": day} for day in (-10, 370, 400)] + [neck_pain]),
            *(one("C5-6", diagnoses=[coded | {"day": 400}], procedures=[other]) for other in (again, lumbar)),
            one("C5-6", diagnoses=[coded | {"day": 400}], procedures=[removed, _fusion(400, "C4-5")]),
            one(
                "C5-6", diagnoses=[coded | {"day": 0}], encounters=[{"start_day": 0, "end_day": 2, "type": "inpatient"}]
            ),
        ]
    given = [one("C5-6", treatments=[coded | {"start_day": 10, "route": route}]) for route in _ROUTES]
    if system in ("ATC", "RXNORM"):
        return given
    companion = {"day": 400, "code_system": "ICD10PCS", "code": "0PU30JZ"}
    removal = {"day": 400, "code_system": "CPT", "code": "22855"}
    arthrodesis = {"day": -1, "code_system": "ICD10CM", "code": "Z981"}
    return [
        given[0],
        one(None, procedures=[coded | {"day": -10}]),
        one("C5-6", procedures=[coded | {"day": -10}, removal], diagnoses=[arthrodesis]),
        one("C5-6", procedures=[coded | {"day": -10}, removal]),
        *(one("C5-6", procedures=[coded | {"day": 5, "modifier": modifier}]) for modifier in (None, "58")),
        one("C5-6", procedures=[coded | {"day": 400}]),
        one("C5-6", procedures=[coded | {"day": 400}], diagnoses=[neck_pain]),
        one("C5-6", procedures=[coded | {"day": 400, "levels": "C4-5"}, companion]),
        one("C5-6", procedures=[coded | {"day": 400, "levels": "C5-6"}]),
        one("C5-6", procedures=[coded | {"day": 400}, _fusion(400, "C4-5;C5-6")]),
        patient_of({"procedures": [coded | {"day": 0}]}),
    ]


def _fusion(day: int, levels: str | None) -> Row:
    return {"day": day, "code_system": "CPT", "code": "22554", "levels": levels}


def _keyed(tables: Tables) -> Tables:
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
                yield replace(patient, tables=patient.tables | {table: others})


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
                    yield replace(patient, tables=patient.tables | {table: changed})


def patients(count: int, seed: int) -> list[Patient]:
    """Invented patients; the same seed gives the same ones, and more of them begin with the same."""
    random = Random(seed)
    return [_patient(random) for _ in range(count)]


def _patient(random: Random) -> Patient:
    """One patient, as the intake would let pass: known keys, no table that was not delivered, nothing after death."""
    patient = _PATIENT(random)
    is_old = (patient["index_period"] or "") and patient["index_period"] <= OLD_CODES_UNTIL
    scenes = [scene for share, scene in _SCENES if random.random() < share]
    tables = _together(
        [
            {"patients": [patient], **(_old_records if is_old else _new_records)(random)},
            *(scene(random) for scene in scenes),
            _other_records(random),
        ]
    )
    missing = {table for table in OPTIONAL_TABLES if random.random() < MISSING_TABLE_SHARE}
    death_day = patient["death_day"]
    present = {
        table: [row for row in rows if death_day is None or _last_day(row) <= death_day]
        for table, rows in tables.items()
        if table not in missing
    }
    delivered = tuple(table for table in TABLES if table not in missing)
    return Patient(_keyed(present), delivered, _left_out(random, sorted({*OPTIONAL_TABLES} - missing)))


def _left_out(random: Random, tables: list[str]) -> LeftOut:
    """Of one site in five, one or two tables are left out of a month."""
    if not tables or random.random() >= LEFT_OUT_SHARE:
        return {}
    return {random.choice(PERIODS): [random.choice(tables)] for _ in range(random.choice((1, 2)))}


def _together(parts: list[Tables]) -> Tables:
    return {table: [row for part in parts for row in part.get(table, [])] for table in TABLES}


def _new_records(random: Random) -> Tables:
    """The index fusion and diagnoses in the code systems of today."""
    return {
        "encounters": _index_stay(random),
        "procedures": [_INDEX(random), *_reoperations(random, _PROCEDURE)],
        "diagnoses": _several(random, _DIAGNOSIS, 6),
    }


def _old_records(random: Random) -> Tables:
    """The same in ICD-9-CM, alone or beside newer codes."""
    only_old = random.random() < ONLY_OLD_CODES_SHARE
    return {
        "encounters": _index_stay(random),
        "procedures": [_OLD_INDEX(random), *_reoperations(random, _any_of(_PROCEDURE, _OLD_PROCEDURE))],
        "diagnoses": _several(random, _OLD_DIAGNOSIS if only_old else _any_of(_DIAGNOSIS, _OLD_DIAGNOSIS), 5),
    }


def _reoperations(random: Random, draw: Draw) -> list[Row]:
    return _several(random, draw, 3) if random.random() < REOPERATED_SHARE else []


def _other_records(random: Random) -> Tables:
    return {
        "encounters": _several(random, _encounter, 3),
        "procedures": [*_seldom(random, _EARLIER_FUSION), *_several(random, _STAGE, 2)],
        "diagnoses": _seldom(random, _ARTHRODESIS),
        "follow_ups": _several(random, _VISIT, 5),
        "imaging": _several(random, _IMAGE, 4),
        "treatments": _several(random, _treatment, 4),
    }


def _several(random: Random, draw: Draw, most: int) -> list[Row]:
    return [draw(random) for _ in range(random.choice((0, 0, *range(1, most + 1))))]


def _some(random: Random, rows: list[Row]) -> list[Row]:
    """None of the rows, the first of them, or all."""
    return rows[: random.randint(0, len(rows))]


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
    """Items, seldom enough of them, sometimes with a total beside them."""
    answered, each = random.choice((6, 7, 8, 9, 10)), random.choice((0, 1, 2, 3))
    items: Row = {f"ndi_item_{number}": each for number in range(10, 10 - answered, -1)}
    total = {"ndi_total": random.choice((None, 4.0, 30.0)), "ndi_unit": "percent"}
    return items | total | {"ndi_item_1": random.choice((None, 1, 2, 5)), "ndi_item_5": random.choice((None, 2, 3))}


def _index_stay(random: Random) -> list[Row]:
    """The stay of the index fusion: none, one, or several that touch, overlap or nearly touch."""
    first_day, last_day = random.choice((-2, -1, 0, 0, 0, 1)), random.choice((None, 1, 2, 3, 14, 20))
    arrived_on = (last_day or first_day) + random.choice((0, 0, 1, 2))
    stay: Row = {"start_day": first_day, "end_day": last_day, "type": "inpatient"}
    transfer: Row = {
        "start_day": arrived_on,
        "end_day": arrived_on + random.choice((0, 3, 30)),
        "type": random.choice(("inpatient", "inpatient", "rehabilitation")),
    }
    return [stay, transfer][: random.choice((0, 1, 1, 2, 2))]


def _encounter(random: Random) -> Row:
    first_day = random.choice(_ANY_DAY)
    types = ("inpatient", "outpatient", "outpatient", "emergency", "rehabilitation")
    last_day = random.choice((first_day, first_day, first_day + 1, first_day + 30, None, 9999))
    return {"start_day": first_day, "end_day": last_day, "type": random.choice(types)}


def _treatment(random: Random) -> Row:
    first_day, lasting = random.choice(_ANY_DAY), random.choice((None, 0, 1, 30, 41, 42, 91, 9999))
    return {
        "start_day": first_day,
        "end_day": None if lasting is None else first_day + lasting,
        "treatment_class": random.choice(_CLASSES),
        "route": random.choice(_ROUTES),
        **_coded(_TREATMENTS)(random),
    }


def _outcome_visits(random: Random) -> Tables:
    """Visits in and about the windows in which the early outcome is judged, and a stenosis left."""
    windows = (
        (-181, -180, -2, -1, 0, 0, 1),
        (27, 28, 29, 41, 42, 43, 62, 63, 64),
        (63, 64, 65, 90, 91, 92, 135, 136, 137),
    )
    outcomes = random.choice((_arm_pain_course, _mjoa_course))(random)
    return {
        "follow_ups": [
            outcome | {"day": random.choice(days)}
            for days, outcome in zip(windows, outcomes, strict=True)
            for _ in range(random.choice((1, 1, 2)))
        ],
        "imaging": [_STENOSIS_LEFT(random)],
    }


def _arm_pain_course(random: Random) -> list[Row]:
    """Arm pain before surgery and twice after it, each time less by about 30 %."""
    before = random.choice((3.0, 4.0, 5.0, 6.0, 7.0, 9.0, 10.0))
    after = [round(0.7 * before + random.choice((-0.1, 0, 0, 0.1)), 1) for _ in range(2)]
    return [{"arm_pain_nrs": score} for score in (before, *after)]


def _mjoa_course(random: Random) -> list[Row]:
    return [{"mjoa_total": random.choice((8, 10, 11, 12, 13, 14, 15, 16, 17, 18))} for _ in range(3)]


def _same_again(random: Random) -> Tables:
    """A diagnosis of before the surgery that comes back, once or twice, or with an injection after it."""
    family = random.choice(_FAMILIES)
    back = random.choice((56, 57, 58, 91, 180))
    days = (random.choice((-30, -1, 0, 1)), back, back + random.choice((0, 29, 30, 31)))
    given_on = back + random.choice((-1, 0, 1, 180, 181))
    injection = {"start_day": given_on, "code_system": "CPT", "code": "62321"}
    return {
        "diagnoses": [
            {"day": day, "code_system": "ICD10CM", "code": random.choice(family)}
            for day in days[: random.choice((2, 3))]
        ],
        "treatments": _some(random, [injection]),
    }


def _motion_study(random: Random) -> Tables:
    """The spinous processes of a joint and the joint above, seldom on another day, beside pain or a code."""
    study = _MOTION_STUDY(random)
    above = {
        "day": study["day"] + random.choice((0, 0, 0, 1)),
        "finding": random.choice((*["superjacent_motion"] * 5, "c2_7_sva")),
        "modality": random.choice(("radiograph", "radiograph", "mri")),
        "value": random.choice((3.9, 4.0, 5.0)),
        "unit": "mm",
    }
    near = study["day"] + random.choice((0, 1, 180, 181))
    pain = {"day": near, "neck_pain_nrs": random.choice((3.0, 4.0))}
    code = {"day": near, "code_system": "ICD10CM", "code": random.choice(("M532X2", "T84216A"))}
    return {"imaging": [study, above], **random.choice(({"follow_ups": [pain]}, {"diagnoses": [code]}))}


def _image_with_pain(random: Random) -> Tables:
    """What speaks for a cause on an image, and pain near it in time."""
    image = _CAUSE_ON_IMAGE(random)
    pain = {"day": max(1, image["day"] + random.choice((-181, -180, 0, 30, 180, 181))), "arm_pain_nrs": 5.0}
    return {"imaging": [image], "follow_ups": [pain]}


def _two_images(random: Random) -> Tables:
    """The same finding at the same joint twice: before and after, or first and later after; or the joint free first."""
    place = _PLACE(random)
    days = random.choice(((-30, 200), (0, 30), (-1, 179), (1, 179), (1, 180), (90, 200), (180, 181), (200, 200)))
    values = (None, 0.0, 0.0, 1.0, 2.0, 3.0)
    shown = [place | {"day": day, "value": random.choice(values), "modality": "mri"} for day in days]
    other_unit = {"unit": random.choice(("mm", "grade"))} if random.random() < 0.2 else {}
    free = {"day": days[0], "modality": "radiograph", "finding": "normal"}
    pain = {"day": days[1] + random.choice((-181, -180, 0, 30, 180, 181)), "arm_pain_nrs": random.choice((3.0, 4.0))}
    return {
        "imaging": [random.choice((shown[0], free)), shown[1] | other_unit],
        "follow_ups": _some(random, [pain]),
    }


def _failed_fusion(random: Random) -> Tables:
    """Surgery for nonunion, with the diagnosis on the day or before it, devices put right, and explorations."""
    day, stay = random.choice((15, 30, 179, 180, 364, 365, 400)), random.choice(_STAY)
    told_on = day - random.choice((0, 1, 90, 91))
    code = random.choice(("M960", "M960", "M532X2"))
    diagnosis = {"day": told_on, "code_system": "ICD10CM", "code": code, "encounter_id": random.choice((None, stay))}
    surgery = {"day": day, "encounter_id": stay}
    done = [_REFUSION(random), _REFIXATION(random), _REFIXATION(random)]
    return {
        "diagnoses": _some(random, [diagnosis]),
        "procedures": [procedure | surgery for procedure in done[: random.choice((0, 1, 2, 3))]],
    }


def _extension(random: Random) -> Tables:
    """Fusions of adjacent joints, alone, with index joints, with devices of the index operation."""
    surgery = {"day": random.choice((1, 14, 15, 90, 91, 200, 700)), "modifier": random.choice((None, None, "58", "78"))}
    return {
        "procedures": [
            procedure | surgery for procedure in [_EXTENSION(random), *_several(random, _BESIDE_EXTENSION, 2)]
        ]
    }


def _laminoplasty(random: Random) -> Tables:
    """Room made for the cord: a code of its own, or a release of the cord with the lamina reshaped."""
    day, stay = random.choice((1, 90, 400)), random.choice(_STAY)
    release = {"day": day, "encounter_id": stay, "code_system": "ICD10PCS", "code": "00NW0ZZ", "levels": None}
    reshaped = release | {"day": day + random.choice((0, 0, 1)), "code": random.choice(("0PU30JZ", "0PS304Z"))}
    own = {"day": day, "code_system": "CPT", "code": "63050", "levels": random.choice((None, "C4-5"))}
    return {"procedures": random.choice(([release, reshaped], [own]))}


def _removal(random: Random) -> Tables:
    """Hardware taken out, alone or with other surgery, where the codes say or do not say of what region."""
    day = random.choice((0, 1, 5, 14, 15, 100, 100, 400, 400))
    told = _row(day=(day, day - 90, day - 91), code_system=("ICD10CM",), code=("T8484XA", "T8489XA", "T84498A", "M542"))
    beside = [_PROCEDURE(random) | {"day": day}] if day > 90 else []
    lumbar = {"day": -10, "code_system": "CPT", "code": "22612"}
    return {
        "procedures": [_REMOVAL(random) | {"day": day}, *beside, *random.choice(([], [], [lumbar]))],
        "diagnoses": _several(random, told, 2),
    }


def _other_region(random: Random) -> Tables:
    """A fusion of another region, and the arthrodesis status that it may explain."""
    fusion = _row(day=(-400, -365, -10, -2, -1, 0, 200))
    status = _row(day=(-366, -365, -2, -1, 0), code_system=("ICD10CM",), code=("Z981",))
    return {
        "procedures": [_merged(fusion, _coded(_OTHER_REGION_FUSIONS))(random)],
        "diagnoses": _several(random, status, 2),
    }


def _flag_and_care(random: Random) -> Tables:
    """A red flag, and what was done around it: images, visits, changes of treatment."""
    day, stay = random.choice((20, 42, 60, 100, 200)), random.choice(_STAY)
    near = (-31, -30, -1, 0, 0, 1, 30, 31)
    flag = {"day": day, "encounter_id": stay, "neck_pain_nrs": 5.0, "arm_pain_nrs": random.choice((4.0, 7.0))}
    code = {"day": day, "encounter_id": stay, "code_system": "ICD10CM", "code": random.choice(("R202", "M6281"))}
    visit = {
        "start_day": day + random.choice(near),
        "type": random.choice(("outpatient", "emergency", "rehabilitation")),
    }
    image = {"day": day + random.choice(near), "modality": "mri", "finding": "normal"}
    pills = {"start_day": day + random.choice((-40, *near)), "code_system": "ATC", "code": "M01AE01"}
    pills_before = pills | {"start_day": day - 40, "end_day": day}
    return {
        "follow_ups": _some(random, [flag]),
        "diagnoses": _some(random, [code]),
        "encounters": _some(random, [visit, {"start_day": day, "type": "outpatient"}]),
        "imaging": _some(random, [image]),
        "treatments": _some(random, [pills, pills_before]),
    }


def _pain_and_care(random: Random) -> Tables:
    """Pain past 3 months with what came before it, and images around it."""
    pain = {"day": random.choice((92, 100, 200)), "neck_pain_nrs": random.choice((4.0, 6.0))}
    before = _PAIN_BEFORE(random)
    image = {"day": pain["day"] + random.choice((-31, -30, 0, 1, 60, 61)), "modality": "mri", "finding": "normal"}
    return {"follow_ups": [before, pain], "imaging": _some(random, [image])}


def _care_before_revision(random: Random) -> Tables:
    """Treatments around the days that count before a revision."""
    day = random.choice((58, 100, 381, 400, 500))
    near = (day - 366, day - 365, day - 43, day - 42, day - 1, day)
    begun = _row(
        start_day=(1, 14, 15, 42, 43, 44, *(start for start in near if start > 0)), end_day=(None, day, day + 30)
    )
    treatments = [
        treatment | _coded(_TREATMENTS)(random)
        for treatment in _several(random, begun, 3)
        if treatment["end_day"] is None or treatment["start_day"] <= treatment["end_day"]
    ]
    visit = {"day": day, "neck_pain_nrs": random.choice((0.0, 4.0))}
    return {
        "procedures": [_fusion(day, random.choice(("C4-5", "C5-6")))],
        "treatments": treatments,
        "follow_ups": _some(random, [visit]),
    }


def _bad_posture(random: Random) -> Tables:
    """A code of posture, and physical therapy about the days in which it ought to have been given."""
    code = {"day": random.choice((1, 30, 90, 91, 200)), "code_system": "ICD10CM", "code": "R293"}
    therapy = {"start_day": random.choice((-1, 0, 1, 90, 91)), "code_system": "CPT", "code": "97110"}
    image = {"day": random.choice((1, 200)), "finding": "c2_7_sva", "value": random.choice((40.0, 41.0)), "unit": "mm"}
    return {"diagnoses": [code], "treatments": _some(random, [therapy]), "imaging": _some(random, [image])}


def _turning(random: Random) -> Tables:
    """Rotation of the neck, visit by visit."""
    days = random.sample((-1, 0, 1, 30, 41, 42, 43, 60, 90, 100, 150, 200), k=random.choice((2, 3, 4)))
    turned = _row(neck_rotation_deg=(40.1, 40.2, 40.5, 50.1, 50.2, 55.0, 60.1), neck_pain_nrs=(None, None, 3.0, 4.0))
    return {"follow_ups": [turned(random) | {"day": day} for day in days]}


def _strength(random: Random) -> Tables:
    """Muscle strength and numbness before surgery and after it."""
    examined = _row(mrc_grade_min=(None, 2, 3, 4, 4, 5), numbness=(None, False, True))
    days = [*random.choice(([], [-1], [-30, -1], [-1, -1], [0])), random.choice((1, 20, 41, 42, 57, 90))]
    return {"follow_ups": [examined(random) | {"day": day} for day in days]}


def _late_visits(random: Random) -> Tables:
    """Pain asked for five, ten and twenty years on, and a cut about the ends of the periods."""
    days = (1460, 1461, 1826, 2191, 2192, 3286, 3651, 3652, 4017, 6939, 7304, 7305, 7669, 7670, 7700)
    visits = [
        {"day": random.choice(days), "neck_pain_nrs": random.choice((0.0, 3.0, 4.0, 6.5))}
        for _ in range(random.choice((1, 2, 3)))
    ]
    return {"follow_ups": visits}


_PATIENT = _row(
    index_period=(
        *["2022-01"] * 12,
        *("2022", "2021-09", "2021-01", "2020", "2020-09", "2018", "2016-09", "2015-11", "2010-12", None, None),
        *("2015", "2015-09", "2014", "2012-06", "2014-12"),
    ),
    indication=("radiculopathy", "myelopathy", "both", "other", None),
    data_cut_day=(
        *(
            None,
            None,
            0,
            40,
            41,
            83,
            84,
            90,
            91,
            92,
            120,
            151,
            152,
            *[730] * 8,
            1826,
            3650,
            3651,
            7303,
            7304,
            7669,
            7670,
        ),
        *[9000] * 20,
    ),
    last_contact_day=(None, 0, 1, 41, 42, 90, 91, 92, 119, 120, *[700] * 8, *[9000] * 16),
    death_day=(*[None] * 40, 0, 1, 41, 91, 92, 400),
    treatment_data_complete=(True, True, True, False, None),
)
_MODIFIER = (*[None] * 8, "58", "78", "62", "80", "AS")
_UNITS = (None, None, None, 1, 2, 3)
_PLANNED = _row(planned_stage=(None, None, None, False, True), modifier=_MODIFIER, units=_UNITS)
_AT_INDEX = _row(
    day=(0,),
    levels=(*_LEVELS, *["C5-6"] * 14),
    encounter_id=_STAY,
    modifier=(*[None] * 12, "62", "78"),
    approach=(None, "anterior", "posterior"),
)
_INDEX = _merged(_coded(_INDEX_FUSIONS), _AT_INDEX)
_OLD_INDEX = _merged(_coded(_OLD_INDEX_FUSIONS), _AT_INDEX)
_ANY_SURGERY = _row(day=_AFTER, levels=(*_LEVELS, None), encounter_id=_STAY)
_PROCEDURE = _merged(_ANY_SURGERY, _coded(_PROCEDURES), _PLANNED)
_OLD_PROCEDURE = _merged(_ANY_SURGERY, _coded(_OLD_PROCEDURES), _PLANNED)
_STAGE = _merged(
    _row(day=(0, 0, 1, 2, 3, 14, 15), levels=(None, *_LEVELS), encounter_id=_STAY), _coded(_STAGES), _PLANNED
)
_EARLIER_FUSION = _merged(_row(day=(-400, -1)), _coded((*_INDEX_FUSIONS, *_OLD_INDEX_FUSIONS)))
_REFUSION = _merged(
    _row(levels=(None, "C5-6", "C5-6", "C5-6", "C4-5")),
    _coded(_coded_in("CPT", "22600 22554") + _coded_in("ICD10PCS", "0RG10A0")),
)
_REFIXATION = _merged(
    _row(levels=(None, "C5-6", "C5-6", "C4-5")),
    _coded(_coded_in("CPT", "22849 22830 22830") + _coded_in("ICD10PCS", "0RW10JZ 0PW304Z 0RH104Z 0PH304Z 0RP10AZ")),
)
_EXTENSION = _merged(
    _row(levels=(None, "C4-5", "C4-5", "C6-7", "C4-5;C5-6", "C5-6;C6-7", "C3-4;C4-5", "C6-7;C7-T1", "C3-4")),
    _coded(_coded_in("CPT", "22554 22600 22856 63045")),
)
_BESIDE_EXTENSION = _merged(
    _row(levels=(None, "C4-5", "C5-6", "C6-7")),
    _coded(_coded_in("CPT", "22552 22855 22849 63020") + _coded_in("ICD10PCS", "0RP104Z 0RW10JZ 0RH104Z")),
)
_REMOVAL = _merged(
    _row(levels=(None, None, "C5-6"), modifier=(None, None, None, "58", "78"), encounter_id=_STAY),
    _coded(_coded_in("CPT", "22855 22850 22852 22849") + _coded_in("ICD10PCS", "0RP104Z 0RP10AZ 0RP30JZ")),
)
_DIAGNOSIS = _merged(_row(day=(*_ANY_DAY, 2, 3), encounter_id=_STAY), _coded(_DIAGNOSES))
_OLD_DIAGNOSIS = _merged(_row(day=_ANY_DAY, encounter_id=_STAY), _coded(_OLD_DIAGNOSES))
_ARTHRODESIS = _row(day=(-366, -365, -1, 0), code_system=("ICD10CM",), code=("Z981",))
_CAUSE_ON_IMAGE = _merged(
    _row(day=(1, 30, 179, 180, 200, 364, 365, 400), modality=("ct", "ct", "radiograph", "mri"), level=(None, "C5-6")),
    _any_of(
        _row(finding=("no_bridging_bone", "screw_back_out", "plate_fracture", "epidural_scar", "residual_stenosis")),
        _row(finding=("no_bridging_bone",)),
        _row(finding=("subsidence",), value=(2.9, 3.0), unit=("mm", "mm", "grade")),
        _row(finding=("c2_7_sva",), value=(40.0, 40.5), unit=("mm", "mm", "degrees")),
    ),
)
_STENOSIS_LEFT = _row(
    day=(56, 57, 91, 280), modality=("mri", "mri", "ct"), level=(None, "C5-6"), finding=("residual_stenosis",)
)
_PAIN_BEFORE = _merged(
    _row(day=(41, 42, 60, 91)),
    _any_of(
        _row(neck_pain_nrs=(None, 3.0, 3.5, 4.0)),
        _row(ndi_total=(10.0, 10.5, 40.0), ndi_unit=("percent",)),
        _row(ndi_total=(5.0, 5.5), ndi_unit=("points",)),
    ),
)
_NRS = (None, 0.0, 3.0, 3.5, 4.0, 5.0, 6.5, 7.0, 10.0)
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
_VISIT = _merged(_row(day=_ANY_DAY, encounter_id=_STAY), _MEASURE, _MEASURE)
_PLACE = _row(
    level=("C4-5", "C6-7", "C6-7", "C5-6", "C7-T1"),
    finding=("degeneration", "disc_herniation", "stenosis"),
    unit=("grade", "grade", "mm", "degrees"),
)
_IMAGE = _any_of(
    _row(
        day=_ANY_DAY,
        modality=("mri", "ct", "radiograph"),
        level=_JOINTS,
        finding=("degeneration", "disc_herniation", "stenosis", "stenosis", "normal"),
        value=(None, 0.0, 1.0, 2.0, 3.0),
        unit=("grade", "grade", "grade", "mm"),
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
    level=(None, "C5-6", "C5-6", "C4-5"),
    modality=("radiograph", "radiograph", "radiograph", "ct"),
    value=(0.9, 1.0, 1.9, 2.0),
    unit=("mm", "mm", "mm", "mm", "degrees"),
)
_SCENES: tuple[tuple[float, Scene], ...] = (
    (0.25, _outcome_visits),
    (0.2, _same_again),
    (0.25, _motion_study),
    (0.2, _image_with_pain),
    (0.45, _two_images),
    (0.1, _failed_fusion),
    (0.1, _extension),
    (0.03, _laminoplasty),
    (0.08, _removal),
    (0.1, _other_region),
    (0.25, _flag_and_care),
    (0.2, _pain_and_care),
    (0.12, _care_before_revision),
    (0.05, _bad_posture),
    (0.15, _turning),
    (0.15, _strength),
    (0.2, _late_visits),
)
"""What may happen to a patient, and to which share of them it does."""
