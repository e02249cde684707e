"""The files that an installation writes by hand: what is read, and what is refused, where and without a value."""

from collections.abc import Callable
from pathlib import Path

import pytest

from outcomes.errors import OutcomesError
from outcomes.site_files import (
    Access,
    Annotation,
    ExpectedDeliveries,
    Site,
    SiteFileRow,
    Target,
    read_site_file,
    site_names,
)

FILES: dict[str, tuple[type[SiteFileRow], int]] = {
    "access": (Access, 56),
    "annotations": (Annotation, 52),
    "deliveries": (ExpectedDeliveries, 82),
    "sites": (Site, 75),
    "targets": (Target, 57),
}
CONTEXT = {
    "measures": {"pain": "share", "satisfied": "share", "revision_rate": "rate"},
    "sites": {"south"},
}
HEADERS = {name: ",".join(model.model_fields) + "\n" for name, (model, _) in FILES.items()}
SOUND = {
    "access": "alice,north,clinical\n",
    "annotations": ",pain,2021-01,rebase,,A. Lead,pathway\n",
    "deliveries": "north,2025-01,,10\n",
    "sites": "north,North Clinic\n",
    "targets": "pain,0.25,A. Lead,agreed\n",
}


def read(folder: Path, name: str, content: bytes) -> dict[int, SiteFileRow]:
    path = folder / f"{name}.csv"
    path.write_bytes(content)
    return read_site_file(path, FILES[name][0], f"{name}_malformed", CONTEXT)


@pytest.mark.parametrize(
    ("name", "lines", "expected"),
    [
        ("access", "alice,north,clinical\r\n\r\nbob, south ,quality\r\n",
         {2: ("alice", "north", "clinical"), 4: ("bob", "south", "quality")}),
        ("annotations", ",pain,2021-01,rebase,,A. Lead,new pathway\nsouth, pain ,2020-03,note,new clinic,B. Nurse,\n",
         {2: ("", "pain", "2021-01", "rebase", "", "A. Lead", "new pathway"),
          3: ("south", "pain", "2020-03", "note", "new clinic", "B. Nurse", "")}),
        ("deliveries", "north, 2025-01 ,2025-01,28\nsouth,2025-01,,1\n",
         {2: ("north", "2025-01", "2025-01", 28), 3: ("south", "2025-01", "", 1)}),
        ("sites", 'north,"North\nClinic"\nsouth,\n', {3: ("north", "North\nClinic"), 4: ("south", "")}),
        ("targets", " pain ,0.25,A. Lead,agreed\nsatisfied,1,A. Lead,agreed\nrevision_rate,3.5,A. Lead,agreed\n",
         {2: ("pain", 0.25, "A. Lead", "agreed"), 3: ("satisfied", 1.0, "A. Lead", "agreed"),
          4: ("revision_rate", 3.5, "A. Lead", "agreed")}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_lines_are_read_with_their_numbers(
    tmp_path: Path, name: str, lines: str, expected: dict[int, tuple[object, ...]], mark: str
) -> None:
    rows = read(tmp_path, name, (mark + HEADERS[name] + lines).encode())
    assert {line: tuple(row.model_dump().values()) for line, row in rows.items()} == expected


# Of any file, what becomes of its header and a sound line, and how the fault is named.
ANY: list[tuple[Callable[[bytes, bytes], bytes], str]] = [
    (lambda header, sound: b"", "line 1: the columns are "),
    (lambda header, sound: sound, "line 1: the columns are "),
    (lambda header, sound: header.replace(b",", b", ", 1) + sound, "line 1: the columns are "),
    (lambda header, sound: header.replace(b"\n", b",more\n") + sound, "line 1: the columns are "),
    (lambda header, sound: header + sound + sound.rpartition(b",")[0], "line 3: not "),
    (lambda header, sound: header + b"\n" + sound.replace(b"\n", b",more\n"), "line 3: not "),
    (lambda header, sound: header + sound + b"\n" + sound, "line 4, "),
    (lambda header, sound: header + b'"' + sound, " is not a CSV file in UTF-8"),
    (lambda header, sound: header + sound.replace(b"\n", b"\xff\n"), " is not a CSV file in UTF-8"),
]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("content", "fault"), ANY)
def test_whatever_is_no_such_table_is_refused(
    tmp_path: Path, name: str, content: Callable[[bytes, bytes], bytes], fault: str
) -> None:
    with pytest.raises(OutcomesError) as refused:
        read(tmp_path, name, content(HEADERS[name].encode(), SOUND[name].encode()))
    assert (refused.value.code, refused.value.exit_status) == (f"{name}_malformed", FILES[name][1])
    assert refused.value.where.removeprefix(f"{name}.csv").removeprefix(", ").startswith(fault)


@pytest.mark.parametrize(
    ("name", "line", "column"),
    [
        ("access", ",north,clinical", "user"),
        ("access", "carol,,clinical", "site_id"),
        ("access", "carol,Le Mans,clinical", "site_id"),
        ("access", "carol,north,Quality", "role"),
        ("access", "alice,north,quality", "user and site_id"),
        ("annotations", ",pane,2021-01,rebase,,A. Lead,why", "measure"),
        ("annotations", "north,pain,2021-01,rebase,,A. Lead,why", "site_id"),
        ("annotations", ",pain,2021-13,rebase,,A. Lead,why", "period"),
        ("annotations", ",pain,2021,rebase,,A. Lead,why", "period"),
        ("annotations", ",pain,2021-01,reset,,A. Lead,why", "kind"),
        ("annotations", ",pain,2021-01,rebase,,,why", "author"),
        ("annotations", ",pain,2021-01,rebase,words,A. Lead, ", "reason"),
        ("annotations", ",pain,2021-01,note,,A. Lead,why", "text"),
        ("annotations", ",pain,2021-01,rebase,, A. Lead,pathway", "all columns"),
        ("deliveries", "Le Mans,2025-01,,10", "site_id"),
        ("deliveries", "south,2025,,10", "first_period"),
        ("deliveries", "south,,2025-01,10", "first_period"),
        ("deliveries", "south,2025-01,2025-13,10", "last_period"),
        ("deliveries", "south,2025-02,2025-01,10", "last_period"),
        ("deliveries", "south,2025-01,,0", "due_day"),
        ("deliveries", "south,2025-01,,29", "due_day"),
        ("deliveries", "south,2025-01,,", "due_day"),
        ("deliveries", "south,2025-01,,tenth", "due_day"),
        ("deliveries", "north,2024-01,2024-12,10", "site_id"),
        ("sites", "North,North Clinic", "site_id"),
        ("sites", ",North Clinic", "site_id"),
        ("sites", "north,Another Clinic", "site_id"),
        ("targets", "pane,0.25,A. Lead,why", "measure"),
        ("targets", "satisfied,low,A. Lead,why", "target"),
        ("targets", "satisfied,,A. Lead,why", "target"),
        ("targets", "satisfied,nan,A. Lead,why", "target"),
        ("targets", "satisfied,-0.1,A. Lead,why", "target"),
        ("targets", "revision_rate,inf,A. Lead,why", "target"),
        ("targets", "satisfied,25,A. Lead,why", "target"),
        ("targets", "satisfied,0.25,,why", "author"),
        ("targets", "satisfied,0.25,A. Lead, ", "reason"),
        ("targets", "pain,0.3,A. Lead,why", "measure"),
    ],
)
def test_a_line_at_fault_is_named_by_line_and_column_and_never_by_value(
    tmp_path: Path, name: str, line: str, column: str
) -> None:
    with pytest.raises(OutcomesError) as refused:
        read(tmp_path, name, f"{HEADERS[name]}{SOUND[name]}{line}\n".encode())
    assert refused.value.code == f"{name}_malformed"
    place, _, said = refused.value.where.partition(": ")
    assert place == f"{name}.csv, line 3, {column}"
    cells = {cell for cell in line.split(",") if cell.strip() and not cell.isdigit()}
    assert not any(cell in said for cell in cells), said


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutcomesError, match="access_malformed"):
        read_site_file(tmp_path / "access.csv", Access, "access_malformed")


def test_without_a_register_there_are_no_names_and_a_site_without_one_goes_by_its_id(tmp_path: Path) -> None:
    register = tmp_path / "sites.csv"
    assert site_names(register) is None
    register.write_text("site_id,name\nnorth,North Clinic\nsouth,\n", encoding="utf-8")
    assert site_names(register) == {"north": "North Clinic", "south": "south"}
    register.write_text("site_id,name\n", encoding="utf-8")
    assert site_names(register) == {}
