"""What the commands print: tables, sentences, and progress on standard error."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from itertools import groupby
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from outcomes.intake.checking import Checked
    from outcomes.intake.reprocessing import JudgedAgain
    from outcomes.intake.sources.dated import LeftOut, NotMapped
    from outcomes.intake.sources.dry_run import Tried
    from outcomes.lake import RuleResult
    from outcomes.pipeline import Ingested
    from outcomes.release.diff import LabelChange, ReleaseDiff
    from outcomes.release.doctor import Finding
    from outcomes.release.explain import Evidence, Explanation, LabelAnswer
    from outcomes.release.status import Status
    from outcomes.release.why_not import JudgedCriterion, SourceRecord, WhyNot


@contextmanager
def progress(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on standard error, none where that is not a terminal; what it gives takes step, done, of how many.

    A line that is printed meanwhile stands above the bar.
    """
    # Not for all commands, most of which draw no bar: it takes longer to import than a short command runs.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as bars:
        bar = bars.add_task(title, total=None)
        yield lambda step, done, total: bars.update(bar, description=f"{title} {step}", completed=done, total=total)


def print_table(columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows as a table; None is an empty cell."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    Console(width=None if sys.stdout.isatty() else 200, markup=False, highlight=False).print(table)


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows as CSV."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def print_ingested(results: Sequence[Ingested], superseded: Sequence[tuple[str, str]]) -> None:
    """How many submissions were accepted, where their rows are, and which are not in force."""
    accepted = [result.record for result in results if result.record]
    typer.echo(
        f"{len(accepted)} accepted, {len(results) - len(accepted)} refused; of the accepted "
        f"{sum(record.rows_in for record in accepted):,} rows "
        f"{sum(record.rows_accepted for record in accepted):,} are in the lake, "
        f"{sum(record.rows_quarantined for record in accepted):,} in quarantine, "
        f"{sum(record.rows_pending for record in accepted):,} pending"
    )
    for site_id, period in superseded:
        typer.echo(f"{site_id}/{period}: no row is in force, for a later full submission replaces it")


def print_left_out(left_out: Sequence[LeftOut]) -> None:
    """What an import did not deliver, and why."""
    if left_out:
        print_table(
            ("table", "column", "not delivered", "rows"),
            [(one.table, one.column, one.why, f"{one.rows:,}") for one in left_out],
        )


def print_tried(tried: Tried) -> None:
    """What an import would do; every row shown is invented."""
    print_table(
        ("table", "rows", "columns filled"),
        [(name, f"{rows:,}", ", ".join(columns)) for name, (rows, columns) in tried.tables.items()],
    )
    print_left_out(tried.left_out)
    _print_not_mapped("not mapped: file or table", tried.not_mapped)
    _print_not_mapped("codes that no list reads", tried.not_listed)
    _print_rules(tried.rules)
    for hint in tried.hints:
        typer.echo(f"look: {hint}")
    for example in tried.examples:
        typer.echo(f"{example.table}, five invented rows:")
        print_csv(example.columns, example.rows)
    if tried.refusal:
        typer.echo(f"it would be refused: {tried.refusal}")
    else:
        typer.echo(f"it would be accepted, with {tried.rows_quarantined:,} rows in quarantine; nothing was written")


def print_checked(checked: Checked) -> None:
    """How a submission would be judged; its report says more."""
    if checked.tables:
        counts = ("rows_in", "rows_accepted", "rows_quarantined", "rows_pending")
        print_table(
            ("table", "rows", "accepted", "to quarantine", "waiting"),
            [(one.source_table, *(f"{getattr(one, count):,}" for count in counts)) for one in checked.tables],
        )
    _print_rules(checked.rules)
    if not checked.refusal:
        typer.echo(f"{checked.place} would be accepted")


def _print_rules(rules: Sequence[RuleResult]) -> None:
    if rules:
        print_table(
            ("table", "rule", "severity", "what is wrong", "rows"),
            [
                (one.source_table, one.rule, one.severity, one.reason, f"{one.rows_failed:,}")
                for one in sorted(rules, key=lambda one: (one.severity, one.source_table, one.rule))
            ],
        )


def _print_not_mapped(title: str, found: Sequence[NotMapped]) -> None:
    if found:
        print_table(
            (title, "column", "word", "rows"),
            [
                (one.place, one.column or f"other columns: {one.words:,}", None, None)
                if one.is_column
                else (one.place, one.column, one.word or f"other words: {one.words:,}", f"{one.rows:,}")
                for one in found
            ],
        )


def print_judged_again(judged: Sequence[JudgedAgain]) -> None:
    """What became of submissions that were judged again, of those where anything moved."""
    moved = [one for one in judged if one.moves]
    typer.echo(f"{len(judged)} judged again, {len(moved)} with another result")
    if not moved:
        return
    counts = ("rows_accepted", "rows_quarantined", "rows_pending")
    print_table(
        ("site", "period", "before", "now", "code", *(name.removeprefix("rows_") for name in counts)),
        [
            (
                one.after.site_id,
                one.after.period,
                one.before.outcome,
                one.after.outcome,
                one.after.code,
                *(f"{getattr(one.before, name):,} → {getattr(one.after, name):,}" for name in counts),
            )
            for one in moved
        ],
    )


def print_status(now: Status) -> None:
    """Each attempt, their sums, how the rules fared, the cells set to missing, what waits, and the current release."""
    counts = ("rows_in", "rows_accepted", "rows_quarantined", "rows_pending")
    columns = ("site_id", "period", "attempt", "status", "code", *counts)
    headings = ("rows in", "accepted", "quarantined", "pending")
    print_table(
        ("site", "period", "attempt", "status", "code", *headings),
        [[getattr(each, name) for name in columns] for each in now.submissions],
    )
    totals = []
    for word in ("accepted", "superseded", "refused", "withdrawn"):
        attempts = [each for each in now.submissions if each.status == word]
        sums = (sum(getattr(each, name) for each in attempts) for name in counts)
        totals.append((word, len(attempts), *(f"{rows:,}" for rows in sums)))
    print_table(("status", "submissions", *headings), totals)
    if now.rules:
        print_table(("rules of", "passed", "failed", "not applicable"), map(astuple, now.rules))
    if now.blanked:
        print_table(("table", "column", "rule", "cells set to missing", "of sites"), map(astuple, now.blanked))
    for delivery in now.waiting:
        state = "waits for ingest" if delivery.is_complete else "has no manifest yet"
        typer.echo(f"{delivery.site_id}/{delivery.period} {state}")
    if old := sum(each.status == "accepted" and each.rules_are_old for each in now.submissions):
        typer.echo(f"{old} accepted by other rules than the present ones: see `outcomes reprocess --dry-run`")
    typer.echo(f"release: {now.release_id or 'none'}")


def print_findings(findings: Sequence[Finding]) -> None:
    """Each finding of the doctor, and below it what to do."""
    for finding in findings:
        typer.echo(f"{finding.level:8} {finding.check.replace('_', ' ')}: {finding.says}")
        if finding.to_do:
            typer.echo(f"{'':8} to do: {finding.to_do}")


def print_explanation(explanation: Explanation, *, marks_evidence: bool) -> None:
    """A patient's timeline, and each label with its evidence.

    Args:
        explanation: of one patient.
        marks_evidence: whether the timeline marks the records that the labels rest on.
    """
    typer.echo(f"{explanation.site_id}/{explanation.patient_id} in release {explanation.release_id}\n")
    columns = ["day", "what", "table", "record", "submission"]
    timeline = [
        [record.day, record.description, record.source_table, record.record_id, record.submission_id]
        for record in explanation.timeline
    ]
    if marks_evidence:
        columns.append("evidence")
        for row, record in zip(timeline, explanation.timeline, strict=True):
            row.append("yes" if record.is_evidence else None)
    print_table(columns, timeline)
    if not explanation.labels:
        typer.echo("not in the cohort: no label")
    for answer in explanation.labels:
        _print_answer(answer)


def print_diff(found: ReleaseDiff) -> None:
    """What changed, a table for each part that did; the labels with one row each."""
    typer.echo(f"from release {found.before} to {found.after}")
    typer.echo(f"inputs that differ: {_in_words(found.inputs) or 'none'}")
    parts: dict[str, tuple[Sequence[str], list[tuple[Any, ...]]]] = {
        "submissions": (
            ("site", "period", "submission", "before", "after"),
            [(each.site_id, each.period, each.submission_id, each.before, each.after) for each in found.submissions],
        ),
        "definitions": (("kind", "name", "version before", "after"), list(map(astuple, found.definitions))),
        "columns": (("mart", "column", "type before", "after"), list(map(astuple, found.columns))),
        "rows": (
            ("mart", "rows before", "after", "difference"),
            [(each.mart, each.before, each.after, (each.after or 0) - (each.before or 0)) for each in found.rows],
        ),
        "labels": (
            ("label", "appeared", "disappeared", "status changed", "otherwise changed", "what differs"),
            [_label_row(label, list(changes)) for label, changes in groupby(found.labels, key=lambda each: each.label)],
        ),
    }
    for title, (columns, rows) in parts.items():
        typer.echo(f"\n{title}" if rows else f"\n{title}: no difference")
        if rows:
            print_table(columns, rows)


def _label_row(label: str, changes: Sequence[LabelChange]) -> tuple[Any, ...]:
    """One label's changes in one row: how many episodes, and of each set of reasons how many."""
    appeared, disappeared, otherwise = 0, 0, 0
    moved: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for change in changes:
        reasons[_in_words(change.reasons)] += change.episodes
        if change.before is None:
            appeared += change.episodes
        elif change.after is None:
            disappeared += change.episodes
        elif change.before == change.after:
            otherwise += change.episodes
        else:
            moved[f"{change.before} → {change.after}".replace("_", " ")] += change.episodes
    return (label, appeared, disappeared, _counted(moved), otherwise, _counted(reasons))


def _counted(found: Counter[str]) -> str:
    """Each name with its count, a line each."""
    return "\n".join(f"{name}: {count}" for name, count in sorted(found.items()))


def _in_words(names: Iterable[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def _print_answer(answer: LabelAnswer) -> None:
    """One label of one patient, with its definition and its evidence."""
    facts = {
        "reason": answer.reason,
        "kind": answer.kind,
        "onset day": answer.onset_day,
        answer.value_name or "value": None if answer.value is None else f"{answer.value:g}",
    }
    stated = "".join(f", {name} {fact}" for name, fact in facts.items() if fact is not None)
    typer.echo(f"\n{answer.title} ({answer.label}): {answer.status}{stated}")
    _print_meaning(answer)
    typer.echo(f"  Definition {answer.definition_version}: {answer.definition}")
    if answer.status == "yes":
        _print_met(answer)
    _print_records(answer.evidence)
    if answer.supports:
        typer.echo("  Judged with:")
        _print_records(answer.supports)


def _print_records(records: Iterable[Evidence]) -> None:
    """Where each record was delivered, and what it says."""
    for record in records:
        where = record.file or "its delivered file is no longer in the landing folder"
        since = "; replaced since the release by a later submission" if record.is_superseded else ""
        typer.echo(f"  - {record.source_table} {record.record_id}, submission {record.submission_id}: {where}{since}")
        if record.says:
            typer.echo(f"      {record.says}")


def _print_meaning(answer: LabelAnswer | WhyNot) -> None:
    if answer.meaning:
        typer.echo(f"  Not assessable: {answer.meaning}.")


def _print_met(answer: LabelAnswer) -> None:
    """What made the yes: each criterion, and the records of the evidence that met it."""
    for way, criteria in (("", answer.criteria), *((way.name, way.criteria) for way in answer.ways)):
        if criteria:
            typer.echo(f"  Met{f' ({way})' if way else ''}:")
        for criterion in criteria:
            records = _records_in_words(criterion.records)
            typer.echo(f"  ✓ {criterion.says}{f': {records}' if records else ''}")


def print_criteria(answer: WhyNot) -> None:
    """Each criterion of one label of one patient, and the records that match it."""
    typer.echo(f"{answer.title} ({answer.label}) in release {answer.release_id}")
    if answer.status is None:
        typer.echo(f"not in the cohort ({answer.reason}): no label")
        return
    because = f" ({answer.reason})" if answer.reason else ""
    ways = ", ".join(way.name for way in answer.ways if way.holds)
    held = f"all criteria hold ({ways})" if ways else "all criteria hold"
    typer.echo(f"{answer.status}{because}: {held if answer.all_hold else 'a criterion fails'}")
    _print_meaning(answer)
    if answer.criteria:
        typer.echo("\nA yes needs all of these:")
        _print_judged(answer.criteria)
    if answer.ways:
        typer.echo("\nand all of one of these:" if answer.criteria else "\nA yes needs all of one of these:")
    for way in answer.ways:
        typer.echo(f"  {way.name}")
        _print_judged(way.criteria, indent="    ")


def _print_judged(criteria: Iterable[JudgedCriterion], indent: str = "  ") -> None:
    """One line per criterion: whether it holds, what it says, and the records that match."""
    for criterion in criteria:
        mark = "✓ holds" if criterion.holds else "✗ fails"
        records = _records_in_words(criterion.records)
        typer.echo(f"{indent}{mark}  {criterion.says}")
        if records:
            typer.echo(f"{indent}         records ({len(criterion.records)}): {records}")


def _records_in_words(records: Iterable[SourceRecord]) -> str:
    """Table and key of each record, and the signs that matched where it tells several."""
    return ", ".join(
        f"{record.source_table} {record.record_id}" + (f" ({', '.join(record.signs)})" if record.signs else "")
        for record in records
    )
