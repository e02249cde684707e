"""What the tests of the pages share."""

from pathlib import Path

import pytest

from tests.support.dashboard_release import write_release


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a release of invented numbers."""
    folder = tmp_path_factory.mktemp("home")
    write_release(folder)
    return folder
