"""A site's report: two pages of summary and the pages of the dashboards in one file, for the board and for print."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from dashboards import wording
from dashboards.access.scope import Scope
from dashboards.data import measures
from dashboards.data.reader import Releases
from dashboards.filters import Filters
from dashboards.pages import frame
from dashboards.pages.frame import Page, View
from dashboards.pages.overview import printed_overview
from dashboards.pages.site import page_of
from dashboards.pages.tiles import PICTURE_HEIGHT, PICTURE_WIDTH, pictures
from dashboards.printing import as_pdf, as_png, find_browser, needed_browser
from dashboards.rendering import render
from dashboards.reviews.queue import Review, Reviews
from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.release.open import DASHBOARD, RESEARCH, read_release
from outcomes.release.verify import verify
from outcomes.settings import Settings
from outcomes.whole_files import write_whole


class Paper(StrEnum):
    """Sizes of paper by their names in CSS."""

    A4 = "A4"
    LETTER = "letter"


_PARTS = ("/pain", "/asd", "/revision", "/causes", "/data-quality")
"""Pages of a report, after the summary and the headline measures; the table of all measures is last."""
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
    view = report_view(settings, site_id, period)
    return write_whole(_path(settings, view, ".html"), _document(view).encode())


@private_files()
def write_pdf(settings: Settings, site_id: str, period: str | None = None, paper: Paper = Paper.A4) -> Path:
    """Write the report as `reports/<site>/<period>.pdf`, printed by a browser; arguments as for `write_report`.

    Raises:
        OutcomesError: as `write_report`; browser_missing, browser_failed.
    """
    browser = needed_browser(settings.browser)
    view = report_view(settings, site_id, period)
    return write_whole(_path(settings, view, ".pdf"), as_pdf(browser, _document(view, paper)))


@private_files()
def write_tiles(settings: Settings, site_id: str, period: str | None = None) -> Path:
    """Write `reports/<site>/<period>-tiles.zip`: each headline outcome as SVG, and as PNG where a browser is found.

    Without a browser the same release gives the same bytes. Arguments as for `write_report`.

    Raises:
        OutcomesError: as `write_report`; browser_failed.
    """
    view, browser = report_view(settings, site_id, period), find_browser(settings.browser)
    bundle = BytesIO()
    with ZipFile(bundle, "w", ZIP_DEFLATED) as file:
        for name, svg in pictures(view).items():
            file.writestr(ZipInfo(f"{name}.svg"), svg)
            if browser:
                file.writestr(ZipInfo(f"{name}.png"), as_png(browser, svg, PICTURE_WIDTH, PICTURE_HEIGHT))
    return write_whole(_path(settings, view, "-tiles.zip"), bundle.getvalue())


def report_view(settings: Settings, site_id: str, period: str | None = None) -> View:
    """What a site's report is made of; arguments and errors as for `write_report`."""
    releases = Releases.of(settings)
    release_id = _release_to(releases, period)
    verify(releases.folder / release_id, [DASHBOARD, RESEARCH])
    scope = Scope("report", frozenset({site_id}), "quality")
    reader = releases.read(scope, release_id)
    if reader is None or site_id not in {site.site_id for site in measures.sites(reader)}:
        raise OutcomesError("report_unknown", "the site")
    reviewed = _reviewed(settings, scope, site_id, releases.published().get(release_id))
    return View(reader, Filters(site_id), measures.choices(reader), "/", reviewed=reviewed, is_file=True)


def _reviewed(settings: Settings, scope: Scope, site_id: str, until: str | None) -> Mapping[str, Review]:
    """Where the signals of a site stood when the release was published; nothing where that cannot be known."""
    if until is None:
        return {}
    try:
        return Reviews(settings.reviews_file).of_site(scope, site_id, until)
    except OutcomesError:
        return {}


def _path(settings: Settings, view: View, ending: str) -> Path:
    return settings.reports / str(view.filters.site) / f"{view.info.data_to}{ending}"


def _document(view: View, paper: Paper | None = None) -> str:
    """The report; where paper is named, for a printer that asks nobody which."""
    title = f"{view.who}, outcomes to {wording.period(view.info.data_to)}"
    return render("report.html", view=view, title=title, pages=report_pages(view), paper=paper, product=frame.PRODUCT)


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


def report_pages(view: View) -> list[tuple[View, Page]]:
    """The pages of a report, each with its view, without the cards that a report has no room for."""
    summary, all_measures = printed_overview(view)
    views = [replace(view, path=path) for path in (*(f"/measure/{one.measure}" for one in view.headlines), *_PARTS)]
    found = [(each, _shortened(page)) for each in views if (page := page_of(each)) is not None]
    return [(view, summary), *found, (view, all_measures)]


def _shortened(page: Page) -> Page:
    return replace(page, cards=[card for card in page.cards if card.name not in _LEFT_OUT])
