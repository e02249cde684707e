"""The pages that hold words: definitions, each with an anchor, and how researchers get at the tables."""

from pathlib import Path

from dashboards.access.log import AccessLog
from dashboards.access.scope import Scope
from dashboards.data.reader import Releases
from dashboards.pages.site import Site
from dashboards.settings import DashboardSettings
from outcomes.release.privacy_report import cells_by_state
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.measures import measure_definitions
from tests.support.dashboard_release import FIRST_ID, PATIENTS
from tests.support.html_tree import Element, parsed


def _page(home: Path, path: str) -> Element:
    site = Site(Settings(home=home), DashboardSettings(), Releases(home / "releases"), AccessLog(home / "access.jsonl"))
    return parsed(site.show(Scope("me", frozenset({"ashworth"}), "quality"), path, "").html)


def _anchors(page: Element) -> list[str]:
    return [element.get("id") for tag in ("section", "h2", "h3") for element in page.all(tag)]


def test_every_measure_has_an_anchor_and_leads_to_its_page(home: Path) -> None:
    titles = {title.get("id"): title for title in _page(home, "/definitions").all("h3")}
    for measure in measure_definitions():
        assert [link.get("href") for link in titles[measure.id].all("a")] == [f"/measure/{measure.id}"]


def test_every_measure_says_what_it_counts_of_whom_and_who_owns_it(home: Path) -> None:
    text = _page(home, "/definitions").text
    for measure in measure_definitions():
        for said in (measure.title, measure.why, measure.numerator, measure.denominator, measure.owner):
            assert said in text


def test_every_label_has_its_definition_and_the_sentence_of_the_guide(home: Path) -> None:
    page = _page(home, "/definitions")
    for label in label_definitions():
        assert f"label-{label.name}" in _anchors(page)
        assert label.definition in page.text
        assert label.guide in page.text


def test_no_anchor_stands_twice(home: Path) -> None:
    anchors = [anchor for anchor in _anchors(_page(home, "/definitions")) if anchor]
    assert len(anchors) == len(set(anchors))


def test_contents_lead_to_cards_that_there_are(home: Path) -> None:
    page = _page(home, "/definitions")
    places = [link.get("href").removeprefix("#") for link in page.all("a")]
    leads_to = [place for place in places if place.startswith(("measures-", "labels-"))]
    assert len(leads_to) > 10
    assert set(leads_to) <= set(_anchors(page))


def test_research_access_names_the_release_and_no_number_of_patients(home: Path) -> None:
    (main,) = _page(home, "/research").all("main")
    assert f'outcomes.connect("{FIRST_ID}")' in main.text
    assert str(PATIENTS) not in main.text


def test_research_access_counts_what_is_suppressed(home: Path) -> None:
    """As the release's privacy report counts it, which is written apart."""
    counted = cells_by_state(home / "releases" / FIRST_ID / "dashboard.duckdb")
    (card,) = (card for card in _page(home, "/research").all("section") if card.get("id") == "suppressed")
    rows = [[cell.text for cell in row.all("td")] for row in card.all("tr")]
    kinds = [f"{who}{what}" for who in ("all sites", "a site") for what in ("", ", by year", ", by stratum")]
    of_kind = [counted[f"measures: {kind}"] for kind in kinds]
    said = [[f"{cells[state]:,}" for state in ("shown", "zero", "suppressed")] for cells in of_kind]
    assert [cells[:3] for cells in rows if cells] == said
