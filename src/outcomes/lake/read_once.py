"""Files of the lake that a process has read: a file is never changed, so what it holds is read once.

A month is judged beside all that the site has sent before: to read that each time would cost a month ever more.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

_Version = tuple[str, int, int]
"""A file, when it was written, and how long it is."""

_FOUND: defaultdict[str, dict[_Version, pa.Table]] = defaultdict(dict)
"""By what was sought, what each file holds of it."""


def read_once(sought: str, files: Sequence[str], read: Callable[[Sequence[str]], pa.Table]) -> pa.Table:
    """What files hold; those that this process has read since they were written are not read again.

    What is known of other files is forgotten: they are gone, or of a site that is not looked at any more.

    Args:
        sought: a name for what `read` seeks in files of which table.
        files: of one table.
        read: gives the rows that files hold, none of no files; the column `file` of a row says which holds it.

    Returns:
        The rows of all files, in the order of the files.

    Raises:
        OSError: a file is gone.
    """
    versions = [(file, told.st_mtime_ns, told.st_size) for file in files for told in [Path(file).stat()]]
    known = _FOUND[sought]
    for other in known.keys() - set(versions):
        del known[other]
    if unread := [version for version in versions if version not in known]:
        rows = read([file for file, *_ in unread])
        known |= {version: rows.filter(pc.equal(rows["file"], version[0])) for version in unread}
    return pa.concat_tables(known[version] for version in versions) if versions else read([])
