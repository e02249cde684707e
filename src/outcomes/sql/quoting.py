"""Names and texts within statements, where a parameter cannot stand."""

from pathlib import Path


def literal(text: str | Path) -> str:
    """A text or a path as a literal of SQL."""
    escaped = str(text).replace("'", "''")
    return f"'{escaped}'"


def identifier(name: str) -> str:
    """The name of a column or table in SQL, whatever it holds."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
