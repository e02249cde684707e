"""Every item of the guide is answered by labels, and every label is specified from all sides."""

from collections import Counter

import pytest

from outcomes.sql.catalog.labels import LabelDefinition, label_definitions
from scripts.docs.guide import GuideItem, guide_items
from scripts.docs.situations import situations

LABELS = {each.name: each for each in label_definitions()}


def test_the_guide_is_listed_in_full() -> None:
    counts = Counter(item.section for item in guide_items())
    assert counts == {
        "recovery timeline": 12,
        "suspected causes": 6,
        "red flags": 5,
        "conservative care": 14,
        "revision": 9,
        "care that followed": 3,
    }
    assert len({item.item for item in guide_items()}) == counts.total()


@pytest.mark.parametrize("item", guide_items(), ids=lambda item: item.item)
def test_an_item_is_answered_by_labels_that_exist(item: GuideItem) -> None:
    assert item.labels
    assert set(item.labels) <= set(LABELS)
    assert {LABELS[label].category for label in item.labels} == {item.section}


@pytest.mark.parametrize("item", [item for item in guide_items() if item.kind], ids=lambda item: item.item)
def test_an_item_that_is_one_kind_of_a_label_has_a_situation_of_that_kind(item: GuideItem) -> None:
    (label,) = item.labels
    assert item.kind in {each.expected.get("kind") for each in situations(label)}


def test_every_accepted_label_answers_an_item() -> None:
    accepted = {name for name, label in LABELS.items() if label.status == "accepted"}
    assert accepted <= {label for item in guide_items() for label in item.labels}


@pytest.mark.parametrize("label", label_definitions(), ids=lambda label: label.name)
def test_a_label_is_specified_from_all_sides(label: LabelDefinition) -> None:
    stated = situations(label.name)
    assert len(stated) >= 3
    assert {each.status for each in stated} == {"yes", "no", "not_assessable"}


@pytest.mark.parametrize("label", label_definitions(), ids=lambda label: label.name)
def test_the_situations_of_a_label_have_names_of_their_own(label: LabelDefinition) -> None:
    names = [each.name for each in situations(label.name)]
    assert len(set(names)) == len(names)
