"""Whose patients lie within those of another measure by definition is declared, so that the audit knows it."""

import itertools
from collections import defaultdict

import pytest

from outcomes.contract import TABLES
from outcomes.disclosure.protect import nesting
from tests.generative.histories import Patient, Tables, patients
from tests.support.situations import measure

PATIENTS = 3000
FEWEST = 20
BY_CHANCE = 1e-4
_KEYS = {"patient_id", "encounter_id", *(table.key for table in TABLES.values())}
_ANSWERS = """
select measure, status, site_id, list(patient_id)
from measure_results
where status <> 'excluded'
group by measure, status, site_id
"""
_WITHIN = ("asd_2_years", "asd_5_years")
_NOT_BY_DEFINITION = {
    _WITHIN[::-1],  # no invented patient has a first onset between these days
    *((part, "asd_rate") for part in ("suspected_asd", "surgical_asd", "clinical_asd_probable", *_WITHIN)),
    ("surgical_asd", "suspected_asd"),
}
"""Of the latter the wholes can be excluded, for want of images, where the part is told all the same."""


@pytest.mark.long
def test_measures_that_lie_within_each_other_are_declared_to() -> None:
    """Numerators that lie within each other though chance alone would not have it, do so by definition.

    Chance: as many patients as the part has, drawn from those among whom both lie, all fall into the whole.
    """
    numerators = _numerators()
    declared = nesting().pairs
    wholes = {each: {whole for part, whole in declared if part == each} for each in numerators}
    found = set()
    for part, whole in itertools.permutations(numerators, 2):
        inside, outside = numerators[part], numerators[whole]
        both_among = [numerators[each] for each in wholes[part] & wholes[whole] if each in numerators]
        least = min(map(len, both_among), default=PATIENTS)
        if inside <= outside and len(inside) >= FEWEST and (len(outside) / least) ** len(inside) < BY_CHANCE:
            found.add((part, whole))
    assert found - declared - _NOT_BY_DEFINITION == set()
    assert len(found) > 30


def test_what_is_declared_to_lie_within_a_measure_does_wherever_the_site_delivers_what_it_asks_for() -> None:
    """A part may ask for fewer tables than its whole: sites that deliver only those must not end a release."""
    delivered, tables = _by_what_was_delivered(patients(PATIENTS, seed=5))
    with measure(tables, delivered) as con:
        rows = con.execute(_ANSWERS).fetchall()
    people: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    counted_at: defaultdict[str, set[str]] = defaultdict(set)
    for name, status, site, patient_ids in rows:
        people[name, status].update((site, patient) for patient in patient_ids)
        counted_at[name].add(site)
    declared = nesting()
    partly = set()
    for part, whole in declared.pairs:
        inside = people[part, "yes"] | (people[part, "no"] if (part, whole) in declared.among else set())
        outside = {site for site, _ in inside - people[whole, "yes"]}
        assert not outside & counted_at[whole], (part, whole)
        partly |= {part} if outside else set()
    assert "red_flag_imaging_30_days" in partly


def _by_what_was_delivered(people: list[Patient]) -> tuple[dict[str, list[str]], dict[str, Tables]]:
    """Patients with the same tables delivered become one site: what its sites deliver, and their rows, by site."""
    names: dict[tuple[str, ...], str] = {}
    tables: dict[str, Tables] = {}
    for number, patient in enumerate(patient for patient in people if not patient.left_out):
        site = names.setdefault(patient.delivered, f"site {len(names)}")
        of_site = tables.setdefault(site, {})
        for table, rows in patient.tables.items():
            keyed = [
                {
                    name: f"{number}.{value}" if name in _KEYS and value is not None else value
                    for name, value in row.items()
                }
                for row in rows
            ]
            of_site[table] = of_site.get(table, []) + keyed
    return {site: [*delivered] for delivered, site in names.items()}, tables


def _numerators() -> dict[str, frozenset[tuple[str, str]]]:
    """The patients with the outcome, by measure; each patient is a site, with what it delivers."""
    invented = {f"invented {number}": patient for number, patient in enumerate(patients(PATIENTS, seed=3))}
    con = measure(
        {site: patient.tables for site, patient in invented.items()},
        {site: list(patient.delivered) for site, patient in invented.items()},
        {site: patient.left_out for site, patient in invented.items() if patient.left_out},
    )
    with con:
        rows = con.execute(
            "select measure, list((site_id, patient_id)) from measure_results where status = 'yes' group by measure"
        ).fetchall()
    return {name: frozenset(people) for name, people in rows}
