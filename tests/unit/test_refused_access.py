"""Whoever is refused a page, a file or a table leaves a line in the access log that says so."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.pages.site import _PAGES, _PAGES_OF_ONE
from tests.support.dashboard_client import CLINICAL, QUALITY, STRANGER, Client
from tests.support.dashboard_release import FIRST_ID, FOREIGN, OWN

_ONE = {
    "/measure/": "pain_12_months",
    "/cases/of/": "pain_past_3_months",
    "/cases/signal/": f"{OWN[0]}/pain_12_months/funnel/2026",
    "/cases/": "patientaa",
}
"""One thing of each page of one thing."""
_ADDRESSES = (*_PAGES, *(f"{prefix}{_ONE[prefix]}" for prefix in _PAGES_OF_ONE))
_KINDS = ("", "/export", "/table")
_OF_PATIENTS = tuple(address for address in _ADDRESSES if address.startswith("/cases"))


@pytest.fixture
def home(tmp_path: Path, home: Path) -> Path:
    """A home of its own for each test, with an access log of its own; the release is the same."""
    (tmp_path / "releases").symlink_to(home / "releases")
    return tmp_path


def _lines(home: Path) -> Iterator[tuple[str, str]]:
    for line in (home / "logs" / "access.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        yield entry["user"], entry["view"]


@pytest.mark.parametrize("kind", _KINDS)
def test_another_sites_page_is_refused_with_a_line(home: Path, kind: str) -> None:
    client = Client(home, CLINICAL)
    for address in _ADDRESSES:
        assert client.get(f"{kind}{address}?site={FOREIGN}&release={FIRST_ID}&card=x").status_code == 403, address
    found = [*_lines(home)]
    assert len(found) == len(_ADDRESSES)
    assert all(user == CLINICAL and view.startswith("denied ") for user, view in found)


@pytest.mark.parametrize("user", [QUALITY, STRANGER])
@pytest.mark.parametrize("kind", _KINDS)
def test_a_page_of_patients_is_refused_to_who_may_see_none_with_a_line(home: Path, kind: str, user: str) -> None:
    client = Client(home, user)
    for address in _OF_PATIENTS:
        assert client.get(f"{kind}{address}?release={FIRST_ID}&card=patients").status_code == 403, address
    found = [*_lines(home)]
    assert len(found) == len(_OF_PATIENTS) == 4
    assert all(name == user and view.startswith("denied ") for name, view in found)
    assert "patientaa" not in str(found)


def test_who_is_not_in_the_register_is_refused_with_a_line(home: Path) -> None:
    client = Client(home, "mallory")
    for kind in _KINDS:
        assert client.get(f"{kind}/pain").status_code == 403
    assert [*_lines(home)] == [("mallory", "denied: not in the register")] * len(_KINDS)
