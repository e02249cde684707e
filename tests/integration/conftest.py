"""What several files of these tests read: it is made once, and copied by who changes it."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from outcomes.settings import Settings
from scripts.docs.registry import make_registry
from tests.integration.small_lake import released_small_lake
from tests.support.dashboard_client import REGISTER, client_of
from tests.support.dashboard_release import write_release
from tests.support.files import made_once
from tests.support.object_store import environment, make_bucket, serving


@pytest.fixture(scope="session")
def small_release(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return released_small_lake(tmp_path_factory)


@pytest.fixture(scope="session")
def documented_registry(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The registry that the figures in the docs come from, and its release."""
    return Settings(home=made_once(tmp_path_factory, "documented_registry", make_registry), threads=1)


@pytest.fixture(scope="session")
def invented_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of releases with one that is invented mart by mart, not to be changed."""
    home = tmp_path_factory.mktemp("invented")
    write_release(home)
    return home / "releases"


@pytest.fixture
def home(invented_release: Path, tmp_path: Path) -> Path:
    """A home of its own, with that release and the register of users."""
    (tmp_path / "releases").symlink_to(invented_release)
    (tmp_path / "access.csv").write_text(REGISTER, encoding="utf-8")
    return tmp_path


@pytest.fixture
def client(home: Path) -> FlaskClient:
    """The dashboards over that home."""
    return client_of(home)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of an object store."""
    with serving() as address:
        yield address


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty bucket, which the environment can reach."""
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    return make_bucket(server, f"test-{uuid.uuid4().hex}")
