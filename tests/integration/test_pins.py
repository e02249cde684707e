"""Pins of the table of all measures: each user's own, wherever that user logs in."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.server import server
from tests.support.dashboard_client import CLINICAL, QUALITY, client_of
from tests.support.html_tree import parsed

_OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


def _press(client: FlaskClient, user: str, **form: str) -> TestResponse:
    return client.post("/pins", data=form, headers={"X-Forwarded-User": user} | _OWN_PAGE)


def _pinned(client: FlaskClient, user: str, address: str = "/") -> list[str]:
    """The measures of the group that stands first, if it is that of pins, as their buttons say."""
    headers = {"X-Forwarded-User": user} if user else {}
    page = parsed(client.get(address, headers=headers).get_data(as_text=True))
    pressed = [one for one in page.all("button") if one.get("class") == "pin" and one.get("name") == "unpin"]
    assert all(one.get("aria-pressed") == "true" for one in pressed)
    return [one.get("value") for one in pressed]


def test_pins_follow_their_user_to_another_browser_and_are_nobody_elses(home: Path) -> None:
    first, second = client_of(home), client_of(home)
    answer = _press(first, QUALITY, pin="transition_pain")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/#measures")
    _press(first, QUALITY, pin="early_discomfort")
    _press(first, QUALITY, pin="early_discomfort")
    assert set(_pinned(second, QUALITY)) == {"transition_pain", "early_discomfort"}
    assert _pinned(second, QUALITY, "/?site=all") != []
    assert _pinned(second, CLINICAL) == []
    _press(second, QUALITY, unpin="transition_pain")
    assert _pinned(first, QUALITY) == ["early_discomfort"]


def test_where_nobody_logs_in_all_share_one_set(home: Path) -> None:
    first, second = (server(str(home)).test_client() for _ in range(2))
    first.post("/pins", data={"pin": "transition_pain"}, headers=_OWN_PAGE)
    assert _pinned(second, "") == ["transition_pain"]


def test_one_comes_back_to_the_page_with_its_filters(home: Path) -> None:
    headers = {"X-Forwarded-User": QUALITY} | _OWN_PAGE
    answer = client_of(home).post("/pins?period=2023&next=//evil", data={"pin": "transition_pain"}, headers=headers)
    assert answer.headers["Location"] == "/?period=2023#measures"


@pytest.mark.parametrize("origin", ["cross-site", "same-site", "none"])
def test_a_pin_comes_from_a_page_of_the_dashboards(home: Path, origin: str) -> None:
    headers = {"X-Forwarded-User": QUALITY, "Sec-Fetch-Site": origin}
    assert client_of(home).post("/pins", data={"pin": "transition_pain"}, headers=headers).status_code == 403
    assert not (home / "reviews.sqlite").exists()


@pytest.mark.parametrize(
    "form", [{}, {"pin": "nothing"}, {"pin": ""}, {"pin": "transition_pain", "unpin": "transition_pain"}]
)
def test_what_the_page_cannot_send_is_refused(home: Path, form: dict[str, str]) -> None:
    assert _press(client_of(home), QUALITY, **form).status_code == 400
    assert not (home / "reviews.sqlite").exists()


def test_pins_that_cannot_be_read_take_nothing_but_the_pins(home: Path) -> None:
    (home / "reviews.sqlite").write_text("spoiled, " * 1000)
    client = client_of(home)
    assert _press(client, QUALITY, pin="transition_pain").status_code == 503
    page = client.get("/", headers={"X-Forwarded-User": QUALITY}).get_data(as_text=True)
    assert "All measures" in page
    assert 'class="pin"' not in page
