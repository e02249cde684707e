"""What every page stands in: the header and the filters as data, and the page as HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import Any
from urllib.parse import quote

from dashboards import wording
from dashboards.access.scope import PatientsDenied
from dashboards.cards import Card
from dashboards.data import deliveries, measures
from dashboards.data.measures import Measure, ReleaseInfo, Site
from dashboards.data.reader import SHOWN, Reader, Releases
from dashboards.filters import ALL_SITES, Choices, Filters
from dashboards.rendering import render
from dashboards.reviews.pins import Pins
from dashboards.reviews.queue import Review, Reviews, today
from outcomes.periods import add_months, months_until
from outcomes.settings import Settings

_MONTHS_OFFERED = 24
"""Of the log for the board."""
PRODUCT = "Outcomes after cervical fusion"

NAVIGATION = {
    "/": "Overview",
    "/pain": "Pain and recovery",
    "/asd": "Adjacent segment disease",
    "/revision": "Revision",
    "/causes": "Causes and red flags",
    "/signals": "Signals",
    "/network": "Network",
    "/data-quality": "Data quality",
    "/cases": "Cases",
    "/definitions": "Definitions",
    "/research": "Research access",
}
"""Pages by address, in the order of the header."""


@dataclass(frozen=True)
class Filter:
    """A filter as it is offered: a select whose option becomes `name` in the address.

    `options` are values and texts; one whose text is a list is a group of options. `excludes` names the filter that
    cannot be chosen beside it.
    """

    name: str
    label: str
    options: Sequence[tuple[str, Any]]
    chosen: str
    excludes: str = ""


@dataclass(frozen=True)
class View:
    """What a page is made of: a release as the reader's scope may see it, what is asked for, and where."""

    reader: Reader
    filters: Filters
    choices: Choices
    path: str
    has_cases: bool = False
    """Whether single patients may be listed at all in this installation."""
    has_login: bool = False
    """Whether readers have logged in here, and so can log out."""
    settings: Settings | None = None
    """Where the data behind the release are; None where nothing but the release may be read."""
    reviews: Reviews | None = None
    """The review queue of signals; None where nothing can be moved, as on paper."""
    pins: Pins | None = None
    """The measures that users have pinned; None where nothing can be, as on paper."""
    reviewed: Mapping[str, Review] = field(default_factory=dict)
    """Where signals stood when the release was published, by id: for a page on paper."""
    releases: Releases | None = None
    """Where earlier releases are; None where the page is of one release alone, as on paper."""
    is_file: bool = False
    """Whether the page stands in a file, from which no address leads anywhere."""

    @cached_property
    def info(self) -> ReleaseInfo:
        """The header of the release."""
        return measures.release_info(self.reader)

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """Every measure, by name."""
        return {one.measure: one for one in measures.measures(self.reader)}

    @cached_property
    def headlines(self) -> list[Measure]:
        """The measures compared between sites first, in their order."""
        return measures.headlines(self.reader)

    @cached_property
    def before(self) -> Reader | None:
        """The release before; None where it is not kept."""
        return self.releases.before(self.reader) if self.releases else None

    @cached_property
    def sites(self) -> dict[str, Site]:
        """Every site by id, in the order of their names."""
        return {one.site_id: one for one in measures.sites(self.reader)}

    def of_all_years(self) -> "View":
        """The same without a year of fusion."""
        return replace(self, filters=replace(self.filters, period=None)) if self.filters.period else self

    @property
    def minimum_cell_count(self) -> int:
        """The smallest count of patients that may be shown of others."""
        return self.info.minimum_cell_count

    @property
    def site(self) -> Site | None:
        """The site that the page is about; None for all sites together."""
        if self.filters.site is None:
            return None
        self.reader.scope.require(self.filters.site)
        return self.sites.get(self.filters.site, Site(self.filters.site, self.filters.site, SHOWN))

    @property
    def who(self) -> str:
        """Whose numbers these are."""
        return self.site.name if self.site else "All sites"

    @property
    def may_see_cases(self) -> bool:
        """Whether the reader may see single patients of some site."""
        return self.has_cases and self.reader.scope.role == "clinical" and bool(self.choices.sites)

    def require_patients(self) -> bool:
        """Whether single patients are listed in this installation; then the reader may see some.

        Raises:
            PatientsDenied: they are listed, and not for this reader.
        """
        if self.has_cases and not self.may_see_cases:
            raise PatientsDenied("single patients are for the clinical role")
        return self.has_cases

    @property
    def navigation(self) -> dict[str, str]:
        """The pages that the header leads to, by address."""
        return {path: name for path, name in NAVIGATION.items() if path != "/cases" or self.may_see_cases}

    def is_at(self, path: str) -> bool:
        """Whether the page is that one, or one below it."""
        return self.path == path or (path != "/" and self.path.startswith(f"{path}/"))

    @property
    def status(self) -> str:
        """Where one is: site, data to, release, validation state and what is suppressed."""
        parts = [
            self.who if self.site else f"All {wording.plural(self.info.site_count, 'site')}, {self._patients} patients",
            f"data to {wording.period(self.info.data_to)}",
            f"release {self.info.release_id}",
            self._validation_state,
            f"counts of 1–{self.minimum_cell_count - 1} patients at other sites are suppressed",
            "invented patients" if self.info.is_synthetic else "",
        ]
        return " · ".join(part for part in parts if part)

    @property
    def _validation_state(self) -> str:
        found = deliveries.validation_state(self.reader, self.filters.site)
        said = f"{wording.plural(found.accepted, 'submission')} accepted"
        return f"{said}, {wording.count(found.refused)} refused" if found.refused else said

    @property
    def _patients(self) -> str:
        about = self.info.patient_count_rounded
        return f"fewer than {self.minimum_cell_count}" if about is None else f"about {wording.count(about)}"

    @property
    def last_whole_month(self) -> str:
        """The month (UTC) before the one that is running."""
        return add_months(f"{today():%Y-%m}", -1)

    def filters_of(self, page: "Page") -> list[Filter]:
        """The filters that a page offers; the site is always one, for who has any."""
        sites = [(site, self.sites[site].name) for site in self.choices.sites if site in self.sites]
        groups = [
            (
                wording.group_kind(kind),
                [(f"{kind}:{value}", wording.group(kind, value)) for of, value in self.choices.groups if of == kind],
            )
            for kind in dict.fromkeys(kind for kind, _ in self.choices.groups)
        ]
        years = [("", "All years"), *((year, year) for year in self.choices.years)]
        peers = [("", "All sites"), ("similar", "Sites of similar size"), ("case_mix", "Sites of similar case mix")]
        chosen = self.filters
        offered = [
            Filter("site", "Site", [*sites, (ALL_SITES, "All sites")], chosen.site or ALL_SITES),
            Filter("period", "Year of fusion", years, chosen.period or "", excludes="group"),
            Filter(
                "group", "Patients", [("", "All patients"), *groups], ":".join(chosen.group or ()), excludes="period"
            ),
            Filter("peers", "Peers", peers, "" if chosen.peers == "all" else chosen.peers),
            self._months(),
        ]
        return [one for one in offered if one.name in page.filters or (one.name == "site" and sites)]

    def _months(self) -> Filter:
        """The months of the log for the board, latest first; the last whole one is there unless another is chosen."""
        usual, chosen = self.last_whole_month, self.filters.month or ""
        months = {*months_until(add_months(usual, 1), _MONTHS_OFFERED), *filter(None, [chosen])}
        options = [("" if month == usual else month, wording.period(month)) for month in sorted(months, reverse=True)]
        return Filter("month", "Month of the log", options, "" if chosen == usual else chosen)

    @property
    def query(self) -> str:
        """The filters as the query string of an address, with its question mark."""
        return self.filters.query(self.choices)

    def href(self, path: str, anchor: str = "", **changes: Any) -> str:
        """The address of a page with the filters of this one, some of them changed; empty in a file."""
        if self.is_file:
            return ""
        query = replace(self.filters, **changes).query(self.choices)
        return f"{quote(path)}{query}{f'#{anchor}' if anchor else ''}"

    def anchor(self, card: Card) -> str:
        """The id of a card: its name; in a file, where other pages have cards of that name, after its page."""
        return f"{self.path.strip('/').replace('/', '-')}-{card.name}".strip("-") if self.is_file else card.name

    def file_href(self, kind: str, card: str) -> str:
        """The address of a card's numbers, of the same release: `export` as CSV, `table` as a table of the page."""
        query = self.query.removeprefix("?")
        return f"/{kind}{quote(self.path)}?" + "&".join(
            part for part in (query, f"card={card}", f"release={self.reader.release_id}") if part
        )


@dataclass(frozen=True)
class Page:
    """A page: its heading, the filters that change it, and its cards."""

    title: str
    cards: Sequence[Card]
    filters: Sequence[str] = ()
    lead: str = ""
    said: str = ""
    """What was just done, which the page says once."""

    @property
    def rows(self) -> int:
        """Rows of its tables."""
        return sum(len(card.table.rows) for card in self.cards if card.table)

    @property
    def laid_out(self) -> list[Card]:
        """The cards as they stand: a narrow one without another to stand beside it is wide."""
        found: list[Card] = []
        for is_wide, neighbours in groupby(self.cards, key=lambda card: card.is_wide):
            cards = list(neighbours)
            if not is_wide and len(cards) % 2:
                cards[-1] = replace(cards[-1], is_wide=True)
            found += cards
        return found


def whole_page(view: View, page: Page) -> str:
    """A page as HTML."""
    return render("page.html", view=view, page=page, product=PRODUCT)
