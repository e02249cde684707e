"""Releases: build, publish, open, compare, codebook, explain, status. Call it to open one: `outcomes.release(id)`."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outcomes.release.open import Release
    from outcomes.settings import Settings


class _Callable(ModuleType):
    """This package, and the function that its users know by the same name."""

    def __call__(self, release_id: str | None = None, settings: Settings | None = None) -> Release:
        """A release that is still kept, see `outcomes.release.open.release`."""
        from outcomes.release.open import release  # noqa: PLC0415 - it needs a database engine

        return release(release_id, settings)


sys.modules[__name__].__class__ = _Callable
