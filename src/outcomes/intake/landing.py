"""What has landed: the folders in which sites deliver, and the register of sites."""

import os.path
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from outcomes.intake.manifest import MANIFEST
from outcomes.periods import is_month
from outcomes.settings import Settings
from outcomes.shared_locks import look_into_landing
from outcomes.site_files import SITE_ID, site_names


@dataclass(frozen=True)
class Delivery:
    """One folder `landing/<site>/<period>`; it is complete once its manifest is there, whatever that may be."""

    site_id: str
    period: str
    folder: Path
    is_complete: bool


def deliveries(settings: Settings) -> list[Delivery]:
    """All folders that have landed, by site and period; folders named otherwise are left alone.

    Raises:
        OutcomesError: place_unreachable.
    """
    look_into_landing(settings)
    return _deliveries(settings.landing.glob("*/*"))


def deliveries_of(settings: Settings, site_id: str) -> list[Delivery]:
    """Of `deliveries` those of a site, without a look into an object store: of whoever holds the site's lock, or has
    looked just before.
    """
    return _deliveries((settings.landing / site_id).glob("*"))


def _deliveries(folders: Iterable[Path]) -> list[Delivery]:
    return [
        Delivery(folder.parent.name, folder.name, folder, os.path.lexists(folder / MANIFEST))
        for folder in sorted(folders)
        if folder.is_dir() and is_site_id(folder.parent.name) and is_month(folder.name)
    ]


def site_is_known(settings: Settings, site_id: str) -> bool:
    """Whether the register names the site; without a register every site is known.

    Raises:
        OutcomesError: sites_malformed.
    """
    names = site_names(settings.sites_file)
    return names is None or site_id in names


def is_site_id(text: str) -> bool:
    """Whether the text can name a site: lower-case letters, digits, `-` and `_`, 63 at most."""
    return re.fullmatch(SITE_ID, text) is not None
