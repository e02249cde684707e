"""Files as they are at one moment."""

import shutil
from pathlib import Path

from outcomes.settings import Settings


def snapshot(*folders: Path) -> dict[str, bytes]:
    """The content of every file below the folders, by its path there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def copied(settings: Settings, home: Path) -> Settings:
    """The settings with a copy of their home, which a test may change."""
    shutil.copytree(settings.home, home, symlinks=True, dirs_exist_ok=True)
    return settings.model_copy(update={"home": home})
