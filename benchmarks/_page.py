"""What a page of the docs says of measurements: tables between marks, made of figures."""

import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from benchmarks._figures import Figure, Measured
from benchmarks._growth import Points, exponent

AT_MOST_EXPONENT = 1.05
_SLOWEST = 3


def write(path: Path, made: Mapping[str, list[str]]) -> None:
    """Put each table between its two marks in a Markdown file."""
    text = path.read_text(encoding="utf-8")
    for name, lines in made.items():
        before, rest = text.split(f"<!-- {name} -->\n", 1)
        _, after = rest.split(f"<!-- end of {name} -->", 1)
        text = f"{before}<!-- {name} -->\n" + "\n".join(["", *lines, "", f"<!-- end of {name} -->"]) + after
    path.write_text(text, encoding="utf-8")


def machine() -> str:
    """The machine in a sentence: processor, cores, memory, system and Python."""
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory; {system}"


def _processor() -> str:
    """The processor's name as Linux tells it, else as Python does."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def figures_table(results: Mapping[str, Measured]) -> Iterator[str]:
    """The lines of a Markdown table: every figure of each benchmark beside its budget."""
    yield "| benchmark | what | figure | budget |"
    yield "|---|---|--:|--:|"
    for name, measured in results.items():
        for figure in measured.figures:
            yield f"| {name} | {_what(figure)} | {_quantity(figure.value, figure.unit)} | {_budget(figure)} |"


def growth_table(curves: Mapping[str, Mapping[str, Points]]) -> Iterator[str]:
    """The lines of a Markdown table: the exponent of each time that was measured of several amounts."""
    yield "| what | of | amounts | exponent | budget |"
    yield "|---|---|---|--:|--:|"
    for amounts_of, by_name in curves.items():
        for name, points in by_name.items():
            amounts = f"{points[0][0]:,} to {points[-1][0]:,}"
            yield f"| {name} | {amounts_of} | {amounts} | {exponent(points):.2f} | {AT_MOST_EXPONENT} |"


def curves_of(results: Mapping[str, Measured]) -> dict[str, dict[str, Points]]:
    """The seconds that were measured of several amounts, by what the amounts count and what was measured."""
    curves: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for measured in results.values():
        for figure in measured.figures:
            if figure.amount is not None and figure.unit == "s":
                points = curves.setdefault(figure.of, {}).setdefault(figure.what, [])
                points.append((figure.amount, figure.value))
    return {
        amounts_of: {name: points for name, points in by_name.items() if len(points) > 1}
        for amounts_of, by_name in curves.items()
    }


def steps_table(results: Mapping[str, Measured]) -> Iterator[str]:
    """The lines of a Markdown table: the slowest steps of each benchmark that has steps."""
    yield "| benchmark | step | seconds | share |"
    yield "|---|---|--:|--:|"
    for name, measured in results.items():
        steps = measured.steps
        for step in sorted(steps, key=lambda step: -steps[step])[:_SLOWEST]:
            yield f"| {name} | {step} | {steps[step]:.1f} | {steps[step] / sum(steps.values()):.0%} |"


def _what(figure: Figure) -> str:
    return figure.what if figure.amount is None else f"{figure.what}, {figure.amount:,} {figure.of}"


def _budget(figure: Figure) -> str:
    return "" if figure.at_most is None else _quantity(figure.at_most, figure.unit)


def _quantity(value: float, unit: str) -> str:
    figure = f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
    return f"{figure} {unit}".rstrip()
