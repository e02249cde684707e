"""Notes on a chart as the server takes them: who may write one, what it must be, and that a file is never spoiled."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.access.log import AccessLog
from dashboards.reviews.notes import KINDS, REASONS, WITHDRAWALS, key_of, noted
from dashboards.reviews.queue import today
from outcomes.settings import Settings
from outcomes.site_files import Annotation, read_site_file
from tests.support.dashboard_client import CLINICAL, QUALITY
from tests.support.dashboard_release import FIRST_ID, FOREIGN
from tests.support.html_tree import parsed

_OWN = "ashworth"
_MEASURE = "pain_12_months"
_LINE = {"month": "2025-03", "kind": "rebase", "reason": "new_implant"}


def _post(client: FlaskClient, site: str = _OWN, measure: str = _MEASURE, **changes: str) -> TestResponse:
    address = urlencode({"site": site, "measure": measure, "release": FIRST_ID})
    headers = {"X-Forwarded-User": QUALITY, "Sec-Fetch-Site": changes.pop("origin", "same-origin")}
    return client.post(f"/annotations?{address}", data=_LINE | changes, headers=headers)


def _lines(home: Path) -> list[list[str]]:
    path = home / "annotations.csv"
    return list(csv.reader(path.open(encoding="utf-8"))) if path.exists() else []


def _withdraw(client: FlaskClient, note: str, site: str = _OWN, **changes: str) -> TestResponse:
    address = urlencode({"site": site, "measure": _MEASURE, "release": FIRST_ID})
    headers = {"X-Forwarded-User": QUALITY, "Sec-Fetch-Site": changes.pop("origin", "same-origin")}
    data = {"note": note, "reason": "wrong_month"} | changes
    return client.post(f"/annotations/withdraw?{address}", data=data, headers=headers)


def _key(home: Path, place: int = 0) -> str:
    known = {"measures": {_MEASURE: "share"}, "sites": {_OWN, FOREIGN}}
    return key_of(noted(Settings(home=home), known, _OWN, _MEASURE)[place])


def _history(home: Path) -> list[list[str]]:
    path = home / "annotations_withdrawn.csv"
    return list(csv.reader(path.open(encoding="utf-8"))) if path.exists() else []


def _said(client: FlaskClient) -> str:
    return client.get(f"/measure/{_MEASURE}", headers={"X-Forwarded-User": QUALITY}).get_data(as_text=True)


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


def test_the_page_after_a_note_says_that_it_is_recorded_or_taken_back(client: FlaskClient, home: Path) -> None:
    def said(done: str, user: str = QUALITY) -> str:
        address = f"/measure/{_MEASURE}?{done}"
        page = parsed(client.get(address, headers={"X-Forwarded-User": user}).get_data(as_text=True))
        return next(one.text for one in page.all("div") if one.get("id") == "said")

    assert said("noted=2025-03") == ""
    _post(client)
    assert said("noted=2025-03") == "Recorded: a note on March\u00a02025. The next release shows it."
    assert said("noted=2025-04") == said("noted=2025-03", CLINICAL) == said("withdrawn=2025-03") == ""
    _withdraw(client, _key(home))
    assert said("withdrawn=2025-03").startswith("Recorded: a note on March\u00a02025 is taken back.")
    assert said("noted=2025-03") == said("withdrawn=2025-03", CLINICAL) == ""


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


def test_a_note_taken_back_leaves_the_file_and_stays_in_the_history(client: FlaskClient, home: Path) -> None:
    _post(client)
    _post(client, kind="note", month="2025-04")
    form = next(one for one in parsed(_said(client)).all("form") if "/annotations/withdraw?" in one.get("action"))
    data = {one.get("name"): [*one.all("option")][1].get("value") for one in form.all("select")}
    assert data == {"note": _key(home), "reason": WITHDRAWALS[0]}
    headers = {"X-Forwarded-User": QUALITY, "Sec-Fetch-Site": "same-origin"}
    answer = client.post(form.get("action"), data=data, headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        f"/measure/{_MEASURE}?withdrawn=2025-03#trend",
    )
    header, line = _lines(home)
    assert header == [*Annotation.model_fields]
    assert line[2:4] == ["2025-04", "note"]
    kept = [_OWN, _MEASURE, "2025-03", "rebase", "", QUALITY, "New implant or technique"]
    assert _history(home)[1:] == [[*kept, today().isoformat(), QUALITY, "Noted by mistake"]]
    assert f"annotation withdrawn {_MEASURE} rebase 2025-03" in _audited(home)
    noted_so_far, _, taken_back = _said(client).partition("Taken back:")
    assert "April\u00a02025" in noted_so_far.partition("Noted so far:")[2]
    assert f"March\u00a02025: Limits start anew ({QUALITY})" in taken_back
    assert f"by {QUALITY} on {today().isoformat()}: Noted by mistake" in taken_back


def test_a_note_can_be_written_and_taken_back_again(client: FlaskClient, home: Path) -> None:
    for _ in range(2):
        assert _post(client).status_code == 303
        assert _withdraw(client, _key(home)).status_code == 303
    assert _lines(home) == [[*Annotation.model_fields]]
    assert len(_history(home)) == 2, "the same on the same day is one line"


def test_a_note_that_somebody_has_taken_back_already_is_no_more(client: FlaskClient, home: Path) -> None:
    _post(client)
    note = _key(home)
    assert _withdraw(client, note).status_code == 303
    before = (_lines(home), _history(home), len(_audited(home)))
    answer = _withdraw(client, note)
    assert answer.status_code == 409
    assert "Nothing was changed." in answer.get_data(as_text=True)
    assert (_lines(home), _history(home), len(_audited(home))) == before


def test_two_who_take_back_the_same_note_in_the_same_instant_stand_in_the_history_once(
    client: FlaskClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one waits for the other where both have found the note, if nothing keeps them apart."""
    _post(client)
    note, both = _key(home), Barrier(2)
    record = AccessLog.record

    def meet(*what: Any) -> None:
        with suppress(BrokenBarrierError):
            both.wait(timeout=2)
        record(*what)

    monkeypatch.setattr(AccessLog, "record", meet)
    with ThreadPoolExecutor() as threads:
        reasons = WITHDRAWALS[:2]
        answers = threads.map(lambda reason: _withdraw(client.application.test_client(), note, reason=reason), reasons)
        assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert len(_history(home)) == 2, "a header and one line"
    assert [view.startswith("annotation withdrawn") for view in _audited(home)].count(True) == 1


@pytest.mark.parametrize("changes", [{"reason": "patient 17 fell"}, {"reason": ""}])
def test_a_note_is_taken_back_for_a_reason_of_the_list_only(
    client: FlaskClient, home: Path, changes: dict[str, str]
) -> None:
    _post(client)
    before = _lines(home)
    answer = _withdraw(client, _key(home), **changes)
    assert answer.status_code == 400
    assert "patient 17" not in answer.get_data(as_text=True)
    assert (_lines(home), _history(home)) == (before, [])


def test_nobody_takes_back_a_note_of_a_foreign_site_or_from_elsewhere(client: FlaskClient, home: Path) -> None:
    _post(client)
    by_hand = f"{FOREIGN},{_MEASURE},2024-01,note,Moved,A. Lead,\n"
    with (home / "annotations.csv").open("a", encoding="utf-8") as file:
        file.write(by_hand)
    before = _lines(home)
    foreign = Annotation.model_construct(
        site_id=FOREIGN, measure=_MEASURE, period="2024-01", kind="note", text="Moved", author="A. Lead", reason=""
    )
    assert _withdraw(client, key_of(foreign), site=FOREIGN).status_code == 403
    assert _audited(home)[-1] == "denied annotation"
    assert _withdraw(client, key_of(foreign)).status_code == 409
    assert _withdraw(client, _key(home), origin="cross-site").status_code == 403
    assert (_lines(home), _history(home)) == (before, [])


def test_without_a_line_in_the_access_log_no_note_is_written_or_taken_back(
    client: FlaskClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _post(client)
    before, note = _lines(home), _key(home)

    def fail(*_: object) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr(AccessLog, "record", fail)
    assert _withdraw(client, note).status_code == _post(client, month="2025-04").status_code == 503
    assert (_lines(home), _history(home)) == (before, [])


def test_a_history_that_cannot_be_read_keeps_the_note_in_place(client: FlaskClient, home: Path) -> None:
    _post(client)
    before, note = _lines(home), _key(home)
    (home / "annotations_withdrawn.csv").write_text("spoiled", encoding="utf-8")
    assert _withdraw(client, note).status_code == 503
    assert _lines(home) == before
    assert (home / "annotations_withdrawn.csv").read_text() == "spoiled"
