"""Files of SQL that describe themselves."""

from pathlib import Path

import pytest

from outcomes.errors import OutcomesError
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.files import SqlFile, in_order, load
from outcomes.sql.shipped import shipped


def _file(folder: Path, name: str, text: str) -> SqlFile:
    path = folder / f"{name}.sql"
    path.write_text(text, encoding="utf-8")
    return SqlFile(path)


def test_header_and_statement_are_told_apart(tmp_path: Path) -> None:
    file = _file(tmp_path, "a", "/*\ntitle: A\nneeds: [b]\n*/\nselect 1 /* one */;\n")
    assert (file.name, file.header["title"], file.needs, file.select) == ("a", "A", ("b",), "select 1 /* one */")


def test_a_file_without_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutcomesError, match=r"a\.sql does not open with a header"):
        _ = _file(tmp_path, "a", "select 1").header


def test_order_follows_needs_then_names(tmp_path: Path) -> None:
    files = [
        _file(tmp_path, "c", "/*\nneeds: [a]\n*/ select 1"),
        _file(tmp_path, "b", "/*\ntitle: b\n*/ select 1"),
        _file(tmp_path, "a", "/*\nneeds: [b, given_by_someone_else]\n*/ select 1"),
    ]
    assert [file.name for file in in_order(files)] == ["b", "a", "c"]


def test_every_label_says_what_a_reader_asks() -> None:
    for label in label_definitions():
        assert label.version >= 1
        assert label.status in {"draft", "accepted", "deprecated"}
        for text in (label.title, label.guide, label.definition, label.rationale, label.citation):
            assert len(text) > 10, label.name


def test_no_label_names_a_code_or_a_threshold() -> None:
    """Code lists and thresholds are data: a digit in a label's statement is only ever 0 or 1."""
    for file in [*load(shipped("sql", "definitions", "labels")), *load(shipped("sql", "relations", "episodes"))]:
        words = file.select.replace("(", " ").replace(")", " ").replace(",", " ").split()
        numbers = {word for word in words if word.lstrip("-").isdigit()}
        allowed = (
            {"0", "1", "2", "3", "4", "5", "6", "7", "45", "65", "100"}
            if file.path.parent.name == "episodes"
            else {"0", "1"}
        )
        assert numbers <= allowed, file.name
