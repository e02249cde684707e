"""What the benchmarks say of their figures: exponents, pictures and the tables of the page."""

import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks._figures import Figure, Measured, Steps
from benchmarks._growth import exponent, picture
from benchmarks._page import curves_of, figures_table, growth_table, machine, steps_table, write


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_exponent_is_the_power_of_the_amount(power: float) -> None:
    assert exponent([(amount, 3 * amount**power) for amount in (10, 100, 5000)]) == pytest.approx(power)


def test_a_picture_names_its_curves_and_tells_what_it_shows() -> None:
    drawn = picture("Seconds by patients", "patients", {"labels": [(10, 1.0), (100, 9.0)], "intake": [(10, 0.2)]})
    texts = [element.text for element in ElementTree.fromstring(drawn).iter()]
    assert {"Seconds by patients", "patients", "labels", "intake", "100", "10 s"} <= set(texts)


RESULTS = {
    "labels": Measured(
        [
            Figure("all labels", 1.0, "s", amount=10_000),
            Figure("all labels", 8.0, "s", amount=100_000),
            Figure("a ratio", 2.5, "", amount=100_000),
        ],
        {"slow": 4.0, "middling": 2.0, "quick": 1.0, "quickest": 1.0},
    ),
    "dashboards": Measured([Figure("page, p95", 120, "ms", 150)]),
}


def test_every_figure_stands_beside_its_budget() -> None:
    lines = list(figures_table(RESULTS))
    assert lines[2] == "| labels | all labels, 10,000 patients | 1 s |  |"
    assert lines[-1] == "| dashboards | page, p95 | 120 ms | 150 ms |"


def test_only_times_of_several_amounts_grow() -> None:
    curves = curves_of(RESULTS)
    assert curves == {"patients": {"all labels": [(10_000, 1.0), (100_000, 8.0)]}}
    assert list(growth_table(curves))[-1] == "| all labels | patients | 10,000 to 100,000 | 0.90 | 1.05 |"


def test_the_slowest_steps_come_first() -> None:
    assert list(steps_table(RESULTS))[2:] == [
        "| labels | slow | 4.0 | 50% |",
        "| labels | middling | 2.0 | 25% |",
        "| labels | quick | 1.0 | 12% |",
    ]


def test_a_step_lasts_until_the_next_begins() -> None:
    steps = Steps()
    for name in ("first", "second", "end"):
        steps(name)
        time.sleep(0.01)
    assert list(steps.seconds()) == ["first", "second"]
    assert min(steps.seconds().values()) >= 0.01


def test_a_table_goes_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- figures -->\nold\n<!-- end of figures -->\nb\n", encoding="utf-8")
    write(page, {"figures": ["new"]})
    assert page.read_text(encoding="utf-8") == "a\n<!-- figures -->\n\nnew\n\n<!-- end of figures -->\nb\n"


def test_the_machine_is_told() -> None:
    assert " cores, " in machine()
