"""Find the folders that ship with the package: sql, expectations, dags."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def shipped(*parts: str) -> Path:
    """Path of a shipped file or folder, in a checkout and in an installed wheel alike."""
    inside_wheel = _PACKAGE / "_shipped"
    root = inside_wheel if inside_wheel.is_dir() else _PACKAGE.parents[1]
    return root.joinpath(*parts)
