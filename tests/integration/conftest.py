"""What several files of these tests read: it is made once, and copied by who changes it."""

import pytest

from outcomes.settings import Settings
from scripts.docs.registry import make_registry
from tests.integration.small_lake import released_small_lake
from tests.support.files import made_once


@pytest.fixture(scope="session")
def small_release(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return released_small_lake(tmp_path_factory)


@pytest.fixture(scope="session")
def documented_registry(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The registry that the figures in the docs come from, and its release."""
    return Settings(home=made_once(tmp_path_factory, "documented_registry", make_registry), threads=1)
