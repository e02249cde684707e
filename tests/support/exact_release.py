"""A release for tests that look at its exact marts: its protected ones hold nothing.

Where counts are small nearly all the time of a release goes into protecting them, which other tests try.
"""

from typing import Any

import pyarrow as pa
import pytest

from outcomes.release import build
from outcomes.release.open import Release
from outcomes.settings import Settings
from outcomes.sql.catalog.marts import protected_marts
from tests.support.marts import table


def build_exact_release(settings: Settings) -> Release:
    """Build and publish the release of all accepted submissions, as `build_release` does, with nothing to protect."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "protected_tables", _nothing)
        return build.build_release(settings)


def _nothing(*_: Any) -> dict[str, pa.Table]:
    return {mart.name: table(mart, []) for mart in protected_marts()}
