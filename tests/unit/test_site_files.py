"""What the site files may hold: annotations and targets of control charts."""

from pathlib import Path

import pytest

from outcomes.errors import OutcomesError
from outcomes.measures.site_files import Annotation, Target, load_annotations, load_targets

HEADER = "site_id,measure,period,kind,text,author,reason\n"


def load(folder: Path, text: str) -> tuple[Annotation, ...]:
    file = folder / "annotations.csv"
    file.write_text(text, encoding="utf-8")
    return load_annotations(file, {"pain"}, {"south"})


def test_no_file_is_no_annotations(tmp_path: Path) -> None:
    assert load_annotations(tmp_path / "annotations.csv", {"pain"}, {"south"}) == ()


def test_annotations_are_read(tmp_path: Path) -> None:
    text = HEADER + ",pain,2021-01,rebase,,A. Lead,new pathway\nsouth, pain ,2020-03,note,new clinic,B. Nurse,\n"
    assert load(tmp_path, text) == (
        Annotation("", "pain", "2021-01", "rebase", "", "A. Lead", "new pathway"),
        Annotation("south", "pain", "2020-03", "note", "new clinic", "B. Nurse", ""),
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the columns must be site_id, measure"),
        ("site_id,measure\n", "the columns must be"),
        (HEADER + ",pain,2021-01,rebase,,A. Lead\n", "row 2: not 7 columns"),
        (HEADER + ",pane,2021-01,rebase,,A. Lead,why\n", "row 2: there is no such measure"),
        (HEADER + "north,pain,2021-01,rebase,,A. Lead,why\n", "row 2: there is no such site"),
        (HEADER + ",pain,2021-13,rebase,,A. Lead,why\n", "row 2: period is not YYYY-MM"),
        (HEADER + ",pain,2021,rebase,,A. Lead,why\n", "row 2: period is not YYYY-MM"),
        (HEADER + ",pain,2021-01,reset,,A. Lead,why\n", "row 2: kind is neither rebase nor note"),
        (HEADER + ",pain,2021-01,rebase,,,why\n", "row 2: author is empty"),
        (HEADER + ",pain,2021-01,rebase,text,A. Lead, \n", "row 2: a rebase needs a reason"),
        (HEADER + ",pain,2021-01,note,,A. Lead,why\n", "row 2: a note needs a text"),
        (HEADER + ",pain,2021-01,note,ok,A,\n,pain,x,note,ok,A,\n", "row 3: period is not YYYY-MM"),
        (HEADER + ',pain,2021-01,note,"ok,A,\n', "is not a CSV file in UTF-8"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(OutcomesError, match="annotations_malformed") as refusal:
        load(tmp_path, text)
    assert fault in refusal.value.where


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "annotations.csv"
    file.write_bytes((HEADER + ",pain,2021-01,note,café,A,\n").encode("latin-1"))
    with pytest.raises(OutcomesError, match="not a CSV file in UTF-8"):
        load_annotations(file, {"pain"}, {"south"})


TARGETS = "measure,target,author,reason\n"


def load_aims(folder: Path, text: str) -> tuple[Target, ...]:
    file = folder / "targets.csv"
    file.write_text(text, encoding="utf-8")
    return load_targets(file, {"pain": "share", "satisfied": "share", "revision_rate": "rate"})


def test_no_file_is_no_targets(tmp_path: Path) -> None:
    assert load_targets(tmp_path / "targets.csv", {"pain": "share"}) == ()


def test_targets_are_read(tmp_path: Path) -> None:
    text = TARGETS + " pain ,0.25,A. Lead,agreed\nsatisfied,1,A. Lead,agreed\nrevision_rate,3.5,A. Lead,agreed\n"
    aims = {"pain": 0.25, "satisfied": 1, "revision_rate": 3.5}
    assert load_aims(tmp_path, text) == tuple(Target(name, aim, "A. Lead", "agreed") for name, aim in aims.items())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the columns must be measure, target"),
        ("measure,target\n", "the columns must be"),
        (TARGETS + "pain,0.25,A. Lead\n", "row 2: not 4 columns"),
        (TARGETS + "pane,0.25,A. Lead,why\n", "row 2: there is no such measure"),
        (TARGETS + "pain,low,A. Lead,why\n", "row 2: target is not a number of 0 or more"),
        (TARGETS + "pain,,A. Lead,why\n", "row 2: target is not a number of 0 or more"),
        (TARGETS + "pain,nan,A. Lead,why\n", "row 2: target is not a number of 0 or more"),
        (TARGETS + "pain,-0.1,A. Lead,why\n", "row 2: target is not a number of 0 or more"),
        (TARGETS + "revision_rate,inf,A. Lead,why\n", "row 2: target is not a number of 0 or more"),
        (TARGETS + "pain,25,A. Lead,why\n", "row 2: the target of a share is a fraction from 0 to 1"),
        (TARGETS + "pain,0.25,,why\n", "row 2: author is empty"),
        (TARGETS + "pain,0.25,A. Lead, \n", "row 2: reason is empty"),
        (TARGETS + "pain,0.25,A,why\npain,0.3,A,why\n", "row 3: the measure has a target already"),
        (TARGETS + 'pain,0.25,"A,why\n', "is not a CSV file in UTF-8"),
    ],
)
def test_malformed_targets_are_refused(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(OutcomesError, match="targets_malformed") as refusal:
        load_aims(tmp_path, text)
    assert fault in refusal.value.where
