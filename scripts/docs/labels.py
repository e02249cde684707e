"""The index of the labels and one page for each."""

import re
from collections.abc import Collection, Sequence

from outcomes.sql.catalog.labels import Criterion, LabelDefinition, label_definitions, stated_in
from outcomes.sql.files import SqlFile
from outcomes.sql.reference import code_list_rows, thresholds
from outcomes.sql.shipped import shipped
from scripts.docs import lineage
from scripts.docs.coverage import tally
from scripts.docs.guide import guide_items, guide_order
from scripts.docs.markdown import bullets, document, section, table, without_blank_columns
from scripts.docs.situations import Situation, default_in_words, in_words, situations

_COMMON_TITLE = "What every label rests on"
_COLUMNS = {"onset_day": "Onset day", "value": "Value"}


def index() -> str:
    """The labels by category, and what all of them rest on."""
    categories = dict.fromkeys(
        [item.section for item in guide_items()] + [each.category for each in label_definitions()]
    )
    return document(
        "The labels",
        "Every label is yes, no or not assessable, with the reason for the last. Each result carries its onset day, "
        "the value that decided it, the version of its definition and the records that it rests on. "
        "[How the guide is covered](coverage.md) leads from the guide to the labels.",
        *(_category(category) for category in categories),
        _common(),
    )


def label_pages() -> dict[str, str]:
    """The page of each label by its path within `docs/`."""
    return {f"labels/{label.name}.md": _label_page(label) for label in label_definitions()}


def _category(category: str) -> str:
    order = guide_order()
    members = [label for label in label_definitions() if label.category == category]
    members.sort(key=lambda label: order.index(label.name) if label.name in order else len(order))
    rows = [
        (
            f"[{label.title}](labels/{label.name}.md)" + (" (shown first)" if label.is_headline else ""),
            f"`{label.name}`",
            f"{label.version}, {label.status}",
            tally(label.name),
        )
        for label in members
    ]
    return section(category.capitalize(), table(("label", "name", "version", "situations"), rows))


def _common() -> str:
    files = lineage.common()
    return section(
        _COMMON_TITLE,
        "A label is said of an episode: one patient's index fusion with its stages. Who is in the cohort, how long the "
        "patient was observed, when the first revision was and how a visit is scored is decided once:",
        _relations(files, "../sql"),
        thresholds_table(files),
        _code_lists(files, "../sql"),
        _references(files, "../sql"),
    )


def _label_page(label: LabelDefinition) -> str:
    files = [*lineage.sources(label.file), label.file]
    return document(
        label.title,
        _facts(label),
        f"*Guide:* {label.guide}",
        section("Definition", label.definition, f"*Why so:* {label.rationale}", f"*Source:* {label.citation}"),
        section("How it is decided", *_criteria(label)),
        section("What the columns mean", _columns(label)),
        section(
            "Thresholds and code lists",
            _lineage_note(label),
            thresholds_table(files, _thresholds_of_siblings(label)),
            _code_lists(files, "../../sql", tuple(each.name for each in _siblings(label))),
        ),
        section("Situations", _situations_note(), _situations(situations(label.name))),
        section("Statement", *_statement(label, files)),
    )


def _facts(label: LabelDefinition) -> str:
    facts = [f"`{label.name}`", label.category, f"version {label.version}", label.status]
    return ", ".join([*facts, "shown on the overview"] if label.is_headline else facts)


def _criteria(label: LabelDefinition) -> list[str]:
    shared = ["A yes needs:", _said(label.criteria)] if label.criteria else []
    opening = "and all of one of these:" if shared else "A yes needs all of one of these:"
    ways = [part for name, way in label.ways.items() for part in (f"*{in_words(name)}*", _said(way))]
    return [*shared, opening, *ways] if ways else shared


def _said(criteria: Sequence[Criterion]) -> str:
    return bullets(each.says for each in criteria)


def _columns(label: LabelDefinition) -> str:
    return bullets(f"{title}: {label.columns[name]}" for name, title in _COLUMNS.items())


def _siblings(label: LabelDefinition) -> list[LabelDefinition]:
    """The other labels that the one relation which decides this label decides too."""
    return [
        each
        for each in label_definitions()
        if each.name != label.name and each.file.needs == label.file.needs and len(label.file.needs) == 1
    ]


def _lineage_note(label: LabelDefinition) -> str:
    others = ", ".join(f"[{each.title}]({each.name}.md)" for each in _siblings(label))
    shared = f" The same statements decide {others}; a row may serve only those." if others else ""
    return f"What [every label rests on](../labels.md#what-every-label-rests-on) is not repeated here.{shared}"


def _thresholds_of_siblings(label: LabelDefinition) -> set[str]:
    """Thresholds that the criteria of the siblings name and those of the label do not."""
    return {name for each in _siblings(label) for name in _named(each)} - _named(label)


def _named(label: LabelDefinition) -> set[str]:
    fields = stated_in(label.file)[label.name]
    stated = [fields.get(part) for part in ("criteria", "ways")]
    return set(re.findall(r"\{(\w+)\}", str(stated)))


def thresholds_table(files: Sequence[SqlFile], without: Collection[str] = ()) -> str:
    """The thresholds that the files use, with their values, but those named in `without`."""
    notes = _threshold_notes()
    rows = [
        (in_words(name), f"{thresholds()[name]}", notes.get(name, ""), _used_in(used))
        for name, used in lineage.users(files, lineage.thresholds_of).items()
        if name not in without
    ]
    return table(("threshold", "value", "meaning", "used in"), rows)


def _threshold_notes() -> dict[str, str]:
    text = shipped("sql", "definitions", "thresholds.yaml").read_text(encoding="utf-8")
    return dict(re.findall(r"^(\w+):[^#\n]*# (.+)$", text, flags=re.MULTILINE))


def _code_lists(files: Sequence[SqlFile], sql: str, siblings: Sequence[str] = ()) -> str:
    """The code lists that the files use; a list named after a sibling of the label is that sibling's alone."""
    of_siblings = tuple(name.removeprefix("suspected_") for name in siblings)
    rows = [
        (f"[{in_words(name)}]({sql}/codelists/{name}.csv)", *_code_list_facts(name), _used_in(used))
        for name, used in lineage.users(files, lineage.code_lists_of).items()
        if not name.startswith(of_siblings)
    ]
    return table(("code list", "version", "codes", "used in"), rows)


def _code_list_facts(name: str) -> tuple[str, str]:
    entries = code_list_rows(name)
    versions = sorted({entry["version"] for entry in entries})
    codes = {(entry["system"], entry["code"]) for entry in entries}
    return ", ".join(versions), f"{len(codes)} of {', '.join(sorted({system for system, _ in codes}))}"


def _references(files: Sequence[SqlFile], sql: str) -> str:
    rows = [
        (f"[{in_words(name)}]({sql}/reference/{name}.csv)", _used_in(used))
        for name, used in lineage.users(files, lineage.references_of).items()
    ]
    return table(("reference table", "used in"), rows)


def _relations(files: Sequence[SqlFile], sql: str) -> str:
    rows = [(f"[{file.name}]({sql}/{file.path.relative_to(shipped('sql'))})", file.header["title"]) for file in files]
    return table(("built from", "what it holds"), rows)


def _used_in(files: Sequence[SqlFile]) -> str:
    return ", ".join(file.header["title"] for file in files)


def _situations_note() -> str:
    return (
        f"Each is a test. Where nothing else is said: {default_in_words()}, and the site sends every table. "
        "A blank cell is not part of the expectation; a dash must be empty."
    )


def _situations(stated: Sequence[Situation]) -> str:
    header = ("situation", "records", "status", "reason", "kind", "onset day", "value", "evidence")
    rows = [
        (
            each.name,
            each.records_in_words,
            *(each.cell(column) for column in ("status", "reason", "kind", "onset_day", "value")),
            each.evidence_in_words,
        )
        for each in stated
    ]
    return without_blank_columns(header, rows)


def _statement(label: LabelDefinition, files: Sequence[SqlFile]) -> tuple[str, ...]:
    statement, test = f"sql/definitions/labels/{label.name}.sql", f"tests/spec/labels/{label.name}.yaml"
    return (
        f"[`{statement}`](../../{statement}): {label.grain}. The situations stand in [`{test}`](../../{test}).",
        _relations(files[:-1], "../../sql"),
        _references(files, "../../sql"),
    )
