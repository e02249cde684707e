"""The address is the only state: filters, links, back and forward."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.conftest import Visitor, visiting
from tests.support.browser import wait_until
from tests.support.dashboard_client import MEASURES, QUALITY
from tests.support.dashboard_release import FOREIGN, OWN, SITES

MEASURE = MEASURES[0]


def chosen(page: Page) -> dict[str, str]:
    """What each filter shows."""
    selects = page.locator(".filters select").all()
    return {select.get_attribute("name") or "": select.input_value() for select in selects}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("site", OWN[1], SITES[OWN[1]]),
        ("site", "all", "All sites"),
        ("period", "2023", "fused in 2023"),
        ("group", "approach:anterior", "approach, anterior"),
        ("peers", "similar", "peers"),
    ],
)
def test_a_filter_changes_the_address_and_the_page(visitor: Visitor, name: str, value: str, said: str) -> None:
    before = visitor.open(MEASURE)
    visitor.page.locator(f"select[name={name}]").select_option(value)
    visitor.page.wait_for_url(re.compile(re.escape(f"{name}={value}")))
    text = visitor.read()
    assert said in text
    assert text != before
    assert chosen(visitor.page)[name] == value


def test_a_link_restores_its_filters_and_other_pages_keep_them(visitor: Visitor) -> None:
    text = visitor.open(f"{MEASURE}?site={OWN[1]}&group=levels_band:2&peers=similar")
    assert f"{SITES[OWN[1]]}: levels fused, 2 levels" in text
    assert chosen(visitor.page) == {"site": OWN[1], "period": "", "group": "levels_band:2", "peers": "similar"}
    visitor.page.get_by_role("link", name="Overview").click()
    visitor.wait_for_heading("Overview")
    assert parse_qs(urlsplit(visitor.page.url).query) == {
        "site": [OWN[1]],
        "group": ["levels_band:2"],
        "peers": ["similar"],
    }
    assert chosen(visitor.page) == {"site": OWN[1], "period": "", "group": "levels_band:2"}


def test_year_and_group_exclude_each_other_and_the_first_choice_leaves_the_address(visitor: Visitor) -> None:
    visitor.open(f"{MEASURE}?period=2023")
    visitor.page.locator("select[name=group]").select_option("levels_band:2")
    visitor.page.locator("#value h2", has_text="levels fused, 2 levels").wait_for()
    assert urlsplit(visitor.page.url).query == "group=levels_band:2"
    visitor.page.locator("select[name=group]").select_option("")
    visitor.page.locator("#trend .main-svg").first.wait_for()
    assert urlsplit(visitor.page.url).query == ""


def test_back_and_forward_follow_pages_and_filters(visitor: Visitor) -> None:
    visitor.open("/")
    visitor.page.locator("#measures").get_by_role("link", name="Revision within 2 years", exact=True).click()
    visitor.wait_for_heading("Revision within 2 years")
    visitor.page.locator("select[name=period]").select_option("2023")
    visitor.page.locator("#value h2", has_text="fused in 2023").wait_for()
    visitor.page.go_back()
    visitor.page.locator("#trend").wait_for()
    assert chosen(visitor.page)["period"] == ""
    visitor.page.go_back()
    visitor.wait_for_heading("Overview")
    visitor.page.go_forward()
    visitor.page.go_forward()
    visitor.page.locator("#value h2", has_text="fused in 2023").wait_for()
    assert chosen(visitor.page)["period"] == "2023"


@pytest.mark.parametrize(
    ("query", "what", "way_on"),
    [
        ("period=1999", "year of fusion", "Show all years"),
        ("group=approach:sideways", "group of patients", "Show all patients"),
        ("group=anterior", "group of patients", "Show all patients"),
        ("peers=friends", "peers", "Show all sites as peers"),
    ],
)
def test_an_unknown_filter_is_named_as_such_and_leads_on(visitor: Visitor, query: str, what: str, way_on: str) -> None:
    assert f"No such {what}" in visitor.open(f"{MEASURE}?{query}")
    visitor.page.get_by_role("link", name=way_on).click()
    visitor.wait_for_heading("Neck pain at 12 months")


def test_another_site_is_not_yours_to_see(quality_visitor: Visitor) -> None:
    text = quality_visitor.open(f"{MEASURE}?site={FOREIGN}")
    assert "No access" in text
    assert SITES[FOREIGN] not in text
    assert quality_visitor.page.locator(".graph").count() == 0
    quality_visitor.page.get_by_role("link", name="overview of all sites").click()
    assert "All 6 sites" in quality_visitor.wait_for_heading("Overview")


def test_who_is_of_one_site_chooses_between_it_and_all_sites(quality_visitor: Visitor) -> None:
    quality_visitor.open("/")
    options = quality_visitor.page.locator("select[name=site] option")
    assert options.all_text_contents() == ["Ashworth General", "All sites"]


def test_a_new_page_begins_at_its_heading(visitor: Visitor) -> None:
    visitor.open("/")
    visitor.page.evaluate("window.scrollTo(0, 600)")
    visitor.page.locator("#measures").get_by_role("link", name="Revision within 2 years", exact=True).click()
    visitor.wait_for_heading("Revision within 2 years")
    wait_until(visitor.page, "() => document.activeElement.tagName === 'H1'")
    assert visitor.page.evaluate("window.scrollY") == 0


def test_who_chooses_by_keyboard_goes_on_where_they_were(visitor: Visitor) -> None:
    visitor.open(MEASURE)
    visitor.page.locator("select[name=period]").focus()
    for year in ("2026", "2025"):
        visitor.page.keyboard.press("ArrowDown")
        visitor.page.wait_for_url(re.compile(f"period={year}"))
        wait_until(visitor.page, "() => document.activeElement.name === 'period'")


def test_only_the_last_of_several_pages_asked_for_is_shown(visitor: Visitor) -> None:
    visitor.open("/")
    held: list[Route] = []
    # Playwright cannot look into a method of a list.
    visitor.page.route("**/pain", lambda route: held.append(route))  # noqa: PLW0108
    links = visitor.page.locator(".nav")
    links.get_by_role("link", name="Pain and recovery").click()
    assert visitor.page.evaluate("document.body.ariaBusy") == "true"
    links.get_by_role("link", name="Research access").click()
    visitor.wait_for_heading("Research access")
    assert visitor.page.evaluate("document.body.ariaBusy") is None
    with visitor.page.expect_response("**/pain"):
        held[0].continue_()
    visitor.page.wait_for_timeout(500)
    assert visitor.page.locator("h1").inner_text() == "Research access"
    assert visitor.page.url.endswith("/research")


def test_what_is_no_page_like_the_others_is_left_to_the_browser(chromium: Browser, behind_login: str) -> None:
    with visiting(chromium, behind_login, extra_http_headers={"X-Forwarded-User": QUALITY}) as visitor:
        visitor.open("/")
        visitor.page.evaluate("window.isOld = true")
        visitor.page.get_by_role("link", name="Research access").click()
        visitor.wait_for_heading("Research access")
        assert visitor.page.evaluate("window.isOld")
        visitor.page.set_extra_http_headers({"X-Forwarded-User": "somebody-else"})
        visitor.page.get_by_role("link", name="Overview").click()
        visitor.page.locator("h1", has_text="You have no access yet").wait_for()
        assert not visitor.page.evaluate("window.isOld ?? false")


def test_without_scripts_a_page_says_all_and_its_filters_work(chromium: Browser, dashboards: str) -> None:
    with visiting(chromium, dashboards, java_script_enabled=False) as visitor:
        page = visitor.page
        page.goto(f"{dashboards}{MEASURE}")
        assert page.locator("#value table tbody tr").count() == 2
        assert page.get_by_role("img", name=re.compile("by year of fusion")).count() == 1
        assert "Charts are drawn by JavaScript" in page.locator("main").inner_text()
        page.locator("select[name=period]").select_option("2023")
        page.get_by_role("button", name="Show").click()
        page.locator("#value h2", has_text="fused in 2023").wait_for()
        page.locator("#years summary").first.click()
        table = page.locator("#years").get_by_role("link", name="View as table").get_attribute("href")
        assert "Neck pain at 12 months by year of fusion" in page.request.get(f"{dashboards}{table}").text()
