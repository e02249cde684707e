"""Outcomes after cervical fusion: from a site's extract to labels that can say why, marts and dashboards."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outcomes.release.open import connect, release

__all__ = ["connect", "release"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: importing a part of the package must not cost a database engine.
    if name == "connect":
        from outcomes.release.open import connect  # noqa: PLC0415

        return connect
    if name == "release":
        return import_module("outcomes.release")  # which can be called
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
