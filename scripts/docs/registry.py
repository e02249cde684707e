"""A small registry of invented patients, the same every time, that the figures in the docs come from."""

from pathlib import Path

from outcomes import pipeline
from outcomes.settings import Settings
from outcomes.synthetic import synthesize

PATIENTS = 1500
SITES = 3
SEED = 7


def make_registry(home: Path) -> Settings:
    """Invent the registry below `home`, take it in and release it."""
    # One thread, so that a mean is always the sum of the same numbers in the same order.
    settings = Settings(home=home, threads=1)
    synthesize(
        settings, seed=SEED, sites=SITES, patients=PATIENTS, months=0, until="2026-06", faults=False, stories=False
    )
    pipeline.ingest_landed(settings)
    pipeline.release(settings)
    return settings
