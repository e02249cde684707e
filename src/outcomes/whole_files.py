"""Files that are written whole or not at all, and for the account alone that writes them."""

import os
from pathlib import Path

from outcomes.locks import held


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file in one step, its folder too where it is missing; gives the path.

    A crash leaves the file as it was, and beside it `<name>.unfinished`, which the next writing replaces. Of several
    that write into a folder at once each has its turn.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    with held(path.parent):
        unfinished.unlink(missing_ok=True)
        with open(unfinished, "xb", opener=private) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return unfinished.replace(path)


def private(path: str, flags: int) -> int:
    """Open a file, for `open`, so that one that is made is for this account alone."""
    return os.open(path, flags, mode=0o600)
