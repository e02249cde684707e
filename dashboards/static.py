"""Components as HTML: a part of a page, or pages in one file that asks nothing of any host and draws its charts."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from dash.development.base_component import Component as DashComponent

from dashboards.charts.style import Component

_ASSETS = Path(__file__).parent / "assets"
_ALONE = {"img", "br", "hr"}
_ATTRIBUTES = {"className": "class", "htmlFor": "for", "tabIndex": "tabindex", "colSpan": "colspan"}
_NOT_WRITTEN = {"children", "style", "key", "n_clicks", "disable_n_clicks"}
_NO_OTHER_HOST = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
_DRAW = """
for (const place of document.querySelectorAll("[data-figure]")) {
    const figure = figures[Number(place.dataset.figure)];
    Plotly.newPlot(place, figure.data, figure.layout, { staticPlot: true, responsive: true });
}
"""


def whole_file(title: str, content: Sequence[Component]) -> str:
    """An HTML document of these components, with the dashboards' style and the script that draws charts inside.

    Args:
        title: of the document.
        content: what its body holds; addresses of the dashboards in it lead nowhere from a file and become text.
    """
    writer = _Writer(has_links=False)
    body = "".join(writer.written(component) for component in content)
    style = (_ASSETS / "style.css").read_text(encoding="utf-8")
    (plotly,) = _ASSETS.glob("plotly-*.min.js")
    scripts = [plotly.read_text(encoding="utf-8"), f"const figures = {_within_script(writer.figures)};{_DRAW}"]
    return (
        f'<!DOCTYPE html>\n<html lang="en" class="report"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_NO_OTHER_HOST}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body>{body}"
        # Nothing within a script may look like its end.
        + "".join("<script>{}</script>".format(script.replace("</", "<\\/")) for script in scripts)
        + "</body></html>\n"
    )


def _within_script(figures: Sequence[dict[str, Any]]) -> str:
    """JSON in which no text can end the script, or begin a comment or a script within it."""
    return json.dumps(figures).replace("<", "\\u003c")


def as_html(component: Component) -> str:
    """A component without charts as HTML for a page."""
    return _Writer(has_links=True).written(component)


class _Writer:
    """Writes components out; `figures` are those of the charts on the way."""

    def __init__(self, has_links: bool) -> None:
        self.figures: list[dict[str, Any]] = []
        self._has_links = has_links

    def written(self, component: Component) -> str:
        """A component and all within it as HTML."""
        if component is None:
            return ""
        if isinstance(component, list | tuple):
            return "".join(self.written(each) for each in component)
        node = component.to_plotly_json() if isinstance(component, DashComponent) else component
        return self._element(node) if isinstance(node, dict) else escape(str(node))

    def _element(self, node: dict[str, Any]) -> str:
        tag, given = str(node["type"]).lower(), node["props"]
        inside = self.written(given.get("children"))
        if tag == "link":
            return f'<a href="{escape(given["href"])}">{inside}</a>' if self._has_links else f"<span>{inside}</span>"
        if tag == "graph":
            self.figures.append(given["figure"])
            return f'<div class="graph" data-figure="{len(self.figures) - 1}"></div>'
        return f"<{tag}{_attributes(given)}>" + ("" if tag in _ALONE else f"{inside}</{tag}>")


def _attributes(given: dict[str, Any]) -> str:
    said = {_ATTRIBUTES.get(name, name): value for name, value in given.items() if name not in _NOT_WRITTEN}
    if "style" in given:
        said["style"] = ";".join(f"{_css_name(name)}:{value}" for name, value in given["style"].items())
    return "".join(
        f" {name}" if value is True else f' {name}="{escape(str(value))}"'
        for name, value in said.items()
        if value is not None and value is not False
    )


def _css_name(name: str) -> str:
    """A property as CSS writes it: dashes for capitals; those of our own stay as they are."""
    return name if name.startswith("--") else "".join(f"-{one.lower()}" if one.isupper() else one for one in name)
