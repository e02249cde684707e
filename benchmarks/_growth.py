"""How a time grows with the amount of work: its exponent, and a picture of it."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

Points = Sequence[tuple[int, float]]
"""Amounts, each with its seconds."""

_WIDTH, _HEIGHT = 760, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 280, 20, 40
_COLOURS = ("#0072B2", "#D55E00", "#768692", "#009E73", "#CC79A7", "#56B4E9")


def exponent(points: Points) -> float:
    """The slope of the seconds over the amounts on logarithmic scales: 1 is linear."""
    amounts, times = np.log(np.array(points, dtype=float)).T
    return float(np.polyfit(amounts, times, 1)[0])


def picture(title: str, amounts_of: str, curves: Mapping[str, Points]) -> str:
    """An SVG of curves on logarithmic scales, each with its name at its end; the dashed line is linear growth.

    Args:
        title: read out where the picture cannot be seen.
        amounts_of: what the amounts count.
        curves: the points by name.
    """
    points = [point for curve in curves.values() for point in curve]
    xs, ys = _decades([amount for amount, _ in points]), _decades([time for _, time in points])

    def place(amount: float, time: float) -> tuple[float, float]:
        across = (math.log10(amount) - xs[0]) / (xs[1] - xs[0])
        up = (math.log10(time) - ys[0]) / (ys[1] - ys[0])
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="11">',
        f"<title>{title}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for decade in range(xs[0], xs[1] + 1):
        x, bottom = place(10**decade, 10 ** ys[0])
        lines.append(f'<path d="M{x:.0f} {_TOP}V{bottom:.0f}" stroke="#ddd"/>')
        lines.append(f'<text x="{x:.0f}" y="{bottom + 16:.0f}" text-anchor="middle">{10**decade:,}</text>')
    for decade in range(ys[0], ys[1] + 1):
        left, y = place(10 ** xs[0], 10**decade)
        lines.append(f'<path d="M{left:.0f} {y:.0f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        lines.append(f'<text x="{left - 6:.0f}" y="{y + 4:.0f}" text-anchor="end">{10.0**decade:g} s</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    lines.append(f'<text x="{middle:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">{amounts_of}</text>')
    for (name, curve), colour in zip(curves.items(), _COLOURS, strict=False):
        lines += _curve(name, [place(*point) for point in curve], colour)
        (first, time), (last, _) = curve[0], curve[-1]
        linear = (place(first, time), place(last, time * last / first))
        lines.append(f'<path d="{_path(linear)}" stroke="{colour}" fill="none" stroke-dasharray="2 4"/>')
    return "\n".join([*lines, "</svg>", ""])


def _decades(values: Sequence[float]) -> tuple[int, int]:
    lowest, highest = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return lowest, max(highest, lowest + 1)


def _curve(name: str, places: Sequence[tuple[float, float]], colour: str) -> Iterator[str]:
    yield f'<path d="{_path(places)}" stroke="{colour}" fill="none" stroke-width="2"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    x, y = places[-1]
    yield f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{name}</text>'


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
