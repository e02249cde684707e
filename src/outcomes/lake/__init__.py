"""The lake: Delta tables of accepted rows, and one table of submissions whose rows are the commits."""

from outcomes.lake.digest import digests, hashes_of_keys
from outcomes.lake.records import (
    PROVENANCE,
    SUBMISSIONS,
    BlankedCells,
    RuleResult,
    SubmissionRecord,
    TableCounts,
    newest_not_refused,
)
from outcomes.lake.store import NAMED_BY_ROWS, AsKnownOn, Damage, Lake, rests_on
from outcomes.lake.upkeep import LakeUpkeep, PastJudgement, PatientRows

__all__ = [
    "NAMED_BY_ROWS",
    "PROVENANCE",
    "SUBMISSIONS",
    "AsKnownOn",
    "BlankedCells",
    "Damage",
    "Lake",
    "LakeUpkeep",
    "PastJudgement",
    "PatientRows",
    "RuleResult",
    "SubmissionRecord",
    "TableCounts",
    "digests",
    "hashes_of_keys",
    "newest_not_refused",
    "rests_on",
]
