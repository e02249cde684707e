"""The page of the contract."""

import json

from outcomes.contract import CONTRACT_VERSION, TABLES, VERSIONS_READ, Table
from outcomes.sql.shipped import shipped
from scripts.docs.markdown import document, section, table

_OLDER = (
    f"A manifest states its version as `contract_version`; `outcomes manifest` writes {CONTRACT_VERSION}. Versions "
    f"{', '.join(map(str, VERSIONS_READ))} are read, any other refuses the submission. *Since* is the first version "
    "that holds a column: a delivery of an older one must not hold it, and there it is empty, as in rows of an older "
    "lake."
)


def page() -> str:
    """What a submission may hold and what is checked of it."""
    return document(
        f"The contract, version {CONTRACT_VERSION}",
        "What a site may deliver. One CSV (RFC 4180, UTF-8) or Parquet file per table, named as the table; a table "
        "that the site doesn't have is left out, unless it is marked required. Every column is there, empty where "
        "unknown; only `deleted` may be missing. A column that is not listed refuses the submission.",
        _OLDER,
        "A row whose key came in an earlier period supersedes the earlier row. A *critical* rule sends a row to "
        "quarantine, a *warning* flags it, *info* is counted.",
        *(_table_section(each) for each in TABLES.values()),
    )


def _table_section(delivered: Table) -> str:
    columns = [
        (f"`{each.name}`", each.type.value, each.unit, str(each.since), each.description) for each in delivered.columns
    ]
    suite = json.loads(shipped("expectations", f"{delivered.name}.json").read_text(encoding="utf-8"))
    rules = [(f"`{e['meta']['code']}`", e["severity"], e["meta"]["reason"]) for e in suite["expectations"]]
    return section(
        f"{delivered.name}{' (required)' if delivered.required else ''}",
        f"{delivered.description.capitalize()}. Key: `{delivered.key}`.",
        table(("column", "type", "unit", "since", "meaning"), columns),
        "A row breaks a rule when:",
        table(("rule", "severity", "because"), rules),
    )
