"""Outcomes after cervical fusion: from a site's extract to labels that can say why, marts and dashboards."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outcomes.release.open import Release, connect, open_release
    from outcomes.settings import Settings

    __version__: str

__all__ = ["Release", "Settings", "__version__", "connect", "open_release"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: importing a part of the package must not cost a database engine.
    if name == "__version__":
        return version("outcomes")
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module("outcomes.settings" if name == "Settings" else "outcomes.release.open"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
