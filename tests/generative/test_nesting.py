"""Whose patients lie within those of another measure by definition is declared, so that the audit knows it."""

import itertools

import pytest

from outcomes.disclosure.protect import nesting
from tests.generative.histories import patients
from tests.support.situations import measure

PATIENTS = 3000
FEWEST = 20
BY_CHANCE = 1e-4
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
