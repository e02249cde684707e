"""The situations of `tests/spec/labels/` in words."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from outcomes.contract import TABLES
from outcomes.sql.reference import code_list_names, code_list_rows
from tests.support.situations import FUSION, PATIENT, Row, complete

FOLDER = Path(__file__).parents[2] / "tests" / "spec" / "labels"

_SYSTEMS = {"ICD10CM": "ICD-10-CM", "ICD10PCS": "ICD-10-PCS", "ICD9CM": "ICD-9-CM", "ICD9PCS": "ICD-9-PCS"}
_NAMES = {
    "neck_pain_nrs": "neck pain",
    "arm_pain_nrs": "arm pain",
    "mjoa_total": "mJOA",
    "mjoa_upper_motor": "mJOA arms",
    "mjoa_lower_motor": "mJOA legs",
    "mjoa_sensory": "mJOA sensation",
    "mjoa_sphincter": "mJOA bladder",
    "mrc_grade_min": "MRC grade",
    "neck_rotation_deg": "neck rotation in degrees",
    "c2_7_sva": "C2-7 SVA",
    "encounter_id": "in encounter",
    "diagnosis_id": "diagnosis",
    "follow_up_id": "visit",
    "imaging_id": "image",
    "treatment_id": "treatment",
    "follow_ups": "follow-ups",
    "no_follow_up": "no follow-up",
}
_ACRONYMS = {word.lower(): word for word in ("ASD", "CT", "MRC", "MRI", "NDI", "NRS", "NSAID", "SVA", "TENS", "mJOA")}
_EVIDENCE = {
    "encounters": "encounter",
    "procedures": "procedure",
    "diagnoses": "diagnosis",
    "follow_ups": "visit",
    "imaging": "image",
    "treatments": "treatment",
}


@dataclass(frozen=True)
class Situation:
    """One situation: what is recorded, what the site delivers and what the label must then be."""

    name: str
    records: dict[str, list[Row]]
    delivered: tuple[str, ...] | None
    expected: dict[str, Any]
    left_out: dict[str, list[str]] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The status expected: yes, no or not_assessable."""
        return str(self.expected["status"])

    @property
    def records_in_words(self) -> str:
        """What is recorded beside the default patient and index fusion, in the order of the days."""
        recorded = [(table, row) for table in TABLES for row in self.records.get(table, [])]
        recorded.sort(key=lambda record: _first_day(record[1]))
        said = [_PHRASES[table](row) for table, row in recorded]
        if self.delivered is not None:
            said.insert(0, "the site sends only " + ", ".join(in_words(table) for table in self.delivered))
        for period, tables in self.left_out.items():
            said.insert(0, f"the site leaves {', '.join(map(in_words, tables))} out of {period}")
        return "; ".join(said) or "nothing further"

    @property
    def evidence_in_words(self) -> str:
        """The records that decide, empty where the situation does not say."""
        named = {
            row[TABLES[table].key]: _as_evidence(table, row)
            for table, rows in complete(self.records).items()
            for row in rows
        }
        return ", ".join(named[record] for record in self.expected.get("evidence", ()))

    def cell(self, column: str) -> str:
        """An expected column in words: empty where it is not part of the expectation, a dash where it must be null."""
        if column not in self.expected:
            return ""
        value = self.expected[column]
        if value is None:
            return "–"
        name = self.expected.get("value_name") if column == "value" else None
        return f"{in_words(name)} {_number(value)}" if name else in_words(_number(value))


@cache
def situations(label: str) -> tuple[Situation, ...]:
    """The situations of a label, in the order of its file."""
    stated = yaml.safe_load((FOLDER / f"{label}.yaml").read_text(encoding="utf-8"))
    return tuple(
        Situation(
            name=each["situation"],
            records=each.get("records", {}),
            delivered=tuple(each["delivered"]) if "delivered" in each else None,
            expected=each["expect"],
            left_out=each.get("left_out", {}),
        )
        for each in stated
    )


def default_in_words() -> str:
    """The patient and the index fusion that a situation starts from."""
    return "; ".join(
        (_procedure(FUSION), _patient({key: PATIENT[key] for key in ("data_cut_day", "last_contact_day")}))
    )


def in_words(name: str) -> str:
    """A name of the data as a clinician reads it."""
    return _NAMES.get(name) or " ".join(_ACRONYMS.get(word, word) for word in name.split("_"))


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _first_day(row: Row) -> float:
    day = row.get("day", row.get("start_day"))
    return float("-inf") if day is None else float(day)  # a row of patients has no day and comes first


def _days(first: int | None, last: int | None = None) -> str:
    return f"day {first}" if last in {None, first} else f"days {first} to {last}"


def _fact(column: str, value: object) -> str:
    name = in_words(column)
    if value is None:
        return f"{name} unknown"
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} {in_words(_number(value))}"


def _facts(row: Row, said: Iterable[str]) -> list[str]:
    return [_fact(column, value) for column, value in row.items() if column not in {"patient_id", *said}]


def _patient(row: Row) -> str:
    said = {
        "data_cut_day": "data cut",
        "last_contact_day": "last contact",
        "death_day": "died",
    }
    days = [
        f"{words} {'unknown' if row[column] is None else f'on day {row[column]}'}"
        for column, words in said.items()
        if column in row
    ]
    if "treatment_data_complete" in row:
        days.append(f"the site sees {'all' if row['treatment_data_complete'] else 'not all'} treatments")
    return ", ".join([*days, *_facts(row, {*said, "treatment_data_complete"})])


def _encounter(row: Row) -> str:
    facts = _facts(row, {"encounter_id", "start_day", "end_day", "type"})
    named = f"{in_words(row['type'])} encounter {row.get('encounter_id', '')}".rstrip()
    return ", ".join([f"{_days(row['start_day'], row.get('end_day'))}: {named}", *facts])


def _procedure(row: Row) -> str:
    if "levels" not in row:
        at = ""
    else:
        at = f" at {row['levels'].replace(';', ' and ')}" if row["levels"] else ", joints not recorded"
    facts = _facts(row, {"day", "code_system", "code", "levels"})
    return ", ".join([f"{_days(row['day'])}: {_coded(row)}{at}", *facts])


def _diagnosis(row: Row) -> str:
    return ", ".join([f"{_days(row['day'])}: {_coded(row)}", *_facts(row, {"day", "code_system", "code"})])


def _follow_up(row: Row) -> str:
    items = {column: value for column, value in row.items() if column.startswith("ndi_item_")}
    facts = _facts(row, {"day", "ndi_total", "ndi_unit", *items})
    if "ndi_total" in row:
        facts.append(f"NDI {_number(row['ndi_total'])} {row['ndi_unit']}")
    return f"{_days(row['day'])}: " + ", ".join([*facts, *_ndi_items(items)])


def _ndi_items(items: Row) -> list[str]:
    numbers = [column.removeprefix("ndi_item_") for column in items]
    if len(numbers) == 10:
        return ["NDI items 1 to 10: " + " ".join(str(value) for value in items.values())]
    return [f"NDI item {number}: {value}" for number, value in zip(numbers, items.values(), strict=True)]


def _image(row: Row) -> str:
    of = f" of {row['level']}" if "level" in row else ""
    measured = f" {_number(row['value'])} {row['unit']}" if "value" in row else ""
    facts = _facts(row, {"day", "modality", "level", "finding", "value", "unit"})
    return ", ".join(
        [f"{_days(row['day'])}: {in_words(row['modality'])}{of}, {in_words(row['finding'])}{measured}", *facts]
    )


def _treatment(row: Row) -> str:
    what = _coded(row) if "code" in row else f"class {in_words(row['treatment_class'])}"
    facts = _facts(row, {"start_day", "end_day", "code_system", "code", "treatment_class"})
    return ", ".join([f"{_days(row['start_day'], row.get('end_day'))}: {what}", *facts])


_PHRASES: dict[str, Callable[[Row], str]] = {
    "patients": _patient,
    "encounters": _encounter,
    "procedures": _procedure,
    "diagnoses": _diagnosis,
    "follow_ups": _follow_up,
    "imaging": _image,
    "treatments": _treatment,
}


def _as_evidence(table: str, row: Row) -> str:
    if table == "patients":
        return "the patient"
    key = row[TABLES[table].key]
    name = row.get("code", "") if key.startswith(f"{table}-") else key
    return " ".join(filter(None, (_EVIDENCE[table], name, f"of day {_first_day(row):g}")))


def _coded(row: Row) -> str:
    system, code = row["code_system"], row["code"]
    meaning = code_label(system, code)
    return f"{_SYSTEMS.get(system, system)} {code}" + (f" ({meaning})" if meaning else "")


def code_label(system: str, code: str) -> str | None:
    """Our own words for a code: those of the longest code list entry that covers it."""
    covering = [
        (len(listed), label)
        for listed_system, listed, is_prefix, label in _listed_codes()
        if listed_system == system and (code.startswith(listed) if is_prefix else code == listed)
    ]
    return max(covering, key=lambda entry: entry[0])[1] if covering else None


@cache
def _listed_codes() -> tuple[tuple[str, str, bool, str], ...]:
    return tuple(
        (row["system"], row["code"].replace(".", ""), row["is_prefix"] == "true", row["label"])
        for name in code_list_names()
        for row in code_list_rows(name)
    )
