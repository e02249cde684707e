"""Files as they are at one moment."""

from pathlib import Path


def snapshot(*folders: Path) -> dict[str, bytes]:
    """The content of every file below the folders, by its path there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
