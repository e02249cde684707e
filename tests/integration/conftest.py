"""What several files of these tests read: it is made once, and copied by who changes it."""

import pytest

from outcomes.release.build import build_release
from outcomes.settings import Settings
from tests.integration.small_lake import fill_lake


@pytest.fixture(scope="session")
def small_release(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home that holds the small lake and its release."""
    settings = Settings(home=tmp_path_factory.mktemp("small_release"), threads=1)
    fill_lake(settings)
    build_release(settings)
    return settings
