"""What all tests share: a marker for each kind, set by the folder, and how long the generated ones take."""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.examples import LONG

# How long an example takes is the machine's doing and no finding.
settings.register_profile("usual", deadline=None)
settings.load_profile("usual")
settings.register_profile("long", max_examples=LONG * settings().max_examples)

TESTS = Path(__file__).parent
KINDS = {
    "unit": "one function or module, milliseconds",
    "spec": "the definitions, example by example",
    "generative": "properties over invented data, and the oracle",
    "integration": "several rooms together, through files, the lake and releases",
    "browser": "the dashboards as a server and in a browser",
    "dags": "the DAGs in an Airflow of the tests' own",
    "reliability": "what holds when things break half-way",
}


LONG_MARK = "long: one more case of what a shorter test tries; `make test-long` runs it"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", LONG_MARK)
    for kind, meaning in KINDS.items():
        config.addinivalue_line("markers", f"{kind}: {meaning}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(item.path.relative_to(TESTS).parts[0])
