"""Invented patients full of edges: each rule's last day and the day after it, ties, gaps and codes of every list."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from outcomes.contract import TABLES

Row = dict[str, Any]
Fields = st.SearchStrategy[Row]

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
_CLASSES = (None, None, None, "nsaid", "opioid", "opioid", "exercise_therapy", "injection", "tens", "complementary")


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
        needed = {TABLES[table].key, "patient_id", "day", "start_day", "end_day", "code", "code_system", "ndi_unit"}
        for number, row in enumerate(rows):
            for column in row.keys() - needed if table != "treatments" else ():
                less = {name: value for name, value in row.items() if name != column}
                changed = [*rows[:number], less, *rows[number + 1 :]]
                if row[column] is not None:
                    yield Patient(patient.tables | {table: changed}, patient.delivered)


def _row(**columns: Sequence[Any]) -> Fields:
    """A row with one of the choices in each column; a single draw for the whole row keeps drawing fast."""
    combinations = range(math.prod(map(len, columns.values())))
    return st.sampled_from(combinations).map(lambda number: _combination(number, columns))


def _combination(number: int, columns: dict[str, Sequence[Any]]) -> Row:
    row: Row = {}
    for column, choices in columns.items():
        number, choice = divmod(number, len(choices))
        row[column] = choices[choice]
    return row


def _coded(choices: tuple[tuple[str, str], ...]) -> Fields:
    return st.sampled_from(choices).map(lambda choice: {"code_system": choice[0], "code": choice[1]})


def _merged(*parts: Fields) -> Fields:
    return st.tuples(*parts).map(lambda rows: {name: value for row in rows for name, value in row.items()})


def _ndi_items(answered: int, each: int, pain: int | None, headache: int | None) -> Row:
    items: Row = {f"ndi_item_{number}": each for number in range(10, 10 - answered, -1)}
    return items | {"ndi_item_1": pain, "ndi_item_5": headache}


_after = (*_EARLY_DAYS, *_EARLY_DAYS, *_LATE_DAYS, *_YEARS)
_any_day = (*_DAYS_BEFORE, *_EARLY_DAYS, *_EARLY_DAYS, *_LATE_DAYS, *_YEARS)
_nrs = (None, 0.0, 3.0, 3.5, 4.0, 5.0, 6.5, 7.0, 10.0)
_stay = (None, None, "encounters-1", "encounters-2", "encounters-3")

_patients = _row(
    data_cut_day=(None, 0, 40, 41, 83, 84, 90, 91, 92, *[730] * 8, 1826, *[9000] * 6),
    last_contact_day=(None, 0, 1, 41, 42, 90, 91, 92, 119, 120, *[700] * 6, *[9000] * 4),
    death_day=(*[None] * 14, 0, 1, 41, 91, 92, 400),
    treatment_data_complete=(True, True, False, None),
)
_index = _merged(_coded(_INDEX_FUSIONS), _row(levels=(*_LEVELS, *["C5-6"] * 8), encounter_id=_stay))
_planned = _row(planned_stage=(None, None, None, False, True), modifier=(None, None, None, "58", "78"))
_procedures = _merged(
    _row(day=_after, levels=(*_LEVELS, None, None), encounter_id=_stay), _coded(_PROCEDURES), _planned
)
_stages = _merged(_row(day=(0, 1, 14, 15), levels=_LEVELS, encounter_id=_stay), _coded(_PROCEDURES[:5]), _planned)
_earlier_fusions = _merged(_row(day=(-400, -1)), _coded(_INDEX_FUSIONS))
_diagnoses = _row(day=_any_day, code_system=("ICD10CM",), code=_DIAGNOSES, encounter_id=_stay)
_arthrodesis = _row(day=(-366, -365, -1, 0), code_system=("ICD10CM",), code=("Z981",))
_measures = st.one_of(
    _row(neck_pain_nrs=_nrs, arm_pain_nrs=_nrs),
    _row(neck_pain_nrs=_nrs),
    _row(arm_pain_nrs=_nrs),
    _row(ndi_total=(None, 0.0, 14.5, 15.0, 20.0, 30.0, 40.0), ndi_unit=("points", "percent"), ndi_item_1=(None,)),
    _row(answered=(6, 7, 8, 9, 10), each=(0, 1, 2, 3), pain=(None, 1, 2, 5), headache=(None, 2, 3)).map(
        lambda drawn: _ndi_items(**drawn)
    ),
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
_visits = _merged(_row(day=_any_day), _measures, _measures)
_outcomes = st.one_of(_row(arm_pain_nrs=(None, 0.0, 3.5, 4.0, 5.0)), _row(mjoa_total=(11, 12, 14, 17, 18)))
_outcome_visits = st.tuples(
    _merged(_row(day=(-181, -180, -1, 0)), _outcomes),
    _merged(_row(day=(28, 35, 42, 49, 63)), _outcomes),
    _merged(_row(day=(64, 80, 91, 102, 136)), _outcomes),
)
_images = st.one_of(
    _row(
        day=_any_day,
        modality=("mri", "ct", "radiograph"),
        level=_JOINTS,
        finding=("degeneration", "disc_herniation", "stenosis", "stenosis", "normal"),
        value=(None, 1.0, 2.0, 3.0),
        unit=("grade",),
    ),
    _row(
        day=_after,
        modality=("ct", "mri", "radiograph"),
        level=(None, *_JOINTS),
        finding=(
            *("interspinous_motion", "interspinous_motion", "superjacent_motion", "no_bridging_bone", "bridging_bone"),
            *("screw_back_out", "plate_fracture", "subsidence", "residual_stenosis", "c2_7_sva"),
        ),
        value=(None, 0.9, 1.0, 2.9, 3.0, 3.9, 4.0, 40.0, 40.5),
        unit=("mm",),
    ),
    _row(
        day=_after,
        modality=("mri", "mri", "ct"),
        level=(None, "C5-6"),
        finding=("epidural_scar", "perineural_scar", "recurrent_disc"),
    ),
)
_motions = _row(
    day=(180, 181, 364, 365), level=(None, "C5-6"), modality=("radiograph", "ct"), value=(0.9, 1.0), above=(3.9, 4.0)
).map(
    lambda drawn: [
        {"finding": "interspinous_motion", "unit": "mm"} | {k: v for k, v in drawn.items() if k != "above"},
        {"finding": "superjacent_motion", "unit": "mm", "day": drawn["day"], "value": drawn["above"]},
    ]
)
_encounters = _row(
    start_day=_any_day, stay=(0, 0, 1, 30), type=("inpatient", "outpatient", "emergency", "rehabilitation")
).map(lambda row: {"start_day": row["start_day"], "end_day": row["start_day"] + row["stay"], "type": row["type"]})
_treatments = _merged(
    _row(start_day=_any_day, lasting=(None, 0, 1, 30, 91), treatment_class=_CLASSES), _coded(_TREATMENTS)
).map(
    lambda row: (
        {name: value for name, value in row.items() if name != "lasting"}
        | {"end_day": None if row["lasting"] is None else row["start_day"] + row["lasting"]}
    )
)


def _seldom(rows: Fields) -> st.SearchStrategy[list[Row]]:
    return st.one_of(*[st.just(list[Row]())] * 9, st.lists(rows, min_size=1, max_size=1))


def _often_none(rows: Fields, most: int) -> st.SearchStrategy[list[Row]]:
    return st.one_of(st.just(list[Row]()), st.lists(rows, max_size=most), st.lists(rows, min_size=2, max_size=most))


@st.composite
def patients(draw: st.DrawFn) -> Patient:
    """One patient, as the intake would let pass: known keys, no table that was not delivered, nothing after death."""
    tables: dict[str, list[Row]] = {
        "patients": [draw(_patients)],
        "encounters": draw(_often_none(_encounters, 3)),
        "procedures": [
            draw(_index) | {"day": 0},
            *draw(_seldom(_earlier_fusions)),
            *draw(_often_none(_stages, 2)),
            *draw(_often_none(_procedures, 3)),
        ],
        "diagnoses": [*draw(_seldom(_arthrodesis)), *draw(_often_none(_diagnoses, 6))],
        "follow_ups": [*draw(_often_none(_visits, 5)), *draw(st.one_of(st.just(()), _outcome_visits))],
        "imaging": [*draw(_often_none(_images, 5)), *draw(st.one_of(st.just(list[Row]()), _motions))],
        "treatments": draw(_often_none(_treatments, 4)),
    }
    missing = draw(st.one_of(*[st.just(frozenset[str]())] * 3, st.frozensets(st.sampled_from(OPTIONAL_TABLES))))
    death_day = tables["patients"][0]["death_day"]
    return Patient(
        tables={
            table: [
                {"patient_id": "p", **({} if table == "patients" else {TABLES[table].key: f"{table}-{number}"})} | row
                for number, row in enumerate(rows, 1)
                if death_day is None or _last_day(row) <= death_day
            ]
            for table, rows in tables.items()
            if table not in missing
        },
        delivered=tuple(table for table in TABLES if table not in missing),
    )


def _last_day(row: Row) -> int:
    days = (row.get(column) for column in ("day", "start_day", "end_day"))
    return max((day for day in days if day is not None), default=0)
