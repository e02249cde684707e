"""Reading: cells come as the site wrote them, missing ones as null; a broken file is refused and no cell repeated."""

import datetime
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from outcomes.contract import CONTRACT_VERSION, TABLES
from outcomes.errors import SubmissionRefused
from outcomes.intake.reading import MOST_BYTES, as_delivered, count_rows, read_bytes, read_table, rows_of_file

NAMES = ("imaging_id", "patient_id", "day", "modality", "level", "finding", "value", "unit", "deleted")
IMAGING = replace(TABLES["imaging"], columns=tuple(each for each in TABLES["imaging"].columns if each.name in NAMES))
"""These columns, whatever the contract adds."""
HEADER = ",".join(name for name in IMAGING.schema.names if name != "deleted")
ROW = "i1,p1,30,mri,C5-6,normal,,"


def parquet_bytes(rows: int = 1, **columns: object) -> bytes:
    empty = dict.fromkeys((name for name in IMAGING.schema.names if name != "deleted"), pa.nulls(rows, pa.string()))
    target = io.BytesIO()
    parquet.write_table(pa.table(empty | columns), target)
    return target.getvalue()


def read_csv(text: str) -> list[dict[str, str | None]]:
    rows: list[dict[str, str | None]] = read_table(
        IMAGING, "imaging.csv", text.encode(), CONTRACT_VERSION
    ).read.to_pylist()
    return rows


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_as_written(end: str, mark: str) -> None:
    rows = read_csv(mark + end.join([HEADER, 'i1,"p,""1""",030, mri,"",NA,null,1e2', ROW]))
    assert rows[0] == {
        **{"imaging_id": "i1", "patient_id": 'p,"1"', "day": "030", "modality": "mri", "level": None},
        **{"finding": None, "value": None, "unit": "1e2", "deleted": None},
    }
    assert len(rows) == 2


@pytest.mark.parametrize(
    "word", ["", " ", "NA", "na", "N/A", "n/a ", "NULL", "Null", "None", "none", "NaN", " . ", "\u00a0"]
)
def test_what_stands_for_missing_is_null_in_every_column(word: str) -> None:
    names = HEADER.split(",")
    for place in range(len(names)):
        cells = ["x"] * len(names)
        cells[place] = word
        (of_csv,) = read_csv(f"{HEADER}\n{','.join(cells)}\n")
        content = parquet_bytes(**{name: pa.array([cell]) for name, cell in zip(names, cells, strict=True)})
        (of_parquet,) = read_table(IMAGING, "imaging.parquet", content, CONTRACT_VERSION).read.to_pylist()
        assert of_csv == of_parquet
        assert [name for name in names if of_csv[name] is None] == [names[place]]


@pytest.mark.parametrize("word", ["0", "-", "unknown", "nano", "nah", "N.A.", "nulls", "..", "?"])
def test_what_only_looks_like_missing_is_a_value(word: str) -> None:
    (row,) = read_csv(f"{HEADER}\n{ROW.replace('normal', word)}\n")
    assert row["finding"] == word


@pytest.mark.parametrize(
    "blank",
    [
        *(",,,,,,,", " , ,,\t,,,,", '"","",,,,,,', ",,,", ",,,,,,,,,,,,", '  ,"  ",', ",,,,,,,\n\n,,,,,,,"),
        *("\u00a0,,,,,,,", ",,\u2003,,,\u00a0\u3000,,", '"\u00a0",', "\u00a0"),
    ],
)
def test_a_row_of_separators_is_no_row(blank: str) -> None:
    for lines in ((blank, ROW), (ROW, blank), (ROW, blank, ROW.replace("i1", "i2"), blank, blank)):
        content = "\r\n".join((HEADER, *lines, ""))
        rows = read_csv(content)
        assert [row["imaging_id"] for row in rows] == ["i1", "i2"][: len(rows)]
        assert len(rows) == sum(line.startswith("i") for line in lines) == count_rows("imaging.csv", content.encode())


@pytest.mark.parametrize("number", [None, float("nan")])
@pytest.mark.parametrize("text", [None, "", " ", "\u00a0"])
def test_a_row_of_nothing_in_parquet_is_no_row(text: str | None, number: float | None) -> None:
    rows = {"imaging_id": pa.array(["i1", None, "i2"]), "unit": pa.array(["mm", text, "mm"])}
    rows |= {"value": pa.array([1.0, number, None])}
    content = parquet_bytes(3, **rows)
    read = read_table(IMAGING, "imaging.parquet", content, CONTRACT_VERSION)
    assert read.read["imaging_id"].to_pylist() == ["i1", "i2"]
    assert read.rows == count_rows("imaging.parquet", content) == 2
    nothing = parquet_bytes(4)
    assert count_rows("imaging.parquet", nothing) == 0
    assert read_table(IMAGING, "imaging.parquet", nothing, CONTRACT_VERSION).rows == 0


@pytest.mark.parametrize("above", [",,,,,,,\n", "  \r\n", "\n \n,,,\n", '\u00a0,"",,,\n'])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_lines_of_separators_above_the_header_are_none(mark: str, above: str) -> None:
    content = f"{mark}{above}{HEADER}\n{ROW}\n"
    assert [row["imaging_id"] for row in read_csv(content)] == ["i1"]
    assert count_rows("imaging.csv", content.encode()) == 1


def test_a_row_that_says_na_is_a_row() -> None:
    content = f"{HEADER}\n{ROW}\nNA,NA,NA,NA,NA,NA,NA,NA\n"
    assert len(read_csv(content)) == count_rows("imaging.csv", content.encode()) == 2


@pytest.mark.parametrize("header", [HEADER.upper(), HEADER.title(), HEADER.replace(",", " , "), f" {HEADER}\u00a0"])
def test_a_header_in_any_case_and_with_blanks_around(header: str) -> None:
    assert read_csv(f"{header}\n{ROW}") == read_csv(f"{HEADER}\n{ROW}")
    renamed = dict(zip(HEADER.split(","), header.split(","), strict=True))
    delivered = pa.table({renamed[name]: pa.array([cell]) for name, cell in zip(renamed, ROW.split(","), strict=True)})
    target = io.BytesIO()
    parquet.write_table(delivered, target)
    rows = read_table(IMAGING, "imaging.parquet", target.getvalue(), CONTRACT_VERSION).read.to_pylist()
    assert rows == read_csv(f"{HEADER}\n{ROW}")


def test_a_column_that_is_there_twice_in_two_spellings_is_one_too_many() -> None:
    with pytest.raises(SubmissionRefused) as extra:
        read_csv(f"{HEADER},DAY\n{ROW},1\n")
    assert (extra.value.code, extra.value.where) == ("column_extra", "imaging: column 9")


def read_coded(row: str, *codes: str) -> dict[str, str | None]:
    content = f"{HEADER}\n{row}\n".encode()
    (read,) = read_table(IMAGING, "imaging.csv", content, CONTRACT_VERSION, codes).read.to_pylist()
    cells: dict[str, str | None] = read
    return cells


def test_declared_codes_are_missing_in_their_columns() -> None:
    row = "99,p1,99,mri,99,normal,99.0,UNK"
    everywhere = read_coded(row, "99", "unk")
    assert everywhere == read_coded(row) | {"level": None, "value": None, "unit": None}, "no key, no day"
    assert read_coded(row, "value=99") == read_coded(row) | {"value": None}
    assert read_coded(row, "day=99", "*_id=99") == read_coded(row) | {"day": None, "imaging_id": None}
    assert read_coded(row, "9", "9.", "-99", "9?") == read_coded(row)


def test_cells_are_kept_as_delivered_beside_what_is_read() -> None:
    content = f"{HEADER}\n i1 ,p1,30,NA, C5-6\u00a0,normal,99.0,mm\n".encode()
    cells = read_table(IMAGING, "imaging.csv", content, CONTRACT_VERSION, ["99"])
    names = ["imaging_id", "modality", "level", "value", "deleted"]
    assert cells.delivered.select(names).to_pylist() == [
        dict(zip(names, (" i1 ", "NA", " C5-6\u00a0", "99.0", None), strict=True))
    ]
    assert cells.read.select(names).to_pylist() == [dict(zip(names, ("i1", None, "C5-6", None, None), strict=True))]
    assert [name for name, held in cells.coded.to_pylist()[0].items() if held] == ["value"]


@pytest.mark.parametrize(
    ("code", "spellings"), [("9", ["9", "09", "9.0", "9."]), ("-9", ["-9", "-9.00"]), ("0", ["00"])]
)
def test_a_number_is_the_same_code_however_it_is_spelled(code: str, spellings: list[str]) -> None:
    for spelling in spellings:
        assert read_coded(f"i1,p1,30,mri,C5-6,normal,{spelling},mm", code)["value"] is None


def test_not_a_number_is_missing() -> None:
    content = parquet_bytes(
        imaging_id=pa.array(["i1"]), value=pa.array([float("nan")]), day=pa.array([float("nan")], pa.float32())
    )
    (row,) = read_table(IMAGING, "imaging.parquet", content, CONTRACT_VERSION).read.to_pylist()
    assert (row["value"], row["day"]) == (None, None)


def test_columns_come_in_the_order_of_the_contract() -> None:
    names = HEADER.split(",")
    backwards = ",".join(reversed(names)) + "\n" + ",".join(reversed(ROW.split(",")))
    assert read_csv(backwards) == read_csv(f"{HEADER}\n{ROW}")


def test_parquet_cells_become_strings() -> None:
    content = parquet_bytes(
        imaging_id=pa.array(["i1"]).dictionary_encode(),
        patient_id=pa.array([""]),
        day=pa.array([30], pa.int32()),
        value=pa.array([2.5]),
        unit=pa.array([datetime.date(2026, 1, 31)]),
        deleted=pa.array([True]),
    )
    row = read_table(IMAGING, "imaging.parquet", content, CONTRACT_VERSION).read.to_pylist()[0]
    assert row["imaging_id"] == "i1"
    assert row["patient_id"] is None
    assert (row["day"], row["value"], row["unit"], row["deleted"]) == ("30", "2.5", "2026-01-31", "true")


def test_a_header_alone_is_a_table_without_rows() -> None:
    assert read_table(IMAGING, "imaging.csv", HEADER.encode(), CONTRACT_VERSION).read.shape == (0, len(IMAGING.columns))


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("file_empty", b""),
        ("file_empty", b"\n \n"),
        ("file_encoding", f"{HEADER}\n{ROW}caf\u00e9\n".encode("latin-1")),
        ("file_encoding", f"{HEADER}\n{ROW}\n".encode("utf-16")),
        ("file_encoding", f"{HEADER}\n{ROW}\n".encode("utf-16-le")),
        ("file_unreadable", f"{HEADER}\n{ROW}\nJaneDoe,2\n".encode()),
        ("file_unreadable", f'{HEADER}\n"JaneDoe,p1,30,mri,C5-6,normal,,\n{ROW}\n'.encode()),
        ("column_missing", b"imaging_id,patient_id,day\nJaneDoe,p1,30\n"),
        ("column_extra", f"{HEADER},JaneDoe\n{ROW},1\n".encode()),
        ("column_extra", f"{HEADER},day\n{ROW},1\n".encode()),
        ("column_missing", f"{ROW.replace('i1', 'JaneDoe')}\n{ROW}\n".encode()),
    ],
)
def test_broken_csv(code: str, content: bytes) -> None:
    with pytest.raises(SubmissionRefused) as refused:
        read_table(IMAGING, "imaging.csv", content, CONTRACT_VERSION)
    assert refused.value.code == code
    assert refused.value.where.startswith("imaging")
    assert "JaneDoe" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("file_unreadable", lambda: b"PAR1 but not really PAR1"),
        ("file_unreadable", lambda: parquet_bytes(value=pa.array([[1.0]]))),
        ("file_encoding", lambda: parquet_bytes(unit=pa.array([b"\xff"]))),
        ("column_extra", lambda: parquet_bytes(note=pa.array(["JaneDoe"]))),
    ],
)
def test_broken_parquet(code: str, content: Callable[[], bytes]) -> None:
    with pytest.raises(SubmissionRefused) as refused:
        read_table(IMAGING, "imaging.parquet", content(), CONTRACT_VERSION)
    assert refused.value.code == code
    assert "JaneDoe" not in str(refused.value)


def test_many_foreign_columns_are_told_in_few_words() -> None:
    header = ",".join(f"c{place}" for place in range(900))
    with pytest.raises(SubmissionRefused) as refused:
        read_csv(f"{HEADER},{header}\n{ROW},{',' * 899}")
    assert (refused.value.code, refused.value.where) == (
        "column_extra",
        "imaging: column 9, 10, 11, 12, 13 and 895 more",
    )


def of_one_value(value: str, rows: int) -> bytes:
    """A Parquet file that packs well."""
    return parquet_bytes(rows, note=pa.DictionaryArray.from_arrays(pa.array([0] * rows), pa.array([value])))


def packed_well() -> bytes:
    """A Parquet file that unpacks to thousands of times its size."""
    file = pa.BufferOutputStream()
    notes = pa.array(["x" * 1_000]).take(pa.array([0] * 280_000))
    parquet.write_table(pa.table({"note": notes}), file, use_dictionary=False, compression="zstd")
    return bytes(file.getvalue())


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("imaging.csv", f"{HEADER}{',x' * 1_000}\n".encode, "imaging: columns, 1,000 at most"),
        ("imaging.csv", f"{HEADER}\n{'x' * 2**20}\n".encode, "imaging: bytes of a line, 1,048,576 at most"),
        ("imaging.csv", lambda: b"a" + b"\n" * 20_000_001, "imaging: rows, 20,000,000 at most"),
        (
            "imaging.parquet",
            lambda: of_one_value("x" * 1_000_000, 3_000),
            "imaging: unpacked bytes, 2,147,483,648 at most",
        ),
        (
            "imaging.csv",
            ",".join(f"c{place}" for place in range(100_000)).encode,
            "imaging: columns, 1,000 at most",
        ),
        (
            "imaging.csv",
            f"{HEADER}{',x' * 100_000}\n{ROW}\n".encode,
            "imaging: columns, 1,000 at most",
        ),
        (
            "imaging.parquet",
            lambda: parquet_bytes(1, **{f"c{place}": ["x"] for place in range(1_001)}),
            "imaging: columns, 1,000 at most",
        ),
        ("imaging.parquet", lambda: of_one_value("x" * (2**20 + 1), 1), "imaging: bytes of a cell, 1,048,576 at most"),
        ("imaging.parquet", packed_well, "imaging: unpacked bytes for each packed one, 500 at most"),
    ],
    ids=[
        "columns",
        "line",
        "rows",
        "unpacked",
        "many columns",
        "more columns than cells",
        "columns of parquet",
        "cell",
        "ratio",
    ],
)
def test_a_file_beyond_the_limits_is_refused(name: str, content: Callable[[], bytes], where: str) -> None:
    with pytest.raises(SubmissionRefused) as refused:
        as_delivered(name, content())
    assert (refused.value.code, refused.value.where) == ("file_too_large", where)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "imaging.csv"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(SubmissionRefused) as refused:
        read_bytes(path)
    assert (refused.value.code, refused.value.where) == ("file_too_large", "imaging: bytes, 2,147,483,648 at most")


def test_what_is_missing_is_named_and_what_is_foreign_is_told_by_position() -> None:
    with pytest.raises(SubmissionRefused) as missing:
        read_csv(f"{HEADER.replace(',modality', '')}\ni1,p1,30,C5-6,normal,,")
    assert missing.value.where == "imaging: modality"
    with pytest.raises(SubmissionRefused) as extra:
        read_csv(f"name,{HEADER}\nJane,{ROW}")
    assert extra.value.where == "imaging: column 1"


def test_a_column_of_a_later_version_is_null_and_must_not_be_there() -> None:
    treatments = TABLES["treatments"]
    earlier = "treatment_id,patient_id,start_day,end_day,code_system,code,treatment_class"
    row = "t1,p1,30,60,,,nsaid"
    old = f"{earlier}\n{row}\n".encode()
    new = f"{earlier},route\n{row},oral\n".encode()
    first = read_table(treatments, "treatments.csv", old, 1).read
    assert first.column_names == treatments.schema.names
    assert (first["treatment_class"].to_pylist(), first["route"].to_pylist()) == (["nsaid"], [None])
    assert read_table(treatments, "treatments.csv", new, 2).read["route"].to_pylist() == ["oral"]
    with pytest.raises(SubmissionRefused) as extra:
        read_table(treatments, "treatments.csv", new, 1)
    assert (extra.value.code, extra.value.where) == ("column_extra", "treatments: column 8")
    with pytest.raises(SubmissionRefused) as missing:
        read_table(treatments, "treatments.csv", old, 2)
    assert (missing.value.code, missing.value.where) == ("column_missing", "treatments: route")


def test_counting_agrees_with_reading() -> None:
    content = f'{HEADER}\n{ROW}\n\n"i\n2"{ROW[2:]}'.encode()
    assert count_rows("imaging.csv", content) == read_table(IMAGING, "imaging.csv", content, CONTRACT_VERSION).rows == 2
    assert count_rows("imaging.csv", f"{HEADER}\n".encode()) == 0
    assert count_rows("imaging.csv", b"") == 0
    assert count_rows("imaging.parquet", parquet_bytes(imaging_id=pa.array(["i1"]))) == 1


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n3,4\n", [2, 3]),
        ("\ufeff,,\n\na,b\n1,2\n", [4]),
        ("a,b\r\n\r\n1,2\r\n,\r\n \r\n3,4", [3, 6]),
        ('a,b\n"1\n\n2",2\n,,,\n"","3"\n', [2, 4]),
        ("a,b\n", []),
        (f"a,b\n\n{'x' * 500_000},2\n", [3]),
    ],
)
def test_rows_have_the_numbers_that_a_spreadsheet_shows(tmp_path: Path, text: str, rows: list[int]) -> None:
    file = tmp_path / "imaging.csv"
    file.write_text(text, encoding="utf-8", newline="")
    assert list(rows_of_file(file)) == rows
    assert len(rows) == count_rows(file.name, file.read_bytes())


def test_rows_of_parquet_have_their_numbers_there(tmp_path: Path) -> None:
    file = tmp_path / "imaging.PARQUET"
    parquet.write_table(pa.table({"imaging_id": ["i1", " ", None, "i2"]}), file)
    assert list(rows_of_file(file)) == [1, 4]
