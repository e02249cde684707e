"""ZIP files of a few named files, the same bytes for the same content."""

import io
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from outcomes.errors import OutcomesError
from outcomes.whole_files import write_whole

_AT_MOST_BYTES = 2**30
"""Of all files in an archive: far more than the protected marts of a large registry have."""


def write_archive(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a new archive.

    Raises:
        OutcomesError: folder_not_empty, there is such a file.
    """
    if path.exists():
        raise OutcomesError("folder_not_empty", path.name)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, held in files.items():
            archive.writestr(zipfile.ZipInfo(name), held, zipfile.ZIP_DEFLATED)  # without a time of its own: 1980
    write_whole(path, content.getvalue())


def read_archive(path: Path, names: Iterable[str], mistake: str) -> dict[str, bytes]:
    """The files of these names, and no other may be there.

    Raises:
        OutcomesError: the `mistake`, when it cannot be read, or holds others or more than it may.
    """
    wanted = sorted(names)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if sorted(info.filename for info in infos) != wanted:
                raise OutcomesError(mistake, f"{path.name} must hold {', '.join(wanted)}")
            if sum(info.file_size for info in infos) > _AT_MOST_BYTES:
                raise OutcomesError(mistake, f"{path.name} is too large")
            return {info.filename: archive.read(info) for info in infos}
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        raise OutcomesError(mistake, path.name) from None
