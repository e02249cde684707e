"""SQL and the plain-Python oracle label the same invented patients; every field of every label must agree.

`ORACLE_PATIENTS=20000 pytest tests/generative/test_oracle.py -s` compares more patients than a plain run does. The
patients are always the same ones. A difference is shown with the fewest records that still make it: the patients
are invented, so their values may be.
"""

import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

import duckdb
import pytest

from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.reference import load_references
from tests.generative import oracle
from tests.generative.histories import Patient, patients, with_code, without_a_row, without_a_value
from tests.generative.oracle import Deliveries, Result, codes
from tests.generative.oracle.codes import Codes
from tests.support.examples import few
from tests.support.situations import PERIODS, label

PATIENTS = int(os.environ.get("ORACLE_PATIENTS", "2000"))
SEED = 1
BATCH = 4000
SHOWN = 5

COMPARED = {
    definition.name: definition.version
    for definition in label_definitions()
    if oracle.VERSIONS.get(definition.name) == definition.version
}
"""The labels whose definition stands on both sides in the same version."""


@dataclass(frozen=True)
class Difference:
    """A field of a label in which the two disagree."""

    label: str
    field: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.label}.{self.field}: the oracle says {self.expected}, SQL says {self.found}"


def test_every_accepted_label_has_an_oracle_of_its_version() -> None:
    accepted = {known.name: known.version for known in label_definitions() if known.status == "accepted"}
    assert accepted.items() - oracle.VERSIONS.items() == set()


def test_invented_patients_are_labelled_alike() -> None:
    _assert_alike(patients(PATIENTS, SEED))


@pytest.mark.parametrize("index_period", few(1, ["2024-01", "2016", "2009-11", "2022-01", "2020-08", "2003"]))
def test_every_code_counts_alike(index_period: str) -> None:
    _assert_alike([patient for system, code in _all_codes() for patient in with_code(system, code, index_period)])


def _all_codes() -> list[tuple[str, str]]:
    """The codes of both sides."""
    con = duckdb.connect()
    load_references(con)
    shipped = con.execute("select distinct system, code from code_lists").fetchall()
    lists = [*vars(codes).values(), *codes.RED_FLAGS.values(), *codes.TREATMENTS.values(), *codes.INGREDIENTS.values()]
    lists += codes.PREOPERATIVE_FAMILIES
    return sorted({*shipped, *(pair for listed in lists if isinstance(listed, Codes) for pair in listed.examples)})


def _assert_alike(invented: list[Patient]) -> None:
    found = [
        (patient, difference)
        for start in range(0, len(invented), BATCH)
        for patient, differences in _compared(invented[start : start + BATCH])
        for difference in differences
    ]
    print(f"{len(invented)} invented patients, {len(COMPARED)} labels")
    if found:
        pytest.fail(_report(found), pytrace=False)


def _compared(batch: list[Patient]) -> list[tuple[Patient, list[Difference]]]:
    return [
        (patient, _differences(oracle.label_patient(patient.tables, _deliveries(patient)), by_sql))
        for patient, by_sql in zip(batch, _labelled_by_sql(batch), strict=True)
    ]


def _deliveries(patient: Patient) -> Deliveries:
    periods = PERIODS if patient.left_out else PERIODS[-1:]
    return Deliveries({each: {*patient.delivered} - {*patient.left_out.get(each, ())} for each in periods}, PERIODS[-1])


def _labelled_by_sql(batch: list[Patient]) -> list[dict[str, Result] | None]:
    """The results of SQL for each patient, all in one run with each patient at a site of its own."""
    sites = [f"site-{number}" for number in range(len(batch))]
    con = label(
        {site: patient.tables for site, patient in zip(sites, batch, strict=True)},
        {site: list(patient.delivered) for site, patient in zip(sites, batch, strict=True)},
        {site: patient.left_out for site, patient in zip(sites, batch, strict=True) if patient.left_out},
    )
    evidence = defaultdict(set)
    for site, name, table, record in con.execute(
        "select site_id, label, source_table, record_id from label_evidence"
    ).fetchall():
        evidence[site, name].add((table, record))
    results: dict[str, dict[str, Result]] = {
        site: {} for (site,) in con.execute("select site_id from episodes").fetchall()
    }
    for site, name, status, reason, onset_day, value, value_name, kind in con.execute(
        "select site_id, label, status, reason, onset_day, value, value_name, kind from labels"
    ).fetchall():
        cited = frozenset(evidence[site, name])
        results[site][name] = Result(status, reason, onset_day, value, value_name, kind, cited)
    con.close()
    return [results.get(site) for site in sites]


def _differences(expected: dict[str, Result] | None, found: dict[str, Result] | None) -> list[Difference]:
    if expected is None or found is None:
        in_cohort = (expected is not None, found is not None)
        return [] if in_cohort == (False, False) else [Difference("cohort", "is_member", *in_cohort)]
    return [
        Difference(name, field, ours, theirs)
        for name in COMPARED
        for field in _compared_fields(expected[name], found[name])
        if not _is_same(ours := getattr(expected[name], field), theirs := getattr(found[name], field))
    ]


def _compared_fields(expected: Result, found: Result) -> tuple[str, ...]:
    """The fields that the specification determines: it does not say which records a missing answer rests on."""
    names = tuple(field.name for field in fields(Result))
    has_answer = "not_assessable" not in (expected.status, found.status)
    return names if has_answer else tuple(name for name in names if name != "evidence")


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other)
    return bool(one == other)


def _report(found: list[tuple[Patient, Difference]]) -> str:
    """How often each label differs, and for the most frequent the smallest patient that shows it."""
    counts = Counter((difference.label, difference.field) for _, difference in found)
    lines = [f"{name}.{field}: {count} patients differ" for (name, field), count in counts.most_common()]
    for name in list(dict.fromkeys(name for (name, _), _ in counts.most_common()))[:SHOWN]:
        patient, difference = _shrunk(*next(pair for pair in found if pair[1].label == name))
        lines += ["", str(difference), str(patient)]
    return "\n".join(lines)


def _shrunk(patient: Patient, difference: Difference) -> tuple[Patient, Difference]:
    """Take rows, then values away as long as the same field of the same label still differs."""
    steps: list[Callable[[Patient], Iterable[Patient]]] = [without_a_row, without_a_value]
    for step in steps:
        smaller = True
        while smaller:
            smaller = False
            for candidate, differences in _compared(list(step(patient))):
                same = [other for other in differences if _is_alike(difference, other)]
                if same:
                    patient, difference, smaller = candidate, same[0], True
                    break
    return patient, difference


def _is_alike(one: Difference, other: Difference) -> bool:
    """The same field of the same label; of a status also the same two answers, so that one defect stays that one."""
    is_same_field = (one.label, one.field) == (other.label, other.field)
    return is_same_field and (one.field != "status" or one == other)
