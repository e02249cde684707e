"""The lake: Delta tables of accepted rows, and one table of submissions whose rows are the commits."""

from outcomes.lake.digest import digests
from outcomes.lake.records import (
    PROVENANCE,
    SUBMISSIONS,
    BlankedCells,
    RuleResult,
    SubmissionRecord,
    TableCounts,
    newest_not_refused,
)
from outcomes.lake.store import AsKnownOn, Damage, Lake, rests_on
from outcomes.lake.upkeep import LakeUpkeep, PastJudgement, PatientRows

__all__ = [
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
    "newest_not_refused",
    "rests_on",
]
