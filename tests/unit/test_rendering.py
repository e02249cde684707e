"""From data to HTML: what templates escape, refuse and name."""

import hashlib
import json

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from dashboards.cards import Cell, Table
from dashboards.rendering import ASSETS, figure_json, part, render
from tests.support.html_tree import parsed

EVIL = "</script><b title=\"x\" onclick='y'>&"


def test_texts_are_escaped_and_what_a_template_made_is_not_escaped_again() -> None:
    inner = part("sentence", EVIL, EVIL, EVIL)
    outer = part("tiles", [("Title", "/measure/x", inner, [("Target", "", EVIL)])])
    assert isinstance(outer, Markup)
    assert not list(parsed(outer).all("b"))
    assert next(parsed(outer).all("strong")).text == EVIL
    assert "&amp;amp;" not in outer


def test_a_name_that_is_missing_is_an_error_and_no_empty_text() -> None:
    with pytest.raises(UndefinedError):
        render("answer.html", title="No access", sentences=[], way_on=None)
    with pytest.raises(AttributeError):
        part("no_such_macro")


def test_a_figure_cannot_end_its_script_and_keeps_its_texts() -> None:
    figure = {"data": [{"text": ["a<br>b", EVIL, "\u2028"], "y": (1, None)}], "layout": {}}
    said = figure_json(figure)
    assert "<" not in said
    assert json.loads(said)["data"][0]["text"][0] == "a<br>b"
    assert json.loads(said)["data"][0]["y"] == [1, None]


def test_the_rows_of_a_long_table_after_the_first_fold_out() -> None:
    rows = [[str(number)] for number in range(12)]
    page = parsed(render("table.html", table=Table("Numbers", ("Number",), rows, folds_after=10)))
    assert [len(list(one.all("tr"))) for one in page.all("table")] == [11, 3]
    (details,) = page.all("details")
    assert next(details.all("summary")).text == "2 more"
    whole = parsed(render("table.html", table=Table("Numbers", ("Number",), rows[:10], folds_after=10)))
    assert not list(whole.all("details"))


def test_a_stacked_row_says_once_that_its_numbers_are_suppressed() -> None:
    hidden = Cell("– suppressed", "suppressed")
    table = Table("Numbers", ("Site", "n", "Share"), [["a", hidden, hidden], ["b", "1", "–"]], is_stacked=True)
    cells = list(parsed(render("table.html", table=table)).all("td"))
    assert [cell.get("data-head") for cell in cells] == ["n", "", "n", ""]


def test_cells_are_texts_links_or_what_a_template_made_and_numbers_stand_right() -> None:
    table = Table("Numbers", ("Site", "Link", "n"), [[Cell("a<b"), Cell("c", href="/x?a=1&b=2"), "3"]], numbers=1)
    (row,) = list(parsed(render("table.html", table=table)).all("tr"))[1:]
    assert [cell.get("scope") or cell.get("class") for cell in row.inside if not isinstance(cell, str)] == [
        "row",
        "",
        "number-cell",
    ]
    assert row.text == "a<bc3"
    assert [link.get("href") for link in row.all("a")] == ["/x?a=1&b=2"]


def test_an_asset_has_an_address_of_its_content() -> None:
    document = parsed(render("no_release.html", product="P"))
    (style,) = [link.get("href") for link in document.all("link") if link.get("rel") == "stylesheet"]
    digest = hashlib.sha256((ASSETS / "style.css").read_bytes()).hexdigest()
    assert style == f"/assets/style.css?{digest[:12]}"
