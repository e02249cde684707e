"""Where data lies: a folder of this machine, or the objects below a URL of an object store.

Both have files by name (`patients/part-0.parquet`), written whole or not at all. An object can also be written on the
condition that nobody has written it meanwhile, by which machines take turns without a lock of the file system.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import from_url

from outcomes.errors import OutcomesError
from outcomes.settings import Settings
from outcomes.whole_files import private

if TYPE_CHECKING:
    from obstore import PutMode, UpdateVersion
    from obstore.store import ObjectStore

_AT_ONCE = 8
"""Objects that are fetched or sent at the same time."""

Version = Mapping[str, str]
"""Which writing of an object, in the store's own terms."""


@dataclass(frozen=True)
class Remote:
    """A place in an object store, and the folder of this machine for copies of its objects."""

    url: str
    copies: Path


@dataclass(frozen=True)
class Entry:
    """What is known of a file without reading it: bytes, when it was written (seconds since 1970), which writing."""

    size: int
    written: float
    version: str


class Place(Protocol):
    """Files below one folder or URL, by name; a name's parts have `/` between."""

    @property
    def uri(self) -> str:
        """The folder or URL."""

    def entries(self, below: str = "") -> dict[str, Entry]:
        """The files below a folder of the place, by name, in order."""

    def read(self, name: str) -> bytes:
        """What a file holds; FileNotFoundError where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""

    def rename(self, folder: str, to: str) -> None:
        """Give a folder another name."""


def lake_place(settings: Settings) -> Path | Remote:
    """Where the lake of an installation is."""
    return Remote(settings.lake_url, settings.copies / "lake") if settings.lake_url else settings.lake


def place_at(root: Path | Remote) -> Folder | Objects:
    """The files below a folder, or below a URL."""
    return Objects(root) if isinstance(root, Remote) else Folder(root)


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    path: Path

    @property
    def uri(self) -> str:
        """The folder."""
        return str(self.path)

    def entries(self, below: str = "") -> dict[str, Entry]:
        """See `Place`."""
        return dict(sorted(_entries(str(self.path / below), f"{below}/" if below else "")))

    def read(self, name: str) -> bytes:
        """See `Place`."""
        return (self.path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """See `Place`."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_bytes(content)
        unfinished.replace(file)

    def remove(self, names: Iterable[str]) -> None:
        """See `Place`."""
        for name in names:
            file = self.path / name
            file.unlink()
            for folder in takewhile(self.path.__ne__, file.parents):
                if any(folder.iterdir()):
                    break
                folder.rmdir()

    def rename(self, folder: str, to: str) -> None:
        """See `Place`."""
        (self.path / folder).rename(self.path / to)


class Objects:
    """The objects below a URL, and copies of them on this machine, which never change: a name is never used again.

    Raises:
        OutcomesError: place_unreachable, from each method.
    """

    def __init__(self, remote: Remote) -> None:
        self.uri = remote.url
        self._copies = remote.copies

    def entries(self, below: str = "") -> dict[str, Entry]:
        """See `Place`."""
        with self._reached():
            # A prefix in the sense of object_store ends at a `/`, as a folder's name does.
            found = [one for page in obstore.list(self._store, below or None, chunk_size=1000) for one in page]
        return {
            one["path"]: Entry(one["size"], one["last_modified"].timestamp(), _writing(one["e_tag"]))
            for one in sorted(found, key=lambda one: one["path"])
        }

    def folders(self) -> list[str]:
        """The names of the folders that are not within another one."""
        with self._reached():
            return sorted(obstore.list_with_delimiter(self._store)["common_prefixes"])

    def read(self, name: str) -> bytes:
        """See `Place`."""
        return self.read_version(name)[0]

    def read_version(self, name: str) -> tuple[bytes, Version]:
        """What an object holds, and which writing that is.

        Raises:
            FileNotFoundError: there is none.
        """
        with self._reached():
            found = obstore.get(self._store, name)
            return bytes(found.bytes()), _version(found.meta["e_tag"], found.meta["version"])

    def write_over(self, name: str, content: bytes, seen: str | None) -> str | None:
        """Write an object over the writing that was seen, as `Entry` has it (None: there was none).

        Returns:
            Which writing it is now, also when it held this already; None when it is somebody else's, which stays.
        """
        there = None if seen is None else self._head(name)
        is_as_seen = seen is None if there is None else _writing(there.get("e_tag")) == seen
        if is_as_seen and (written := self.write_if(name, content, there)):
            return _writing(written.get("e_tag"))
        try:
            found, version = self.read_version(name)
        except FileNotFoundError:
            return None
        return _writing(version.get("e_tag")) if found == content else None

    def _head(self, name: str) -> Version | None:
        try:
            with self._reached():
                found = obstore.head(self._store, name)
        except FileNotFoundError:
            return None
        return _version(found["e_tag"], found["version"])

    def write(self, name: str, content: bytes) -> None:
        """See `Place`."""
        with self._reached():
            obstore.put(self._store, name, content)

    def write_if(self, name: str, content: bytes, version: Version | None) -> Version | None:
        """Write an object, unless it was written since; None: unless there is one.

        Returns:
            Which writing this is; None when nothing was written.
        """
        with self._reached():
            try:
                condition: PutMode = "create" if version is None else cast("UpdateVersion", version)
                written = obstore.put(self._store, name, content, mode=condition)
            except (AlreadyExistsError, PreconditionError):
                return None
            except FileNotFoundError:
                if version is None:  # there is no such bucket: whoever waits for a turn would wait for ever
                    raise OutcomesError("place_unreachable", f"{self.uri}: NotFoundError") from None
                return None
        return _version(written["e_tag"], written["version"])

    def send(self, folder: Path, to: str, names: Collection[str]) -> None:
        """Write files of a folder of this machine as objects below a name."""

        def one(name: str) -> None:
            with self._reached():
                obstore.put(self._store, f"{to}/{name}", folder / name)

        with ThreadPoolExecutor(_AT_ONCE) as at_once:
            list(at_once.map(one, names))

    def remove(self, names: Iterable[str]) -> None:
        """See `Place`."""
        listed = list(names)
        if listed:
            with self._reached():
                obstore.delete(self._store, listed)

    def rename(self, folder: str, to: str) -> None:
        """See `Place`; object by object."""
        with self._reached():
            for name in self.entries(folder):
                obstore.rename(self._store, name, to + name.removeprefix(folder))

    def here(self, names: Collection[str]) -> list[str]:
        """Paths of this machine's copies of objects, in their order; of an object that is gone there is none."""
        with ThreadPoolExecutor(_AT_ONCE) as at_once:
            return list(at_once.map(lambda name: str(self.fetched(name, self._copies / name)), names))

    def fetched(self, name: str, file: Path) -> Path:
        """Copy an object to a file of this machine, if that is not there; of one that is gone there is no copy."""
        try:
            told = file.stat()
        except FileNotFoundError:
            pass
        else:
            # The time of the last use, by which `forget_others` goes; that of the last change stays.
            os.utime(file, ns=(time.time_ns(), told.st_mtime_ns))
            return file
        self.fetch(name, file)
        return file

    def fetch(self, name: str, file: Path, written: float | None = None) -> str | None:
        """Copy an object to a file of this machine, whole, in place of what is there.

        Args:
            name: of the object.
            file: where to.
            written: when the file shall have been written (seconds since 1970); else it is now.

        Returns:
            Which writing it is, as `Entry` has it; None when it is gone, and then the file is as it was.
        """
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = file.with_name(f".fetched.{os.getpid()}-{threading.get_ident()}")
        try:
            with self._reached():
                found = obstore.get(self._store, name)
                with open(unfinished, "wb", opener=private) as copy:
                    for part in found.stream():
                        copy.write(part)
            if written is not None:
                os.utime(unfinished, (written, written))
            unfinished.replace(file)
        except FileNotFoundError:
            return None
        finally:
            unfinished.unlink(missing_ok=True)
        return _writing(found.meta["e_tag"])

    def forget_others(self, below: str, names: Collection[str], unused: float) -> None:
        """Of the objects below a name, drop the copies of all others, once not used for so many seconds."""
        wanted = {str(self._copies / name) for name in names}
        limit = time.time() - unused
        for folder, _, files in os.walk(self._copies / below):
            for file in (Path(folder, name) for name in files):
                with suppress(FileNotFoundError):  # somebody else of this machine has dropped it
                    if str(file) not in wanted and file.stat().st_atime <= limit:
                        file.unlink()

    @cached_property
    def _store(self) -> ObjectStore:
        with self._reached():
            return _store_of(self.uri, os.getpid())

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Name what fails while the store is asked; its own words may hold what was sent."""
        try:
            yield
        except NotFoundError:
            raise FileNotFoundError(self.uri) from None
        except (AlreadyExistsError, PreconditionError):
            raise
        except BaseError as error:
            raise OutcomesError("place_unreachable", f"{self.uri}: {type(error).__name__}") from None


def _entries(folder: str, prefix: str) -> Iterator[tuple[str, Entry]]:
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path, f"{prefix}{entry.name}/")
            elif told := stat_of(entry):
                yield f"{prefix}{entry.name}", Entry(told.st_size, told.st_mtime, str(told.st_mtime_ns))


def stat_of(listed: os.DirEntry[str] | Path) -> os.stat_result | None:
    """What is known of a file that was listed; None when it is gone since, as what another process had unfinished."""
    try:
        return listed.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


@cache
def _store_of(url: str, process: int) -> ObjectStore:
    """The store at a URL, with the credentials of the environment.

    Raises:
        RuntimeError: a process that has asked a store was forked; the library's threads are gone, so that the child
            would wait for ever.
    """
    if _first_to_ask() != process:
        raise RuntimeError("an object store was asked before the process was forked")
    return from_url(url)


@cache
def _first_to_ask() -> int:
    return os.getpid()


def _writing(e_tag: str | None) -> str:
    """Which writing of an object a store tells; some tell it with quotation marks here and without there."""
    return (e_tag or "").strip('"')


def _version(e_tag: str | None, version: str | None) -> Version:
    return {name: told for name, told in (("e_tag", e_tag), ("version", version)) if told}
