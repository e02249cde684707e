"""Landing and quarantine in an object store. A folder of this machine is their working copy, site by site.

Whoever holds a site's lock makes the copy what is there, works in it as in any folder, and sends what has changed. A
store can rename nothing, so what is sent is first put aside, then listed in a journal, and only then written to its
place and removed from it: a crash before the journal changes nothing, and after it the next holder does the rest.
"""

import json
import logging
import os
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.places import Entry, Folder, Objects, Remote
from outcomes.settings import Settings
from outcomes.site_files import SITE_ID
from outcomes.whole_files import write_whole

WRITTEN_LAST = "manifest.json"
"""The file that a delivery lacks until all its others are there."""

_log = logging.getLogger(__name__)
_AT_ONCE = 8
_LONGEST_NAME = 255
"""Bytes of a file's name."""
_JOURNAL = "journal"


class _Known(NamedTuple):
    """A file as it was fetched or sent: which writing of the object it is, and size and time of the copy."""

    version: str
    size: int
    changed: str

    def is_in(self, copy: Entry | None) -> bool:
        """Whether the copy is still as it was then."""
        return copy is not None and (copy.size, copy.version) == (self.size, self.changed)


@dataclass(frozen=True)
class _Journal:
    """What is to be done: names of objects, each with the writing that its holder saw (None: there was none).

    Attributes:
        staged: below which name the new contents are.
        written: objects to write.
        removed: objects to remove.
    """

    staged: str
    written: Mapping[str, str | None]
    removed: Mapping[str, str]


class WorkingCopy:
    """The objects below a URL, `<site>/…`, and the folder of this machine that is their copy.

    Raises:
        OutcomesError: place_unreachable, from each method that asks the store.
    """

    def __init__(self, remote: Remote) -> None:
        self._url = remote.url
        self._objects = Objects(remote)
        self._folder = remote.copies
        self._states = remote.copies.with_name(f"{remote.copies.name}.known")

    def sites_behind(self, site_id: str | None = None) -> list[str]:
        """The sites, or whether it is this one, whose copy is not what is there; one request tells."""
        if site_id:
            there = {site_id: self._objects.entries(site_id)} if _is_site(site_id) else {}
        else:
            there = self._of_all_sites()
        return sorted(site for site, entries in there.items() if self._differing(site, _files(entries)))

    def _of_all_sites(self) -> dict[str, dict[str, Entry]]:
        """What is there of each site; one whose objects cannot be listed, as of a name like `a//b`, is left out."""
        there: dict[str, dict[str, Entry]] = {folder.name: {} for folder in self._folder.glob("*") if folder.is_dir()}
        try:
            for name, entry in self._objects.entries().items():
                there.setdefault(name.partition("/")[0], {})[name] = entry
        except OutcomesError:
            for site in {*there, *self._objects.folders()}:
                try:
                    there[site] = self._objects.entries(site)
                except OutcomesError as error:
                    _log.warning("deliveries of a site cannot be listed: %s/%s", error.where, site)
                    there.pop(site, None)
        return {site: entries for site, entries in there.items() if _is_site(site)}

    @private_files()
    def fetch(self, site_id: str) -> None:
        """Make the copy of a site what is there; what was changed in it and never sent is lost.

        Whoever calls holds the site's lock of this machine.
        """
        there = _files(self._objects.entries(site_id))
        self._folder.mkdir(parents=True, exist_ok=True)
        differing = self._differing(site_id, there)
        if not differing:
            return
        for name in Folder(self._folder).entries(site_id).keys() - there.keys():
            (self._folder / name).unlink()
        _remove_empty_folders(self._folder / site_id)
        known = {name: one for name, one in self._known(site_id).items() if name not in differing}
        for names in _manifests_last(differing & there.keys()):
            with ThreadPoolExecutor(_AT_ONCE) as at_once:
                fetched = at_once.map(lambda name: self._fetch_one(name, there[name].written), names)
                known |= {name: one for name, one in zip(names, fetched, strict=True) if one}
        self._date_folders(there)
        self._remember(site_id, known)

    def finish(self, site_id: str) -> None:
        """Do the rest of what a former holder of the site's lock has begun to send; what it only put aside is dropped.

        Whoever calls holds the lock among all machines.
        """
        aside = list(self._objects.entries(_aside(site_id)))
        journal = f"{_aside(site_id)}/{_JOURNAL}"
        if journal in aside:
            begun = _Journal(**json.loads(self._objects.read(journal)))
            self._apply(site_id, begun, lambda name: self._objects.read(f"{begun.staged}/{name}"))
            self._objects.remove([journal])
        self._objects.remove(name for name in aside if name != journal)

    def send(self, site_id: str) -> None:
        """Send what has changed in the copy of a site since it was fetched or sent: all of it, or after a crash none.

        Raises:
            OutcomesError: place_changed, when what would be written over or removed is no longer what was fetched. It
                stays as it is.
        """
        known, here = self._known(site_id), Folder(self._folder).entries(site_id)
        changed = [name for name, copy in here.items() if name not in known or not known[name].is_in(copy)]
        journal = _Journal(
            staged=f"{_aside(site_id)}/{uuid.uuid4().hex}",
            written={name: known[name].version if name in known else None for name in changed},
            removed={name: one.version for name, one in known.items() if name not in here},
        )
        if not journal.written and not journal.removed:
            return
        self._check_as_seen(site_id, journal)
        self._objects.send(self._folder, journal.staged, changed)
        listed = f"{_aside(site_id)}/{_JOURNAL}"
        if self._objects.write_if(listed, json.dumps(asdict(journal)).encode(), None) is None:
            raise OutcomesError("place_changed", f"{self._url}/{site_id}")
        versions = self._apply(site_id, journal, lambda name: (self._folder / name).read_bytes())
        self._objects.remove([listed])
        self._objects.remove(f"{journal.staged}/{name}" for name in changed)
        kept = {name: one for name, one in known.items() if name in here and name not in changed}
        sent = {one: _Known(version, here[one].size, here[one].version) for one, version in versions.items() if version}
        self._remember(site_id, kept | sent)
        if None in versions.values():
            raise OutcomesError("place_changed", f"{self._url}/{site_id}")

    def versions(self, folder: Path) -> dict[str, str]:
        """Which writings the files of a folder of the copy are, by name; the same on each machine."""
        below = folder.relative_to(self._folder).as_posix()
        known = self._known(below.partition("/")[0])
        return {name: one.version for name, one in sorted(known.items()) if name.startswith(f"{below}/")}

    def _check_as_seen(self, site_id: str, journal: _Journal) -> None:
        there = {name: entry.version for name, entry in self._objects.entries(site_id).items()}
        for name, seen in {**journal.written, **journal.removed}.items():
            if there.get(name) != seen:
                raise OutcomesError("place_changed", f"{self._url}/{site_id}")

    def _apply(self, site_id: str, journal: _Journal, content: Callable[[str], bytes]) -> dict[str, str | None]:
        """Do what a journal lists, or the rest of it; a delivery's manifest comes last, and goes first.

        Returns:
            Which writing each object is now that was written; None of each that somebody else has written since it was
            seen, which stays.
        """
        there = {name: entry.version for name, entry in self._objects.entries(site_id).items()}
        gone = [name for name, seen in journal.removed.items() if there.get(name) == seen]
        versions: dict[str, str | None] = {
            name: None for name, seen in journal.removed.items() if there.get(name, seen) != seen
        }
        tables, manifests = _manifests_last(journal.written)
        self._objects.remove(name for name in gone if _is_manifest(name))
        versions |= self._write(journal, tables, content)
        self._objects.remove(name for name in gone if not _is_manifest(name))
        return versions | self._write(journal, manifests, content)

    def _write(self, journal: _Journal, names: Iterable[str], content: Callable[[str], bytes]) -> dict[str, str | None]:
        def one(name: str) -> str | None:
            try:
                return self._objects.write_over(name, content(name), journal.written[name])
            except FileNotFoundError:  # one whose lock was lost put it aside, another dropped it
                return None

        with ThreadPoolExecutor(_AT_ONCE) as at_once:
            return dict(zip(names, at_once.map(one, names), strict=True))

    def _differing(self, site_id: str, there: Mapping[str, Entry]) -> set[str]:
        """The files of a site that are not the same here and there, or only in one of the two."""
        known, here = self._known(site_id), Folder(self._folder).entries(site_id)
        return {
            name
            for name in known.keys() | here.keys() | there.keys()
            if name not in known
            or name not in there
            or known[name].version != there[name].version
            or not known[name].is_in(here.get(name))
        }

    def _fetch_one(self, name: str, written: float) -> _Known | None:
        file = self._folder / name
        version = self._objects.fetch(name, file, written)
        if version is None:
            file.unlink(missing_ok=True)
            return None
        told = file.stat()
        return _Known(version, told.st_size, str(told.st_mtime_ns))

    def _date_folders(self, there: Mapping[str, Entry]) -> None:
        """Let each folder be as old as the newest of what it holds, by which it is removed."""
        newest: dict[str, float] = {}
        for name, entry in there.items():
            for folder in map(str, PurePosixPath(name).parents):
                newest[folder] = max(newest.get(folder, 0.0), entry.written)
        for folder, written in newest.items():
            with suppress(FileNotFoundError):  # its objects went while they were fetched
                os.utime(self._folder / folder, (written, written))

    def _known(self, site_id: str) -> dict[str, _Known]:
        try:
            stored = json.loads((self._states / f"{site_id}.json").read_bytes())
        except FileNotFoundError:
            return {}
        return {name: _Known(*one) for name, one in stored.items()}

    def _remember(self, site_id: str, known: Mapping[str, _Known]) -> None:
        write_whole(self._states / f"{site_id}.json", json.dumps(known).encode())


def landing_copy(settings: Settings) -> WorkingCopy | None:
    """The working copy of landing, if that is in an object store."""
    return WorkingCopy(Remote(settings.landing_url, settings.landing)) if settings.landing_url else None


def quarantine_copy(settings: Settings) -> WorkingCopy | None:
    """The working copy of quarantine, if that is in an object store."""
    return WorkingCopy(Remote(settings.quarantine_url, settings.quarantine)) if settings.quarantine_url else None


def _is_site(name: str) -> bool:
    return re.fullmatch(SITE_ID, name) is not None


def _aside(site_id: str) -> str:
    """Where a site's journal is, and what is put aside; a name that no site has."""
    return f".sending/{site_id}"


def _files(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """The objects that can be files: none that is a folder to others, as consoles make them, or has too long a name."""
    folders = {str(folder) for name in entries for folder in PurePosixPath(name).parents}
    return {
        name: entry
        for name, entry in entries.items()
        if name not in folders and max(map(len, name.encode().split(b"/"))) <= _LONGEST_NAME
    }


def _manifests_last(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """The names in order: those of manifests apart."""
    ordered = sorted(names)
    return [name for name in ordered if not _is_manifest(name)], [name for name in ordered if _is_manifest(name)]


def _is_manifest(name: str) -> bool:
    return name.rpartition("/")[2] == WRITTEN_LAST


def _remove_empty_folders(folder: Path) -> None:
    for path, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):  # it holds something
            Path(path).rmdir()
