"""The page of the contract."""

from outcomes.contract import CONTRACT_VERSION, TABLES, VERSIONS_READ, Table
from outcomes.intake.reading import MISSING
from outcomes.intake.rules import Rule, rules
from outcomes.intake.shapes import SHAPES
from scripts.docs.markdown import document, section, table

_FOLDER = (
    "A submission's folder holds the tables' files and `manifest.json`, nothing else. A file's name is the table's and "
    "`.csv` or `.parquet`, in any case (`Imaging.CSV`). Refused are: a table that the manifest does not list "
    "(`file_unlisted`); any other file, as one compressed (`imaging.csv.gz`), of another format (`imaging.tsv`, "
    "`imaging.xlsx`) or of notes, and a folder (`file_format`); a link, also to a file beside it, a pipe, a socket or "
    "a device (`file_special`). Ignored is what systems and programs leave: names that begin with `.` or `~$`, "
    "`Thumbs.db` and `desktop.ini`. A file has at most 2 GiB, also unpacked, 20 million rows, 1,000 columns, 1 MiB a "
    "line; `manifest.json`, in UTF-8, 1 MiB (`file_too_large`)."
)
_OLDER = (
    f"A manifest states its version as `contract_version`; `outcomes manifest` writes {CONTRACT_VERSION}. Versions "
    f"{', '.join(map(str, VERSIONS_READ))} are read, any other refuses the submission. *Since* is the first version "
    "that holds a column: a delivery of an older one must not hold it, and there it is empty, as in rows of an older "
    "lake."
)
_WORDS = ", ".join(f"`{word.upper()}`" for word in MISSING if word)
_READ = (
    f"An empty cell is missing, and so is {_WORDS} in any case, with or without blanks around, in every column: a "
    "missing key is a missing key. So is NaN in Parquet. A row of blank cells alone is no row. Codes, modifiers and "
    "levels are read in capitals, without dots, levels without blanks too; words of a closed list in any case and "
    "without dots, `F` and `M` as female and male; code systems also without blanks and hyphens (`ICD-10-CM`); "
    "booleans as true or false, yes or no, 1 or 0, or their first letters, in any case; column names in any case and "
    "with blanks around. What a spreadsheet took for a number is read as it was: `1.0` as true, `22551.0` as a code. A "
    "number is a plain decimal: `1_0`, `1e3` and `0x3` are none."
)
_KEYS_ARE = (
    "A key is drawn at random and says nothing: never a record number, a name, initials, a date, or a hash of them, "
    "unless it is keyed with a secret salt that stays at the site (HMAC). It "
    "is one word of letters, digits and `. _ : / + = -`, 64 characters at most, and should have 64 random bits: "
    "a UUID, a ULID, 11 characters of base64, 16 hexadecimal digits, or 14 small letters as `outcomes import` draws "
    "them, which never look like an identifier by chance. Surrounding blanks do not count, case does. The same patient "
    "keeps the key in later months. A key, as any other text, that has one of these shapes refuses the submission "
    "(`identifier_found`). What drawn keys have by chance is let pass: a shape that fewer than nine in ten keys of the "
    "same form have, digits alone where most keys of the length mix digits and letters. Keys of rows, which name no "
    "person, may be numbers of a database:"
)
_FOR_PROGRAMS = (
    "For programs: [Frictionless Data Package](contract/datapackage.json), a JSON Schema for the rows of each table "
    f"({', '.join(f'[{name}](contract/{name}.schema.json)' for name in TABLES)}), and a "
    "[data contract](contract/contract.odcs.yaml) in the Open Data Contract Standard. They hold the lists and ranges "
    "outside of which a cell or its row is lost; what rows and tables say together is on this page alone."
)
_COST = (
    "A *critical* rule costs the row: it goes to quarantine. A *warning* flags the row, *info* is only counted. One "
    "that names a column costs that cell: it is set to missing, the row is accepted, and quarantine keeps a copy as "
    "delivered. Cells are judged before what rows and tables say together. A rule applies to the rows in which all "
    "that it looks at is given; where there is none it is not applicable, which is not passed."
)
_KINDS = (
    "Each rule is of a kind (Kahn et al., EGEMS 2016;4:1244): *conformance* to type, list, key or sum, *completeness*, "
    "*plausibility*. Most hold a value against what the project expects (verification); those marked *validation* "
    "against a standard from outside, a code system or how an instrument is scored. Which measures and marts a rule "
    "affects is in the marts `rule_definitions` and `rule_measures`."
)


def page() -> str:
    """What a submission may hold and what is checked of it."""
    return document(
        f"The contract, version {CONTRACT_VERSION}",
        "What a site may deliver. One CSV (RFC 4180, UTF-8) or Parquet file per table, named as the table; a table "
        "that the site doesn't have is left out, unless it is marked required; one that it has and that is empty this "
        "time has a header alone. Every column is there, empty where "
        "unknown; only `deleted` may be missing. A column that is not listed refuses the submission.",
        _FOLDER,
        _OLDER,
        "A row whose key came in an earlier period supersedes the earlier row.",
        _READ,
        _COST,
        _KINDS,
        _FOR_PROGRAMS,
        section("Keys", _KEYS_ARE, table(("rule", "refused"), [(f"`{rule}`", text) for rule, text in SHAPES.items()])),
        *(_table_section(each) for each in TABLES.values()),
    )


def _table_section(delivered: Table) -> str:
    columns = [
        (f"`{each.name}`", each.type.value, each.unit, str(each.since), each.description) for each in delivered.columns
    ]
    listed = [
        (f"`{rule.code}`", rule.severity, _cost(rule), _kind(rule), rule.reason) for rule in rules(delivered.name)
    ]
    return section(
        f"{delivered.name}{' (required)' if delivered.required else ''}",
        f"{delivered.description.capitalize()}. Key: `{delivered.key}`.",
        table(("column", "type", "unit", "since", "meaning"), columns),
        "A row breaks a rule when:",
        table(("rule", "severity", "costs", "kind", "because"), listed),
    )


def _kind(rule: Rule) -> str:
    """What kind of quality the rule asks for, and whether a standard from outside says so."""
    return rule.category if rule.context == "verification" else f"{rule.category} ({rule.context})"


def _cost(rule: Rule) -> str:
    if rule.severity == "critical":
        return "the row"
    if rule.blanks is None:
        return ""
    return "each such cell" if rule.blanks == "*" else f"`{rule.blanks}`"
