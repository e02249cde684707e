"""Every number that decides stands once: texts name thresholds, and say what the thresholds say."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from outcomes.contract import TABLES
from outcomes.sql.catalog.labels import label_definitions, stated_in
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.sql.catalog.texts import with_thresholds
from outcomes.sql.files import load
from outcomes.sql.reference import reference_rows, thresholds
from outcomes.sql.shipped import shipped
from scripts.docs import DOCS
from scripts.docs import labels as label_pages

Texts = dict[str, str]

_NUMBER = re.compile(r"(?<![\w.,/-])\d+(?:\.\d+)?(?![\w,-]|\.\d)")
_WRITTEN = [DOCS.parent / "README.md", *(page for page in DOCS.glob("*.md") if "Built by" not in page.read_text()[:40])]

ALLOWED = (
    (r"label|measure", r"\b3 months\b", "a name of the guide and of a visit window"),
    (r"label|measure", r"\b8 weeks\b", "the name of a kind, as the guide has it"),
    (r"label|measure", r"\b(5|10|20)( to \d+)? years\b", "the name of a period, as the guide has it"),
    (r"measure .*\.(each\.)?horizon\.", r".*", "a horizon, where it is defined"),
    (r"measure", r"\b100 person-years\b", "the unit of a rate"),
    (r"relation adjacent_joints", r"\bday 1\b", "the first day after surgery"),
    (r"relation follow_up_scores", r"\bdivided by 10\b", "from millimetres to points"),
    (r"relation (risk_factors|reported_answers)", r"\b(10|[1-4])\b", "steps of a model and its groups"),
    (r"relation (time_to_event|early_outcomes|within_horizons)", r"\b[12]\b", "codes of what ended the time"),
    (r"relation window_visits", r"^1 =", "a rank"),
    (r"mart .*\.enum\.", r".*", "a closed list"),
    (r"mart", r"^1 (=|with)|\b1 (when|being)|\b(than|from|or|item) 1\b", "a rank, a code or a ratio"),
    (r"mart alarms.rationale", r"\b2 %", "a share of measures"),
    (r"mart", r"\bto (the nearest )?10\b", "a rounding"),
    (r"mart control_charts.columns.months", r"\b[13]\b", "months of a quarter, and one"),
    (r"mart control_charts.columns.rules", r"\b(7 or more|2 of 3)\b", "the published rules of charts"),
    (r"mart cumulative_incidence", r"\bevery 30 days, or near 1, 2, 5, 10 and 20 years\b", "the grid of a curve"),
    (r"mart episodes", r"\b90\b", "the highest age that is told"),
    (r"measure .*improved", r"\b30 percent\b", "a column of instruments.csv"),
    (r"mart responders", r"\b30 percent\b|mJOA 1, 2 or 3", "columns of instruments.csv"),
)
"""Where a number equals a threshold and is another thing: the text, the words in it, and what they are."""


def _parts(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _parts(f"{place}.{name}", each)
    elif isinstance(value, (list, tuple)):
        for number, each in enumerate(value):
            yield from _parts(f"{place}.{number}", each)


def _stated() -> Texts:
    """Every text as its file states it, by its place."""
    texts: Texts = {}
    for file in load(shipped("sql", "definitions", "labels")):
        for name, fields in stated_in(file).items():
            texts |= _parts(f"label {name}", fields)
    given = yaml.safe_load(shipped("sql", "definitions", "measures.yaml").read_text(encoding="utf-8"))
    for entry in (entry for entries in given["groups"].values() for entry in entries):
        texts |= _parts(f"measure {entry.get('id', '')}", entry)
    for folder in ("episodes", "measures"):
        for file in load(shipped("sql", "relations", folder)):
            texts |= _parts(f"relation {file.name}", file.header)
    for path in shipped("sql", "marts").glob("*.yaml"):
        texts |= _parts(f"mart {path.stem}", yaml.safe_load(path.read_text(encoding="utf-8")))
    return {place: text for place, text in texts.items() if not place.endswith((".citation", ".next_review", ".where"))}


def _said(value: object) -> str:
    return f"{value:.0%}".removesuffix("%") if isinstance(value, float) and value < 1 else str(value)


def _deciding() -> set[str]:
    days = (row[name] for row in reference_rows("pain_periods") for name in ("first_day", "last_day") if row[name])
    return {_said(value) for value in thresholds().values()} | set(days)


def _is_allowed(place: str, text: str, found: re.Match[str]) -> bool:
    return any(
        re.match(where, place) and found.start() >= words.start() and found.end() <= words.end()
        for where, pattern, _ in ALLOWED
        for words in re.finditer(pattern, text, re.S)
    )


def test_no_text_repeats_a_number_that_decides() -> None:
    deciding = _deciding()
    repeated = [
        (place, found[0])
        for place, text in _stated().items()
        for found in _NUMBER.finditer(text)
        if found[0] in deciding and not _is_allowed(place, text, found)
    ]
    assert repeated == []


@pytest.mark.parametrize("page", _WRITTEN, ids=lambda page: page.name)
def test_no_written_page_repeats_a_threshold(page: Path) -> None:
    """Small numbers are everywhere in a page: those count where they follow the words of a threshold."""
    text = re.sub(r"\s+", " ", page.read_text(encoding="utf-8"))
    scores = re.findall(r"(?:pain|score|index|item|grade|NRS|arm pain)(?: score| item| index)? (?:of|≥) (\d+)", text)
    days = re.findall(r"\bday (\d+)\b", text)
    assert _deciding() & {*scores, *days} == set()


def _filled() -> Texts:
    label_definitions.cache_clear()
    measure_definitions.cache_clear()
    texts: Texts = {}
    for label in label_definitions():
        texts |= _parts(f"label {label.name}", label.model_dump(exclude={"file"}))
    for measure in measure_definitions():
        texts |= _parts(f"measure {measure.id}", measure.model_dump())
    return texts


@pytest.fixture
def _caches_cleared() -> Iterator[None]:
    yield
    label_definitions.cache_clear()
    measure_definitions.cache_clear()


@pytest.mark.usefixtures("_caches_cleared")
@pytest.mark.parametrize("name", thresholds())
def test_a_threshold_with_another_value_is_told_everywhere(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    old, before = thresholds()[name], _filled()
    other = type(old)(9417) if not isinstance(old, float) else 0.87 if old < 1 else 94.17
    monkeypatch.setitem(thresholds(), name, other)
    after = _filled()
    assert before.keys() == after.keys()
    changed = {place for place in before if before[place] != after[place]}
    named = re.compile(rf"\{{{name}\b")
    assert {place.split(".")[0] for place in changed if place.startswith("label ")} == {
        place.split(".")[0] for place, text in _everything_stated().items() if named.search(text)
    }
    for place in changed:
        old_numbers, new_numbers = (re.findall(r"\d+(?:\.\d+)?", texts[place]) for texts in (before, after))
        told = new_numbers.count(_said(other))
        assert told
        assert old_numbers.count(_said(old)) - new_numbers.count(_said(old)) == told


def _everything_stated() -> Texts:
    """Texts and conditions of the labels."""
    return {
        place: text
        for file in load(shipped("sql", "definitions", "labels"))
        for name, fields in stated_in(file).items()
        for place, text in _parts(f"label {name}", fields)
    }


@pytest.mark.usefixtures("_caches_cleared")
def test_the_page_of_a_label_tells_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(thresholds(), "pain_nrs", 5)
    label_definitions.cache_clear()
    page = label_pages.label_pages()["labels/pain_past_3_months.md"].partition("## Situations")[0]
    assert page.count("neck pain of 5 or more") == 2
    assert "pain of 4" not in page


def test_a_name_that_is_no_threshold_is_refused() -> None:
    assert with_thresholds("{pain_nrs} and {arm_pain_drop:.0%}") == "4 and 30%"
    with pytest.raises(KeyError, match="pane"):
        with_thresholds({"says": ["{pane}"]})


def test_the_contract_says_which_direction_of_an_image_is_worse() -> None:
    findings: dict[str, list[str]] = {}
    for row in reference_rows("imaging_directions"):
        measured = f" ({row['measures']})" if row["measures"] else ""
        findings.setdefault(f"{row['worse']} {row['unit']} of", []).append(f"{row['finding']}{measured}")
    said = "; ".join(f"{direction} {', '.join(found)}" for direction, found in sorted(findings.items()))
    (value,) = (column for column in TABLES["imaging"].columns if column.name == "value")
    assert value.description.endswith(f"Worse is: {said}")
