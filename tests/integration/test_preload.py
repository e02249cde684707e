"""What workers import before they fork is all that an intake would import for seconds."""

import subprocess
import sys
from pathlib import Path

from outcomes.settings import Settings
from outcomes.synthetic import synthesize

_PROGRAM = """
import sys

import outcomes.preload
from outcomes import pipeline
from outcomes.settings import Settings

from outcomes.intake.expectations import _metric

before = set(sys.modules)
made = _metric.cache_info().misses
[first] = pipeline.landed(Settings(), ["alder"])[:1]
pipeline.ingest(Settings(), first.site_id, first.period)
assert _metric.cache_info().hits
assert _metric.cache_info().misses == made
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_an_intake_imports_nothing_large_and_makes_no_expectation_after_it(tmp_path: Path) -> None:
    synthesize(Settings(home=tmp_path), patients=20, sites=1, months=0)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={"OUTCOMES_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    large = {"duckdb", "great_expectations", "pandas", "scipy", "sqlglot"}
    assert not large & set(done.stdout.split())
