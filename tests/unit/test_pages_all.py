"""What holds of every page: what it says, that it tells nothing exact of others, whom it denies, and what it weighs."""

import gzip
from pathlib import Path

import pytest

from dashboards.access.scope import Denied
from dashboards.cards import Card, as_csv
from dashboards.pages.frame import Page, whole_page
from dashboards.pages.site import Site
from tests.support import golden
from tests.support.dashboard_release import FOREIGN, leaked

ADDRESSES = [address for addresses in golden.ADDRESSES.values() for address in addresses]
_BUDGET = 25_000


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return golden.texts(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module")
def site(home: Path) -> Site:
    return golden.site_over(home)


@pytest.mark.parametrize("page", golden.PAGES)
def test_a_page_says_what_its_golden_text_says(said: dict[str, str], page: str) -> None:
    """After a change of wording: `python -m tests.support.golden`, and read the diff."""
    assert said[page] == (golden.FOLDER / f"{page}.txt").read_text(encoding="utf-8")


def test_each_golden_text_is_that_of_a_page() -> None:
    assert {path.stem for path in golden.FOLDER.iterdir()} == set(golden.PAGES)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_tells_nothing_exact_of_others_and_is_light(site: Site, address: str) -> None:
    view, page = golden.built(site, address)
    text = whole_page(view, page)
    assert leaked(text + "".join(as_csv(card.table) for card in page.cards if card.table)) == []
    assert len(gzip.compress(text.encode())) < _BUDGET


@pytest.mark.parametrize("whose", ["", "&site=all"])
def test_no_page_shows_a_year_of_what_may_happen_at_any_time(site: Site, whose: str) -> None:
    view, _ = golden.built(site, "/")
    ever = {name for name, one in view.measures.items() if not one.is_compared}
    assert len(ever) > 20
    for path in ("/", "/pain", "/asd", "/revision", "/causes", *(f"/measure/{name}" for name in sorted(ever))):
        (_, year), (_, whole) = (golden.built(site, f"{path}?{period}{whose}") for period in ("period=2023", ""))
        of_page = {path.removeprefix("/measure/")} & ever
        of_year, of_all_years = (_values_of(page, ever, of_page) for page in (year, whole))
        assert of_year.items() <= of_all_years.items(), path
        said = f"{year.lead}{[card.notes for card in year.cards]}"
        assert "years cannot be compared" in said or "no curve for a single year" in said, path


def _values_of(page: Page, measures: set[str], of_page: set[str]) -> dict[tuple[str, ...], list[str]]:
    """What the tables of a page say of the measures, by card, measure and whose it is; `of_page` is the page's own."""
    return {
        (card.name, str(first.value), cells[1].text): [cell.text for cell in cells]
        for card in page.cards
        if card.table
        for cells in card.table.cells()
        for first in cells[:1]
        if first.value in measures or (of_page and card.name == "value")
    }


@pytest.mark.parametrize("path", sorted({address.partition("?")[0] for address in ADDRESSES}))
def test_a_page_of_a_foreign_site_is_denied(site: Site, path: str) -> None:
    with pytest.raises(Denied):
        golden.built(site, f"{path}?site={FOREIGN}")


def test_a_narrow_card_without_another_beside_it_is_wide() -> None:
    cards = [Card(name, name, is_wide=name.isupper()) for name in "abAcBdef"]
    laid_out = Page("A page", cards).laid_out
    assert [card.name for card in laid_out] == [*"abAcBdef"]
    assert [card.name for card in laid_out if card.is_wide] == [*"AcBf"]
