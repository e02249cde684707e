"""What every page stands in: the header, the filters, and its cards."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dash import dcc, html

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts.style import Component, graph
from dashboards.data import deliveries, measures
from dashboards.data.measures import Measure, ReleaseInfo, Site
from dashboards.data.reader import SHOWN, Reader
from dashboards.filters import ALL_SITES, Choices, Filters
from dashboards.reviews.queue import Reviews
from dashboards.static import as_html
from outcomes.settings import Settings

PRODUCT = "Outcomes after cervical fusion"

NAVIGATION = {
    "/": "Overview",
    "/pain": "Pain and recovery",
    "/asd": "Adjacent segment disease",
    "/revision": "Revision",
    "/causes": "Causes and red flags",
    "/signals": "Signals",
    "/data-quality": "Data quality",
    "/cases": "Cases",
    "/definitions": "Definitions",
    "/research": "Research access",
}
"""Pages by address, in the order of the header."""


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

    @cached_property
    def info(self) -> ReleaseInfo:
        """The header of the release."""
        return measures.release_info(self.reader)

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """Every measure, by name."""
        return {one.measure: one for one in measures.measures(self.reader)}

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

    def href(self, path: str, anchor: str = "", **changes: Any) -> str:
        """The address of a page with the filters of this one, some of them changed."""
        return f"{path}{replace(self.filters, **changes).query(self.choices)}{f'#{anchor}' if anchor else ''}"

    def file_href(self, kind: str, card: str) -> str:
        """The address of a card's numbers, of the same release: `export` as CSV, `table` as a table of the page."""
        query = self.filters.query(self.choices).removeprefix("?")
        return f"/{kind}{self.path}?" + "&".join(
            part for part in (query, f"card={card}", f"release={self.reader.release_id}") if part
        )


@dataclass(frozen=True)
class Page:
    """A page: its heading, the filters that change it, and its cards."""

    title: str
    cards: Sequence[Card]
    filters: Sequence[str] = ()
    lead: str = ""

    @property
    def rows(self) -> int:
        """Rows of its tables."""
        return sum(len(card.table.rows) for card in self.cards if card.table)


def whole_page(view: View, page: Page) -> Component:
    """Navigation, what is being looked at, filters and cards."""
    return html.Div(
        [
            html.A("Skip to content", href="#content", className="skip"),
            html.Header([_navigation(view), status_line(view), _filter_bar(view, page.filters)], className="header"),
            html.Main(
                [
                    html.H1(page.title, tabIndex=-1),
                    html.P(page.lead, className="lead") if page.lead else None,
                    *(card_component(view, card) for card in page.cards),
                ],
                id="content",
                className="content",
            ),
        ]
    )


def bare_page(title: str, *content: Component) -> Component:
    """A page without a release behind it."""
    return html.Div(
        [
            html.Header(html.Nav(html.Span(PRODUCT, className="product"), className="nav"), className="header"),
            html.Main(
                html.Section([html.H1(title, tabIndex=-1), *content], className="card"),
                id="content",
                className="content",
            ),
        ]
    )


def card_component(view: View, card: Card, in_report: bool = False) -> Component:
    """A card as it stands on a page; in a report it has no menu, and its numbers fold out below it."""
    return html.Section(
        [
            html.Div(
                [
                    html.H2(card.title, id=f"{card.name}-title"),
                    html.P(card.basis, className="basis") if card.basis else None,
                    _menu(view, card) if card.table and not in_report else None,
                ],
                className="card-head",
            ),
            html.P(card.sentence, className="says") if card.sentence else None,
            *card.body,
            _figure(card) if card.figure is not None else None,
            *(html.P(note, className="footnote") for note in card.notes if note),
            _about(card) if card.about else None,
            _numbers(view, card, in_report) if card.table else None,
        ],
        id=card.name,
        className="card" if card.is_wide else "card card--half",
        **{"aria-labelledby": f"{card.name}-title"},
    )


def table_component(table: Table) -> Component:
    """A table that scrolls inside its card."""
    kinds = ["number-cell" if place >= len(table.head) - table.numbers else None for place in range(len(table.head))]
    head = [_element("Th", title, scope="col", className=kind) for title, kind in zip(table.head, kinds, strict=True)]
    rows = [
        _element(
            "Tr",
            [
                _element("Th", _cell(cells[0]), scope="row"),
                *(_element("Td", _cell(cell), className=kind) for cell, kind in zip(cells[1:], kinds[1:], strict=True)),
            ],
        )
        for cells in table.cells()
    ]
    return html.Div(
        html.Table([html.Caption(table.caption), html.Thead(_element("Tr", head)), html.Tbody(rows)]),
        className="table",
        tabIndex=0,
        role="region",
        **{"aria-label": table.caption},
    )


def _element(tag: str, children: Component, **props: str | None) -> dict[str, Any]:
    """A component of `html` as the browser gets it: of thousands of cells, the checks of its class take most of the
    time that a page takes."""
    said = {name: value for name, value in props.items() if value is not None}
    return {"type": tag, "namespace": "dash_html_components", "props": {"children": children, **said}}


def _cell(cell: Cell) -> Component:
    if cell.content is not None:
        return cell.content
    return dcc.Link(cell.text, href=cell.href) if cell.href else cell.text


def _figure(card: Card) -> Component:
    """The figure; beside it the names and values of its rows, below it the numbers at places of its axis."""
    drawn = graph(card.figure or {}, card.sentence, "rows-plot" if card.beside else card.css_class)
    if card.beside:
        names = [html.Li([html.Span(name, title=name), html.Span(value)]) for name, value in card.beside]
        return html.Div([html.Ul(names), drawn], className=f"rows {card.css_class}", style={"--rows": len(names)})
    return html.Div([_scrolling(card, drawn), *(_below(title, texts) for title, texts in card.below)])


def _scrolling(card: Card, drawn: Component) -> Component:
    """A long chart scrolls inside its card where the screen is narrow, and opens at its end."""
    if "chart--long" not in card.css_class:
        return drawn
    return html.Div(drawn, className="scroll", tabIndex=0, role="region", **{"aria-label": card.title})


def _below(title: str, texts: Sequence[tuple[float, str]]) -> Component:
    placed = [html.Span(text, style={"left": f"{100 * place:.2f}%"}) for place, text in texts]
    return html.Div([html.P(title), html.Div(placed)], className="below")


def _numbers(view: View, card: Card, in_report: bool) -> Component:
    """The table of a card. Behind a chart its place is empty until it is asked for: few are, and all would be long."""
    if card.table and in_report:
        table = table_component(card.table)
        return table if card.is_table else html.Details([html.Summary("Numbers"), table])
    if card.table and card.is_table:
        # As text, which `assets/page.js` puts in: thousands of cells, each a component, would hold up the browser.
        return html.Div(**{"data-html": as_html(table_component(card.table))})
    return html.Div(
        className="as-table", hidden=True, id=f"{card.name}-table", **{"data-table": view.file_href("table", card.name)}
    )


def _about(card: Card) -> Component:
    return html.Details([html.Summary("What this is", title=card.about), html.P(card.about)], className="about")


def _menu(view: View, card: Card) -> Component:
    """Table, CSV, PNG and link of a card."""
    toggle = html.Button(
        "View as table",
        type="button",
        **{"data-action": "table", "aria-expanded": "false", "aria-controls": f"{card.name}-table"},
    )
    picture = html.Button("Save as PNG", type="button", **{"data-action": "png", "data-name": card.name})
    entries = [
        None if card.is_table else toggle,
        html.A("Download CSV", href=view.file_href("export", card.name), download=f"{card.name}.csv")
        if card.can_be_saved
        else None,
        picture if card.figure is not None and card.can_be_saved else None,
        html.A("Link to this card", href=view.href(view.path, card.name)),
    ]
    return html.Details(
        [
            html.Summary("⋯", title="Table, files and link", **{"aria-label": f"More of {card.title}"}),
            html.Ul([html.Li(entry) for entry in entries if entry is not None]),
        ],
        className="card-menu",
    )


def _navigation(view: View) -> Component:
    shown = {path: name for path, name in NAVIGATION.items() if path != "/cases" or view.may_see_cases}
    return html.Nav(
        [
            dcc.Link(PRODUCT, href=view.href("/"), className="product"),
            html.Ul([html.Li(_nav_link(view, path, name)) for path, name in shown.items()]),
            _log_out() if view.has_login else None,
        ],
        className="nav",
        **{"aria-label": "Pages"},
    )


def _log_out() -> Component:
    return html.Form(html.Button("Log out", type="submit"), method="post", action="/logout", className="log-out")


def _nav_link(view: View, path: str, name: str) -> Component:
    is_here = view.path == path or (path != "/" and view.path.startswith(f"{path}/"))
    return dcc.Link(name, href=view.href(path), className="here" if is_here else None)


def status_line(view: View) -> Component:
    """Where one is: site, data to, release, validation state and what is suppressed."""
    parts = [
        view.who if view.site else f"All {wording.plural(view.info.site_count, 'site')}, {_patients(view)} patients",
        f"data to {wording.period(view.info.data_to)}",
        f"release {view.info.release_id}",
        _validation_state(view),
        f"counts of 1–{view.minimum_cell_count - 1} patients at other sites are suppressed",
        "invented patients" if view.info.is_synthetic else "",
    ]
    return html.P(" · ".join(part for part in parts if part), className="status")


def _validation_state(view: View) -> str:
    found = deliveries.validation_state(view.reader, view.filters.site)
    said = f"{wording.plural(found.accepted, 'submission')} accepted"
    return f"{said}, {wording.count(found.refused)} refused" if found.refused else said


def _patients(view: View) -> str:
    about = view.info.patient_count_rounded
    return f"fewer than {view.minimum_cell_count}" if about is None else f"about {wording.count(about)}"


def _filter_bar(view: View, offered: Sequence[str]) -> Component:
    """Selects whose choice becomes the address; `assets/page.js` does that, and sets them from the address."""
    sites = [(site, view.sites[site].name) for site in view.choices.sites if site in view.sites]
    groups = [
        (
            wording.group_kind(kind),
            [(f"{kind}:{value}", wording.group(kind, value)) for of, value in view.choices.groups if of == kind],
        )
        for kind in dict.fromkeys(kind for kind, _ in view.choices.groups)
    ]
    selects = {
        "site": _select("site", "Site", [*sites, (ALL_SITES, "All sites")]),
        "period": _select(
            "period", "Year of fusion", [("", "All years"), *((year, year) for year in view.choices.years)], "group"
        ),
        "group": _select("group", "Patients", [("", "All patients"), *groups], "period"),
        "peers": _select("peers", "Peers", [("", "All sites"), ("similar", "Sites of similar size")]),
    }
    shown = ("site", *offered) if sites else offered
    return html.Form([selects[name] for name in shown], className="filters", **{"aria-label": "Filters"})


def _select(name: str, label: str, options: Sequence[tuple[str, Any]], clears: str = "") -> Component:
    """A native select; options that hold a list are a group of options. `clears` names the filter that it excludes."""
    return html.Label(
        [html.Span(label), html.Select([_option(*option) for option in options], name=name, **{"data-clears": clears})]
    )


def _option(value: str, text: Any) -> Component:
    if isinstance(text, list):
        return html.Optgroup([_option(*option) for option in text], label=value)
    return html.Option(text, value=value)
