"""The numbers of a card: how many of them, and how often."""

from pathlib import Path

import pytest

from dashboards import exports
from dashboards.cards import Table
from dashboards.server import create_app
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings
from tests.support.dashboard_client import QUALITY, Client


def _some_table(home: Path) -> str:
    """The address of a table that stands behind a chart."""
    links = Client(home, QUALITY).content("/pain?site=ashworth").all("a")
    return next(link.get("href") for link in links if link.get("data-action") == "table")


def test_tables_are_limited_by_rows_and_by_minute(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_ROWS_OF_A_TABLE", 2)
    address = _some_table(home)
    chosen = DashboardSettings(
        login="proxy", proxy_address="127.0.0.1", public_url="http://localhost", exports_per_minute=1
    )
    client = create_app(Settings(home=home), chosen).test_client()
    answers = [client.get(address, headers={"X-Forwarded-User": QUALITY}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429, 429]
    told = answers[0].get_data(as_text=True)
    assert told.count("<tr>") == 3
    assert "the first 2 rows of" in told


def test_a_short_table_is_shown_whole() -> None:
    table = Table("Patients", ("Site", "Patients"), [["a", "20"], ["b", "30"]])
    assert exports._first_rows(table) is table
