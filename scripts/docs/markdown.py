"""Markdown from parts."""

from collections.abc import Iterable, Sequence

_BUILT = "<!-- Built by `python -m scripts.docs`; do not edit. -->"


def document(title: str, *parts: str) -> str:
    """A built page; parts are paragraphs or tables, empty ones are left out."""
    return "\n\n".join((_BUILT, f"# {title}", *filter(None, parts))) + "\n"


def section(title: str, *parts: str) -> str:
    """A second-level heading with what stands under it; nothing where nothing stands under it."""
    found = [part for part in parts if part]
    return "\n\n".join((f"## {title}", *found)) if found else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing when it has no row."""
    body = list(rows)
    lines = [header, ["---"] * len(header), *body] if body else []
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def without_blank_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table without the columns that no row fills."""
    filled = [number for number in range(len(header)) if any(row[number] for row in rows)]
    return table([header[number] for number in filled], ([row[number] for number in filled] for row in rows))


def bullets(items: Iterable[str]) -> str:
    """A list of points."""
    return "\n".join(f"- {item}" for item in items)
