"""HTML as a tree of elements, for tests that look into a page."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_ALONE = {"br", "hr", "img", "input", "link", "meta"}
_INLINE = {"a", "code", "span", "strong"}


@dataclass
class Element:
    """An element: its tag, its attributes (None where one has no value), and what is inside."""

    tag: str
    attributes: dict[str, str | None]
    inside: list["Element | str"] = field(default_factory=list)

    def get(self, name: str) -> str:
        """An attribute; empty where there is none."""
        return self.attributes.get(name) or ""

    def all(self, tag: str) -> "Iterator[Element]":
        """Every element of this tag within, in order."""
        for each in self.inside:
            if isinstance(each, Element):
                if each.tag == tag:
                    yield each
                yield from each.all(tag)

    @property
    def text(self) -> str:
        """What a reader meets."""
        return "".join(each if isinstance(each, str) else each.text for each in self.inside if not _is_script(each))

    def lines(self) -> list[str]:
        """The texts, a line for each block; code has none."""
        return [line.strip(" ") for line in "".join(self._pieces()).split("\n") if line.strip()]

    def _pieces(self) -> Iterator[str]:
        for each in self.inside:
            if isinstance(each, str):
                yield each.replace("\n", " ") if each.strip() else ""
            elif each.tag not in ("pre", "script", "style", "title"):
                edge = "" if each.tag in _INLINE else "\n"
                yield from (edge, *each._pieces(), edge)


def _is_script(part: "Element | str") -> bool:
    return isinstance(part, Element) and part.tag in ("script", "style")


def parsed(html: str) -> Element:
    """A document, or a piece of one, within an element without a name.

    Raises:
        AssertionError: an element is closed that is not open, or is left open.
    """
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert len(parser.open) == 1, [element.tag for element in parser.open]
    return parser.open[0]


def figures(tree: Element) -> list[dict[str, Any]]:
    """The figures of a page's charts, in order; a number that is none fails."""
    return [
        json.loads("".join(map(str, script.inside)), parse_constant=_fail)
        for script in tree.all("script")
        if script.get("type") == "application/json"
    ]


def _fail(constant: str) -> None:
    raise AssertionError(constant)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        element = Element(tag, dict(attrs))
        self.open[-1].inside.append(element)
        if tag not in _ALONE:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of a drawing, which has nothing inside."""
        self.open[-1].inside.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        assert self.open[-1].tag == tag, (self.open[-1].tag, tag)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        """Text within an element."""
        self.open[-1].inside.append(data)
