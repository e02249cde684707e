"""A small longitudinal REDCap project, exported raw and labelled from the same cells."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

_TEN = range(1, 11)
_NDI = "0, none | 1, mild | 2, moderate | 3, fairly severe | 4, very severe | 5, worst"
_EQ5D = "1, no problems | 2, slight problems | 3, moderate problems | 4, severe problems | 5, unable"
_FIELDS = [
    ("record_id", "demographics", "text", "Record ID", "", "", ""),
    ("first_name", "demographics", "text", "First name", "", "", "y"),
    ("dob", "demographics", "text", "Date of birth", "", "date_dmy", "y"),
    ("sex", "demographics", "radio", "Sex", "1, Female | 2, Male | 9, Unknown", "", ""),
    (
        "smoking",
        "demographics",
        "dropdown",
        "Smoking",
        "0, Never | 1, Former smoker | 2, Current smoker",
        "",
        "",
    ),
    ("comorb", "demographics", "checkbox", "Comorbidities", "1, Diabetes mellitus | 2, Hypertension", "", ""),
    ("asa", "demographics", "radio", "ASA class", "1, I | 2, II | 3, III", "", ""),
    ("surgery_date", "surgery", "text", "Date of surgery", "", "date_dmy", "y"),
    ("cpt", "surgery", "dropdown", "Procedure", "22551, ACDF | 22600, posterior fusion", "", ""),
    ("joints", "surgery", "checkbox", "Levels fused", "1, C4/5 | 2, C5/6", "", ""),
    ("surgeon", "surgery", "dropdown", "Surgeon", "1, A | 2, B", "", ""),
    ("rev_date", "revision", "text", "Date of revision", "", "date_dmy", "y"),
    ("rev_cpt", "revision", "dropdown", "Revision", "22830, exploration | 22849, reinsertion | 1, other", "", ""),
    ("visit_date", "proms", "text", "Date of visit", "", "date_dmy", "y"),
    ("vas_neck", "proms", "slider", "Neck pain, 0-100", "none | | worst", "", ""),
    *((f"ndi_{item}", "proms", "radio", f"NDI {item}", _NDI, "", "") for item in _TEN),
    *((f"eq5d_{item}", "proms", "radio", f"EQ-5D {item}", _EQ5D, "", "") for item in range(1, 6)),
    ("working", "proms", "yesno", "Works", "", "", ""),
]
_HEADER = (
    *("Variable / Field Name", "Form Name", "Field Type", "Field Label", "Choices, Calculations, OR Slider Labels"),
    *("Text Validation Type OR Show Slider Number", "Identifier?"),
)
_EVENTS = {"base": "Baseline", "3m": "3 months"}
_BASE = {"dob": "1961-05-03", "first_name": "Zharko", "smoking": "2", "asa": "2", "comorb": "1"}
_SURGERY = {"surgery_date": "2023-05-17", "cpt": "22551", "joints": "12", "surgeon": "2"}
_VISIT = {f"ndi_{item}": str(item % 6) for item in _TEN} | {f"eq5d_{item}": str(item) for item in range(1, 6)}
_ROWS: list[tuple[str, str, str, dict[str, str]]] = [
    ("7", "base", "", _BASE | _SURGERY | {"sex": "9", "visit_date": "2023-05-02", "vas_neck": "71", **_VISIT}),
    ("7", "3m", "", {"visit_date": "2023-08-11", "vas_neck": "NASK", **_VISIT, "ndi_4": "UNK", "working": "1"}),
    ("7", "base", "revision", {"rev_date": "2024-02-15", "rev_cpt": "22830"}),
    ("7", "base", "revision", {"rev_date": "2024-03-15", "rev_cpt": "22849"}),
    (
        "8",
        "base",
        "",
        _BASE | _SURGERY | {"sex": "1", "dob": "1944-02-01", "comorb": "2", "cpt": "22600", "joints": ""},
    ),
    ("8", "3m", "", {"visit_date": "2023-08-20", "vas_neck": "0", **_VISIT, "working": "0"}),
]
_MISSING = {"NASK": "Not asked", "UNK": "Unknown"}


def write_small(folder: Path, *, labelled: bool) -> Path:
    """Write the dictionary and one export; give the folder."""
    folder.mkdir()
    (folder / "dictionary.csv").write_text(_csv([_HEADER, *_FIELDS]), encoding="utf-8")
    raw_places = ["redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"]
    places = ["Event Name", "Repeat Instrument", "Repeat Instance"] if labelled else raw_places
    first, *columns = [column for field in _FIELDS for column in _columns(field, labelled=labelled)]
    lines = [[first[0], *places, *(header for header, *_ in columns)]]
    for number, (record, event, form, cells) in enumerate(_ROWS, 1):
        place = [_EVENTS[event] if labelled else f"{event}_arm_1", form.title() if labelled else form]
        written = [_cell(cells, *column[1:], labelled=labelled) for column in columns]
        lines.append([record, *place, str(number) if form else "", *written])
    (folder / "export.csv").write_text(_csv(lines), encoding="utf-8")
    return folder


Column = tuple[str, str, str, dict[str, str]]


def _columns(field: tuple[str, ...], *, labelled: bool) -> list[Column]:
    """The columns of a field: header, variable, code of a box, choices."""
    name, _, kind, label, choices, *_ = field
    words = {"1": "Yes", "0": "No"} if kind == "yesno" else {}
    words |= dict(choice.split(", ") for choice in choices.split(" | ") if ", " in choice)
    if kind != "checkbox":
        return [(label if labelled else name, name, "", words)]
    return [
        (f"{label} (choice={word})" if labelled else f"{name}___{code}", name, code, words)
        for code, word in words.items()
    ]


def _cell(cells: dict[str, str], name: str, box: str, words: dict[str, str], *, labelled: bool) -> str:
    if box:
        ticked = box in cells.get(name, "")
        boxes = ("Unchecked", "Checked") if labelled else ("0", "1")
        return boxes[ticked] if name in cells else ""
    cell = cells.get(name, "")
    return words.get(cell, _MISSING.get(cell, cell)) if labelled else cell


def _csv(rows: Iterable[Iterable[str]]) -> str:
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows(rows)
    return lines.getvalue()
