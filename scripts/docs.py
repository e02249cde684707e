"""Build the pages of `docs/` that derive from the code: `python scripts/docs.py` (a test fails when they are stale)."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from outcomes.contract import CONTRACT_VERSION, TABLES, Table
from outcomes.errors import MISTAKES
from outcomes.labelling.definitions import LabelDefinition, label_definitions
from outcomes.shipped import shipped

DOCS = Path(__file__).parents[1] / "docs"

_BUILT = "<!-- Built by `python scripts/docs.py`; do not edit. -->"


def pages() -> dict[str, str]:
    """The text of each built page by its file name."""
    return {"contract.md": contract(), "labels.md": labels(), "exit-codes.md": exit_codes()}


def contract() -> str:
    """What a submission may hold and what is checked of it."""
    return _page(
        f"The contract, version {CONTRACT_VERSION}",
        "What a site may deliver. One CSV (RFC 4180, UTF-8) or Parquet file per table, named as the table; a table "
        "that the site doesn't have is left out, unless it is marked required. Every column is there, empty where "
        "unknown; only `deleted` may be missing. A column that is not listed refuses the submission.",
        "A row whose key came in an earlier period supersedes the earlier row. A *critical* rule sends a row to "
        "quarantine, a *warning* flags it, *info* is counted.",
        *(_table_section(table) for table in TABLES.values()),
    )


def labels() -> str:
    """What each label means."""
    return _page(
        "The labels",
        "Every label is yes, no or not assessable, with the reason for the last. Each result carries its onset day, "
        "the value that decided it, the version of its definition and the records that it rests on.",
        *(_label_section(label) for label in label_definitions()),
    )


def exit_codes() -> str:
    """How every command can end."""
    rows = [
        (f"{mistake.exit_status}", f"`{code}`", mistake.what, mistake.remedy)
        for code, mistake in sorted(MISTAKES.items(), key=lambda item: item[1].exit_status)
    ]
    return _page(
        "Exit codes",
        "Numbered once and never reused. `0` is success, `1` an unexpected error (named by type and place only), "
        "`2` a wrong use of the command line, `130` an interruption with Ctrl-C.",
        "10–39 refuse one submission: `outcomes ingest` names each on standard error, goes on with the others and then "
        "ends with 40. 40–59 say that a command cannot do what it was asked. 60–69 are defects of the pipeline itself.",
        _markdown_table(("exit", "code", "what is wrong", "what to do"), rows),
    )


def _table_section(table: Table) -> str:
    columns = [(f"`{each.name}`", each.type.value, each.unit, each.description) for each in table.columns]
    suite = json.loads(shipped("expectations", f"{table.name}.json").read_text(encoding="utf-8"))
    rules = [(f"`{e['meta']['code']}`", e["severity"], e["meta"]["reason"]) for e in suite["expectations"]]
    return "\n\n".join(
        (
            f"## {table.name}{' (required)' if table.required else ''}",
            f"{table.description.capitalize()}. Key: `{table.key}`.",
            _markdown_table(("column", "type", "unit", "meaning"), columns),
            "A row breaks a rule when:",
            _markdown_table(("rule", "severity", "because"), rules),
        )
    )


def _label_section(label: LabelDefinition) -> str:
    return "\n\n".join(
        (
            f"## {label.title}",
            f"`{label.name}`, version {label.version}, {label.status}"
            + (", shown on the overview" if label.is_headline else ""),
            label.definition,
            f"*Guide:* {label.guide}",
            f"*Why so:* {label.rationale}",
            f"*Source:* {label.citation}",
        )
    )


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((_BUILT, f"# {title}", *parts)) + "\n"


def _markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
