"""The page that says which label answers which item of the guide, and by how many situations it is specified."""

from collections import Counter

from outcomes.sql.catalog.labels import label_definitions
from scripts.docs.guide import GuideItem, guide_items
from scripts.docs.markdown import document, section, table
from scripts.docs.situations import in_words, situations


def page() -> str:
    """The items of the guide, section by section."""
    sections = dict.fromkeys(item.section for item in guide_items())
    return document(
        "How the guide is covered",
        "Each item of the patient guide, the labels that say it, their versions and the situations that specify them. "
        "Where an item is one kind of a label, only the situations of that kind are counted.",
        *(_section(name) for name in sections),
    )


def _section(name: str) -> str:
    rows = [_row(item, label) for item in guide_items() if item.section == name for label in item.labels]
    return section(name.capitalize(), table(("guide item", "label", "version", "situations", "test"), rows))


def _row(item: GuideItem, label: str) -> tuple[str, ...]:
    definition = next(each for each in label_definitions() if each.name == label)
    kind = f", kind {in_words(item.kind)}" if item.kind else ""
    test = f"[{label}.yaml](../tests/spec/labels/{label}.yaml)"
    page_link = f"[{definition.title}](labels/{label}.md){kind}"
    return item.item, page_link, f"{definition.version}", tally(label, item.kind), test


def tally(label: str, kind: str | None = None) -> str:
    """How many situations a label has, by the status that they expect; only those of a kind where one is given."""
    counted = [each for each in situations(label) if kind is None or each.expected.get("kind") == kind]
    by_status = Counter(each.status for each in counted)
    parts = [
        f"{by_status[status]} {in_words(status)}" for status in ("yes", "no", "not_assessable") if by_status[status]
    ]
    return f"{len(counted)}: {', '.join(parts)}"
