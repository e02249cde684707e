"""A mistake in a definition's file is named with the file and the line."""

from pathlib import Path

import pytest

from outcomes.errors import OutcomesError
from outcomes.sql.catalog.labels import read_label, stated_in
from outcomes.sql.files import SqlFile, line_of, read_yaml
from outcomes.sql.reference import code_list_names, code_list_rows, read_rows, read_thresholds, reference_names
from outcomes.sql.shipped import shipped

HEADER = "list,version,system,code,is_prefix,valid_from,joints\n"
TYPES = dict.fromkeys(("list", "system", "code"), "varchar") | {
    "version": "integer",
    "is_prefix": "boolean",
    "valid_from": "date",
    "joints": "bigint",
}
ROW = "fusion,1,CPT,22551,false,2011-01-01,2\n"


def said(error: pytest.ExceptionInfo[OutcomesError]) -> str:
    assert error.value.code == "definition_malformed"
    return error.value.where


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("pain_nrs: 4\npain: [1\n", "thresholds.yaml, line 3: not YAML, did not find expected ',' or ']'"),
        ("a: 1\nb: 2\n c: 3\n", "thresholds.yaml, line 3: not YAML, mapping values are not allowed in this context"),
        ("# conventions\na: 1\nb:\n  c: 3\n", "thresholds.yaml, line 3: b is no number or text"),
        ("a: 1\nb:\n", "thresholds.yaml, line 2: b is no number or text"),
        ("- 1\n", "thresholds.yaml, line 1: not names with their values"),
    ],
)
def test_a_threshold(tmp_path: Path, text: str, where: str) -> None:
    file = tmp_path / "thresholds.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(OutcomesError) as error:
        read_thresholds(file)
    assert said(error).startswith(where.partition(", did")[0])


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (HEADER + ROW + "fusion,1,CPT\n", "line 3: not as many cells as columns"),
        (HEADER + ROW + ROW.strip() + ",more\n", "line 3: not as many cells as columns"),
        (HEADER + ROW.replace(",1,", ",one,"), "line 2: version is no integer"),
        (HEADER + ROW + ROW.replace("false", "maybe"), "line 3: is_prefix is no boolean"),
        (HEADER + ROW.replace("2011-01-01", "2011-13-01"), "line 2: valid_from is no date"),
        (HEADER + ROW.replace(",2\n", ",two\n"), "line 2: joints is no bigint"),
        (HEADER.replace("joints", "joint_count") + ROW, "line 1: unknown column joint_count"),
    ],
)
def test_a_code_list(tmp_path: Path, text: str, where: str) -> None:
    file = tmp_path / "fusion.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(OutcomesError) as error:
        read_rows(file, TYPES)
    assert said(error) == f"fusion.csv, {where}"


def test_those_that_ship_are_read() -> None:
    assert all(code_list_rows(name) for name in code_list_names())
    assert all(read_rows(shipped("sql", "reference", f"{name}.csv")) for name in reference_names())


def test_a_label_names_the_line_of_the_field(tmp_path: Path) -> None:
    files = sorted(shipped("sql", "definitions", "labels").glob("*.sql"))
    lines = (
        next(path for path in files if not SqlFile(path).is_family)
        .read_text(encoding="utf-8")
        .splitlines(keepends=True)
    )
    place = next(number for number, line in enumerate(lines) if line.startswith("title:"))
    lines[place] = "titel: misspelt\n"
    file = tmp_path / "a_label.sql"
    file.write_text("".join(lines), encoding="utf-8")
    found = SqlFile(file)
    ((name, stated),) = stated_in(found).items()
    with pytest.raises(OutcomesError) as error:
        read_label(found, name, stated)
    assert f"line {place + 1}: titel: Extra inputs are not permitted" in said(error)


def test_a_header_that_is_no_yaml_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "a_label.sql"
    file.write_text("/*\ntitle: A\nwhy: [1\n*/\nselect 1\n", encoding="utf-8")
    with pytest.raises(OutcomesError) as error:
        _ = SqlFile(file).header
    assert said(error).startswith("a_label.sql, line 4: not YAML")


def test_the_line_is_that_which_the_keys_lead_to() -> None:
    text = "a: 1\nb:\n  - c: 2\n  - c: 3\n    d: 4\n"
    led: list[tuple[tuple[str | int, ...], int]] = [(("a",), 1), (("b",), 2), (("b", 1), 4), (("b", 1, "d"), 5)]
    led += [(("b", 1, "x"), 4), ((), 1)]
    assert [line_of(text, keys) for keys, _ in led] == [line for _, line in led]


def test_a_file_that_is_read_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: [1, 2]\n", encoding="utf-8")
    assert read_yaml(tmp_path / "x.yaml") == {"a": [1, 2]}
