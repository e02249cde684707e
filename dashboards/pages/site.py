"""From an address to a page: which one, for whom, of which release, and a line in the access log for each."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from dashboards.access.log import AccessLog, case_view
from dashboards.access.scope import Denied, PatientsDenied, Scope
from dashboards.data import measures
from dashboards.data.reader import Reader, Releases
from dashboards.filters import Choices, UnknownFilter, parse
from dashboards.pages import frame, states
from dashboards.pages.cases import case, cases, cases_of, cases_of_signal
from dashboards.pages.causes import causes
from dashboards.pages.data_quality import data_quality
from dashboards.pages.definitions import definitions
from dashboards.pages.done import done
from dashboards.pages.frame import Page, View
from dashboards.pages.incidence import adjacent_segment_disease, revision
from dashboards.pages.measure import measure_page
from dashboards.pages.network import network
from dashboards.pages.overview import overview
from dashboards.pages.pain import pain
from dashboards.pages.research import research
from dashboards.pages.signals import signals_page
from dashboards.rendering import render
from dashboards.reviews.pins import Pins
from dashboards.reviews.queue import Reviews
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings

_PAGES: dict[str, Callable[[View], Page | None]] = {
    "/": overview,
    "/asd": adjacent_segment_disease,
    "/revision": revision,
    "/pain": pain,
    "/causes": causes,
    "/signals": signals_page,
    "/network": network,
    "/data-quality": data_quality,
    "/cases": cases,
    "/definitions": definitions,
    "/research": research,
}
_CASES = "/cases/"
_PAGES_OF_ONE: dict[str, Callable[[View, str], Page | None]] = {
    "/measure/": measure_page,
    "/cases/of/": cases_of,
    "/cases/signal/": cases_of_signal,
    _CASES: case,
}
"""By the beginning of the address; the first that fits."""


@dataclass(frozen=True)
class Shown:
    """What a browser gets: a document, and the status of the answer."""

    html: str
    status: int = 200


@dataclass(frozen=True)
class Site:
    """The dashboards of one installation."""

    settings: Settings
    dashboard_settings: DashboardSettings
    releases: Releases
    log: AccessLog

    @property
    def reviews(self) -> Reviews:
        """The review queue of signals."""
        return Reviews(self.settings.reviews_file)

    @property
    def pins(self) -> Pins:
        """The measures that users have pinned."""
        return Pins(self.settings.reviews_file)

    def show(self, scope: Scope, path: str, query: str) -> Shown:
        """The page at an address, of the current release; in words where there is none.

        Args:
            scope: of who asks.
            path: of the address.
            query: its query string.
        """
        reader = self.releases.read(scope)
        if reader is None:
            return Shown(render("no_release.html", product=frame.PRODUCT), 503)
        try:
            view, page = self.build(reader, path, query)
        except Denied as refused:
            self.log.record(scope, f"denied {logged_denied(path)}", reader.release_id, 0)
            page = states.patients_denied() if isinstance(refused, PatientsDenied) else states.denied()
            return self._instead(reader, path, page, 403)
        except UnknownFilter as unknown:
            return self._instead(reader, path, states.unknown_filter(path, query, unknown.parameter), 400)
        if page is None:
            return self._instead(reader, path, states.not_found(), 404)
        self.log.record(scope, f"{logged(path)}{view.query}", reader.release_id, page.rows)
        return Shown(frame.whole_page(view, replace(page, said=done(view, query))))

    def build(self, reader: Reader, path: str, query: str) -> tuple[View, Page | None]:
        """The view of an address and its page; None where there is no such page.

        Raises:
            Denied: the address asks for a site that is not one of the scope's, or for patients whom it may not see.
            UnknownFilter: it names a year, group or peer group that there is not.
        """
        choices = measures.choices(reader)
        view = self._view(reader, choices, path, query)
        if view.filters.site is not None:
            reader.scope.require(view.filters.site)
        return view, page_of(view)

    def _view(self, reader: Reader, choices: Choices, path: str, query: str) -> View:
        return View(
            reader,
            parse(query, choices),
            choices,
            path,
            has_cases=self.dashboard_settings.cases,
            has_login=self.dashboard_settings.login == "oidc",
            settings=self.settings,
            reviews=self.reviews,
            pins=self.pins,
            releases=self.releases,
        )

    def _instead(self, reader: Reader, path: str, page: Page, status: int) -> Shown:
        """A page that says why there is none, with a header that works."""
        view = self._view(reader, measures.choices(reader), path, "")
        return Shown(frame.whole_page(view, page), status)


def logged(path: str) -> str:
    """The name of a page in the access log: a patient's key is hashed, and an address of no page is not repeated."""
    if path in _PAGES:
        return path
    prefix = _prefix(path)
    if prefix is None:
        return "no such page"
    return case_view(path.removeprefix(prefix)) if prefix == _CASES else path


def logged_denied(path: str) -> str:
    """The same of a denied page: whether it exists was never looked up, so its name may be anything that was typed."""
    prefix = _prefix(path)
    return logged(path) if prefix is None or prefix == _CASES else prefix


def _prefix(path: str) -> str | None:
    """The beginning of the address of a page of one thing."""
    return next((prefix for prefix in _PAGES_OF_ONE if path.startswith(prefix)), None)


def page_of(view: View) -> Page | None:
    """The page at a view's address; None where there is no such page.

    Raises:
        Denied: it holds what the view's scope may not see.
    """
    if view.path in _PAGES:
        return _PAGES[view.path](view)
    for prefix, of_one in _PAGES_OF_ONE.items():
        if view.path.startswith(prefix):
            return of_one(view, view.path.removeprefix(prefix))
    return None
