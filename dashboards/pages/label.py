"""The page of one label: its sentence, over time, by site, its kinds, why not assessable, and what it means."""

from dash import html

from dashboards import words
from dashboards.charts import style
from dashboards.charts.bars import Bar
from dashboards.charts.style import Component
from dashboards.pages import drawn, frame
from dashboards.pages.frame import View
from dashboards.pages.statement import statement
from dashboards.queries import LabelDefinition, Share, Tally


def label(view: View, definition: LabelDefinition) -> Component:
    """The page of a label."""
    share = view.overall.get(definition.label)
    return frame.page(
        view,
        frame.label_path(definition.label),
        html.H1(definition.title),
        frame.card("All sites", statement(view, definition), wide=False),
        _definition(definition),
        *([] if share is None else _cards(view, definition, share)),
    )


def _cards(view: View, definition: LabelDefinition, share: Share) -> list[Component]:
    name = definition.label
    return [
        frame.card("Over time", _over_time(view, definition)),
        frame.card("By site", _by_site(view, definition, share)),
        frame.card("Kinds, among patients with the label", _kinds(view, name, share), wide=False),
        frame.card("Why patients could not be assessed", _reasons(view, name, share), wide=False),
    ]


def _over_time(view: View, definition: LabelDefinition) -> Component:
    shares = view.release.by_year(definition.label)
    recent = "Patients operated on recently have been followed for less time: late events are still to come."
    return drawn.trend(view, definition.title, shares, recent, drawn.hidden_note(view, shares))


def _by_site(view: View, definition: LabelDefinition, overall: Share) -> Component:
    shares = view.release.by_site(definition.label)
    if not shares:
        return html.P("No site has episodes yet; they come with the first accepted submission.")
    return drawn.sites(view, definition.title, overall, shares)


def _kinds(view: View, name: str, share: Share) -> Component:
    kinds = view.release.kinds(name)
    if not kinds:
        return html.P("None to show: nobody has the label so far, or it has no kinds.")
    rows = [_bar(kind, share.yes, view.threshold) for kind in kinds]
    return drawn.tally(view, ("Kind", "Patients and share"), rows, {"color": style.BLUE})


def _reasons(view: View, name: str, share: Share) -> Component:
    reasons = view.release.reasons(name)
    if not reasons:
        return html.P("Every patient could be assessed.")
    rows = [_bar(reason, share.not_assessable, view.threshold) for reason in reasons]
    return drawn.tally(view, ("Reason", "Patients and share"), rows, style.HATCHED)


def _bar(tally: Tally, whole: int | None, threshold: int) -> Bar:
    name = words.in_words(tally.code)
    if tally.patients is None:
        return Bar(name, None, words.hidden(threshold))
    about = f"about {words.count(tally.patients)}"
    if not whole:
        return Bar(name, tally.patients, about)
    # The count is coarse and may exceed the whole that it is part of.
    return Bar(name, tally.patients, f"{about} ({words.percent(min(tally.patients / whole, 1), 0)})")


def _definition(definition: LabelDefinition) -> Component:
    terms = [
        ("Meaning", definition.definition_text),
        ("The patient guide says", definition.guide),
        ("Definition", f"{definition.label}, version {definition.version}"),
    ]
    return frame.card(
        "What this label means",
        html.Dl([part for term, text in terms if text for part in (html.Dt(term), html.Dd(text))]),
        wide=False,
    )
