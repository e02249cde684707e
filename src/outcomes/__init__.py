"""Outcomes after cervical fusion: from a site's extract to labels that can say why, marts and dashboards."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outcomes.release.open import connect

__all__ = ["connect"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: importing a part of the package must not cost a database engine.
    if name == "connect":
        from outcomes.release.open import connect  # noqa: PLC0415

        return connect
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
