"""The review queue as the server answers it: who may move which signal, and what a request that does not fit gets."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.access.scope import Scope
from dashboards.data.reader import Releases
from dashboards.data.signals import signals
from dashboards.reviews.queue import STATES, Move, Reviews, State
from dashboards.server import server
from tests.support.dashboard_client import CLINICAL, QUALITY, REGISTER
from tests.support.dashboard_release import FIRST_ID, FOREIGN
from tests.support.html_tree import Element, parsed

_OWN = "ashworth"


def _signal(home: Path, site_id: str) -> str:
    """The first signal of a site."""
    reader = Releases(home / "releases").read(Scope("test", frozenset({site_id}), "quality"))
    assert reader is not None
    return signals(reader, site_id)[0].id


def _post(
    client: FlaskClient, signal: str, to: str, after: object = 0, finding: str = "", **headers: str
) -> TestResponse:
    """What the form of the queue would send."""
    return client.post(
        f"/reviews?signal={quote(signal, safe='')}&after={after}&release={FIRST_ID}",
        data={"to": to} | ({"finding": finding} if finding else {}),
        headers={"X-Forwarded-User": QUALITY, "Sec-Fetch-Site": "same-origin"} | headers,
    )


def _moved(signal: str) -> str:
    """What the address of the page after a move says."""
    return f"moved={quote(signal, safe='')}"


def _moves(home: Path) -> list[tuple[str, str, str | None, str]]:
    if not (home / "reviews.sqlite").exists():
        return []
    with closing(sqlite3.connect(home / "reviews.sqlite")) as database:
        return database.execute("select signal, moved_to, finding, user from moves order by rowid").fetchall()


def _audited(home: Path) -> list[str]:
    log = (home / "logs" / "access.jsonl").read_text(encoding="utf-8")
    return [json.loads(line)["view"] for line in log.splitlines()]


def _page(client: FlaskClient, address: str, user: str) -> Element:
    return parsed(client.get(address, headers={"X-Forwarded-User": user}).get_data(as_text=True))


def test_a_signal_goes_from_new_to_closed_and_each_move_leads_back_to_the_queue(
    client: FlaskClient, home: Path
) -> None:
    signal = _signal(home, _OWN)
    steps: list[tuple[State, str]] = [("reviewing", ""), ("explained", "case_mix"), ("closed", "")]
    for after, (to, finding) in enumerate(steps):
        answer = _post(client, signal, to, after, finding)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/signals?{_moved(signal)}#queue")
    assert _moves(home) == [
        (signal, "reviewing", None, QUALITY),
        (signal, "explained", "case_mix", QUALITY),
        (signal, "closed", None, QUALITY),
    ]
    assert _audited(home) == [f"review {signal} {to}" for to, _ in steps]


def test_the_page_after_a_move_says_what_became_of_the_signal(client: FlaskClient, home: Path) -> None:
    signal = _signal(home, _OWN)

    def said(address: str, user: str = QUALITY) -> str:
        (place,) = [one for one in _page(client, address, user).all("div") if one.get("id") == "said"]
        assert place.get("role") == "status"
        return place.text

    assert said(f"/signals?{_moved(signal)}") == ""
    _post(client, signal, "reviewing")
    there = _post(client, signal, "explained", 1, "case_mix").headers["Location"].partition("#")[0]
    assert said(there) == (
        "Recorded. Neck pain at 12 months (Funnel, 2026) is now: "
        "Explained: case mix that the risk model does not cover."
    )
    (home / "access.csv").write_text(f"{REGISTER}rhea,{_OWN},quality\n", encoding="utf-8")
    assert said(there, "rhea") == "", "nobody is told to have moved what somebody else has"
    assert said("/signals") == said(f"/?{_moved(signal)}") == said(f"/signals?{_moved('x')}") == ""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (("reviewing", "explained", "closed"), "0 explained, 1 closed"),
        (("reviewing", "acting", "closed"), "0 with an action, 0 explained, 1 closed"),
        (("reviewing", "acting", "reviewing", "acting"), "1 with an action, 0 explained, 0 closed"),
    ],
)
def test_the_forms_of_the_page_are_what_the_server_takes(
    client: FlaskClient, home: Path, path: tuple[str, ...], said: str
) -> None:
    signal = quote(_signal(home, _OWN), safe="")
    for to in path:
        forms = (one for one in _page(client, "/signals", QUALITY).all("form") if signal in one.get("action"))
        form = next(one for one in forms if next(one.all("button")).get("value") == to)
        data = {"to": to} | {one.get("name"): [*one.all("option")][1].get("value") for one in form.all("select")}
        data |= {one.get("name"): one.get("max") for one in form.all("input")}
        headers = {"X-Forwarded-User": QUALITY, "Sec-Fetch-Site": "same-origin"}
        answer = client.open(form.get("action"), method=form.get("method").upper(), data=data, headers=headers)
        assert answer.status_code == 303
    assert [to for _, to, _, _ in _moves(home)] == [*path]
    assert said in _page(client, "/signals", QUALITY).text


@pytest.mark.parametrize("to", STATES)
def test_no_move_of_a_foreign_site_is_let_through_and_nothing_is_written(
    client: FlaskClient, home: Path, to: State
) -> None:
    signal = _signal(home, FOREIGN)
    for after in range(4):
        assert _post(client, signal, to, after, "chance" if to == "explained" else "").status_code == 403
    assert _moves(home) == []
    assert _audited(home) == [f"denied review {signal}"] * 4


def test_a_foreign_signal_is_denied_alike_whether_it_exists_or_not(client: FlaskClient, home: Path) -> None:
    there = _post(client, _signal(home, FOREIGN), "reviewing")
    not_there = _post(client, f"{FOREIGN}/pain_past_3_months/run/1999-01", "reviewing")
    nowhere = _post(client, "nowhere/pain_past_3_months/run/1999-01", "reviewing")
    assert there.status_code == not_there.status_code == nowhere.status_code == 403
    assert there.data == not_there.data == nowhere.data


def test_the_moves_of_a_site_are_not_told_to_others(client: FlaskClient, home: Path) -> None:
    _post(client, _signal(home, _OWN), "reviewing")
    assert re.search(rf"{QUALITY}, \d+\s\w+\s20\d\d, ", _page(client, "/signals", QUALITY).text)
    assert QUALITY not in _page(client, "/signals", CLINICAL).text
    assert QUALITY not in _page(client, "/signals?site=all", CLINICAL).text
    assert "No access" in _page(client, f"/signals?site={_OWN}", CLINICAL).text


@pytest.mark.parametrize(
    ("signal", "status"),
    [
        (f"{_OWN}/pain_past_3_months/run/1999-01", 404),
        (f"{_OWN}/no_such_measure/run/2025-01", 404),
        (_OWN, 400),
        ("", 400),
        ("../../etc/passwd", 400),
        (f"{_OWN}/a/run/2025-01\nx", 400),
        (f"{_OWN}/a/run/2025-01/more", 400),
    ],
)
def test_a_signal_that_there_is_not_is_not_moved(client: FlaskClient, home: Path, signal: str, status: int) -> None:
    answer = _post(client, signal, "reviewing")
    assert answer.status_code == status
    assert "Nothing was changed." in answer.get_data(as_text=True)
    assert _moves(home) == []


@pytest.mark.parametrize(
    ("to", "after", "finding"),
    [
        ("", 0, ""),
        ("solved", 0, ""),
        ("reviewing", "", ""),
        ("reviewing", "-1", ""),
        ("reviewing", "٣", ""),
        ("reviewing", "9" * 20, ""),
        ("explained", 0, "patient 17 was misread"),
    ],
)
def test_what_the_form_cannot_send_is_refused(
    client: FlaskClient, home: Path, to: str, after: object, finding: str
) -> None:
    answer = _post(client, _signal(home, _OWN), to, after, finding)
    assert answer.status_code == 400
    assert "patient 17" not in answer.get_data(as_text=True)
    assert _moves(home) == []


@pytest.mark.parametrize(
    "decided",
    [
        {"due": "2027-02-30"},
        {"due": "patient 17"},
        {"action": "call patient 17"},
        {"owner": "Dr. Who"},
        {"outcome": "solved"},
    ],
)
def test_nothing_but_the_lists_and_a_day_is_taken(client: FlaskClient, home: Path, decided: dict[str, str]) -> None:
    data = {"to": "acting", "finding": "chance", "action": "train_the_team", "owner": "quality_lead"} | decided
    answer = client.post(
        f"/reviews?signal={quote(_signal(home, _OWN), safe='')}&after=0&release={FIRST_ID}",
        data=data,
        headers={"X-Forwarded-User": QUALITY, "Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 400
    assert not any(value in answer.get_data(as_text=True) for value in decided.values())
    assert _moves(home) == []


def test_the_second_of_two_people_reads_why_and_gets_back_to_the_queue(client: FlaskClient, home: Path) -> None:
    signal = _signal(home, _OWN)
    _post(client, signal, "reviewing")
    answer = _post(client, signal, "reviewing")
    said = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "This signal has changed since you opened the page: Under review." in said
    assert 'href="/signals#queue"' in said
    assert len(_moves(home)) == len(_audited(home)) == 1


def test_a_move_comes_from_a_page_of_the_dashboards_and_not_from_another_site(client: FlaskClient, home: Path) -> None:
    for origin in ("cross-site", "same-site", "none"):
        answer = _post(client, _signal(home, _OWN), "reviewing", **{"Sec-Fetch-Site": origin})
        assert answer.status_code == 403
    assert _moves(home) == []


def test_no_parameter_and_no_header_leads_away_from_the_server(client: FlaskClient, home: Path) -> None:
    answer = client.post(
        f"/reviews?signal={quote(_signal(home, _OWN))}&after=0&site=//evil.example&next=https://evil.example",
        data={"to": "reviewing"},
        headers={"X-Forwarded-User": QUALITY, "Sec-Fetch-Site": "same-origin", "Referer": "https://evil.example/"},
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/signals?{_moved(_signal(home, _OWN))}#queue")


def test_what_was_taken_up_is_brought_to_its_end_though_the_signal_has_gone(client: FlaskClient, home: Path) -> None:
    gone = f"{_OWN}/pain_12_months/run/1999-01"
    assert _post(client, gone, "reviewing").status_code == 404
    Reviews(home / "reviews.sqlite").move(
        Scope(QUALITY, frozenset({_OWN}), "quality"), Move(_OWN, gone, "reviewing", 0)
    )
    assert _post(client, gone, "explained", 1, "chance").status_code == 303
    assert _post(client, gone, "closed", 2).status_code == 303
    assert [to for _, to, _, _ in _moves(home)] == ["reviewing", "explained", "closed"]


def test_a_database_that_cannot_be_used_leaves_the_charts_and_loses_nothing(client: FlaskClient, home: Path) -> None:
    signal = _signal(home, _OWN)
    (home / "reviews.sqlite").write_text("spoiled, " * 1000)
    assert _post(client, signal, "reviewing").status_code == 503
    said = _page(client, "/signals", QUALITY).text
    assert "cannot be read at the moment" in said
    assert "Neck pain at 12 months: cumulative sum" in said
    assert (home / "reviews.sqlite").read_text() == "spoiled, " * 1000


def test_without_a_line_in_the_access_log_no_move_is_made(client: FlaskClient, home: Path) -> None:
    signal = _signal(home, _OWN)
    _post(client, signal, "reviewing")
    (home / "logs" / "access.jsonl").rename(home / "logs" / "before.jsonl")
    (home / "logs" / "access.jsonl").mkdir()  # which nobody can write, whatever their rights
    answer = _post(client, signal, "explained", 1, "chance")
    assert answer.status_code == 503
    assert "The access log cannot be written, so nothing was changed." in answer.get_data(as_text=True)
    assert _moves(home) == [(signal, "reviewing", None, QUALITY)]
    (home / "logs" / "access.jsonl").rmdir()
    assert _post(client, signal, "explained", 1, "chance").status_code == 303
    assert _audited(home) == [f"review {signal} explained"]


def test_who_has_several_sites_comes_back_to_the_one_of_the_signal(home: Path) -> None:
    local = server(str(home)).test_client()
    address = f"/reviews?signal={quote(_signal(home, FOREIGN))}&after=0&release={FIRST_ID}"
    answer = local.post(address, data={"to": "reviewing"}, headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        f"/signals?site={FOREIGN}&{_moved(_signal(home, FOREIGN))}#queue",
    )
    assert [user for *_, user in _moves(home)] == ["local"]


def test_before_the_first_release_there_is_nothing_to_move(tmp_path: Path) -> None:
    local = server(str(tmp_path)).test_client()
    address = "/reviews?signal=north/a/run/2025-01&after=0"
    assert local.post(address, data={"to": "reviewing"}, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 400
