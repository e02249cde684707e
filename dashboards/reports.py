"""A site's report: the pages of the dashboards in one file, for the board, for print, and for who has no login."""

import os
from dataclasses import replace
from pathlib import Path

from dashboards import wording
from dashboards.access.scope import Scope
from dashboards.data import measures
from dashboards.data.reader import Releases
from dashboards.filters import Filters
from dashboards.pages import frame
from dashboards.pages.frame import Page, View
from dashboards.pages.site import page_of
from dashboards.rendering import render
from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.release.open import DASHBOARD, RESEARCH, read_release
from outcomes.release.verify import verify
from outcomes.settings import Settings

_PARTS = ("/pain", "/asd", "/revision", "/causes", "/data-quality")
"""Pages of a report, after the overview and the headline measures."""
_LEFT_OUT = {"definition"}
"""Cards that a report has no room for."""


@private_files()
def write_report(settings: Settings, site_id: str, period: str | None = None) -> Path:
    """Write `reports/<site>/<period>.html`, whole or not at all; the same release gives the same bytes.

    Args:
        settings: where the releases are, and where the report goes.
        site_id: the site, whose own numbers are exact.
        period: the month (`YYYY-MM`) up to which the data go; that of the current release when not given.

    Raises:
        OutcomesError: no_release, release_damaged; report_unknown - no kept release goes to that month, or none
            has the site.
    """
    releases = Releases(settings.releases)
    release_id = _release_to(releases, period)
    verify(releases.folder / release_id, [DASHBOARD, RESEARCH])
    reader = releases.read(Scope("report", frozenset({site_id}), "quality"), release_id)
    if reader is None or site_id not in {site.site_id for site in measures.sites(reader)}:
        raise OutcomesError("report_unknown", "the site")
    view = View(reader, Filters(site_id), measures.choices(reader), "/", is_file=True)
    title = f"{view.who}, outcomes to {wording.period(view.info.data_to)}"
    path = settings.reports / site_id / f"{view.info.data_to}.html"
    _write_whole(path, render("report.html", view=view, title=title, pages=_pages(view), product=frame.PRODUCT))
    return path


def _release_to(releases: Releases, period: str | None) -> str:
    """The release whose data go to this month: the current one if it does, else the last by name of those kept.

    Raises:
        OutcomesError: no_release, release_damaged, report_unknown.
    """
    current = releases.current_id()
    if current is None:
        raise OutcomesError("no_release", str(releases.folder))
    if period in {None, read_release(releases.folder / current).data_to}:
        return current
    ends = {release.id: release.data_to for release in releases.sound()}
    fitting = sorted(name for name, end in ends.items() if end == period)
    if not fitting:
        raise OutcomesError("report_unknown", f"releases go to {', '.join(sorted(set(ends.values())))}")
    return fitting[-1]


def _pages(view: View) -> list[tuple[View, Page]]:
    """The pages of a report, each with its view, without the cards that a report has no room for."""
    paths = ("/", *(f"/measure/{one.measure}" for one in view.headlines), *_PARTS)
    views = [replace(view, path=path) for path in paths]
    return [(each, _shortened(page)) for each in views if (page := page_of(each)) is not None]


def _shortened(page: Page) -> Page:
    return replace(page, cards=[card for card in page.cards if card.name not in _LEFT_OUT])


def _write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    # It holds exact numbers: only the account that writes it may read it.
    with open(unfinished, "w", encoding="utf-8", opener=_private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)
