"""What several files of these tests read: it is made once, and copied by who changes it."""

from pathlib import Path

import pytest

from outcomes.release.build import build_release
from outcomes.settings import Settings
from scripts.docs.registry import make_registry
from tests.integration.small_lake import fill_lake
from tests.support.files import made_once


def _release_small_lake(home: Path) -> None:
    settings = Settings(home=home, threads=1)
    fill_lake(settings)
    settings.sites_file.write_text("site_id,name\nnorth,North Clinic\n", encoding="utf-8")
    build_release(settings)


@pytest.fixture(scope="session")
def small_release(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home that holds the small lake and its release; of one site the name is known."""
    return Settings(home=made_once(tmp_path_factory, "small_release", _release_small_lake), threads=1)


@pytest.fixture(scope="session")
def documented_registry(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The registry that the figures in the docs come from, and its release."""
    return Settings(home=made_once(tmp_path_factory, "documented_registry", make_registry), threads=1)
