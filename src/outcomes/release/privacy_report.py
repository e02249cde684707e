"""The privacy report of a release: what was shown and hidden, and what the audit has looked at, for the data steward.

It counts cells, never patients, and reads the protected marts alone: who may see the report learns nothing that the
marts do not tell.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from outcomes.disclosure.audit import AUDITED
from outcomes.disclosure.suppression import SITES_AGAINST_CONTRIBUTORS
from outcomes.sql.catalog.marts import NOT_OF_PATIENTS, STATE, Mart, protected_marts
from outcomes.sql.engine import connect_read_only

FILE = "privacy-report.md"

_MEASURES = "measures"
_LIMITS = (
    "Whoever knows from elsewhere that a certain patient is in the data knows more than the tables say.",
    "Two sites that combine their numbers know the rest of a sum better than one alone.",
    "A table that the audit does not look at is protected by its own rule, and not together with the others.",
    "Releases that are no longer kept are not part of the audit; rounding protects against them.",
    "The exact marts (research.duckdb, parquet/) are not protected: the report says nothing of them.",
)


def write_privacy_report(folder: Path, dashboard: str, manifest: dict[str, Any]) -> None:
    """Write the privacy report of a release into its folder.

    Args:
        folder: of the release.
        dashboard: the name of the database of its protected marts.
        manifest: what the release says of itself.
    """
    with connect_read_only(folder / dashboard) as con:
        text = _report(con, manifest)
    (folder / FILE).write_text(text, encoding="utf-8")


def cells_by_state(dashboard: Path) -> dict[str, dict[str, int]]:
    """How many cells of each protected mart, and of the measures by kind of cell, have each state.

    Args:
        dashboard: the database of the protected marts.
    """
    with connect_read_only(dashboard) as con:
        counts = {mart.name: _by_state(con, mart) for mart in protected_marts()}
        counts |= {f"{_MEASURES}: {name}": states for name, states in _measures(con)}
    return {name: dict(zip(STATE.enum, states, strict=True)) for name, states in counts.items()}


def _report(con: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> str:
    least = manifest["minimum_cell_count"]
    sites = con.execute("select count(*) from sites").fetchall()[0][0]
    shared = "are" if sites >= SITES_AGAINST_CONTRIBUTORS else "are not"
    rows = [(mart.name, *_counts(_by_state(con, mart)), _protections(mart)) for mart in protected_marts()]
    measures = [(name, *_counts(states)) for name, states in _measures(con)]
    parts = [
        f"# Privacy report of release {manifest['release_id']}",
        f"Data to {manifest['data_to']}, {'invented' if manifest['is_synthetic'] else 'real'} patients, {sites} sites. "
        f"It counts cells, that is rows of protected marts; a count of patients is not in it.",
        "## Rules",
        f"- No count of 1 to {least - 1} patients is shown, nor one from which it can be worked out: the minimum cell "
        f"count is {least}.\n"
        "- Counts of measures are rounded to the nearest 5; reasons, kinds and attrition to the nearest 10; shares and "
        "rates come from rounded counts.\n"
        f"- With {sites} sites the measures {shared} protected against a site that subtracts its own numbers (from "
        f"{SITES_AGAINST_CONTRIBUTORS} sites on).",
        "## Cells by mart",
        "*Suppressed* are cells with a small count and those that protect them. The release does not tell them apart: "
        "to say which are small would tell it of each.",
        "A number is protected by the audit (`audited`), follows from what is shown (`derived`), or has its own rule.",
        _table(("mart", *STATE.enum, "suppressed of those that could be shown", "protected"), rows),
        "## Measures",
        _table(("cells", *STATE.enum, "suppressed of those that could be shown"), measures),
        "## Audit",
        _audited(manifest["audit"]),
        f"Counts of patients from 1 to {least - 1} in the protected marts: {_small(con, least)}.",
        "## What this does not cover",
        "\n".join(f"- {limit}" for limit in _LIMITS),
    ]
    return "\n\n".join(parts) + "\n"


def _by_state(con: duckdb.DuckDBPyConnection, mart: Mart, where: str = "true") -> list[int]:
    """How many cells of a mart have each state."""
    found = con.execute(f'select state, count(*) from "{mart.name}" where {where} group by state').fetchall()
    counts = Counter(dict(found))
    return [counts[state] for state in STATE.enum]


def _protections(mart: Mart) -> str:
    """How the numbers of a mart that tell of patients are protected."""
    words = dict.fromkeys(word for column in mart.columns for word in column.protection)
    return ", ".join(word for word in words if word != NOT_OF_PATIENTS)


def _counts(counts: Sequence[int]) -> tuple[str, ...]:
    """Counts by state, and the share that is suppressed of what has patients."""
    told = dict(zip(STATE.enum, counts, strict=True))
    could = told["shown"] + told["zero"] + told["suppressed"]
    share = f"{100 * told['suppressed'] / could:.0f} %" if could else ""
    return (*(f"{count:,}" for count in counts), share)


def _measures(con: duckdb.DuckDBPyConnection) -> Iterable[tuple[str, list[int]]]:
    """How many cells of the measures have each state, by kind of cell."""
    mart = next(one for one in protected_marts() if one.name == _MEASURES)
    for who, of_sites in (("all sites", "site_id is null"), ("a site", "site_id is not null")):
        for what, of_cells in (
            ("", "resolution = 'all' and stratum_kind = 'all'"),
            (", by year", "resolution = 'year'"),
            (", by stratum", "stratum_kind <> 'all'"),
        ):
            yield f"{who}{what}", _by_state(con, mart, f"{of_sites} and {of_cells}")


def _audited(audit: dict[str, Any]) -> str:
    """What the audit has looked at, which passed: else there would be no release."""
    said = [
        f"An attacker who knows every number of {', '.join(f'`{name}`' for name in AUDITED)}, and every sum, works out "
        "no count below the minimum, nor an interval narrower than it."
    ]
    if audit["compared_with"]:
        said.append(f"Together with the releases {', '.join(audit['compared_with'])}, all at once, neither.")
    else:
        said.append("There was no release before with which to compare this one.")
    if audit["not_compared_with"]:
        said.append(f"Damaged or of another kind, and therefore not compared: {', '.join(audit['not_compared_with'])}.")
    return " ".join(said)


def _small(con: duckdb.DuckDBPyConnection, least: int) -> int:
    """How many counts of patients below the minimum stand in the protected marts: none, or the rules have failed.

    What a model expects is no count.
    """
    return sum(
        con.execute(f'select count(*) from "{mart.name}" where "{column.name}" between 1 and {least - 1}').fetchall()[
            0
        ][0]
        for mart in protected_marts()
        for column in mart.columns
        if column.unit == "patients" and column.type == "integer" and column.name != "minimum_cell_count"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
