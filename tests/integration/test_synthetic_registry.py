"""A synthetic registry through intake, lake and labelling: every planted fault caught, every label as by the oracle."""

import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from outcomes.contract import TABLES
from outcomes.errors import SubmissionRefused
from outcomes.intake.submission import ingest_submission
from outcomes.labelling.build import run
from outcomes.lake import Lake
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from outcomes.synthetic import synthesize
from tests.generative import oracle
from tests.generative.oracle import Deliveries
from tests.support.synthetic import Row, answer_key, deliveries, rows_in_force

LABEL = ("site_id", "patient_id", "label", "status", "reason", "kind", "onset_day")


@dataclass(frozen=True)
class Ingested:
    """A registry whose submissions have all been offered to the pipeline, and how each offer ended."""

    settings: Settings
    outcomes: dict[tuple[str, str], list[str]]

    def key(self, name: str) -> list[Row]:
        return answer_key(self.settings, name)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    settings = Settings(home=tmp_path_factory.mktemp("registry"))
    synthesize(settings, seed=7, sites=5, patients=400)
    ingested = Ingested(settings, {})
    for site, period, folder in _offers(ingested):
        _deliver(settings.home / folder, settings.landing / site / period)
        ingested.outcomes.setdefault((site, period), []).append(_offer(settings, site, period))
    return ingested


def _offers(registry: Ingested) -> list[tuple[str, str, str]]:
    """Every delivery of the key in the order in which it comes; the superseded version before the one that stays."""
    rows = sorted(
        registry.key("submissions"), key=lambda row: (row["period"], row["site_id"], row["status"] == "accepted")
    )
    return [(row["site_id"], row["period"], row["folder"]) for row in rows]


def _deliver(source: Path, target: Path) -> None:
    """Let a first version land where the one that stays lies ready, which is put aside until its turn."""
    aside = target.with_name(f"{target.name}-final")
    if source != target:
        target.rename(aside)
        shutil.copytree(source, target)
    elif aside.exists():
        shutil.rmtree(target)
        aside.rename(target)


def _offer(settings: Settings, site: str, period: str) -> str:
    try:
        return ingest_submission(settings, site, period).outcome
    except SubmissionRefused as refusal:
        return refusal.code


def _rows_in_lake(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        return con.execute(query).fetchall()


def test_every_submission_ends_as_the_key_says(registry: Ingested) -> None:
    expected: dict[tuple[str, str], list[str]] = {}
    for row in sorted(registry.key("submissions"), key=lambda row: row["status"] == "accepted"):
        expected.setdefault((row["site_id"], row["period"]), []).append(row["code"] or "accepted")
    assert registry.outcomes == expected


def test_the_lake_records_each_status_and_code(registry: Ingested) -> None:
    recorded = _rows_in_lake(registry.settings, "select site_id, period, status, code from submissions")
    expected = [
        (row["site_id"], row["period"], row["status"], row["code"])
        for row in registry.key("submissions")
        if row["status"] != "incomplete"
    ]
    assert sorted(recorded, key=str) == sorted(expected, key=str)


def test_quarantine_holds_the_planted_rows_and_no_other(registry: Ingested) -> None:
    found = _quarantined(registry.settings)
    planted = [row for row in registry.key("faults") if row["outcome"] != "flagged"]
    final = Counter(
        (row["site_id"], row["period"], row["source_table"], row["record_id"], row["outcome"]) for row in planted
    )
    assert Counter(place for place, _ in found) == final
    assert {row["outcome"] for row in planted} == {"quarantined", "pending", "blanked"}
    rules = dict(found)
    missed = [
        row
        for row in planted
        if row["rule"]
        not in rules[row["site_id"], row["period"], row["source_table"], row["record_id"], row["outcome"]]
    ]
    assert missed == []


def _quarantined(settings: Settings) -> list[tuple[tuple[str, str, str, str, str], list[str]]]:
    """Place, outcome and rule codes of each row in quarantine of the submissions in force."""
    accepted = _rows_in_lake(
        settings, "select site_id, period, submission_id from submissions where status = 'accepted'"
    )
    rows = []
    for site, period, submission in accepted:
        for file in sorted((settings.quarantine / site / period / submission).glob("*.parquet")):
            table: pa.Table = parquet.read_table(file)
            keys = table[TABLES[file.stem].key].to_pylist()
            kept = zip(keys, table["outcome"].to_pylist(), table["rules"].to_pylist(), strict=True)
            rows += [((site, period, file.stem, key, outcome), rules.split(";")) for key, outcome, rules in kept]
    return rows


def test_every_kind_of_row_fault_was_planted(registry: Ingested) -> None:
    kinds = {row["kind"] for row in registry.key("faults")}
    assert kinds == {
        *("type", "range", "closed_list", "orphan", "duplicate_key", "unit_missing", "total_not_items"),
        *("end_before_start", "after_death", "beyond_thirty_years", "malformed_code", "malformed_level"),
        "encounter_unknown",
    }


def test_planted_warnings_are_flagged_and_stay(registry: Ingested) -> None:
    flagged = set(
        _rows_in_lake(registry.settings, "select site_id, diagnosis_id from diagnoses where flags like '%DIA-004%'")
    )
    planted = {(row["site_id"], row["record_id"]) for row in registry.key("faults") if row["outcome"] == "flagged"}
    assert planted
    assert planted <= flagged


def test_the_oracle_says_the_same_of_every_label(registry: Ingested) -> None:
    """The rows come from the files as they landed, so that what the lake holds is proven with what is made of it."""
    expected = set()
    for site, tables in rows_in_force(registry.settings).items():
        sent = deliveries(registry.settings, site)
        histories: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for table, rows in tables.items():
            for row in rows:
                histories[row["patient_id"]][table].append(row)
        expected |= {
            (site, patient, name, result.status, result.reason, result.kind, result.onset_day)
            for patient, history in histories.items()
            if "patients" in history
            for name, result in (oracle.label_patient(history, Deliveries(sent, max(sent))) or {}).items()
        }
    assert expected
    with connect(registry.settings) as con:
        assert Lake(registry.settings.lake).attach_sound(con) == []
        run(con)
        found = con.execute(f"select {', '.join(LABEL)} from labels").fetchall()
    assert len(found) == len(set(found))
    assert set(found) - expected == set()
    assert expected - set(found) == set()
