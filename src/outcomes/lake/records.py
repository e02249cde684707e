"""What the lake records of a submission: how it was judged, by which rules, resting on what, with which rows."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

PROVENANCE = pa.schema(dict.fromkeys(("site_id", "period", "submission_id", "flags"), pa.string()))
"""Columns that the lake adds to each row; `flags` joins the codes of broken warning rules with a semicolon."""

_ROWS = dict.fromkeys(("rows_in", "rows_accepted", "rows_quarantined", "rows_pending"), pa.int64())
_RULE_RESULT = dict.fromkeys(("source_table", "rule", "severity", "reason"), pa.string()) | dict.fromkeys(
    ("rows_checked", "rows_failed"), pa.int64()
)
_BLANKED_CELLS = dict.fromkeys(("source_table", "rule", "column_name"), pa.string()) | {"cells": pa.int64()}
KEYS_BY_HASH = ("seeks", "finds", "holds")
"""Columns that tell patients and encounters by 31 bits of the md5 of their key: another key may have the same."""

SUBMISSIONS = pa.schema(
    {
        **dict.fromkeys(("submission_id", "site_id", "period"), pa.string()),
        "attempt": pa.int64(),
        "judgement_id": pa.string(),
        "recorded_at": pa.timestamp("us", "UTC"),
        "kind": pa.string(),
        "contract_version": pa.int64(),
        "deidentification_method": pa.string(),
        "is_synthetic": pa.bool_(),
        "patients_without_index": pa.int64(),
        "outcome": pa.string(),
        "code": pa.string(),
        **_ROWS,
        "rules_sha256": pa.string(),
        "rests_on": pa.string(),
        "looks_ahead": pa.bool_(),
        "looks_ahead_to": pa.string(),
        **dict.fromkeys(KEYS_BY_HASH, pa.list_(pa.int32())),
        "tables": pa.list_(
            pa.struct({"source_table": pa.string()} | _ROWS | dict.fromkeys(("digest", "context"), pa.string()))
        ),
        "rules": pa.list_(pa.struct(_RULE_RESULT)),
        "blanked": pa.list_(pa.struct(_BLANKED_CELLS)),
        # Of all the others, so that a record that is no longer what was committed is told; null of an earlier version.
        "record_digest": pa.string(),
    }
)


@dataclass(frozen=True)
class TableCounts:
    """Row conservation of one table: rows_in = rows_accepted + rows_quarantined + rows_pending.

    `digest` is of the accepted rows, `context` of what the judgement of other submissions looks at in them
    (`lake.digest`); None where an earlier version wrote them, and where there is nothing.
    """

    source_table: str
    rows_in: int
    rows_accepted: int
    rows_quarantined: int
    rows_pending: int = 0
    digest: str | None = None
    context: str | None = None


@dataclass(frozen=True)
class RuleResult:
    """How one rule fared over one table of one submission.

    `rows_checked` are the rows to which the rule applies: all that it looks at is given. Of none it says nothing.
    """

    source_table: str
    rule: str
    severity: str
    reason: str
    rows_checked: int
    rows_failed: int

    @property
    def outcome(self) -> str:
        """Passed, failed, or not_applicable."""
        if not self.rows_checked:
            return "not_applicable"
        return "failed" if self.rows_failed else "passed"


@dataclass(frozen=True)
class BlankedCells:
    """How many cells of a column were set to missing in accepted rows, and by which rule."""

    source_table: str
    rule: str
    column_name: str
    cells: int


@dataclass(frozen=True)
class SubmissionRecord:
    """The row that commits one judgement of a submission: accepted, refused with its code, or withdrawn with a reason.

    The same attempt may be judged again; its newest judgement counts. Of a refused submission all rows count as
    quarantined: none is accepted, and the delivery stays where it landed.

    Attributes:
        attempt: 1 = the first delivery of this site and period.
        judgement_id: names the judgement, and marks its rows in the lake; None where an earlier version wrote it.
        recorded_at: when it was recorded (UTC), later with each judgement of a site; None as above.
        patients_without_index: patients of the site's source who were not delivered; None when not stated.
        rules_sha256: of the rules by which it was judged.
        rests_on: a digest of what was in force of the site's other periods; None when validation was not reached.
        looks_ahead: whether a row names what no earlier period holds, so that later periods matter to it too.
        looks_ahead_to: up to which period, once later ones hold what it names.
        seeks: keys, by hash, that it names and that no period holds: any later one may; None of an earlier version.
        finds: keys, by hash, that it names and that a later period up to `looks_ahead_to` holds; None as above.
        holds: keys, by hash, of its accepted patients and encounters; None as above, and once a patient was erased.
    """

    submission_id: str
    site_id: str
    period: str
    attempt: int
    outcome: str
    code: str | None = None
    kind: str | None = None
    contract_version: int | None = None
    deidentification_method: str | None = None
    is_synthetic: bool = False
    patients_without_index: int | None = None
    rows_in: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_pending: int = 0
    judgement_id: str | None = None
    recorded_at: datetime.datetime | None = None
    rules_sha256: str | None = None
    rests_on: str | None = None
    looks_ahead: bool = False
    looks_ahead_to: str | None = None
    seeks: tuple[int, ...] | None = None
    finds: tuple[int, ...] | None = None
    holds: tuple[int, ...] | None = None
    tables: tuple[TableCounts, ...] = ()
    rules: tuple[RuleResult, ...] = ()
    blanked: tuple[BlankedCells, ...] = ()


def newest_not_refused(attempts: Iterable[SubmissionRecord]) -> dict[tuple[str, str], SubmissionRecord]:
    """Of each (site_id, period) the newest attempt that was not refused: what it stands on, or its withdrawal.

    Args:
        attempts: as `Lake.attempts` gives them, oldest first.
    """
    return {(each.site_id, each.period): each for each in attempts if each.outcome != "refused"}
