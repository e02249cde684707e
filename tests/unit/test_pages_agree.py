"""All pages together: one number for one thing, links that keep the site, and sentences that end with a word."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboards import wording
from dashboards.access.log import AccessLog
from dashboards.access.scope import Scope
from dashboards.cards import Card
from dashboards.data.reader import Releases
from dashboards.pages.frame import NAVIGATION, Page, View, whole_page
from dashboards.pages.site import Site
from dashboards.reports import report_pages, report_view, write_report
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings
from tests.support.dashboard_release import OWN
from tests.support.dashboard_views import texts
from tests.support.html_tree import Element, parsed

_SITE = OWN[-1]
_VALUES = ("Value", "Assessed")


@pytest.fixture(scope="module")
def pages(home: Path) -> list[tuple[View, Page]]:
    """Every page of a site that is not the one that an address without a site is about, and of all sites."""
    settings = Settings(home=home)
    site = Site(settings, DashboardSettings(cases=True), Releases(settings.releases), AccessLog(home / "access.jsonl"))
    reader = site.releases.read(Scope("ada", frozenset(OWN), "clinical"))
    assert reader is not None
    found = []
    for chosen in (_SITE, "all"):
        view, _ = site.build(reader, "/", f"?site={chosen}")
        paths = [*NAVIGATION, *(f"/measure/{measure}" for measure in view.measures)]
        found += [site.build(reader, path, f"?site={chosen}") for path in paths]
    return [(view, page) for view, page in found if page is not None]


@pytest.fixture(scope="module")
def report(home: Path) -> list[tuple[View, Page]]:
    """The pages of the report of the same site."""
    return report_pages(report_view(Settings(home=home), _SITE))


@pytest.fixture(scope="module")
def documents(pages: list[tuple[View, Page]]) -> list[tuple[View, Element]]:
    """The same as HTML."""
    return [(view, parsed(whole_page(view, page))) for view, page in pages]


def test_what_stands_out_is_three_clicks_from_its_chart_its_signal_and_its_patients(home: Path, tmp_path: Path) -> None:
    settings = Settings(home=home)
    site = Site(settings, DashboardSettings(cases=True), Releases(settings.releases), AccessLog(tmp_path / "a.jsonl"))
    reader = site.releases.read(Scope("ada", frozenset(OWN), "clinical"))
    assert reader is not None

    def follow(href: str) -> tuple[Page, Element]:
        address = urlsplit(href)
        view, page = site.build(reader, address.path, f"?{address.query}")
        assert page is not None, href
        return page, parsed(whole_page(view, page))

    _, first = follow("/")
    entries = [*next(one for one in first.all("ol") if one.get("class") == "standing-out").all("li")]
    assert len(entries) == 3
    for entry in entries[:2]:
        to_measure, to_signal = (link.get("href") for link in entry.all("a"))
        measure, _ = follow(to_measure)
        assert {"trend", "funnel"} <= {card.name for card in measure.cards}
        _, queue = follow(to_signal)
        anchor = urlsplit(to_signal).fragment
        row = next(row for row in queue.all("tr") if any(one.get("id") == anchor for one in row.all("span")))
        to_patients = next(link.get("href") for link in row.all("a") if link.text == "Patients")
        patients, _ = follow(to_patients)
        assert [card.name for card in patients.cards] == ["patients"]


def _said(view: View, card: Card, page: Page) -> Iterator[tuple[tuple[str, str, str], object]]:
    """Whose and which measure's value, and the number that the table of a card says it is."""
    if card.table is None or "Value" not in card.table.head or card.name in {"years", "groups"}:
        return
    for cells in card.table.cells():
        whose = cells[card.table.head.index("Whose")].text if "Whose" in card.table.head else view.who
        measure = cells[0].value if cells[0].value in view.measures else view.path.removeprefix("/measure/")
        if measure not in view.measures:
            continue
        for name in _VALUES:
            if name in card.table.head:
                yield (whose, str(measure), name), cells[card.table.head.index(name)].value


def test_one_thing_has_one_number_on_every_page_and_in_the_report(
    pages: list[tuple[View, Page]], report: list[tuple[View, Page]]
) -> None:
    found: defaultdict[tuple[str, str, str], defaultdict[object, set[str]]] = defaultdict(lambda: defaultdict(set))
    for view, page in [*pages, *report]:
        for card in page.cards:
            for what, number in _said(view, card, page):
                found[what][number].add(f"{'report ' if view.is_file else ''}{view.path}#{card.name}")
    assert {what: dict(numbers) for what, numbers in found.items() if len(numbers) > 1} == {}
    places = [set().union(*numbers.values()) for numbers in found.values()]
    assert sum(len(one) > 1 for one in places) > 300


def test_every_card_of_the_report_says_what_its_page_says(
    pages: list[tuple[View, Page]], report: list[tuple[View, Page]]
) -> None:
    on_pages = {(view.path, card.name): card for view, page in pages if view.site for card in page.cards}
    on_paper = {(view.path, card.name): card for view, page in report for card in page.cards}
    listed, queue = texts(on_paper.pop(("/", "signals"))), texts(on_pages["/signals", "queue"])
    assert {tuple(row) for row in listed} <= {tuple(row[: len(listed[0])]) for row in queue}
    assert len(on_paper) > 50
    for where, card in on_paper.items():
        assert _said_by(card) == _said_by(on_pages[where]), where


def _said_by(card: Card) -> dict[str, object]:
    """All that a card says, without where it leads and what a team has made of it: of its body only the numbers."""
    return {
        "sentence": card.sentence,
        "basis": card.basis,
        "body": [re.findall(r"\d[\d.,]*", parsed(str(part)).text) for part in card.body],
        "figure": json.dumps(card.figure, default=str),
        "beside": card.beside,
        "below": card.below,
        "rows": [[(cell.text, cell.value) for cell in row] for row in card.table.cells()] if card.table else [],
    }


def test_the_number_that_is_seen_first_is_that_of_the_table(pages: list[tuple[View, Page]]) -> None:
    seen = 0
    for view, page in pages:
        for card in page.cards:
            if card.name == "value" and card.table is not None and card.body:
                big = next((one.text for one in parsed(str(card.body[0])).all("strong")), None)
                first = next(iter(card.table.cells()))
                texts = [cell.text for cell in first]
                assert big is None or big in texts, view.path
                seen += big is not None
    assert seen > 100


def test_in_the_report_each_card_has_a_name_and_a_heading_of_its_own(home: Path) -> None:
    sections = [*parsed(write_report(Settings(home=home), _SITE).read_text(encoding="utf-8")).all("section")]
    cards = [section for section in sections if section.get("id")]
    headings = [next(card.all("h2")).get("id") for card in cards]
    assert len({card.get("id") for card in cards}) == len(cards) > 50
    assert headings == [card.get("aria-labelledby") for card in cards]


def test_every_link_to_a_page_keeps_its_site(documents: list[tuple[View, Element]]) -> None:
    links = 0
    for view, document in documents:
        for link in document.all("a"):
            address = urlsplit(link.get("href"))
            if not address.path.startswith("/") or address.path.startswith(("/assets", "/table", "/export")):
                continue
            links += 1
            (site,) = parse_qs(address.query).get("site", [OWN[0]])
            # From the pages of all sites a link may lead to one of them.
            assert site in ({_SITE, "all"} if view.site else {"all", *OWN}), (view.path, link.get("href"))
    assert links > 5000


def test_no_sentence_ends_with_a_dash_or_says_nothing(documents: list[tuple[View, Element]]) -> None:
    for view, document in documents:
        sentences = [*document.all("p")]
        assert sentences
        for said in (one.text.strip() for one in sentences):
            assert not re.search(r"\w.*–[.:;]?$", said), (view.path, said)
            assert not re.search(r"\bnan\b|\.\.|\( *\)| ,", said), (view.path, said)


@pytest.mark.parametrize(
    ("share", "n", "said"),
    [
        (0.0, 300, "0"),
        (1 / 300, 300, "0.3"),
        (0.31, 300, "31"),
        (1 / 5000, 5000, "<0.1"),
        (4 / 5000, 5000, "0.1"),
        (299 / 300, 300, "99.7"),
        (4999 / 5000, 5000, ">99.9"),
        (1.0, 300, "100"),
    ],
)
def test_a_share_of_somebody_is_not_nothing_and_one_without_somebody_not_all(share: float, n: int, said: str) -> None:
    assert wording.percent(share, n) == f"{said}\u00a0%"
