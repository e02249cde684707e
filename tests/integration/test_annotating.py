"""Notes on a chart as the server takes them: who may write one, what it must be, and that a file is never spoiled."""

import csv
import json
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.reviews.notes import KINDS, REASONS
from dashboards.server import create_app
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings
from outcomes.site_files import Annotation, read_site_file
from tests.support.dashboard_client import CLINICAL, QUALITY, REGISTER
from tests.support.dashboard_release import FIRST_ID, FOREIGN, write_release
from tests.support.html_tree import parsed

_OWN = "ashworth"
_MEASURE = "pain_12_months"
_LINE = {"month": "2025-03", "kind": "rebase", "reason": "new_implant"}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("released")
    write_release(home)
    return home


@pytest.fixture
def home(released: Path, tmp_path: Path) -> Path:
    (tmp_path / "releases").symlink_to(released / "releases")
    (tmp_path / "access.csv").write_text(REGISTER, encoding="utf-8")
    return tmp_path


@pytest.fixture
def client(home: Path) -> FlaskClient:
    settings = DashboardSettings(login="proxy", proxy_address="127.0.0.1", public_url="http://localhost")
    return create_app(Settings(home=home), settings).test_client()


def _post(client: FlaskClient, site: str = _OWN, measure: str = _MEASURE, **changes: str) -> TestResponse:
    address = urlencode({"site": site, "measure": measure, "release": FIRST_ID})
    headers = {"X-Forwarded-User": QUALITY, "Sec-Fetch-Site": changes.pop("origin", "same-origin")}
    return client.post(f"/annotations?{address}", data=_LINE | changes, headers=headers)


def _lines(home: Path) -> list[list[str]]:
    path = home / "annotations.csv"
    return list(csv.reader(path.open(encoding="utf-8"))) if path.exists() else []


def _audited(home: Path) -> list[str]:
    return [json.loads(line)["view"] for line in (home / "logs" / "access.jsonl").read_text().splitlines()]


def test_what_the_form_sends_is_a_line_that_the_next_release_reads(client: FlaskClient, home: Path) -> None:
    page = parsed(client.get(f"/measure/{_MEASURE}", headers={"X-Forwarded-User": QUALITY}).get_data(as_text=True))
    form = next(one for one in page.all("form") if "/annotations?" in one.get("action"))
    data = {one.get("name"): [*one.all("option")][1].get("value") for one in form.all("select")}
    headers = {"X-Forwarded-User": QUALITY, "Sec-Fetch-Site": "same-origin"}
    answer = client.post(form.get("action"), data=data, headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        f"/measure/{_MEASURE}?noted={data['month']}#trend",
    )
    known = {"measures": {_MEASURE: "share"}, "sites": {_OWN}}
    (line,) = read_site_file(home / "annotations.csv", Annotation, "annotations_malformed", known).values()
    assert (line.site_id, line.measure, line.author, line.period) == (_OWN, _MEASURE, QUALITY, data["month"])
    assert _audited(home)[-1] == f"annotation {_MEASURE} {data['kind']} {data['month']}"
    noted = client.get(f"/measure/{_MEASURE}", headers={"X-Forwarded-User": QUALITY}).get_data(as_text=True)
    assert f"({QUALITY})" in noted.partition("Noted so far:")[2]
    assert "Noted so far:" not in page.text


def test_the_page_after_a_note_says_that_it_is_recorded(client: FlaskClient) -> None:
    def said(month: str, user: str = QUALITY) -> str:
        address = f"/measure/{_MEASURE}?noted={month}"
        page = parsed(client.get(address, headers={"X-Forwarded-User": user}).get_data(as_text=True))
        return next(one.text for one in page.all("div") if one.get("id") == "said")

    assert said("2025-03") == ""
    _post(client)
    assert said("2025-03") == "Recorded: a note on March\u00a02025. The next release shows it."
    assert said("2025-04") == said("2025-03", CLINICAL) == ""


def test_a_line_is_added_to_those_that_were_written_by_hand(client: FlaskClient, home: Path) -> None:
    by_hand = f'{",".join(Annotation.model_fields)}\n\n{_OWN},{_MEASURE},2024-01,note,"Moved, house",A. Lead,\n'
    (home / "annotations.csv").write_text(by_hand, encoding="utf-8-sig")
    assert _post(client).status_code == 303
    assert _post(client).status_code == 409
    _, first, second = _lines(home)
    assert first == [_OWN, _MEASURE, "2024-01", "note", "Moved, house", "A. Lead", ""]
    assert second == [_OWN, _MEASURE, "2025-03", "rebase", "", QUALITY, "New implant or technique"]


@pytest.mark.parametrize(
    "changes",
    [
        {"month": "1999-01"},
        {"month": ""},
        {"kind": "delete"},
        {"reason": "patient 17 fell"},
        {"measure": "no_such"},
        {"measure": "=cmd()"},
    ],
)
def test_what_the_form_cannot_send_is_refused(client: FlaskClient, home: Path, changes: dict[str, str]) -> None:
    answer = _post(client, **changes)
    assert answer.status_code == 400
    assert "patient 17" not in answer.get_data(as_text=True)
    assert _lines(home) == []


def test_nobody_notes_a_chart_of_a_foreign_site_or_from_elsewhere(client: FlaskClient, home: Path) -> None:
    assert _post(client, site=FOREIGN).status_code == 403
    assert _post(client, site="nowhere").status_code == 403
    assert _audited(home) == ["denied annotation"] * 2
    assert _post(client, origin="cross-site").status_code == 403
    foreign = client.get(f"/measure/{_MEASURE}?site=all", headers={"X-Forwarded-User": CLINICAL})
    assert "/annotations" not in foreign.get_data(as_text=True)
    assert _lines(home) == []


def test_a_file_that_cannot_be_read_is_left_alone(client: FlaskClient, home: Path) -> None:
    (home / "annotations.csv").write_text("spoiled", encoding="utf-8")
    answer = _post(client)
    assert answer.status_code == 503
    assert "Nothing was changed." in answer.get_data(as_text=True)
    assert (home / "annotations.csv").read_text() == "spoiled"


def test_every_kind_and_reason_can_be_written(client: FlaskClient, home: Path) -> None:
    for kind in KINDS:
        for reason in REASONS:
            assert _post(client, kind=kind, reason=reason).status_code == 303
    assert len(_lines(home)) == 1 + len(KINDS) * len(REASONS)
