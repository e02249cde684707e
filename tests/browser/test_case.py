"""The page of a patient: what made each yes is fetched when it is asked for, and without scripts it has a page."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from dashboards.data import cases
from dashboards.server import create_app
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings
from tests.browser.conftest import CONTRAST, RULES, Visitor, assert_nothing_sticks_out, found_by_axe, visiting
from tests.support.browser import free_port, wait_until
from tests.support.dashboard_release import SECOND_ID, write_release
from tests.support.golden import ANSWERED, EXPLAINED, LABEL, PATIENT

CASE, REASONS = f"/cases/{PATIENT}", f"/cases/why/{PATIENT}"
COUNTED = "Neck pain of 4 or more: Follow-up, day 120: neck pain 6 of 10"
PLACE = ".reasons-at"


@pytest.fixture
def address(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of the dashboards in this process, as what the lake says of the patient is invented."""
    (tmp_path / "releases").symlink_to(home / "releases")
    monkeypatch.setattr(cases, "answers_of_patient", lambda *_: ANSWERED)
    monkeypatch.setattr(cases, "explain_patient", lambda *_: EXPLAINED)
    port = free_port()
    server = make_server(
        "127.0.0.1", port, create_app(Settings(home=tmp_path), DashboardSettings(cases=True)), threaded=True
    )
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def reader(chromium: Browser, address: str) -> Iterator[Visitor]:
    with visiting(chromium, address) as found:
        yield found


def test_what_made_a_yes_is_fetched_once_it_is_folded_out_by_keyboard(reader: Visitor) -> None:
    asked: list[str] = []
    reader.page.on("request", lambda request: asked.append(request.url))
    assert COUNTED not in reader.open(CASE)
    assert not any(REASONS in url for url in asked)
    summary = reader.page.get_by_text("What made it a yes", exact=True)
    summary.focus()
    reader.page.keyboard.press("Enter")
    reader.page.get_by_text(COUNTED).wait_for()
    assert reader.page.evaluate("document.activeElement.tagName") == "SUMMARY"
    for _ in range(2):
        reader.page.keyboard.press("Enter")
    assert [REASONS in url for url in asked].count(True) == 1
    assert reader.page.url.endswith(CASE)


def test_it_is_busy_while_it_is_fetched(reader: Visitor) -> None:
    reader.open(CASE)
    reader.page.route(f"**{REASONS}", lambda _: None)
    reader.page.get_by_text("What made it a yes", exact=True).click()
    wait_until(reader.page, f"() => document.querySelector('{PLACE}').ariaBusy === 'true'")


def test_what_is_folded_out_is_usable_by_everybody_and_fits_every_screen(reader: Visitor) -> None:
    reader.open(CASE)
    assert found_by_axe(reader.page, RULES) == []
    reader.page.get_by_text("What made it a yes", exact=True).click()
    reader.page.get_by_text(COUNTED).wait_for()
    assert found_by_axe(reader.page, RULES) == []
    reader.page.emulate_media(color_scheme="dark")
    assert found_by_axe(reader.page, CONTRAST) == []
    assert_nothing_sticks_out(reader.page)


def test_without_scripts_a_link_leads_to_it(chromium: Browser, address: str) -> None:
    with visiting(chromium, address, java_script_enabled=False) as found:
        found.page.goto(address + CASE)
        found.page.get_by_text("What made it a yes", exact=True).click()
        found.page.get_by_text("Criteria and records").click()
        found.page.wait_for_url(f"{address}{REASONS}#{LABEL}")
        assert found.page.get_by_text(COUNTED).is_visible()


def test_where_it_is_of_another_release_the_link_stays(
    reader: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.open(CASE)
    (tmp_path / "releases").unlink()
    write_release(tmp_path, SECOND_ID)
    monkeypatch.setattr(cases, "explain_patient", lambda *_: replace(EXPLAINED, release_id=SECOND_ID))
    with reader.page.expect_response(f"**{REASONS}") as response:
        reader.page.get_by_text("What made it a yes", exact=True).click()
    assert COUNTED in response.value.text()
    wait_until(reader.page, f"() => !document.querySelector('{PLACE}').ariaBusy")
    assert reader.page.get_by_text("Criteria and records").is_visible()


def test_its_page_is_usable_by_everybody_and_fits_every_screen(reader: Visitor) -> None:
    assert COUNTED in reader.open(REASONS)
    assert found_by_axe(reader.page, RULES) == []
    assert_nothing_sticks_out(reader.page)
