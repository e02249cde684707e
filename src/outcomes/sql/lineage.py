"""What a relation is built from: other relations, thresholds, code lists and reference tables.

Read from the headers' `needs` and from the statements themselves, so that nothing is declared twice.
"""

import re

from outcomes.sql.files import SqlFile
from outcomes.sql.reference import code_list_names, reference_names, thresholds


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
