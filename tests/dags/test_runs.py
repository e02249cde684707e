"""Real runs of the DAGs over small submissions, in Airflow's own test mode."""

import ast
import importlib
import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from outcomes import pipeline
from outcomes.lake import Lake
from outcomes.settings import Settings
from tests.support.mailbox import receiving
from tests.support.submissions import fusion, patient, write_submission

PERIOD = "2025-05"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return deliver(tmp_path, monkeypatch)


def deliver(home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Two sites that deliver well, and between them one whose manifest states another row count."""
    monkeypatch.setenv("OUTCOMES_HOME", str(home))
    settings = Settings()
    tables = {"patients": [patient()], "procedures": [fusion()]}
    for site_id in ("east", "north", "south"):
        write_submission(settings, site_id, PERIOD, tables)
    (settings.landing / "north" / PERIOD / "patients.csv").write_text("changed after the manifest\n", encoding="utf-8")
    return settings


def states(run: Any) -> dict[str, list[str]]:
    """How the tasks of a run ended; of a mapped one, all of its instances in order."""
    found: dict[str, list[str]] = {}
    for task in sorted(run.get_task_instances(), key=lambda task: task.map_index):
        found.setdefault(task.task_id, []).append(str(task.state))
    return found


def events_of(run: Any, lineage: Path) -> list[dict[str, Any]]:
    """The OpenLineage events of a run's tasks, in their order; that of the run itself comes when it comes."""
    events = [json.loads(line) for line in lineage.read_text(encoding="utf-8").splitlines()]
    return [
        event
        for event in events
        if (about := event["run"]["facets"].get("airflow")) and about["dagRun"]["run_id"] == run.run_id
    ]


class Ended(NamedTuple):
    run: Any
    settings: Settings


@pytest.fixture(scope="module")
def one_refused(dags: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The run of a month in which one site's delivery is refused."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        settings = deliver(tmp_path_factory.mktemp("one_refused"), monkeypatch)
        return Ended(dags["follow_up_submissions"].test(run_conf={"partition_key": PERIOD}), settings)


def test_one_refused_site_blocks_no_other_and_shows_in_the_run(one_refused: Ended) -> None:
    run, settings = one_refused
    assert states(run) == {
        "sites_with_delivery": ["success"],
        "ingest": ["failed", "success", "success"],  # north, south, east: each month begins with another
        "update_lake": ["success"],
        "every_site_accepted": ["upstream_failed"],
    }
    assert str(run.state) == "failed"
    recorded = {site_id: Lake(settings.lake).recorded(site_id, PERIOD)[-1] for site_id in ("east", "north", "south")}
    assert {site_id: record.code for site_id, record in recorded.items()} == {
        "east": None,
        "north": "checksum_mismatch",
        "south": None,
    }


def test_lineage_tells_of_tasks_and_assets_and_of_no_record(one_refused: Ended, lineage: Path) -> None:
    events = events_of(one_refused.run, lineage)

    assert Counter((event["job"]["name"], event["eventType"]) for event in events) == {
        ("follow_up_submissions.sites_with_delivery", "START"): 1,
        ("follow_up_submissions.sites_with_delivery", "COMPLETE"): 1,
        ("follow_up_submissions.ingest", "START"): 3,
        ("follow_up_submissions.ingest", "COMPLETE"): 2,
        ("follow_up_submissions.ingest", "FAIL"): 1,
        ("follow_up_submissions.update_lake", "START"): 1,
        ("follow_up_submissions.update_lake", "COMPLETE"): 1,
    }
    assert ast.literal_eval(events[-1]["run"]["facets"]["airflow"]["task"]["outlets"]) == [
        {"uri": "lake", "extra": {}, "type": "asset"},
        {
            "uri": "lake",
            "extra": {"submissions": 2, "rows_in": 4, "rows_accepted": 4, "rows_quarantined": 0, "rows_pending": 0},
            "type": "asset_event",
        },
    ]

    # A site stands in the name of its task and in the error that refuses it, the counts in the asset: nowhere else.
    errors = [event["run"]["facets"].pop("errorMessage", {"message": None})["message"] for event in events]
    assert [message.split(":")[0] for message in errors if message] == ["checksum_mismatch"]
    tasks = [event["run"]["facets"]["airflow"]["taskInstance"].pop("rendered_map_index", None) for event in events]
    assert {site_id for site_id in tasks if site_id} == {"east", "north", "south"}
    events[-1]["run"]["facets"]["airflow"]["task"].pop("outlets")
    sent = json.dumps(events)
    assert [text for text in ("east", "north", "south", "rows_", "p000001", "sourceCode") if text in sent] == []


def test_a_run_without_a_period_fails_and_says_so(dags: dict[str, Any], settings: Settings) -> None:
    run = dags["follow_up_submissions"].test()
    assert str(run.state) == "failed"
    assert states(run)["ingest"] == ["upstream_failed"]
    assert not settings.lake.exists()


def test_the_lake_asset_stays_as_it_is_when_nothing_was_accepted(dags: dict[str, Any], settings: Settings) -> None:
    run = dags["follow_up_submissions"].test(run_conf={"partition_key": PERIOD, "site_id": "north"})
    assert str(run.state) == "failed"
    assert states(run)["update_lake"] == ["skipped"]


def test_a_month_without_any_delivery_is_no_silent_success(dags: dict[str, Any], settings: Settings) -> None:
    run = dags["follow_up_submissions"].test(run_conf={"partition_key": "2025-06"})
    assert str(run.state) == "failed"
    assert states(run) == {
        "sites_with_delivery": ["failed"],
        "ingest": ["upstream_failed"],
        "update_lake": ["skipped"],
        "every_site_accepted": ["upstream_failed"],
    }


def test_a_month_whose_deliveries_are_still_expected_may_be_empty(dags: dict[str, Any], settings: Settings) -> None:
    month = f"{date.today():%Y-%m}"
    settings.deliveries_file.write_text(
        f"site_id,first_period,last_period,due_day\neast,{month},,10\n", encoding="utf-8"
    )
    run = dags["follow_up_submissions"].test(run_conf={"partition_key": month})
    assert str(run.state) == "success"
    assert states(run)["ingest"] == ["skipped"]


def test_a_run_may_be_about_one_site(dags: dict[str, Any], settings: Settings) -> None:
    run = dags["follow_up_submissions"].test(run_conf={"partition_key": PERIOD, "site_id": "south"})
    assert str(run.state) == "success"
    assert Lake(settings.lake).recorded("east", PERIOD) == []
    assert [each.outcome for each in Lake(settings.lake).recorded("south", PERIOD)] == ["accepted"]


def test_a_late_delivery_fails_the_morning_s_check(dags: dict[str, Any], settings: Settings) -> None:
    on_time = dags["expected_deliveries"].test()
    assert str(on_time.state) == "success"
    settings.deliveries_file.write_text(
        f"site_id,first_period,last_period,due_day\neast,{PERIOD},{PERIOD},10\nwest,{PERIOD},{PERIOD},10\n",
        encoding="utf-8",
    )
    late = dags["expected_deliveries"].test()
    assert states(late) == {"deliveries_on_time": ["failed"]}


def test_the_release_is_published_once_and_every_site_of_it_gets_its_report(
    dags: dict[str, Any], settings: Settings
) -> None:
    for site_id in ("east", "south"):
        pipeline.ingest(settings, site_id, PERIOD)

    first = dags["outcome_release"].test()
    assert states(first) == {"intake_at_rest": ["success"], "publish": ["success"]}
    published = (settings.releases / "current").resolve()
    assert published.name.startswith(PERIOD)

    second = dags["outcome_release"].test()
    assert states(second) == {"intake_at_rest": ["success"], "publish": ["skipped"]}
    assert (settings.releases / "current").resolve() == published

    run = dags["outcome_reports"].test()
    assert states(run) == {"sites": ["success"], "report": ["success", "success"]}
    written = sorted(path.relative_to(settings.home).as_posix() for path in (settings.home / "reports").rglob("*"))
    assert [path for path in written if path.endswith(".html")] == [
        f"reports/east/{PERIOD}.html",
        f"reports/south/{PERIOD}.html",
    ]

    assert states(dags["outcome_digest"].test()) == {"sites": ["success"], "digest": ["success", "success"]}
    digests = sorted((settings.home / "reports").rglob("*-digest.*"))
    assert [file.relative_to(settings.reports).as_posix() for file in digests] == [
        f"{site}/{published.name}-digest.{ending}" for site in ("east", "south") for ending in ("html", "txt")
    ]


def test_a_digest_is_sent_by_the_connection_and_not_twice(
    dags: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.ingest(settings, "east", PERIOD)
    pipeline.release(settings)
    settings.digests_file.write_text("site_id,address\neast,lead@east.example\n", encoding="utf-8")
    with receiving() as (port, received):
        extra = {"from_email": "registry@registry.example", "disable_ssl": True, "disable_tls": True}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        for _ in range(2):
            assert states(dags["outcome_digest"].test()) == {"sites": ["success"], "digest": ["success"]}
    assert [one.recipients for one in received] == [["lead@east.example"]]


@pytest.mark.parametrize("extra", [{}, {"from_email": ""}])
def test_a_mail_server_without_a_sender_is_named_as_such_and_not_tried_again(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch, extra: dict[str, str]
) -> None:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowFailException

    mail = importlib.import_module("_mail")
    found = Connection(conn_id="smtp_default", conn_type="smtp", host="mail.example", extra=json.dumps(extra))
    monkeypatch.setattr(Connection, "get", lambda _: found)
    with pytest.raises(AirflowFailException, match=r"smtp_default does not say from whom .* from_email"):
        mail.mail_server()
