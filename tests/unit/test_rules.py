"""What each rule is about, what kind of quality it asks for, and what it affects."""

import pytest

from outcomes.contract import TABLES
from outcomes.intake.facts import columns_of_rule
from outcomes.intake.rules import rules
from outcomes.measures.rules import (
    marts_affected,
    measures_affected,
    measures_that_read,
    rule_definitions_table,
    rule_measures_table,
)
from outcomes.sql.catalog.measures import measure_definitions
from tests.support import marts

RULES = [(table, rule) for table in TABLES for rule in rules(table)]


@pytest.mark.parametrize(("table", "rule"), RULES, ids=lambda one: getattr(one, "code", one))
def test_every_rule_has_a_category_a_context_and_columns(table: str, rule: object) -> None:
    definition = marts.exact("rule_definitions")
    for field in ("category", "context"):
        assert getattr(rule, field) in marts.column(definition, field).enum
    found = columns_of_rule(table, rule.code)  # type: ignore[attr-defined]
    assert found
    assert set(found) <= set(TABLES[table].schema.names)


@pytest.mark.parametrize(
    ("table", "code", "columns"),
    [
        ("patients", "PAT-009", ("bmi",)),
        ("patients", "PAT-002", ("patient_id",)),
        ("patients", "PAT-019", ("data_cut_day", "death_day")),
        ("patients", "PAT-017", ("last_contact_day",)),
        ("follow_ups", "FUP-007", ("day",)),
        ("follow_ups", "FUP-003", ("patient_id",)),
        ("follow_ups", "FUP-042", ("encounter_id",)),
        ("follow_ups", "FUP-044", tuple(f"ndi_item_{number}" for number in range(1, 11))),
        ("imaging", "IMG-016", ("level", "finding")),
        ("treatments", "TRE-016", ("deleted",)),
    ],
)
def test_columns_are_those_that_the_facts_are_computed_from(table: str, code: str, columns: tuple[str, ...]) -> None:
    assert sorted(columns_of_rule(table, code)) == sorted(columns)


def test_a_fact_of_every_cell_is_about_every_cell() -> None:
    assert set(columns_of_rule("imaging", "imaging.type")) == {*TABLES["imaging"].schema.names} - {"deleted"}


def test_what_no_measure_reads_affects_none() -> None:
    assert measures_affected("patients", "PAT-009") == ()
    assert marts_affected("patients", "PAT-009") == ("episodes",)


def test_a_cell_affects_the_measures_that_read_its_column() -> None:
    pain, weakness = measures_affected("follow_ups", "FUP-008"), measures_affected("follow_ups", "FUP-040")
    assert "pain_past_3_months" in pain
    assert "revision_performed" not in pain
    assert "red_flag_weakness" in weakness
    assert "pain_past_3_months" not in weakness
    assert "events" in marts_affected("follow_ups", "FUP-040")


def test_a_row_affects_whatever_reads_its_table() -> None:
    everything = frozenset(("procedures", name) for name in TABLES["procedures"].schema.names)
    assert measures_affected("procedures", "PRO-006") == measures_that_read(everything)
    assert "revision_performed" in measures_affected("procedures", "PRO-006")


def test_the_two_tables_say_the_same() -> None:
    definitions, affected = rule_definitions_table().to_pylist(), rule_measures_table().to_pylist()
    assert len(definitions) == len(RULES)
    assert {
        (row["source_table"], row["rule"]): row["measure_count"] for row in definitions if row["measure_count"]
    } == {
        place: sum((one["source_table"], one["rule"]) == place for one in affected)
        for place in {(one["source_table"], one["rule"]) for one in affected}
    }
    known = {measure.id for measure in measure_definitions()}
    assert {row["measure"] for row in affected} <= known
    costs = {row["rule"]: row["costs"] for row in definitions}
    assert (costs["PAT-001"], costs["PAT-009"], costs["PAT-003"]) == ("row", "cell", "nothing")
