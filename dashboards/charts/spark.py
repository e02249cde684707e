"""Small charts for table cells, as pictures: 24 months without axes, and signs of variation and assurance."""

from collections.abc import Sequence

from markupsafe import Markup, escape

from dashboards.charts import style

_WIDTH, _HEIGHT, _AIR = 120, 28, 5


def sparkline(
    values: Sequence[float | None],
    sentence: str,
    special: Sequence[str | None] = (),
    *,
    connects_gaps: bool = False,
) -> Markup:
    """A line of values from the left to the right; the last is marked, and so is what a rule marks.

    Args:
        values: from the oldest on; None leaves a gap.
        sentence: what it shows.
        special: the kind of variation of each value.
        connects_gaps: whether the line goes on over gaps, as where months without patients have no value.
    """
    known = [value for value in values if value is not None]
    if not known:
        return _none(sentence)
    top = max(*known, 1e-9)
    step = (_WIDTH - 2 * _AIR) / max(len(values) - 1, 1)
    places = [
        None if value is None else (_AIR + place * step, _HEIGHT - _AIR - (_HEIGHT - 2 * _AIR) * value / top)
        for place, value in enumerate(values)
    ]
    marks = [
        _mark(place, kind)
        for place, kind in zip(places, [*special, *[None] * (len(values) - len(special))], strict=True)
        if place
    ]
    line = [place for place in places if place] if connects_gaps else places
    last = next(place for place in reversed(places) if place)
    return _picture(
        f'<path d="{_path(line)}" fill="none" stroke="{style.GREY}" stroke-width="1"/>{"".join(marks)}'
        f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="3" fill="{style.BLUE}"/>',
        _WIDTH,
        _HEIGHT,
        sentence,
    )


def variation_sign(variation: str | None, sentence: str) -> Markup:
    """A shape that says what kind of variation the latest month shows; a dash where nothing can be said."""
    shapes = {
        "common": f'<path d="M2 11 L7 7 L12 12 L18 8" fill="none" stroke="{style.GREY}" stroke-width="2"/>',
        "special_concerning": f'<path d="M10 2 L18 17 L2 17 Z" fill="{style.VERMILION}"/>',
        "special_improving": (
            f'<circle cx="10" cy="10" r="7.5" fill="none" stroke="{style.BLUE}" stroke-width="2"/>'
            f'<circle cx="10" cy="10" r="3" fill="{style.BLUE}"/>'
        ),
        "special_neutral": f'<path d="M10 2 L18 10 L10 18 L2 10 Z" fill="{style.GREY}"/>',
    }
    return _picture(shapes[variation], 20, 20, sentence) if variation in shapes else _none(sentence)


def assurance_sign(assurance: str | None, sentence: str) -> Markup:
    """A shape that says whether the target is met whatever chance does; a dash without a target."""
    target = f'<path d="M1 10 H19" stroke="{style.GREY}" stroke-width="1.5" stroke-dasharray="3 2"/>'
    shapes = {
        "hits": f'{target}<circle cx="10" cy="10" r="5" fill="{style.BLUE}"/>',
        "misses": f'{target}<path d="M10 4 L16 15 L4 15 Z" fill="{style.VERMILION}"/>',
        "either": f'{target}<circle cx="10" cy="10" r="5" fill="none" stroke="{style.GREY}" stroke-width="2"/>',
    }
    return _picture(shapes[assurance], 20, 20, sentence) if assurance in shapes else _none(sentence)


def _mark(place: tuple[float, float], kind: str | None) -> str:
    x, y = place
    if kind == "special_concerning":
        return f'<path d="M{x:.1f} {y - 3.5:.1f} l3 5.5 h-6 Z" fill="{style.VERMILION}"/>'
    if kind == "special_improving":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="none" stroke="{style.BLUE}" stroke-width="1.5"/>'
    return ""


def _path(places: Sequence[tuple[float, float] | None]) -> str:
    parts, is_new = [], True
    for place in places:
        if place:
            parts.append(f"{'M' if is_new else 'L'}{place[0]:.1f} {place[1]:.1f}")
        is_new = place is None
    return "".join(parts)


def _none(sentence: str) -> Markup:
    return Markup(f'<span title="{escape(sentence)}">–</span>')


def _picture(content: str, width: int, height: int, sentence: str) -> Markup:
    """A drawing as a picture with its sentence; without one it is beside words that say the same.

    Its content holds numbers and colours, and no text.
    """
    # Not by `Markup.format`, which parses its text anew for each of some hundred pictures a page.
    said = f'role="img" aria-label="{escape(sentence)}"' if sentence else 'aria-hidden="true"'
    return Markup(f'<svg {said} width="{width}" height="{height}" viewBox="0 0 {width} {height}">{content}</svg>')
