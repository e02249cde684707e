"""The auditor: what can be worked out from the published tables by somebody who adds and subtracts all of them?

The attacker knows the published tables and nothing else, and the definitions behind them:

- counts are not negative, and what is shown stands for the counts that are rounded so;
- sites add up to all sites, years and strata to everybody, months to their year;
- yes, no and excluded add up to the cohort, which is the same in every measure;
- measures lie within each other as `Nesting` says; what is shown of one is used to bound the other.

All this is a system of linear equations; `outcomes.disclosure.linear_program` says what it leaves open of each count,
and which are **disclosed**.

An audit of tables before they are rounded (`round_to=1`) is the harder one: its attacker knows every shown count to the
patient. After rounding, a zero or a greater count beside a few shown ones looks as if it might be small, so there only
what is surely small counts as disclosed; and what is shown enters each sum as an interval of its own.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial, reduce
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from outcomes.arrays import Counts, Floats, Ids, Mask
from outcomes.disclosure.lattice import ALL_SITES, EVERYBODY, KEY, UNNESTED, Key, Lattice, Line, Nesting
from outcomes.disclosure.linear_program import PLENTY, Ends, System
from outcomes.disclosure.suppression import ROUND_TO, before_coarse, before_rounding
from outcomes.errors import OutcomesError
from outcomes.processes import may_have_children, side_by_side
from outcomes.sql.engine import connect_read_only

_YES, _NO, _EXCLUDED, _PATIENTS = range(4)
_NAMES = ("numerator", "complement", "excluded", "patients")
_TOO_FINE = "month"
"""Nine in ten months of a site hold a small count: others see its years."""
_MANY = 40
"""So many measures are worth further processes."""
AUDITED = ("measures", "measure_exclusions", "label_kinds", "attrition", "release_info")
_COUNTED = frozenset({"measure", "site_id", *KEY, "numerator", "patients", "excluded"})
_NEEDED = {
    "measures": _COUNTED | {"state"},
    "true": _COUNTED,
    "attrition": frozenset({"step", "patients_left"}),
    "release_info": frozenset({"minimum_cell_count", "patient_count_rounded"}),
}
"""The columns without which nothing can be compared with a release before."""


@dataclass(frozen=True)
class PublishedTables:
    """What a release publishes about patients.

    Attributes:
        minimum_cell_count: the one it was published with.
        measures: as `outcomes.disclosure.measures.protected_measures` makes it.
        true: the counts behind `measures`, in whatever order. They tell the auditor no count, but what somebody may
            know of how the counts hang together: where totals have no rest, which measures lie within each other at
            which site, and which counts did not change since a release before. None where nobody has them: a total
            then has a rest only where it is shown to be more than its parts, and what is hidden may be counted.
        measure_exclusions: measure, reason, patients (coarse), state.
        label_kinds: label, kind, episodes (coarse), state.
        attrition: step, patients_left (coarse), state; of an older release exact.
        release_info: patient_count_rounded, to 10.
        round_to: the step that `measures` is rounded to.
        contributor: a site that knows its own counts, which stand in `measures` as they are.
    """

    minimum_cell_count: int
    measures: pa.Table | None = None
    true: pa.Table | None = None
    measure_exclusions: pa.Table | None = None
    label_kinds: pa.Table | None = None
    attrition: pa.Table | None = None
    release_info: pa.Table | None = None
    round_to: int = ROUND_TO
    contributor: str | None = None


@dataclass(frozen=True, order=True)
class Finding:
    """A hidden count that can be placed closely; `cell` is (measure, site, key) in a finding about measures."""

    table: str
    where: str
    count: str
    low: float
    high: float
    cell: tuple[str | None, str | None, Key] | None = None

    def __str__(self) -> str:
        """What is told in an error: the place, not the bounds."""
        return f"{self.table}: {self.count} of {self.where}"


def published_tables(dashboard: Path, measures: Path) -> PublishedTables:
    """The tables of a `dashboard.duckdb`; of an older release some may be missing.

    Args:
        dashboard: the file.
        measures: the Parquet file of the exact measures behind it.

    Raises:
        OutcomesError: release_damaged, the file cannot be opened.
        ValueError: what it holds cannot be read; or an older release holds other columns, or not each measure for each
            site and key.
    """
    try:
        with connect_read_only(dashboard) as con:
            there = {name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()}
            tables = {name: _in_present_words(con.table(name).to_arrow_table()) for name in AUDITED if name in there}
        tables["true"] = _in_present_words(parquet.read_table(measures))
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise ValueError(f"it cannot be read ({type(error).__name__})") from None
    for name, columns in _NEEDED.items():
        if name in tables and (missing := columns - {*tables[name].column_names}):
            raise ValueError(f"{name} has no {', '.join(sorted(missing))}")
    if not {"measures", "release_info"} <= tables.keys():
        raise ValueError("it has no measures, or says nothing of itself")
    tables["true"] = counts_behind_measures(tables["true"])
    minimum_cell_count = tables["release_info"]["minimum_cell_count"][0].as_py()
    published = PublishedTables(minimum_cell_count, **tables)
    return replace(published, measures=_without_untrue(published))


def counts_behind_measures(exact: pa.Table) -> pa.Table:
    """The rows of the exact measures of which the protected ones are made."""
    return exact.filter(pc.not_equal(exact["resolution"], _TOO_FINE))


def _without_untrue(published: PublishedTables) -> pa.Table:
    """The measures of an older release; what does not stand for the counts behind it is taken as hidden.

    Nothing follows from it, and all that it is added up with would contradict itself.
    """
    table = published.measures
    assert table is not None
    assert published.true is not None
    lattice = Lattice.of(table)
    low, high, _ = _bounds(lattice, published)
    is_untrue = _is_untrue(_answers_behind(lattice, published.true)[:, :, ~lattice.is_rest], low, high)
    state = pc.if_else(pa.array(lattice.column(is_untrue)), "suppressed", table["state"])
    return table.set_column(table.column_names.index("state"), "state", state)


def _in_present_words(table: pa.Table) -> pa.Table:
    """The table with its columns named as today, whatever an older release called them."""
    older = {"suppression_threshold": "minimum_cell_count", "period": "index_period"}
    return table.rename_columns([older.get(name, name) for name in table.column_names])


def require_safe(
    published: PublishedTables,
    nesting: Nesting = UNNESTED,
    previous: Sequence[PublishedTables] = (),
    only: Collection[str] | None = None,
) -> None:
    """Refuse tables from which a small count can be worked out; the arguments are those of `audit`.

    Raises:
        OutcomesError: disclosure_risk.
    """
    findings = audit(published, nesting, previous, only)
    if findings:
        raise OutcomesError("disclosure_risk", f"{len(findings)} counts, the first: {findings[0]}")


def audit(
    published: PublishedTables,
    nesting: Nesting = UNNESTED,
    previous: Sequence[PublishedTables] = (),
    only: Collection[str | None] | None = None,
) -> list[Finding]:
    """All counts that are disclosed.

    Args:
        published: the tables of the release.
        nesting: which measures count patients of each other.
        previous: the tables of releases before, the newest first. Then only what they tell together with this one is
            looked for, in any of them, by somebody who knows which counts did not change, hidden ones too.
        only: audit these measures and not all; None among them stands for all.
    """
    return audit_all([published], nesting, previous, only)


def audit_all(
    tables: Sequence[PublishedTables],
    nesting: Nesting = UNNESTED,
    previous: Sequence[PublishedTables] = (),
    only: Collection[str | None] | None = None,
    processes: int = 1,
) -> list[Finding]:
    """What is disclosed in each of some tables.

    Args:
        tables: several of the same release, as one reader or another knows them.
        nesting: as of `audit`.
        previous: as of `audit`.
        only: as of `audit`.
        processes: how many may share the measures.
    """
    findings = [finding for published in tables for finding in _audit_parts(published)]
    pieces = []
    for published in tables:
        if published.measures is None or not len(published.measures):
            continue
        shown = _Shown.of(published, nesting)
        findings += chain(shown.untrue(), _shown_differences(shown, nesting, published.minimum_cell_count))
        measures = _asked(published.measures, only)
        pieces += [(published, part) for at in range(processes) if (part := measures[at::processes])]
    work = partial(_audit_measures, nesting=nesting, previous=previous)
    is_much = sum(len(measures) for _, measures in pieces) >= _MANY
    if is_much and processes > 1 and may_have_children():
        done = side_by_side(work, [[piece] for piece in pieces], processes, [__name__])
    else:
        done = ((piece, work(piece)) for piece in pieces)
    findings += chain.from_iterable(found for _, found in done)
    return sorted(findings, key=str)


# --- measures ----------------------------------------------------------------------------------------------------


class _Bounds(NamedTuple):
    """The least and the greatest of each count, (measures, sites, keys, answers), and of the cohort, (sites, keys)."""

    low: Floats
    high: Floats
    cohort_low: Floats
    cohort_high: Floats


@dataclass(frozen=True)
class _Shown:
    """What a table of measures shows: bounds of each count, (measures, sites, keys, answers), and what is hidden."""

    lattice: Lattice
    low: Floats
    high: Floats
    hidden: Mask
    cohort_low: Floats
    cohort_high: Floats
    true: Floats
    """The counts themselves, (measures, sites, keys with rests, answers); not a number where nobody knows them."""
    has_rest: Mask
    """(sites, lines): whether the totals are more than their parts."""
    is_news: Mask
    """(measures, sites, keys, answers): whether a release before bounds it more closely."""
    tied: Mapping[str, Ids]
    """Where the measures stand that lie within or around each measure."""
    contributor: int | None = None
    """The place of the site that knows its own counts."""
    has_before: bool = False
    """Whether it is looked at together with other releases."""

    @classmethod
    def of(cls, published: PublishedTables, nesting: Nesting) -> "_Shown":
        table = published.measures
        assert table is not None
        lattice = Lattice.of(table)
        low, high, hidden = _bounds(lattice, published)
        cohort_low, cohort_high = low.sum(axis=-1).max(axis=0), high.sum(axis=-1).min(axis=0)
        everybody = lattice.keys.index(EVERYBODY)
        known_low, known_high = _patients(published)
        cohort_low[ALL_SITES, everybody] = max(cohort_low[ALL_SITES, everybody], known_low)
        cohort_high[ALL_SITES, everybody] = min(cohort_high[ALL_SITES, everybody], known_high)
        true = _true_counts(lattice, published.true)
        ends = _Bounds(low, high, cohort_low, cohort_high)
        has_rest = _has_rest(lattice, true, ends)
        low, high, cohort_low, cohort_high = _narrowed_where_shown(ends, hidden, lattice.lines, has_rest)
        low, high = (
            np.concatenate([end, end[..., :_EXCLUDED].sum(axis=-1, keepdims=True)], axis=-1) for end in (low, high)
        )
        no_news = np.zeros(low.shape, dtype=bool)
        tied = _tied(lattice, nesting)
        own = lattice.sites.index(published.contributor) if published.contributor else None
        return cls(lattice, low, high, hidden, cohort_low, cohort_high, true, has_rest, no_news, tied, own)

    @property
    def true_cohort(self) -> Floats:
        """The size of the cohort, (sites, keys with rests)."""
        return _cohort_of(self.true)

    def untrue(self) -> Iterator[Finding]:
        """What is shown and does not stand for the counts behind it: nothing follows from such a table."""
        for measure, site, key in np.argwhere(_is_untrue(self.true[:, :, ~self.lattice.is_rest], self.low, self.high)):
            yield _finding(self.lattice, self.lattice.measures[measure], "untrue counts", (site, key), (0, np.inf))

    @property
    def rests(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """What (sites, keys) are padded with to have rests."""
        return (0, 0), (0, self.has_rest.shape[1])

    def is_hidden(self, measure: str) -> Mask:
        """(sites, keys)."""
        return np.asarray(self.hidden[self.lattice.measures.index(measure)])

    def where_nested(self, part: str, whole: str) -> Mask:
        """The sites, and whether all together, where a part lies within its whole."""
        everybody = self.lattice.keys.index(EVERYBODY)
        patients = self.true[:, :, everybody, _PATIENTS]
        is_counted = np.where(np.isnan(patients), self.high[:, :, everybody, _PATIENTS], patients) > 0
        return self.lattice.where_nested(*(is_counted[self.lattice.measures.index(name)] for name in (part, whole)))

    def unknown(self, measure: str | None) -> Mask:
        """(sites, keys with rests); None = the cohort."""
        if measure is None:
            return np.concatenate([self.hidden.all(axis=0), self.has_rest], axis=1)
        return np.concatenate([self.is_hidden(measure), self.has_rest], axis=1) & ~self.is_silent(measure)

    def targets(self, system: System, counts: Ids, hidden: Mask, true: Floats) -> tuple[Ids, Mask]:
        """Of counts in the system, (sites, keys with rests), those not to be disclosed, and which of them are unknown.

        To a site that knows its own counts all sites are the others, whatever is shown of them.
        """
        if self.contributor is None:
            return counts, hidden
        others = _anything(system, true[ALL_SITES] - true[self.contributor])
        system.adds_up(counts[ALL_SITES], np.stack([counts[self.contributor], others], axis=-1))
        ids, unknown = counts.copy(), hidden.copy()
        ids[ALL_SITES], unknown[ALL_SITES], unknown[self.contributor] = others, True, False
        return ids, unknown

    def is_silent(self, measure: str) -> Mask:
        """Keys, with rests, at which nothing is shown of a measure, nor of any other part of their line.

        Such parts tell nothing, and can hold whatever their total does: by the Fréchet bounds as much of it as they
        have patients, and nothing if the other parts have patients enough. They need no program, unless a measure that
        lies within or around this one is shown there: that bounds them too. The totals of several releases tell what
        was added to one part while the others stayed.
        """
        silent = np.zeros(self.lattice.shape[2], dtype=bool)
        if self.has_before:
            return silent
        with_tied = [self.lattice.measures.index(measure), *self.tied.get(measure, ())]
        nothing_shown = (self.hidden[with_tied].all(axis=0) | (self.cohort_high == 0)).all(axis=0)
        for line in reversed(self.lattice.lines):
            below = [each for each in self.lattice.lines if each.total in line.parts]
            silent[line.parts] = nothing_shown[line.parts[:-1]].all() and all(
                silent[each.parts].all() for each in below
            )
        return silent

    def add_known(self, system: System, measure: str, answer: int, with_sums: bool) -> Ids:
        """Add what is shown of one answer of a measure.

        Its sums tell of what is hidden of it together; without them that, and the rests, can be anything.
        """
        at = self.lattice.measures.index(measure)
        bounds, true = (self.low[at, ..., answer], self.high[at, ..., answer]), self.true[at, ..., answer]
        if with_sums:
            ids = self._add(system, bounds, self.unknown(measure), true, None)
        else:
            low, high = (
                np.pad(end, self.rests, constant_values=beyond) for end, beyond in zip(bounds, (0, np.inf), strict=True)
            )
            ids = system.counts(low, high, np.zeros(low.shape, dtype=bool), true)
        system.is_news(ids[np.pad(self.is_news[at, ..., answer], self.rests)])
        return ids

    def add_cohort(self, system: System, known: Ids | None = None) -> Ids:
        """Add the sizes of the cohort and their sums; (sites, keys with rests)."""
        bounds = self.cohort_low, self.cohort_high
        return self._add(system, bounds, self.unknown(None), self.true_cohort, known)

    def add_measure(self, system: System, measure: str, cohort: Ids, known: Ids | None = None) -> Ids:
        """Add the answers of a measure and their sums; (sites, keys with rests, answers).

        Counts that are in the system already are given by their ids, -1 where they are not.
        """
        at = self.lattice.measures.index(measure)
        silent = self.is_silent(measure)[: len(self.lattice.keys)]
        low = np.where(silent[:, np.newaxis], 0, self.low[at])
        high = np.where(silent[:, np.newaxis], np.inf, self.high[at])
        unknown, answers = self.unknown(measure), []
        for answer in range(len(_NAMES)):
            bounds, true = (low[..., answer], high[..., answer]), self.true[at, ..., answer]
            answers.append(self._add(system, bounds, unknown, true, None if known is None else known[..., answer]))
        ids = np.stack(answers, axis=-1)
        system.is_news(ids[np.pad(self.is_news[at], (*self.rests, (0, 0)))])
        system.adds_up(ids[..., _PATIENTS], ids[..., [_YES, _NO]])
        system.adds_up(cohort, ids[..., [_PATIENTS, _EXCLUDED]])
        return ids

    def _add(
        self, system: System, bounds: tuple[Floats, Floats], unknown: Mask, true: Floats, known: Ids | None
    ) -> Ids:
        low, high = bounds
        rests = np.where(self.has_rest, np.inf, 0)
        # What is shown and did not change is the same in the sums of all releases: it falls out of their difference.
        open_in_sums = unknown | self.has_before
        ids = system.counts(np.pad(low, self.rests), np.concatenate([high, rests], axis=1), open_in_sums, true)
        if known is not None:
            ids = np.where(known >= 0, known, ids)
        if len(ids) > 1:
            system.adds_up(ids[ALL_SITES], ids[1:].T)
        for line in self.lattice.lines:
            system.adds_up(ids[:, line.total], ids[:, line.parts])
        return ids


@dataclass(frozen=True)
class _Same:
    """Counts of two releases that are the same."""

    before: _Shown
    places: tuple[Ids, ...]
    """Of each measure, site and key with rests of the release before: where it stands in the newer one, or -1."""
    counts: Mask
    """(measures, sites, keys with rests) of the release before."""
    cohort: Mask
    """(sites, keys with rests) of the release before."""

    def add_cohort(self, system: System, cohort: Ids) -> Ids:
        """Add the sums of the cohort before, given the ids of the newer one."""
        ids = self.before.add_cohort(system, self._placed(cohort[..., np.newaxis], self.cohort)[..., 0])
        system.is_news(ids[~self.cohort])
        return ids

    def add_measure(
        self, system: System, measure: str, cohort_before: Ids, ids: Ids, releases_ago: int
    ) -> list["_Target"]:
        """Add the sums of a measure before, given the ids of the newer one; what has changed must stay hidden too."""
        if measure not in self.before.lattice.measures:
            return []
        same = self.counts[self.before.lattice.measures.index(measure)]
        ids = self.before.add_measure(system, measure, cohort_before, self._placed(ids, same))
        system.is_news(ids[~same])
        asked = self.asked(measure)
        return [
            _Target(measure, f"{count} {releases_ago} before", ids[..., answer], asked, self.before.lattice)
            for answer, count in enumerate(_NAMES)
        ]

    def asked(self, measure: str | None) -> Mask:
        """What the release before hides of a measure and the newer one has otherwise, (sites, keys with rests)."""
        if measure not in self.before.lattice.measures:
            return np.zeros((1, 1), dtype=bool)
        same = self.counts[self.before.lattice.measures.index(measure)]
        return np.asarray(self.before.unknown(measure) & _are_there(self.places[1:]) & ~same)

    def _placed(self, newer: Ids, same: Mask) -> Ids:
        """Ids of the newer release where they stand in the release before; -1 where it is not the same count."""
        _, site, key = self.places
        return np.where(same[..., np.newaxis], newer[np.ix_(site, key)], -1)


def _taken_together(shown: _Shown, before: _Shown) -> tuple[_Shown, _Same]:
    """The newer release with what the one before says of the counts that are the same."""
    axes = [(each.lattice.measures, each.lattice.sites, each.lattice.all_keys) for each in (before, shown)]
    places = tuple(
        np.array([new.index(name) if name in new else -1 for name in old], dtype=np.intp)
        for old, new in zip(*axes, strict=True)
    )
    same = _are_there(places) & (shown.true[np.ix_(*places)] == before.true).all(axis=-1)
    cohort = _are_there(places[1:]) & (shown.true_cohort[np.ix_(*places[1:])] == before.true_cohort)

    old, new = _both(places, same[..., : len(before.lattice.keys)])
    low, high = _narrowed((shown.low, shown.high), new, (before.low, before.high), old)
    is_news = shown.is_news | (low != shown.low) | (high != shown.high)
    hidden = shown.hidden.copy()
    hidden[new] &= before.hidden[old]
    old, new = _both(places[1:], cohort[:, : len(before.lattice.keys)])
    of_cohort = (shown.cohort_low, shown.cohort_high), new, (before.cohort_low, before.cohort_high), old
    cohort_low, cohort_high = _narrowed(*of_cohort)
    together = replace(
        shown,
        low=low,
        high=high,
        hidden=hidden,
        cohort_low=cohort_low,
        cohort_high=cohort_high,
        is_news=is_news,
        has_before=True,
    )
    return together, _Same(replace(before, has_before=True), places, same, cohort)


def _are_there(places: Sequence[Ids]) -> Mask:
    """Where the release before has a count of which the newer one has a place."""
    return np.asarray(reduce(np.logical_and.outer, [place >= 0 for place in places]))


def _both(places: Sequence[Ids], same: Mask) -> tuple[tuple[Ids, ...], tuple[Ids, ...]]:
    """Where the same counts stand in the release before, and in the newer one."""
    old = np.nonzero(same)
    return old, tuple(place[at] for place, at in zip(places, old, strict=True))


def _narrowed(
    ends: tuple[Floats, Floats], at: tuple[Ids, ...], before: tuple[Floats, Floats], there: tuple[Ids, ...]
) -> tuple[Floats, Floats]:
    """The bounds of counts with what another release says of some of them."""
    low, high = (end.copy() for end in ends)
    low[at], high[at] = np.maximum(low[at], before[0][there]), np.minimum(high[at], before[1][there])
    return low, high


def _asked(table: pa.Table, only: Collection[str | None] | None) -> list[str | None]:
    """The measures to audit, and before them the cohort alone, None."""
    measures = sorted(pc.unique(table["measure"]).to_pylist())
    return [None, *(measure for measure in measures if only is None or {measure, None} & set(only))]


def _audit_measures(
    piece: tuple[PublishedTables, list[str | None]], nesting: Nesting, previous: Sequence[PublishedTables]
) -> list[Finding]:
    published, measures = piece
    findings = _found_in(published, measures, nesting, previous)
    if not (findings and previous):
        return findings
    # What the releases before tell by themselves no release can take back: it would never be published.
    in_question = [measure for measure in measures if measure in {each.cell[0] for each in findings if each.cell}]
    told = _found_in(_showing_nothing(published), in_question, nesting, previous)
    told_already = {(each.cell, each.count) for each in told if each.cell}
    return [each for each in findings if (each.cell, each.count) not in told_already]


def _found_in(
    published: PublishedTables, measures: list[str | None], nesting: Nesting, previous: Sequence[PublishedTables]
) -> list[Finding]:
    together, same = _Shown.of(published, nesting), list[_Same]()
    for each in previous:
        if each.measures is not None:
            together, same_as = _taken_together(together, _Shown.of(each, nesting))
            same.append(same_as)
    known = _Known(together, nesting, tuple(same))
    is_rounded = published.round_to > 1
    return [
        finding
        for measure in measures
        for finding in _audit_measure(known, measure, published.minimum_cell_count, is_rounded)
    ]


def _showing_nothing(published: PublishedTables) -> PublishedTables:
    """The same release with all its counts hidden."""
    assert published.measures is not None
    at, states = published.measures.column_names.index("state"), pa.repeat("suppressed", len(published.measures))
    hidden = published.measures.set_column(at, "state", states)
    return PublishedTables(published.minimum_cell_count, hidden, published.true, round_to=published.round_to)


def _shown_differences(shown: _Shown, nesting: Nesting, minimum_cell_count: int) -> Iterator[Finding]:
    """Measures shown beside those they lie within, where what is between them is surely a small count."""
    for part, whole, answer in _differences(nesting, shown.lattice):
        inside, outside = shown.lattice.measures.index(part), shown.lattice.measures.index(whole)
        low = shown.low[outside, ..., _YES] - shown.high[inside, ..., answer]
        high = shown.high[outside, ..., _YES] - shown.low[inside, ..., answer]
        is_seen = ~shown.hidden[inside] & ~shown.hidden[outside] & shown.where_nested(part, whole)[:, np.newaxis]
        if shown.contributor is not None:
            low[ALL_SITES], high[ALL_SITES] = (end[ALL_SITES] - end[shown.contributor] for end in (low, high))
            is_seen[shown.contributor] = False
        is_small = is_seen & (low >= 1) & (high < minimum_cell_count)
        for site, key in np.argwhere(is_small):
            ends = (float(low[site, key]), float(high[site, key]))
            yield _finding(shown.lattice, part, f"what {whole} has more", (int(site), int(key)), ends)


@dataclass(frozen=True)
class _Known:
    """What the attacker knows."""

    shown: _Shown
    nesting: Nesting
    same: tuple[_Same, ...] = ()

    @cached_property
    def differences(self) -> list[tuple[str, str, int]]:
        """Which measures lie within which."""
        return _differences(self.nesting, self.shown.lattice)


def _audit_measure(known: _Known, measure: str | None, minimum_cell_count: int, is_rounded: bool) -> Iterator[Finding]:
    """What is disclosed of a measure; None = the cohort alone."""
    if _hides_nothing(known, measure):
        return
    system, targets = _measure_system(known, measure)
    ids = np.concatenate([target.ids[target.at] for target in targets])
    disclosed, contradicted = system.disclosed(ids, minimum_cell_count, surely=is_rounded, only_news=bool(known.same))
    for found, ends in sorted(disclosed.items()):
        yield next(target for target in targets if found in target.ids).finding(known.shown.lattice, found, ends)
    if len(contradicted):
        yield Finding("measures", measure or "the cohort", "contradictory sums", 0, np.inf)


def _hides_nothing(known: _Known, measure: str | None) -> bool:
    """Whether no count of a measure is to be kept, nor what is between it and one that it lies within."""
    shown = known.shown
    tied = [names for *names, _ in known.differences if measure in names]
    return not (
        shown.unknown(measure).any()
        or any((shown.is_hidden(one) ^ shown.is_hidden(other)).any() for one, other in tied)
        or any(same.asked(measure).any() for same in known.same)
    )


@dataclass(frozen=True)
class _Target:
    """Counts of one measure not to be disclosed, (sites, keys with rests); `at` says which of them are hidden."""

    measure: str | None
    count: str
    ids: Ids
    at: Mask
    lattice: Lattice | None = None
    """Of a release before."""

    def finding(self, lattice: Lattice, found: int, ends: Ends) -> Finding:
        place = tuple(int(axis[0]) for axis in np.nonzero(self.ids == found))
        return _finding(self.lattice or lattice, self.measure, self.count, place, ends)


def _finding(lattice: Lattice, measure: str | None, count: str, place: tuple[int, ...], ends: Ends) -> Finding:
    site, key = place
    cell = (measure, lattice.sites[site], lattice.all_keys[key])
    where = " ".join(name or "all" for name in (measure or "the cohort", cell[1], *cell[2]))
    return Finding("measures", where, count, round(ends[0], 3), round(ends[1], 3), cell)


def _measure_system(known: _Known, measure: str | None) -> tuple[System, list[_Target]]:
    """The sums of a measure and of the cohort, with what is shown of other measures that lie within or around it."""
    shown, system = known.shown, System()
    cohort = shown.add_cohort(system)
    if measure is None:
        of_cohort = shown.targets(system, cohort, shown.unknown(None), shown.true_cohort)
        for same in known.same:
            same.add_cohort(system, cohort)
        return system, [_Target(None, "size", *of_cohort)]

    def true_of(name: str, answer: int) -> Floats:
        return np.asarray(shown.true[shown.lattice.measures.index(name), ..., answer])

    ids = shown.add_measure(system, measure, cohort)
    hidden, silent = shown.unknown(measure), shown.is_silent(measure)
    targets = [
        _Target(measure, count, *shown.targets(system, ids[..., answer], hidden, true_of(measure, answer)))
        for answer, count in enumerate(_NAMES)
    ]

    # Hidden parts bound their whole by what they add up to. That makes large programs, and is left to the audit of one
    # release by a reader, who is taken to know every shown count to the patient.
    is_asked = shown.contributor is None and not known.same
    parts = {part for part, whole, _ in known.differences if is_asked and whole == measure}

    def answers(name: str, answer: int) -> Ids:
        return ids[..., answer] if name == measure else shown.add_known(system, name, answer, name in parts)

    for part, whole, answer in known.differences:
        if measure in (part, whole):
            true_left = true_of(whole, _YES) - true_of(part, answer)
            left = _anything(system, true_left)
            nested = shown.where_nested(part, whole)
            both = np.stack([answers(part, answer), left], axis=-1)
            system.adds_up(answers(whole, _YES)[nested], both[nested])
            only_one = (shown.is_hidden(part) ^ shown.is_hidden(whole)) & nested[:, np.newaxis]
            at = np.pad(only_one, shown.rests) & ~silent
            targets.append(_Target(part, f"what {whole} has more", *shown.targets(system, left, at, true_left)))
    for ago, same in enumerate(known.same, start=1):
        targets += same.add_measure(system, measure, same.add_cohort(system, cohort), ids, ago)
    return system, targets


def _anything(system: System, true: Floats) -> Ids:
    """Add counts of which nothing is known."""
    return system.counts(np.zeros(true.shape), np.full(true.shape, np.inf), np.ones(true.shape, dtype=bool), true)


def _true_counts(lattice: Lattice, table: pa.Table | None) -> Floats:
    """(measures, sites, keys with rests, answers); not a number where nobody knows them."""
    if table is None:
        return np.full((*lattice.shape, len(_NAMES)), np.nan)
    answers = _answers_behind(lattice, table)
    patients = answers[..., :_EXCLUDED].sum(axis=-1, keepdims=True)
    return np.concatenate([answers, patients], axis=-1).astype(float)


def _cohort_of(true: Floats) -> Floats:
    """The size of the cohort, (sites, keys with rests)."""
    return np.asarray(true[0, ..., _PATIENTS] + true[0, ..., _EXCLUDED])


def _has_rest(lattice: Lattice, true: Floats, bounds: _Bounds) -> Mask:
    """(sites, lines): whether the totals are more than their parts.

    Where nobody knows, they are if at any site the parts that are shown cannot be all of their total.
    """
    low, high, *of_cohort = bounds
    ends = (low, high), tuple(end[np.newaxis, ..., np.newaxis] for end in of_cohort)
    is_shown = [
        any((least[:, :, line.total] > greatest[:, :, line.parts[:-1]].sum(axis=2)).any() for least, greatest in ends)
        for line in lattice.lines
    ]
    rests = _cohort_of(true)[:, lattice.is_rest]
    return np.where(np.isnan(rests), np.array(is_shown, dtype=bool), rests > 0)


def _answers_behind(lattice: Lattice, table: pa.Table) -> Counts:
    """The answers of the exact measures, which stand in an order of their own, as those of a lattice that shows them.

    Raises:
        ValueError: they are of other measures, sites or keys.
    """
    own = Lattice.of(table)
    if (own.measures, own.sites, own.keys) != (lattice.measures, lattice.sites, lattice.keys):
        raise ValueError("the measures that are shown are not those behind them")
    return _answers(own, table)


def _bounds(lattice: Lattice, published: PublishedTables) -> tuple[Floats, Floats, Mask]:
    """What measures that are shown stand for: the least and the greatest of yes, no and excluded, and what is hidden.

    (measures, sites, keys, answers), and (measures, sites, keys); what is hidden may be anything, and what a
    contributor knows of itself is what it is.
    """
    table, real = published.measures, ~lattice.is_rest
    assert table is not None
    hidden = lattice.cube(pc.cast(pc.equal(table["state"], "suppressed"), pa.int64()))[..., real] > 0
    shown = _answers(lattice, table)[:, :, real]
    low, high = (
        each.astype(float) for each in before_rounding(shown, published.minimum_cell_count, published.round_to)
    )
    if published.contributor:
        own = lattice.sites.index(published.contributor)
        low[:, own] = high[:, own] = shown[:, own]
    low[hidden], high[hidden] = 0, np.inf
    return low, high, hidden


def _is_untrue(true: Counts | Floats, low: Floats, high: Floats) -> Mask:
    """The cells in which a count is not between its bounds; the counts are along the last axis."""
    return np.asarray(((true < low) | (true > high)).any(axis=-1))


def _answers(lattice: Lattice, table: pa.Table) -> Counts:
    """Yes, no and excluded, null as 0, (measures, sites, keys with rests, answers)."""
    yes, patients, excluded = (lattice.cube(table[name]) for name in ("numerator", "patients", "excluded"))
    return np.stack([yes, patients - yes, excluded], axis=-1)


def _tied(lattice: Lattice, nesting: Nesting) -> dict[str, Ids]:
    """Where the measures stand that lie within or around each measure."""
    tied: defaultdict[str, set[int]] = defaultdict(set)
    place = {measure: at for at, measure in enumerate(lattice.measures)}
    for part, whole in nesting.pairs:
        if part in place and whole in place:
            tied[part].add(place[whole])
            tied[whole].add(place[part])
    return {measure: np.array(sorted(places), dtype=np.intp) for measure, places in tied.items()}


def _narrowed_where_shown(bounds: _Bounds, hidden: Mask, lines: Sequence[Line], has_rest: Mask) -> _Bounds:
    """As `_narrow`, for what is shown; what is hidden is left to the programs, which say whether it is disclosed."""
    narrow = _Bounds(*(end.copy() for end in bounds))
    _narrow(narrow, lines, has_rest)
    at = hidden[..., np.newaxis], hidden[..., np.newaxis], hidden.all(axis=0), hidden.all(axis=0)
    return _Bounds(
        *(np.where(is_hidden, end, narrowed) for is_hidden, end, narrowed in zip(at, bounds, narrow, strict=True))
    )


def _narrow(bounds: _Bounds, lines: Sequence[Line], has_rest: Mask) -> None:
    """Narrow the bounds of yes, no and excluded, and of the cohort, by what each leaves the others, a few times over.

    They add up to the cohort, which is the same in every measure; the sites to all sites; years and strata to all. In
    the programs what is shown is an interval of its own in each sum: what the sums tell of it they have to know from
    here.

    Args:
        bounds: are changed.
        lines: which keys add up to which.
        has_rest: (sites, lines), see `_has_rest`.
    """
    low, high, cohort_low, cohort_high = bounds
    sums = [(np.moveaxis(low, -1, 0), np.moveaxis(high, -1, 0), cohort_low, cohort_high)]
    if low.shape[1] > 1:
        sums += [
            (np.moveaxis(low[:, 1:], 1, 0), np.moveaxis(high[:, 1:], 1, 0), low[:, ALL_SITES], high[:, ALL_SITES]),
            (cohort_low[1:], cohort_high[1:], cohort_low[ALL_SITES], cohort_high[ALL_SITES]),
        ]
    # Keys first, sites last.
    along = [tuple(np.moveaxis(end, (2, 1), (0, -1)) for end in (low, high)), (cohort_low.T, cohort_high.T)]
    for _ in range(3):
        for each in sums:
            _narrow_sum(*each)
        for line, has_more in zip(lines, has_rest.T, strict=True):
            for least, greatest in along:
                _narrow_line(least, greatest, line, has_more)


def _narrow_line(low: Floats, high: Floats, line: Line, has_rest: Mask) -> None:
    """The same of a total and its parts along a line; bounds are (keys, …, sites), `has_rest` is (sites,)."""
    parts = line.parts[:-1]
    rest = np.broadcast_to(np.where(has_rest, np.inf, 0), low.shape[1:])
    low_of_parts = np.concatenate([low[parts], np.zeros_like(rest)[np.newaxis]])
    high_of_parts = np.concatenate([high[parts], rest[np.newaxis]])
    _narrow_sum(low_of_parts, high_of_parts, low[line.total], high[line.total])
    low[parts], high[parts] = low_of_parts[:-1], high_of_parts[:-1]


def _narrow_sum(low: Floats, high: Floats, total_low: Floats, total_high: Floats) -> None:
    """The same of parts, (parts, …), and their totals; what many measures have as their total is given once."""
    finite = np.minimum(high, PLENTY)
    least, greatest = low.sum(axis=0), finite.sum(axis=0)
    np.maximum(total_low, least.reshape(-1, *total_low.shape).max(axis=0), out=total_low)
    np.minimum(total_high, greatest.reshape(-1, *total_high.shape).min(axis=0), out=total_high)
    np.maximum(low, total_low - (greatest - finite), out=low)
    np.minimum(high, total_high - (least - low), out=high)


def _differences(nesting: Nesting, lattice: Lattice) -> list[tuple[str, str, int]]:
    """(part, whole, answer of the part): what lies within the yes of the whole."""
    within = {(*pair, _YES) for pair in nesting.pairs} | {(*pair, _PATIENTS) for pair in nesting.among}
    return sorted(each for each in within if {*each[:2]} <= {*lattice.measures})


# --- the other tables --------------------------------------------------------------------------------------------


def _audit_parts(published: PublishedTables) -> Iterator[Finding]:
    """Tables that list the parts of a count over all sites: why excluded, which kind of yes."""
    sums = _over_all_sites(published)
    for name, whole, part, count, answer in (
        ("measure_exclusions", "measure", "reason", "patients", "excluded"),
        ("label_kinds", "label", "kind", "episodes", "numerator"),
    ):
        table = getattr(published, name)
        if table is None:
            continue
        table = table.filter(pc.is_valid(table[part]))  # else nothing is listed
        wholes, parts = (np.array(table[column].to_pylist(), dtype=str) for column in (whole, part))
        hidden = table[count].is_null().to_numpy()
        low, high = before_coarse(table[count].fill_null(0).to_numpy(), published.minimum_cell_count)
        low, high = np.where(hidden, 1.0, low), np.where(hidden, np.inf, high)  # who is listed has a patient
        for each in np.unique(wholes[hidden]):
            rows = np.flatnonzero(wholes == each)
            # A kind can be a measure of its own.
            own = np.array([sums.get((f"{each}_{parts[row]}", answer), (0.0, np.inf)) for row in rows]).T
            system = System()
            ids = system.counts(np.maximum(low[rows], own[0]), np.minimum(high[rows], own[1]), hidden[rows])
            ends = np.array([sums.get((str(each), answer), (0.0, np.inf))]).T
            system.adds_up(system.counts(ends[0], ends[1], np.array([False])), ids[np.newaxis])
            for found, (least, greatest) in system.disclosed(ids, published.minimum_cell_count)[0].items():
                where = f"{each} {parts[rows[np.flatnonzero(ids == found)[0]]]}"
                yield Finding(name, where, count, round(least, 3), round(greatest, 3))


def _over_all_sites(published: PublishedTables) -> dict[tuple[str, str], tuple[float, float]]:
    """Bounds of each measure's counts over all sites and patients, by measure and count."""
    if published.measures is None or not len(published.measures):
        return {}
    shown = _Shown.of(published, UNNESTED)
    everybody = shown.lattice.keys.index(EVERYBODY)
    return {
        (measure, count): (shown.low[at, ALL_SITES, everybody, answer], shown.high[at, ALL_SITES, everybody, answer])
        for at, measure in enumerate(shown.lattice.measures)
        for answer, count in enumerate(_NAMES)
    }


def _patients(published: PublishedTables) -> tuple[float, float]:
    """What other tables tell of the size of the whole cohort."""
    low, high = 0.0, np.inf
    if published.release_info is not None:
        about = published.release_info["patient_count_rounded"][0].as_py()
        low, high = (low, high) if about is None else (about - 5, about + 5)
    if published.attrition is not None and len(published.attrition):
        last = published.attrition.sort_by("step")["patients_left"][-1].as_py()
        if last is not None:
            least, greatest = before_coarse(np.array(last), published.minimum_cell_count)
            low, high = max(low, float(least)), min(high, float(greatest))
    return low, high
