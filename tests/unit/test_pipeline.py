"""The steps as their callers see them."""

from pathlib import Path

import pytest

from outcomes import pipeline
from outcomes.errors import OutcomesError, SubmissionRefused, UnexpectedError
from outcomes.lake import SubmissionRecord
from outcomes.settings import Settings

SECRET = "Jane-Doe-1951"


def _fail(_: Settings, site_id: str, period: str) -> SubmissionRecord:
    if site_id == "locked":
        raise PermissionError(13, "Permission denied", "landing/locked/2026-01")
    if site_id == "bad":
        raise ValueError(SECRET)
    if site_id == "refused":
        raise SubmissionRefused("file_empty", "patients")
    return SubmissionRecord(f"{site_id}-{period}", site_id, period, 1, "accepted")


def test_an_error_without_a_name_quotes_nothing_and_stops_no_other_site(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("outcomes.intake.submission.ingest_submission", _fail)
    done: list[str] = []
    pairs = [("bad", "2026-01"), ("refused", "2026-01"), ("good", "2026-01")]
    with pytest.raises(UnexpectedError) as error:
        pipeline.ingest_each(Settings(home=tmp_path), pairs, lambda result: done.append(result.site_id))
    assert done == ["refused", "good"]
    assert str(error.value) == "bad/2026-01: ValueError"
    assert error.value.__suppress_context__


def test_a_fault_of_the_machine_is_named_and_stops_no_other_site(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("outcomes.intake.submission.ingest_submission", _fail)
    done: list[str] = []
    pairs = [("locked", "2026-01"), ("good", "2026-01")]
    with pytest.raises(OutcomesError) as error:
        pipeline.ingest_each(Settings(home=tmp_path), pairs, lambda result: done.append(result.site_id))
    assert done == ["good"]
    assert (error.value.code, error.value.where) == ("access_denied", "locked/2026-01: landing/locked/2026-01")
