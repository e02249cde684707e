"""The codebook's single source: the declarations of the marts and, for delivered columns, the contract."""

import pytest

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.marts import NO_UNIT, Mart, parse_mart, protected_marts, research_marts
from outcomes.sql.shipped import shipped
from scripts.docs.codebook import page


@pytest.mark.parametrize("mart", [*research_marts(), *protected_marts()], ids=lambda mart: mart.name)
def test_a_mart_says_what_it_is(mart: Mart) -> None:
    assert mart.title
    assert mart.grain.startswith("one row")
    assert set(mart.key) <= {column.name for column in mart.columns}
    for column in mart.columns:
        assert column.description, column.name
        assert "\n" not in column.comment, column.name


def test_the_marts_that_others_rely_on_are_there() -> None:
    columns = {mart.name: {column.name for column in mart.columns} for mart in research_marts()}
    assert {"episodes", "follow_ups", "revisions", "validation_results", "attrition"} <= set(columns)
    assert columns["labels"] >= {"site_id", "patient_id", "label", "status", "reason", "onset_day", "value"}
    assert "definition_version" in columns["labels"]
    assert columns["label_evidence"] == {
        "site_id", "patient_id", "label", "source_table", "record_id", "submission_id"
    }  # fmt: skip
    assert columns["submissions"] >= {
        "site_id", "submission_period", "status", "code", "rows_in", "rows_accepted", "rows_quarantined"
    }  # fmt: skip


def test_a_delivered_column_is_described_by_the_contract() -> None:
    episodes = next(mart for mart in research_marts() if mart.name == "episodes")
    bmi = next(column for column in episodes.columns if column.name == "bmi")
    declared = next(column for column in TABLES["patients"].columns if column.name == "bmi")
    assert (bmi.description, bmi.unit) == (declared.description, declared.unit)
    smoking = next(column for column in episodes.columns if column.name == "smoking")
    assert smoking.enum == ("never", "former", "current", "unknown")


def test_no_protected_mart_names_a_patient_or_a_record() -> None:
    for mart in protected_marts():
        assert not {"patient_id", "record_id", "submission_id"} & {column.name for column in mart.columns}


def test_every_declaration_is_read() -> None:
    declared = {path.stem for path in shipped("sql", "marts").iterdir()}
    assert {mart.name for mart in (*research_marts(), *protected_marts())} == declared


DECLARED = {
    "title": "Follow-up",
    "grain": "one row per site and day",
    "key": ["site_id", "day"],
    "published": ["exact", "protected"],
    "protected": {"grain": "one row per day"},
    "columns": {
        "site_id": {"only": "exact", "description": "the site"},
        "day": {"type": "integer", "unit": "days", "description": "the day"},
        "patients": {"type": "integer", "unit": "patients", "description": "seen", "protected": "to the nearest 5"},
        "resolution": {"enum": ["year", "month"], "description": "how long", "protected": {"enum": ["year"]}},
    },
}


def test_exact_and_protected_derive_from_one_declaration() -> None:
    exact, protected = parse_mart("visits", DECLARED, "exact"), parse_mart("visits", DECLARED, "protected")
    assert exact is not None
    assert protected is not None
    assert (exact.key, exact.grain) == (("site_id", "day"), "one row per site and day")
    assert (protected.key, protected.grain) == (("day",), "one row per day")
    assert [column.description for column in exact.columns[1:3]] == ["the day", "seen"]
    assert [column.description for column in protected.columns[:2]] == ["the day", "seen; to the nearest 5"]
    assert (exact.columns[-1].enum, protected.columns[-2].enum) == (("year", "month"), ("year",))
    assert [column.name for column in protected.columns] == ["day", "patients", "resolution", "state"]
    assert [column.may_be_null for column in protected.columns] == [False, True, False, False]
    assert exact.select == (
        'select cast("site_id" as varchar) as "site_id", "day", "patients", cast("resolution" as varchar) as '
        '"resolution" from "visits" order by "site_id", "day"'
    )


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"grain": "some rows"}, "visits.yaml: grain"),
        ({"key": ["week"]}, "visits.yaml: .*key: .*week"),
        ({"colour": "red"}, "visits.yaml: colour"),
        ({"columns": {"day": {"type": "integer", "description": "the day"}}}, "visits.yaml: columns.day: .*unit"),
        ({"columns": {"day": {"type": "date", "description": "the day"}}}, "visits.yaml: columns.day.type"),
        ({"columns": {"day": None}}, "visits.yaml: columns.day"),
    ],
)
def test_what_is_wrong_in_a_declaration_is_named(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(OutcomesError, match=named):
        parse_mart("visits", DECLARED | wrong, "exact")


def test_a_relation_of_another_type_is_refused() -> None:
    mart = parse_mart("visits", DECLARED, "exact")
    assert mart is not None
    types = {"site_id": "VARCHAR", "day": "BIGINT", "patients": "BIGINT", "resolution": "ENUM('year', 'month')"}
    mart.require_types(types)
    with pytest.raises(OutcomesError, match=r"visits\.yaml: columns\.day: declared as integer, found DOUBLE"):
        mart.require_types(types | {"day": "DOUBLE"})
    with pytest.raises(OutcomesError, match=r"columns\.day: .*missing"):
        mart.require_types({"site_id": "VARCHAR"})


def test_a_column_may_name_a_closed_list_that_stands_elsewhere() -> None:
    marts = {mart.name: {column.name: column for column in mart.columns} for mart in research_marts()}
    assert marts["labels"]["label"].enum == tuple(label.name for label in label_definitions())
    assert marts["label_evidence"]["source_table"].enum == tuple(TABLES)
    assert marts["revisions"]["type"].enum[:2] == ("nonunion_revision", "adjacent_segment_fusion")
    refusals = marts["submissions"]["code"].enum
    assert {"checksum_mismatch", "site_unknown"} <= set(refusals)
    assert "no_release" not in refusals


def test_a_number_without_a_unit_says_so_and_its_comment_does_not() -> None:
    marts = {mart.name: {column.name: column for column in mart.columns} for mart in research_marts()}
    for column in (marts["attrition"]["step"], marts["episodes"]["asa_class"]):
        assert column.unit == NO_UNIT
        assert column.comment == column.description
    assert marts["labels"]["onset_day"].comment.endswith("(days since the index fusion)")
    assert marts["episodes"]["sex"].unit == ""


def test_the_page_lists_every_column_of_every_mart() -> None:
    sections = page().split("\n### ")[1:]
    marts = [*research_marts(), *protected_marts()]
    assert len(sections) == len(marts)
    for mart, section in zip(marts, sections, strict=True):
        assert section.startswith(f"`{mart.name}`: {mart.title}\n")
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        assert [row.split("`")[1] for row in rows] == [column.name for column in mart.columns]
