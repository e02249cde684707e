"""From data to HTML: the templates in `templates/`, of which pages, the report and the answers of the login are made.

A template knows how something looks and no more; what it says is in the data that it is given. Every text is escaped
unless a template made it, or the template ends with .txt.
"""

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_HERE = Path(__file__).parent
ASSETS = _HERE / "assets"
_FOREIGN_TAG = re.compile(r"<(?!br>|/?extra>)")
"""The beginning of a tag that is none of those in which our own texts are broken."""


def render(template: str, **values: Any) -> str:
    """A whole document.

    Args:
        template: a file of `templates/`.
        values: what it is made of; a name that the template uses and that is missing raises `UndefinedError`.
    """
    return _TEMPLATES.get_template(template).render(values)


def part(macro: str, *values: Any) -> Markup:
    """A piece of a card or of a table's cell, made by a macro of `templates/parts.html`.

    Args:
        macro: its name.
        values: its arguments.
    """
    return Markup(getattr(_TEMPLATES.get_template("parts.html").module, macro)(*values))


@lru_cache
def _asset(pattern: str) -> Path:
    """The one file of `assets/` with such a name."""
    (found,) = ASSETS.glob(pattern)
    return found


@lru_cache
def _address(pattern: str) -> str:
    """Where a browser finds an asset: the address changes with the content, so that a browser may keep it."""
    asset = _asset(pattern)
    return f"/assets/{asset.name}?{hashlib.sha256(asset.read_bytes()).hexdigest()[:12]}"


def _inlined(pattern: str) -> Markup:
    """An asset for a document that stands alone. Nothing within a script may look like its end."""
    return Markup(_asset(pattern).read_text(encoding="utf-8").replace("</", "<\\/"))


def figure_json(figure: dict[str, Any]) -> Markup:
    """A figure as JSON within a script element, which none of its texts can end."""
    said = json.dumps(_without_markup(figure), ensure_ascii=False, separators=(",", ":"))
    return Markup(said.replace("<", "\\u003c"))


def css_string(text: str) -> Markup:
    """A text as a string of CSS within a style element, which it cannot end: but for letters and digits by number."""
    escaped = (char if char.isascii() and char.isalnum() else f"\\{ord(char):x} " for char in text)
    return Markup(f'"{"".join(escaped)}"')


def _without_markup(part: Any) -> Any:
    """A figure in whose texts a name that somebody wrote is no markup: Plotly would draw tags and links."""
    if isinstance(part, str):
        return _FOREIGN_TAG.sub("&lt;", part)
    if isinstance(part, dict):
        return {name: _without_markup(value) for name, value in part.items()}
    return [_without_markup(each) for each in part] if isinstance(part, list | tuple) else part


_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=lambda name: name is None or not name.endswith(".txt"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_TEMPLATES.filters |= {"css_string": css_string, "figure": figure_json}
_TEMPLATES.globals |= {"asset": _address, "inlined": _inlined}
