"""What each page says, as one text: every sentence that a reader meets, made of a release of invented numbers.

The texts are kept in `tests/unit/golden`, a file for each page; a test compares them whole. After a change of wording

    python -m tests.support.golden

writes them again, and the diff shows what is said differently. Of a table the text holds the head and the first row, of
a chart its names and one hover of each line: the numbers themselves are the matter of other tests.
"""

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

from markupsafe import Markup

from dashboards.access.log import AccessLog
from dashboards.access.scope import Scope
from dashboards.cards import Card, Table
from dashboards.data import cases
from dashboards.data.reader import Releases
from dashboards.pages import frame, monthly_log, states
from dashboards.pages.frame import PRODUCT, Page, View, whole_page
from dashboards.pages.site import Site
from dashboards.rendering import render
from dashboards.settings import DashboardSettings
from dashboards.wording import UNKNOWN_FILTERS
from outcomes.release.explain import Evidence, Explanation, LabelAnswer, TimelineRecord
from outcomes.settings import Settings
from tests.support.dashboard_release import EMPTY, FIRST_ID, OWN, write_release
from tests.support.html_tree import parsed

FOLDER = Path(__file__).parents[1] / "unit" / "golden"
LABEL, PATIENT = "pain_past_3_months", "patientaa"
EXPLAINED = Explanation(
    FIRST_ID,
    OWN[0],
    PATIENT,
    (
        TimelineRecord(0, "procedures", "proc1", "CPT 22551", "ashworth-2026-03", False),
        TimelineRecord(120, "follow_ups", "visit1", "neck pain 6", "ashworth-2026-03", True),
        TimelineRecord(None, "imaging", "image1", "CT <C5-6>", "ashworth-2026-03", False),
    ),
    (
        LabelAnswer(
            LABEL, "Pain past 3 months", "yes", None, "persistent", 120, 6.0, "neck_pain_nrs", 1, "Pain of 4 or more.",
            (Evidence("follow_ups", "visit1", "ashworth-2026-03", None),),
        ),
        LabelAnswer("revision_performed", "Revision performed", "no", None, None, None, 900.0, "observed_days", 2,
                    "A revision.", ()),
        LabelAnswer("late_pain_5_years", "Late pain at 5 years", "not_assessable", "no_follow_up", None, None, None,
                    None, 1, "Pain at 5 years.", ()),
    ),
)  # fmt: skip
"""What the lake would say of a patient; none is made for these tests."""

_TODAY = date(2026, 4, 15)
"""The day on which the pages are looked at."""
_EVERYWHERE = ("", "?site=all", f"?site={EMPTY}")
_NARROWED = (*_EVERYWHERE, "?period=2023", "?group=approach:anterior")
ADDRESSES = {
    "overview": tuple(f"/{query}" for query in _NARROWED),
    "pain": tuple(f"/pain{query}" for query in _NARROWED),
    "asd": tuple(f"/asd{query}" for query in _NARROWED),
    "revision": tuple(f"/revision{query}" for query in _NARROWED),
    "causes": tuple(f"/causes{query}" for query in _NARROWED),
    "measure": (
        *(f"/measure/{LABEL}{query}" for query in _NARROWED),
        "/measure/revision_rate",
        "/measure/asd_rate",
    ),
    "signals": tuple(f"/signals{query}" for query in _EVERYWHERE),
    "data_quality": tuple(f"/data-quality{query}" for query in _EVERYWHERE),
    "cases": ("/cases", "/cases?site=all", f"/cases/of/{LABEL}", f"/cases/{PATIENT}"),
    "definitions": ("/definitions",),
    "research": ("/research",),
}
"""The addresses whose sentences make up the text of a page, those that a reader meets first at the start."""
PAGES = (*ADDRESSES, "header", "states")
_DEFINITIONS_SHOWN = {"contents", "measures-recovery-timeline", "labels-recovery-timeline"}
"""Of the page of definitions: the others are alike, and their texts are those of `sql/definitions`."""


def texts(folder: Path) -> dict[str, str]:
    """The text of each page.

    Args:
        folder: an empty one, for the releases.
    """
    write_release(folder / "usual")
    write_release(folder / "suppressed", all_hidden=True)
    usual, suppressed = site_over(folder / "usual"), site_over(folder / "suppressed")
    said = {}
    for name, addresses in ADDRESSES.items():
        sections = [(address, *_lines_at(usual, address)) for address in addresses]
        sections += [
            (f"{address}, every count suppressed", *_lines_at(suppressed, address))
            for address in addresses
            if address.endswith("?site=all")
        ]
        said[name] = _joined(sections)
    view, _ = built(usual, "/")
    header = whole_page(view, Page("", [], ("period", "group", "peers")))
    said["header"] = _joined([("/", *parsed(header).lines())])
    no_release = render("no_release.html", product=PRODUCT)
    instead = {"no such page": states.not_found(), "denied": states.denied(), "patients": states.patients_denied()}
    instead |= {f"filter {one}": states.unknown_filter("/", f"{one}=x", one) for one in UNKNOWN_FILTERS}
    said["states"] = _joined(
        [
            ("no release", *parsed(no_release).lines()),
            *((name, *(line for card in page.cards for line in _card(card))) for name, page in instead.items()),
        ]
    )
    return said


def site_over(home: Path) -> Site:
    """The dashboards over the release of a home."""
    log = AccessLog(home / "logs" / "access.jsonl")
    return Site(Settings(home=home), DashboardSettings(cases=True), Releases(home / "releases"), log)


def built(site: Site, address: str) -> tuple[View, Page]:
    """The view and the page at an address, for the clinical role of `OWN` and of `EMPTY`."""
    reader = site.releases.read(Scope("me", frozenset({*OWN, EMPTY}), "clinical"))
    path, _, query = address.partition("?")
    assert reader is not None
    with (
        patch.object(cases, "explain_patient", lambda *_: EXPLAINED),
        patch.object(frame, "today", lambda: _TODAY),
        patch.object(monthly_log, "today", lambda: _TODAY),
    ):
        view, page = site.build(reader, path, query)
    assert page is not None, address
    return view, page


def _lines_at(site: Site, address: str) -> Iterator[str]:
    view, page = built(site, address)
    shown = [card for card in page.cards if view.path != "/definitions" or card.name in _DEFINITIONS_SHOWN]
    yield from (f"# {page.title}", view.status, page.lead)
    yield from (line for card in shown for line in _card(card))


def _card(card: Card) -> Iterator[str]:
    yield f"## {card.title}"
    yield from (card.basis, card.sentence, *(line for part in card.body for line in _lines(part)))
    yield from _figure(card.figure or {})
    yield from (f"Row: {name}" for name, _ in card.beside)
    yield from (f"Below: {title}" for title, _ in card.below)
    yield from (*card.notes, card.about)
    yield from _table(card.table) if card.table else ()


def _figure(figure: dict[str, Any]) -> Iterator[str]:
    notes = figure.get("layout", {}).get("annotations", ())
    yield from (f"Chart: {note['text']}" for note in notes if any(map(str.isalpha, note["text"])))
    for trace in figure.get("data", ()):
        if "hovertemplate" in trace:
            first = next(iter(trace.get("text", ())), "")
            yield f"Hover: {trace['hovertemplate'].replace('%{text}', first).removesuffix('<extra></extra>')}"


def _table(table: Table) -> Iterator[str]:
    yield f"Table: {table.caption}"
    yield f"| {' | '.join(table.head)} |"
    for row in list(table.cells())[:1]:
        yield f"| {' | '.join(' / '.join(_lines(cell.content)) or cell.text for cell in row)} |"


def _lines(part: str | Markup | None) -> list[str]:
    """The texts of a part of a card or of a cell, a line for each block; code and pictures have none."""
    return parsed(part).lines() if isinstance(part, Markup) else [part] if part else []


def _joined(sections: list[tuple[str, ...]]) -> str:
    """Sections with their names; what has been said before is left out, and so are headings without anything new."""
    said: set[str] = set()
    out = []
    for name, *lines in sections:
        out.append(f"=== {name}")
        heading = ""
        for line in lines:
            if line.startswith("#"):
                heading = line
            elif line.strip() and line not in said:
                said.add(line)
                out += [heading, line] if heading else [line]
                heading = ""
    return "\n".join([*out, ""])


def main() -> None:
    """Write every text again."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts(Path(folder)).items():
            (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
