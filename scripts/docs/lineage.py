"""What a relation is built from: other relations, thresholds, code lists and reference tables.

Read from the headers' `needs` and from the statements themselves, so that nothing is declared twice.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache

from outcomes.sql.catalog.labels import relations_in_order
from outcomes.sql.files import SqlFile, in_order
from outcomes.sql.reference import code_list_names, reference_names, thresholds

# Every label is said of an episode of the cohort and reads scored visits; what these are built from is told once.
COMMON = ("cohort", "episodes", "follow_up_scores", "index_joints", "index_stages")


@cache
def relations() -> dict[str, SqlFile]:
    """All relations that labelling makes, by name."""
    return {file.name: file for file in relations_in_order()}


def common() -> list[SqlFile]:
    """The relations that every label rests on, each after those it needs."""
    return in_order(_upstream(COMMON, without=()).values())


def sources(file: SqlFile) -> list[SqlFile]:
    """The relations that one is built from, each after those it needs; not those that every label rests on."""
    return in_order(_upstream(file.needs, without=COMMON).values())


def _upstream(names: Iterable[str], without: Iterable[str]) -> dict[str, SqlFile]:
    found: dict[str, SqlFile] = {}
    ahead = list(names)
    while ahead:
        name = ahead.pop()
        if name in relations() and name not in {*without, *found}:
            found[name] = relations()[name]
            ahead += found[name].needs
    return found


def thresholds_of(file: SqlFile) -> set[str]:
    """The thresholds that a statement names."""
    return set(re.findall(r"\bthresholds\.(\w+)", file.select)) & set(thresholds())


def code_lists_of(file: SqlFile) -> set[str]:
    """The code lists that a statement names, by name or by the start of a name."""
    if not {"coded_records", "code_lists"} & set(file.needs):
        return set()
    starts = tuple(re.findall(r"starts_with\((?:\w+\.)?list, '(\w+)'\)", file.select))
    named = set(re.findall(r"'(\w+)'", file.select))
    return {name for name in code_list_names() if name in named or name.startswith(starts)}


def references_of(file: SqlFile) -> set[str]:
    """The reference tables that a statement needs."""
    return set(file.needs) & set(reference_names())


def users(files: Iterable[SqlFile], names_of: Callable[[SqlFile], set[str]]) -> dict[str, list[SqlFile]]:
    """The names that the files use, in alphabetical order, with the files that use each."""
    found: dict[str, list[SqlFile]] = {}
    for file in files:
        for name in names_of(file):
            found.setdefault(name, []).append(file)
    return dict(sorted(found.items()))
