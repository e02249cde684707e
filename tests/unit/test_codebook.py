"""The codebook's single source: the headers of the SQL files and, for delivered columns, the contract."""

import pytest

from outcomes.contract import TABLES
from outcomes.release.codebook import NO_UNIT, Mart, protected_marts, research_marts
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.shipped import shipped
from scripts.docs.codebook import page


@pytest.mark.parametrize("mart", [*research_marts(), *protected_marts()], ids=lambda mart: mart.name)
def test_a_mart_says_what_it_is(mart: Mart) -> None:
    assert mart.title
    assert mart.grain.startswith("one row")
    assert set(mart.key) <= {field.name for field in mart.fields}
    for field in mart.fields:
        assert field.description, field.name
        assert "\n" not in field.comment, field.name


def test_the_marts_that_others_rely_on_are_there() -> None:
    columns = {mart.name: {field.name for field in mart.fields} for mart in research_marts()}
    assert {"episodes", "follow_ups", "revisions", "validation_results", "attrition"} <= set(columns)
    assert columns["labels"] >= {"site_id", "patient_id", "label", "status", "reason", "onset_day", "value"}
    assert "definition_version" in columns["labels"]
    assert columns["label_evidence"] == {
        "site_id", "patient_id", "label", "source_table", "record_id", "submission_id"
    }  # fmt: skip
    assert columns["submissions"] >= {
        "site_id", "period", "status", "code", "rows_in", "rows_accepted", "rows_quarantined"
    }  # fmt: skip


def test_a_delivered_column_is_described_by_the_contract() -> None:
    episodes = next(mart for mart in research_marts() if mart.name == "episodes")
    bmi = next(field for field in episodes.fields if field.name == "bmi")
    column = next(column for column in TABLES["patients"].columns if column.name == "bmi")
    assert (bmi.description, bmi.unit) == (column.description, column.unit)
    smoking = next(field for field in episodes.fields if field.name == "smoking")
    assert smoking.closed_list == ("never", "former", "current", "unknown")


def test_no_protected_mart_names_a_patient_or_a_record() -> None:
    for mart in protected_marts():
        assert not {"patient_id", "record_id", "submission_id"} & {field.name for field in mart.fields}


def test_every_sql_file_of_the_marts_is_read() -> None:
    assert len(research_marts()) == len(list(shipped("sql", "marts").glob("*.sql")))
    assert len(protected_marts()) == len(list(shipped("sql", "marts", "protected").glob("*.sql")))


def test_a_header_may_name_a_closed_list_that_stands_elsewhere() -> None:
    marts = {mart.name: {field.name: field for field in mart.fields} for mart in research_marts()}
    assert marts["labels"]["label"].closed_list == tuple(label.name for label in label_definitions())
    assert marts["label_evidence"]["source_table"].closed_list == tuple(TABLES)
    assert marts["revisions"]["type"].closed_list[:2] == ("nonunion_revision", "adjacent_segment_fusion")
    refusals = marts["submissions"]["code"].closed_list
    assert {"checksum_mismatch", "site_unknown"} <= set(refusals)
    assert "no_release" not in refusals


def test_a_number_without_a_unit_says_so_and_its_comment_does_not() -> None:
    marts = {mart.name: {field.name: field for field in mart.fields} for mart in research_marts()}
    for field in (marts["attrition"]["step"], marts["episodes"]["asa_class"]):
        assert field.unit == NO_UNIT
        assert field.comment == field.description
    assert marts["labels"]["onset_day"].comment.endswith("(days since the index fusion)")
    assert marts["episodes"]["sex"].unit == ""


def test_the_page_lists_every_column_of_every_mart() -> None:
    sections = page().split("\n### ")[1:]
    marts = [*research_marts(), *protected_marts()]
    assert len(sections) == len(marts)
    for mart, section in zip(marts, sections, strict=True):
        assert section.startswith(f"`{mart.name}`: {mart.title}\n")
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        assert [row.split("`")[1] for row in rows] == [field.name for field in mart.fields]
