"""The locks of the parts agree with the one that everything is tested with."""

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
Lock = dict[str, tuple[str, frozenset[str]]]


def lock(name: str) -> Lock:
    """By package: its version with its condition, and its hashes."""
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(r"^([a-z0-9._-]+)==(\S+).*?((?: +--hash=sha256:[0-9a-f]{64})+)$", text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^[^#\s]", text, re.MULTILINE)), "a line that is no hashed requirement"
    return {package: (version, frozenset(hashes.split())) for package, version, hashes in found}


@pytest.mark.parametrize("part", ["pipeline", "dashboards", "airflow"])
def test_the_lock_of_a_part_has_the_versions_and_hashes_that_are_tested(part: str) -> None:
    base, of_part = lock("base"), lock(part)
    assert {package: of_part[package] for package in of_part.keys() & base.keys()} == {
        package: base[package] for package in of_part.keys() & base.keys()
    }


def test_each_part_holds_what_it_needs_and_airflow_alone_more_than_is_tested() -> None:
    base, pipeline, dashboards, airflow = map(lock, ("base", "pipeline", "dashboards", "airflow"))
    assert pipeline.keys() < dashboards.keys() < airflow.keys()
    assert dashboards.keys() < base.keys()
    assert "apache-airflow" not in dashboards
    assert "flask" not in pipeline
    assert {"celery", "psycopg2-binary", "redis"} <= airflow.keys() - base.keys()
    assert base.keys() - airflow.keys() <= {"sqlalchemy"}
