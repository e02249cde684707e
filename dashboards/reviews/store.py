"""The database of what people write in the dashboards: the moves of the review queue, and who pinned which measure.

It is `OUTCOMES_HOME/reviews.sqlite`, which several server processes may write.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from outcomes.errors import OutcomesError
from outcomes.locks import one_at_a_time

_VERSION = 3
_WAITS = 30.0  # seconds, for another process to finish what it writes
_MOVES = """
create table moves (
    signal text not null,
    turn integer not null check (turn >= 1),
    site_id text not null,
    moved_from text not null check (moved_from in ('new', 'reviewing', 'explained', 'acting')),
    moved_to text not null check (moved_to in ('reviewing', 'explained', 'acting', 'closed')),
    finding text check ((finding is not null) = (moved_to in ('explained', 'acting'))),
    action text check ((action is not null) = (moved_to = 'acting')),
    owner text check ((owner is not null) = (moved_to = 'acting')),
    due text check ((due is not null) = (moved_to = 'acting')),
    outcome text check ((outcome is not null) = (moved_from = 'acting' and moved_to = 'closed')),
    user text not null,
    at text not null,
    primary key (signal, turn)
)
"""
_FROM_VERSION_1 = f"""
alter table moves rename to moves_of_version_1;
{_MOVES};
insert into moves (signal, turn, site_id, moved_from, moved_to, finding, user, at)
select signal, turn, site_id, moved_from, moved_to, explanation, user, at
from moves_of_version_1
order by rowid;
drop table moves_of_version_1
"""
_PINS = """
create table pins (
    user text not null,
    measure text not null,
    primary key (user, measure)
)
"""
_STEPS = {0: f"{_MOVES};{_PINS}", 1: f"{_FROM_VERSION_1};{_PINS}", 2: _PINS}
"""What makes a database of each earlier version, or a new one, one of this version."""


class Store:
    """The database.

    Args:
        path: its file; it is made with the first thing written, for this user's eyes only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def exists(self) -> bool:
        """Whether anything has ever been written."""
        return self._path.exists()

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """A connection that commits each statement by itself, outside of a `transaction`.

        Raises:
            OutcomesError: `reviews_malformed` - the database cannot be used.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Before SQLite makes the file, for its rights: the files that SQLite puts beside it take them over.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise OutcomesError("reviews_malformed", f"reviews.sqlite, {error.strerror}") from None
        try:
            with closing(sqlite3.connect(self._path, timeout=_WAITS, isolation_level=None)) as database:
                with one_at_a_time(self._path.with_suffix(".lock")):
                    _prepare(database)
                yield database
        except sqlite3.Error as error:
            raise OutcomesError("reviews_malformed", f"reviews.sqlite, {type(error).__name__}") from None


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, with the write lock from the start: what is read within stays true until the end."""
    database.execute("begin immediate")
    try:
        yield
    except BaseException:
        database.execute("rollback")
        raise
    database.execute("commit")


def _prepare(database: sqlite3.Connection) -> None:
    """Make the tables in a new file, or in one of an earlier version.

    Raises:
        OutcomesError: `reviews_malformed` - a later version of this code made the file.
    """
    version = database.execute("pragma user_version").fetchone()[0]
    if version == _VERSION:
        return
    if version > _VERSION:
        raise OutcomesError("reviews_malformed", f"reviews.sqlite, version {version}")
    if version == 0:
        database.execute("pragma journal_mode = wal")
    with transaction(database):
        for statement in _STEPS[version].split(";"):
            database.execute(statement)
        database.execute(f"pragma user_version = {_VERSION}")
