"""What has landed: the folders in which sites deliver, and the register of sites."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from outcomes.intake.manifest import MANIFEST
from outcomes.periods import is_month
from outcomes.settings import Settings

_SITE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Delivery:
    """One folder `landing/<site>/<period>`; it is complete once its manifest is there."""

    site_id: str
    period: str
    folder: Path
    is_complete: bool


def deliveries(settings: Settings) -> list[Delivery]:
    """All folders that have landed, by site and period; folders named otherwise are left alone."""
    return [
        Delivery(folder.parent.name, folder.name, folder, (folder / MANIFEST).is_file())
        for folder in sorted(settings.landing.glob("*/*"))
        if folder.is_dir() and is_site_id(folder.parent.name) and is_month(folder.name)
    ]


def site_is_known(settings: Settings, site_id: str) -> bool:
    """Whether the register names the site; without a register every site is known."""
    if not settings.sites_file.is_file():
        return True
    with settings.sites_file.open(encoding="utf-8", newline="") as lines:
        return any(row.get("site_id") == site_id for row in csv.DictReader(lines))


def is_site_id(text: str) -> bool:
    """Whether the text can name a site: lower-case letters, digits, `-` and `_`, 63 at most."""
    return _SITE.fullmatch(text) is not None
