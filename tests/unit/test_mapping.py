"""Mappings of table extracts: what they may say, and that a mistake is told by line and field."""

from pathlib import Path

import pytest

from outcomes.errors import MISTAKES, OutcomesError
from outcomes.intake.sources.mapping import parse_mapping, read_mapping

GOOD = """method = "safe_harbor"   # 1
missing = [999, "unk"]

[[patients]]
file = "patients.csv"
[patients.columns]
patient_id = "MRN"
birth_date = { from = "DOB", date_format = "%m/%d/%Y" }

[[procedures]]           # 10
file = ["a.csv", "b.csv"]
where = [{ column = "STATUS", is = ["done"] }]
[procedures.columns]
patient_id = "MRN"
date = "SURGERY_DT"
code = "CODE"
code_system = { constant = "CPT" }

[[follow_ups]]
file = "proms.csv"       # 20
for_each = ["bl", "3m"]
[follow_ups.columns]
patient_id = "MRN"
date = "date_{}"
neck_pain_nrs = { from = "vas_{}", scale = 0.1, missing = 999 }
"""


def test_a_good_mapping_is_read() -> None:
    mapping, problems = parse_mapping(GOOD)
    assert not problems
    assert mapping
    assert mapping.missing == ["999", "unk"]
    assert mapping.tables["procedures"][0].columns["code"].source == "CODE"
    assert mapping.tables["follow_ups"][0].columns["neck_pain_nrs"].scale == 0.1


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"safe_harbor"', '"safe_habor"', "line 1: method: Input should be 'safe_harbor'"),
        ("missing = [", "mising = [", "line 2: mising: no table of the contract; perhaps missing"),
        ("[[follow_ups]]", "[[followups]]", "line 19: followups: no table of the contract; perhaps follow_ups"),
        ('code = "CODE"', 'cod = "CODE"', "line 16: procedures.1.columns.cod: no column of procedures; perhaps code"),
        ('code = "CODE"', 'cod = "CODE"', "line 13: procedures.1.columns: code is missing"),
        ('is = ["done"]', 'like = "d%"', "line 12: procedures.1.where.1.like: Extra inputs are not permitted"),
        (', is = ["done"]', "", "line 12: procedures.1.where.1: one of is, is_not and starts_with"),
        (
            '{ constant = "CPT" }',
            '{ from = "A", constant = "CPT" }',
            "line 17: procedures.1.columns.code_system: one",
        ),
        ("scale = 0.1", 'scale = "ten"', "line 25: follow_ups.1.columns.neck_pain_nrs.scale: Input should be a valid"),
        ('"vas_{}", scale', '"vas", date_format = "%x", scale', "line 25: follow_ups.1.columns.neck_pain_nrs: date_"),
        ('for_each = ["bl", "3m"]', "", "line 19: follow_ups.1.for_each: it goes with names of columns that hold {}"),
        ('"patients.csv"', '"../patients.csv"', "line 5: patients.1.file.1: name a file within the folder"),
        ("[[patients]]", "[[patients]", "line 4: not TOML"),
        ("[[patients]]", 'time_zone = "CET/Berlin"\n[[patients]]', "line 4: time_zone: no time zone of this name"),
        (
            'constant = "CPT"',
            'constant = "CPT", missing = 9',
            "line 17: procedures.1.columns.code_system: constant and checked take",
        ),
        (
            'date = "SURGERY_DT"',
            'date = { checked = { a = "x" } }',
            "line 15: procedures.1.columns.date: a date has neither",
        ),
        ('file = ["a.csv", "b.csv"]', 'file = "a.csv"\nmerge = true', "line 12: procedures.1.merge: of patients alone"),
        (
            'file = ["a.csv", "b.csv"]',
            'file = "a.csv"\nfilled = ["dat"]',
            "line 12: procedures.1.filled: dat is none of its",
        ),
        ('date = "SURGERY_DT"', 'date = { constant = "x" }', "line 15: procedures.1.columns.date: a date has neither"),
        ('["bl", "3m"]', '["bl", "bl"]', "line 21: follow_ups.1.for_each: a word stands in it twice"),
        ('"patients.csv"', '""', "line 5: patients.1.file.1: name a file within the folder"),
        ('"patients.csv"', '"."', "line 5: patients.1.file.1: name a file within the folder"),
        ('"patients.csv"', f'"{"x" * 300}"', "line 5: patients.1.file.1: name a file within the folder"),
        ('"patients.csv"', "[]", "line 5: patients.1.file: List should have at least 1 item"),
        ('"%m/%d/%Y"', '"%d.%Q"', "line 8: patients.1.columns.birth_date.date_format.1: no format of dates"),
        ('"%m/%d/%Y"', '"%d.%m.%"', "line 8: patients.1.columns.birth_date.date_format.1: no format of dates"),
        ('"%m/%d/%Y"', '""', "line 8: patients.1.columns.birth_date.date_format.1: no format of dates"),
        ('"%m/%d/%Y"', '"%m/%Y"', "line 8: patients.1.columns.birth_date.date_format.1: it tells no day"),
        ('"%m/%d/%Y"', '"DD.MM.YYYY"', "line 8: patients.1.columns.birth_date.date_format.1: it tells no day"),
        ("scale = 0.1", "scale = inf", "line 25: follow_ups.1.columns.neck_pain_nrs.scale: a number below a million"),
        ("scale = 0.1", "scale = nan", "line 25: follow_ups.1.columns.neck_pain_nrs.scale: a number below a million"),
        ("scale = 0.1", "scale = 1e30", "line 25: follow_ups.1.columns.neck_pain_nrs.scale: a number below a million"),
        ("scale = 0.1", "scale = 1e-9", "line 25: follow_ups.1.columns.neck_pain_nrs.scale: a number below a million"),
    ],
)
def test_a_mistake_is_told_by_line_and_field(old: str, new: str, problem: str) -> None:
    assert GOOD.count(old) == 1
    _, problems = parse_mapping(GOOD.replace(old, new))
    assert any(str(one).startswith(problem) for one in problems), [str(one) for one in problems]


@pytest.mark.parametrize("date_format", ["%-d.%-m.%y", "%d%b%Y", "%d. %B %Y", "%Y/%j", "%x", "%m/%d/%Y %H:%M"])
def test_a_date_format_that_tells_a_day_is_read(date_format: str) -> None:
    _, problems = parse_mapping(GOOD.replace("%m/%d/%Y", date_format))
    assert not problems


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "map.toml"
    file.write_text(GOOD.replace("birth_date", "born").replace('code = "CODE"', ""), encoding="utf-8")
    with pytest.raises(OutcomesError, match=r"map\.toml, line 8: .*; line 13: .*code is missing") as refusal:
        read_mapping(file)
    assert refusal.value.exit_status == MISTAKES["mapping_malformed"].exit_status == 84


def test_a_mapping_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutcomesError, match=r"there is no file map\.toml"):
        read_mapping(tmp_path / "map.toml")
    with pytest.raises(OutcomesError, match="there is no file"):
        read_mapping(tmp_path)
    (tmp_path / "map.toml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(OutcomesError, match=r"map\.toml is not UTF-8"):
        read_mapping(tmp_path / "map.toml")
