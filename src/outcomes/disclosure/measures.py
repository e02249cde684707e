"""The measures in the form that may be shown: hidden where they would tell of a few patients, then rounded.

Every count stands in several sums (see `outcomes.disclosure.lattice`). A cell, which is a measure of a site (or of all
sites) for a key, shows its counts together or not at all.

1. The cells that hold a small count are hidden.
2. Secondary suppression hides further cells in each sum by itself, the smallest first, until nobody who knows every
   other count to the patient can place what is hidden closely; across four sites or more, nor can a contributor, one of
   them that knows its own counts. That is repeated until no sum asks for more.
3. Where several sums give something away only together, as the auditor finds (`outcomes.disclosure.audit`), more is
   hidden.
4. What the curves of cumulative incidence show anyway is not hidden, for that would hide nothing: others are, around
   it. Only where that leads nowhere it is hidden, and then in the curves too (`outcomes.disclosure.incidences`).
5. What is shown is rounded. Shares, rates and their intervals are computed from the rounded counts; of incidences see
   `outcomes.disclosure.incidences`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outcomes.arrays import Counts, Ids, Mask
from outcomes.disclosure.audit import PublishedTables, audit_all
from outcomes.disclosure.lattice import ALL_SITES, EVERYBODY, KEY, UNNESTED, Key, Lattice, Nesting
from outcomes.disclosure.suppression import (
    ROUND_TO,
    SITES_AGAINST_CONTRIBUTORS,
    Sums,
    coarse,
    hide,
    hide_parts_of_sites,
    hide_secondary,
    is_small,
    rounded,
    with_state,
)
from outcomes.errors import OutcomesError
from outcomes.measures.estimates import DAYS_PER_YEAR, with_intervals

Cell = tuple[str | None, str | None, Key]
"""measure (None = every measure), site (None = all sites), key"""


class Settled(NamedTuple):
    """Cells that are hidden, and cells that are shown, whatever the sums ask for."""

    hidden: Collection[Cell] = ()
    shown: Collection[Cell] = ()


NOTHING = Settled()

_YES, _NO, _EXCLUDED = range(3)
_ATTEMPTS = 10
_LAST_ATTEMPTS = 6
"""For which measures begin anew, with nothing left shown for the only reason that other tables show it: first those of
which the auditor finds something, then the others."""
_CONTRIBUTORS = range(SITES_AGAINST_CONTRIBUTORS, 13)
"""For so many sites it is audited what each of them can work out, from all sums together. It takes as long again for
each site; among more sites, each sum by itself has room enough for one that knows its own counts."""
_PERSON_YEARS_STEP = 5
"""Person-years are shown to the nearest of these, so that nobody's days of follow-up can be worked out."""


def safe_measures(  # noqa: PLR0913, PLR0917 - what a release is protected with
    counts: pa.Table,
    minimum_cell_count: int,
    nesting: Nesting = UNNESTED,
    previous: Sequence[PublishedTables] = (),
    shown_elsewhere: Collection[Cell] = (),
    processes: int = 1,
) -> pa.Table:
    """The protected measures, of which the auditor finds that nothing can be worked out, even before they are rounded.

    With the releases before, as readers have them, rounded, nothing may be worked out either. Around what the
    auditor finds more is hidden, also what a release before hid; what resists is hidden with all around it.

    Args:
        counts: see `protected_measures`.
        minimum_cell_count: the smallest count that may be shown.
        nesting: which measures count patients of each other.
        previous: what the releases before have published, the newest first.
        shown_elsewhere: cells whose counts other tables show, not to be hidden if all others can be kept safe, unless
            one of their own counts is small.
        processes: how many may audit.

    Raises:
        OutcomesError: disclosure_risk, when the auditor still finds something.
    """
    counts = in_order(counts)
    suppression = _Suppression(counts, nesting, minimum_cell_count)
    exact, shown = (_rounded(counts, minimum_cell_count, step) for step in (1, ROUND_TO))
    to_hide, to_show = set[Cell](), set(shown_elsewhere) - _with_a_small_count(counts, minimum_cell_count)
    found: set[Cell] = set()
    before: Mask | None = None
    # Measures that have changed since they were last audited alone, with what a site knows of itself, and together with
    # the release before; None = all.
    alone: set[str | None] = {None}
    by_contributors: set[str | None] = {None}
    together: set[str | None] = {None}
    for attempts_left in reversed(range(_ATTEMPTS)):
        hidden = suppression.hidden(Settled(to_hide, to_show))
        if before is not None:
            changed = {cell[0] for cell in found} | suppression.to_audit_again(before, hidden)
            alone, by_contributors, together = (each | changed for each in (alone, by_contributors, together))
        published = PublishedTables(minimum_cell_count, suppression.without(hidden, exact), counts, round_to=1)
        findings, alone = audit_all([published], nesting, only=alone, processes=processes), set()
        if not findings:
            known_to_each = suppression.known_to_contributors(hidden, shown, counts)
            findings, by_contributors = (
                audit_all(known_to_each, nesting, only=by_contributors, processes=processes),
                set(),
            )
        if not findings and previous:
            published = PublishedTables(minimum_cell_count, suppression.without(hidden, shown), counts)
            findings, together = audit_all([published], nesting, previous, together, processes), set()
        if not findings:
            return suppression.without(hidden, _with_figures(shown, counts["days"]))
        before, found = hidden, {finding.cell for finding in findings if finding.cell}
        around = found
        if attempts_left <= _LAST_ATTEMPTS:
            told = {measure for measure, *_ in to_show}
            anew = told & {measure for measure, *_ in found} or told
            to_show, to_hide, around = (
                {cell for cell in cells if cell[0] not in anew} for cells in (to_show, to_hide, found)
            )
        beside = suppression.smallest_beside(around, hidden, to_show)
        to_hide |= around | beside | _whole_breakdowns(around, counts, nesting, attempts_left)
        of_found = {measure for measure, *_ in found}
        for each in previous:
            if each.measures is not None:
                to_hide |= {cell for cell in _suppressed(each.measures) if {cell[0], None} & of_found}
    raise OutcomesError("disclosure_risk", f"{len(findings)} counts, the first: {findings[0]}")


def protected_measures(
    counts: pa.Table,
    minimum_cell_count: int,
    nesting: Nesting = UNNESTED,
    settled: Settled = NOTHING,
    round_to: int = ROUND_TO,
) -> pa.Table:
    """The relation `measure_counts` as it may be shown, each sum by itself; `safe_measures` looks at them together.

    Args:
        counts: measure, site_id, the columns of the key, numerator, patients, excluded, days; each measure once for
            each site (null = all sites) and key.
        minimum_cell_count: the smallest count that may be shown.
        nesting: which measures count patients of each other.
        settled: cells to hide and to show.
        round_to: step of the counts; 1 leaves them as they are.

    Returns:
        The columns of the protected mart in `sql/marts/measures.yaml`, a row for each row of `counts`.
    """
    counts = in_order(counts)
    suppression = _Suppression(counts, nesting, minimum_cell_count)
    shown = _with_figures(_rounded(counts, minimum_cell_count, round_to), counts["days"])
    return suppression.without(suppression.hidden(settled), shown)


def require_nested(counts: pa.Table, nesting: Nesting) -> None:
    """See that no cell counts more patients of a part than of its whole, as it would if a declared nesting were false.

    Args:
        counts: see `protected_measures`.
        nesting: which measures are said to count patients of each other.

    Raises:
        OutcomesError: definition_malformed, with the measures and no count.
    """
    lattice = Lattice.of(counts)
    numerator, patients = (lattice.cube(counts[name]) for name in ("numerator", "patients"))
    cells = np.stack([numerator, patients - numerator], axis=-1)
    false = [
        f"{lattice.measures[part]} is no part of {lattice.measures[whole]}"
        for part, whole, counted, left in _within(nesting, lattice, cells)
        if (left < 0).any()
    ]
    if false:
        raise OutcomesError("definition_malformed", f"measures.yaml: {'; '.join(false)}")


def protected_exclusions(exclusions: pa.Table, measures: pa.Table, minimum_cell_count: int) -> pa.Table:
    """Why episodes are not in the denominator, over all sites.

    Counts are coarse, for the same patients are counted under a reason of several measures. Of a measure whose sum is
    hidden, and where listing the reasons would disclose a small count, also to a site that knows its own, all are
    hidden. `exclusions` is the relation `measure_exclusions`, `measures` are the protected ones.
    """
    exclusions = exclusions.sort_by([(name, "ascending") for name in ("measure", "site_id", "reason")])
    of_all = exclusions.filter(pc.is_null(exclusions["site_id"])).select(["measure", "reason", "patients"])
    of_sites = exclusions.filter(pc.is_valid(exclusions["site_id"]))
    names, counts = np.array(of_all["measure"].to_pylist(), dtype=str), of_all["patients"].to_numpy()
    without_sum = [measure for measure, site, key in _suppressed(measures) if (site, key) == (None, EVERYBODY)]
    hidden = np.isin(names, np.array(without_sum, dtype=str))
    for measure in np.unique(names[~hidden]):
        rows = names == measure
        by_site = of_sites.filter(pc.equal(of_sites["measure"], measure))["patients"].to_numpy()
        to_hide = hide_parts_of_sites(by_site.reshape(-1, rows.sum()), minimum_cell_count)
        hidden[rows] = True if to_hide is None else to_hide
    shown = pa.array(coarse(counts, minimum_cell_count), mask=hidden)
    return with_state(of_all.set_column(2, "patients", shown), hidden, zero=counts == 0)


def shown_counts(shown: pa.Table) -> dict[tuple[str, str | None], tuple[int, int]]:
    """Patients, and those with the outcome, by measure and site (None = all sites), where they may be shown.

    Of the protected measures, `shown`, the rows of all periods and patients are taken.
    """
    everybody = pc.and_(pc.equal(shown["resolution"], "all"), pc.equal(shown["stratum_kind"], "all"))
    rows = shown.filter(pc.and_(everybody, pc.not_equal(shown["state"], "suppressed"))).to_pylist()
    return {(row["measure"], row["site_id"]): (row["patients"], row["numerator"]) for row in rows}


@dataclass(frozen=True)
class _Table:
    """What there is to protect, (measures, sites, keys with rests[, answers]); see `Sums` for the meaning of each."""

    lattice: Lattice
    cells: Counts
    sensitive: Mask
    sized: Mask
    has_contributors: Mask
    """(keys with rests); whether the sums across sites are protected against a site that knows its own counts."""


class _Suppression:
    """Which cells to hide, asked again and again while more is settled.

    What a group of measures hides depends on nothing outside of it: an answer stands for the groups of which nothing
    has changed since.
    """

    def __init__(self, counts: pa.Table, nesting: Nesting, minimum_cell_count: int) -> None:
        """Counts are in order."""
        self._lattice = lattice = Lattice.of(counts)
        self._nesting, self._minimum_cell_count = nesting, minimum_cell_count
        numerator, patients, excluded = (lattice.cube(counts[name]) for name in ("numerator", "patients", "excluded"))
        cells = np.stack([numerator, patients - numerator, excluded], axis=-1)
        # How many patients a site has in a year is the same in every measure.
        cohort = cells.sum(axis=-1).max(axis=0, initial=0, keepdims=True)
        has_contributors = np.asarray((cohort[0, 1:] > 0).sum(axis=0) >= SITES_AGAINST_CONTRIBUTORS)
        sensitive = _sensitive(cells, lattice, nesting, minimum_cell_count)
        # Where the size of a cohort must not be known, every measure hides it.
        small = is_small(cohort, minimum_cell_count)
        known = np.zeros(small.shape, dtype=bool)
        sizes = _Table(lattice, cohort[..., np.newaxis], small[..., np.newaxis], known, has_contributors)
        unsized = _with_secondary_suppression(sizes, small, known, UNNESTED, minimum_cell_count)
        self._sizes = cells.sum(axis=-1)
        self._table = _Table(
            lattice, cells, sensitive, np.broadcast_to(~unsized, sensitive.shape[:-1]), has_contributors
        )
        self._first_hidden: Mask = sensitive.any(axis=-1) | unsized
        self._asked = self._answer = np.zeros_like(self._first_hidden)
        self._group = _groups(lattice.measures, nesting)

    def hidden(self, settled: Settled) -> Mask:
        """The cells to hide, (measures, sites, keys with rests)."""
        asked = self._first_hidden.copy()
        for at in _places(settled.hidden, self._lattice):
            asked[at] = True
        changed = self._group[(asked != self._asked).any(axis=(1, 2))]
        done = np.where(np.isin(self._group, changed)[:, np.newaxis, np.newaxis], False, self._answer)
        self._asked, self._answer = (
            asked,
            _with_secondary_suppression(self._table, asked | done, done, self._nesting, self._minimum_cell_count),
        )
        hidden = self._answer.copy()
        for at in _places(settled.shown, self._lattice):
            hidden[at] = False
        return hidden

    def known_to_contributors(self, hidden: Mask, shown: pa.Table, counts: pa.Table) -> list[PublishedTables]:
        """What each site knows: its own counts, and of the others what all can read, rounded."""
        lattice = self._lattice
        contributors = np.flatnonzero((self._sizes[:, 1:] > 0).any(axis=(0, 2))) + 1
        known_to_each = []
        for at in contributors if len(contributors) in _CONTRIBUTORS else ():
            site, known = lattice.sites[at], hidden.copy()
            known[:, at] = False
            own = pc.fill_null(pc.equal(shown["site_id"], site), False)
            names = ("numerator", "patients", "excluded")
            mixed = shown.select(shown.column_names[: -len(names)])
            for name in names:
                mixed = mixed.append_column(name, pc.if_else(own, counts[name], shown[name]))
            known_to_each.append(
                PublishedTables(self._minimum_cell_count, self.without(known, mixed), counts, contributor=site)
            )
        return known_to_each

    def without(self, hidden: Mask, shown: pa.Table) -> pa.Table:
        """Rounded counts, and figures made of them, without what is hidden."""
        is_hidden = self._lattice.column(hidden).astype(bool)
        states = {"missing": shown["patients"].to_numpy() == 0, "zero": shown["numerator"].to_numpy() == 0}
        return with_state(hide(shown, shown.column_names[len(KEY) + 2 :], is_hidden), is_hidden, **states)

    def to_audit_again(self, before: Mask, hidden: Mask) -> set[str | None]:
        """The measures of which other cells are hidden than before, and those tied to one of which more is shown."""
        more_shown = self._measures_in(before & ~hidden)
        tied = {measure for pair in self._nesting.pairs if more_shown & {*pair} for measure in pair}
        return self._measures_in(before != hidden) | tied

    def _measures_in(self, cells: Mask) -> set[str | None]:
        """The measures of the cells, rests aside."""
        of_keys = cells[..., : len(self._lattice.keys)]
        return {self._lattice.measures[at] for at in np.flatnonzero(of_keys.any(axis=(1, 2)))}

    def smallest_beside(self, found: Collection[Cell], hidden: Mask, shown_elsewhere: Collection[Cell]) -> set[Cell]:
        """For cells that can be worked out: the smallest cell still shown in each of the sums they stand in.

        Cells that are shown elsewhere are left.
        """
        lattice, sizes = self._lattice, self._sizes
        is_open = ~hidden & (sizes > 0)
        for place in _places(shown_elsewhere, lattice):
            is_open[place] = False
        beside: set[Cell] = set()
        for measure, site, key in found:
            at = range(len(lattice.measures)) if measure is None else [lattice.measures.index(measure)]
            for places in _sums_through(lattice, lattice.sites.index(site), lattice.all_keys.index(key)):
                open_places = [place for place in places if is_open[at][:, *place].any()]
                if open_places:
                    smallest = min(open_places, key=lambda place: sizes[at][:, *place].max())
                    beside.add((measure, lattice.sites[smallest[0]], lattice.keys[smallest[1]]))
        return beside


def _groups(measures: Sequence[str], nesting: Nesting) -> Ids:
    """The number of the group of each measure: those are of one that nesting ties to each other, however indirectly."""
    group = np.arange(len(measures))
    for tied in (*nesting.pairs, *nesting.classes):
        groups = group[np.isin(measures, [*tied])]
        group[np.isin(group, groups)] = groups.min(initial=0)
    return group


def _sensitive(cells: Counts, lattice: Lattice, nesting: Nesting, minimum_cell_count: int) -> Mask:
    """Which counts must not be worked out, (measures, sites, keys with rests, answers)."""
    sensitive = is_small(cells, minimum_cell_count)
    # Few patients in the denominator are what the excluded leave of the cohort.
    patients = cells[..., _YES] + cells[..., _NO]
    sensitive[..., _EXCLUDED] |= is_small(patients, minimum_cell_count)
    for part, whole, counted, left in _within(nesting, lattice, cells):
        names = lattice.measures[part], lattice.measures[whole]
        tells = is_small(left, minimum_cell_count) & ~is_small(counted + left, minimum_cell_count)
        if nesting.part_first(*names):
            sensitive[whole, ..., _YES] |= tells & ~is_small(counted, minimum_cell_count)
        else:
            sensitive[part, ..., _EXCLUDED if names in nesting.among else _YES] |= tells
    return sensitive


def _with_secondary_suppression(
    table: _Table, hidden: Mask, done: Mask, nesting: Nesting, minimum_cell_count: int
) -> Mask:
    """Hide further cells in every sum of the lattice, again and again until nothing changes.

    `done` is what was hidden when that ended before: where it is all that is hidden of a measure, and of those that it
    is tied to, nothing more is asked for.

    Classes of one denominator are hidden together, for the others would tell the one. A part of a hidden whole is
    hidden, unless the part comes first: then what the whole has more is hidden with the whole. Beside a whole that is
    shown, the part and what the whole has more add up to it, as yes, no and excluded add up to the cohort.
    """
    hidden, lattice = hidden.copy(), table.lattice
    beside: list[tuple[int, int, _Table]] = []
    around: list[tuple[int, int, _Table]] = []
    for part, whole, counted, left in _within(nesting, lattice, table.cells):
        split = np.stack([counted, np.maximum(left, 0)], axis=-1)[np.newaxis]
        small = is_small(split, minimum_cell_count)
        both = _Table(table.lattice, split, small, ~hidden[[whole]], table.has_contributors)
        if nesting.part_first(lattice.measures[part], lattice.measures[whole]):
            unsized = np.zeros_like(both.sized)
            around.append((part, whole, replace(both, cells=split[..., 1:], sensitive=small[..., 1:], sized=unsized)))
        else:
            beside.append((part, whole, both))
    classes = [[at for at, measure in enumerate(lattice.measures) if measure in each] for each in nesting.classes]
    # What is hidden only grows: as long as it is as much as when a step began, the step has nothing to add.
    as_much = _cells_of(done)
    of_pairs = {(part, whole): as_much[[part, whole]].sum() for part, whole, _ in (*beside, *around)}

    def has_grown(part: int, whole: int) -> bool:
        before = of_pairs[part, whole]
        of_pairs[part, whole] = hidden[[part, whole]].sum()
        return bool(of_pairs[part, whole] > before)

    while True:
        for each in classes:
            hidden[each] |= hidden[each].any(axis=0)
        grown = np.flatnonzero(_cells_of(hidden) > as_much)
        if not len(grown):
            return hidden
        as_much = _cells_of(hidden)
        of_grown = replace(table, **{name: getattr(table, name)[grown] for name in ("cells", "sensitive", "sized")})
        hidden[grown] = _hide_secondary(of_grown, hidden[grown], minimum_cell_count)
        for part, whole, both in beside:
            if has_grown(part, whole):
                hidden[part] |= hidden[whole]
                sized = replace(both, sized=~hidden[[whole]])
                hidden[[part]] = _hide_secondary(sized, hidden[[part]], minimum_cell_count)
        for part, whole, outside in around:
            if has_grown(part, whole):
                either = hidden[[part]] | hidden[[whole]]
                # Where the part is hidden the whole need not be: only the small counts between them are protected.
                more = _hide_secondary(outside, either, minimum_cell_count, only_sensitive=True)
                hidden[whole] |= (more & ~either)[0]


def _hide_secondary(table: _Table, hidden: Mask, minimum_cell_count: int, only_sensitive: bool = False) -> Mask:
    """What is hidden, with what each sum of the lattice by itself asks for.

    What secondary suppression hides must not be worked out either, whatever its size, unless `only_sensitive`. A rest
    can be neither hidden nor shown; unless it must not be worked out it is taken to be known.
    """
    lattice = table.lattice
    settled = _settled(table.cells, lattice) & table.sized
    unknown = np.where(settled[..., np.newaxis], 0, _left_unknown(table.cells, hidden, lattice))
    sensitive = table.sensitive if only_sensitive else table.sensitive | (unknown > 0)
    layers = replace(table, cells=unknown, sensitive=sensitive)
    hidden = hidden.copy()
    parts, total = _secondary_in(
        layers, hidden, hidden[:, ALL_SITES], lambda each: np.moveaxis(each[:, 1:], 1, 2), minimum_cell_count
    )
    hidden[:, 1:], hidden[:, ALL_SITES] = np.moveaxis(parts, 2, 1), total
    layers = replace(layers, has_contributors=np.zeros(1, dtype=bool))  # no year or stratum is a contributor
    for line in lattice.lines:
        within = partial(np.take, indices=line.parts, axis=2)
        parts, total = _secondary_in(layers, hidden, hidden[..., line.total], within, minimum_cell_count)
        hidden[..., line.parts], hidden[..., line.total] = parts, total
    return hidden


def _cells_of(hidden: Mask) -> Ids:
    """How many cells of each measure are hidden."""
    return np.asarray(hidden.sum(axis=(1, 2)))


def _secondary_in(
    layers: _Table,
    hidden: Mask,
    total_hidden: Mask,
    view: Callable[[NDArray[Any]], NDArray[Any]],
    minimum_cell_count: int,
) -> tuple[Mask, Mask]:
    """`hide_secondary` of the sums that hide anything; the view of a layer has the parts after the axes of the sums."""
    parts, total_hidden = view(hidden).copy(), total_hidden.copy()
    at = parts.any(axis=-1) | total_hidden
    cells, sensitive, sized = (view(layer)[at] for layer in (layers.cells, layers.sensitive, layers.sized))
    contributors = np.broadcast_to(layers.has_contributors, at.shape)[at]
    sums = Sums(cells, sensitive, sized, parts[at], total_hidden[at], contributors)
    parts[at], total_hidden[at] = hide_secondary(sums, minimum_cell_count)
    return parts, total_hidden


def _settled(cells: Counts, lattice: Lattice) -> Mask:
    """Which cells can have only one answer, since the others are 0 in a sum that holds them: their size tells it."""
    possible = np.ones(cells.shape, dtype=bool)
    possible[:, 1:] &= cells[:, :1] > 0
    for line in lattice.lines:
        possible[:, :, line.parts] &= cells[:, :, [line.total]] > 0
    return np.asarray((possible.sum(axis=-1) <= 1) & (cells.shape[-1] > 1))


def _left_unknown(cells: Counts, hidden: Mask, lattice: Lattice) -> Counts:
    """What the parts that are shown leave open of each count: all of it, unless it is the sum of others.

    Of a rest that is not hidden nothing is open.
    """
    shown = np.where(hidden[..., np.newaxis], 0, cells)
    known = np.zeros_like(cells)
    known[:, ALL_SITES] = shown[:, 1:].sum(axis=1)
    for line in lattice.lines:
        known[:, :, line.total] = np.maximum(known[:, :, line.total], shown[:, :, line.parts].sum(axis=2))
    left = cells - np.where(hidden[..., np.newaxis], known, 0)
    return np.where((lattice.is_rest & ~hidden)[..., np.newaxis], 0, left)


def _places(cells: Collection[Cell], lattice: Lattice) -> Iterator[tuple[int | slice, int, int]]:
    """Where those of the cells stand that the lattice has, (measures, sites, keys)."""
    for measure, site, key in cells:
        if key in lattice.keys and site in lattice.sites and measure in (None, *lattice.measures):
            at = slice(None) if measure is None else lattice.measures.index(measure)
            yield at, lattice.sites.index(site), lattice.keys.index(key)


def _whole_breakdowns(found: Collection[Cell], counts: pa.Table, nesting: Nesting, attempts_left: int) -> set[Cell]:
    """As attempts run out: the whole breakdown (years, or strata of a kind), then all of the site, of the measure.

    And the cells around: a release before may have shown the part that stands beside them.
    """
    if attempts_left > 3:
        return set()
    breakdowns = {(measure, resolution, stratum_kind) for measure, _, (resolution, _, stratum_kind, _) in found}
    sites = {(measure, site) for measure, site, _ in found}
    measures = {measure for measure, *_ in found}
    around = {(whole, site, key) for measure, site, key in found for part, whole in nesting.pairs if part == measure}
    return around | {
        (measure, site, key)
        for measure, site, key in _cells(counts)
        for any_or_this in (None, measure)
        if (any_or_this, key[0], key[2]) in breakdowns
        or (attempts_left <= 2 and (any_or_this, site) in sites)
        or (attempts_left <= 1 and any_or_this in measures)
    }


def _sums_through(lattice: Lattice, site: int, key: int) -> Iterator[list[tuple[int, int]]]:
    """The other places (site, key) of each sum that a place stands in, without rests."""
    if key < len(lattice.keys):
        yield [(other, key) for other in range(len(lattice.sites)) if other != site]
    for line in lattice.lines:
        if key in (line.total, *line.parts):
            yield [(site, int(other)) for other in (line.total, *line.parts[:-1]) if other != key]


def _rounded(counts: pa.Table, minimum_cell_count: int, round_to: int) -> pa.Table:
    numerator, patients, excluded = (counts[name].to_numpy() for name in ("numerator", "patients", "excluded"))
    # The parts are rounded and their sum is taken: a share is never above 1, and 1 only where it holds for everybody.
    numerator, others, excluded = (
        rounded(each, minimum_cell_count, round_to) for each in (numerator, patients - numerator, excluded)
    )
    return pa.table(
        {name: counts[name] for name in ("measure", "site_id", *KEY)}
        | {"numerator": numerator, "patients": numerator + others, "excluded": excluded}
    )


def _with_figures(shown: pa.Table, days: pa.ChunkedArray) -> pa.Table:
    """Rounded counts with their person-years, estimates and intervals."""
    days = days.cast(pa.float64()).to_numpy()
    years = np.maximum(np.round(days / DAYS_PER_YEAR / _PERSON_YEARS_STEP), 1) * _PERSON_YEARS_STEP * (days > 0)
    years = pa.array(years, mask=np.isnan(days))
    shown = shown.append_column("days", pc.multiply(years, DAYS_PER_YEAR)).append_column("person_years", years)
    return with_intervals(shown).drop_columns("days")


def _within(nesting: Nesting, lattice: Lattice, cells: Counts) -> list[tuple[int, int, Counts, Counts]]:
    """Where part and whole of each pair stand, and two counts (sites, keys): of the part, and what the whole has more.

    Where the part does not lie within the whole both are 0, and all sites together are those where it does.
    """
    place = {measure: at for at, measure in enumerate(lattice.measures)}
    everybody = lattice.keys.index(EVERYBODY)
    is_counted: Mask = cells[:, :, everybody, : _NO + 1].sum(axis=-1) > 0
    pairs = []
    for part, whole in sorted(nesting.pairs):
        if part in place and whole in place:
            at, around = place[part], place[whole]
            counted = cells[at, ..., : _NO + 1 if (part, whole) in nesting.among else _NO].sum(axis=-1)
            left = cells[around, ..., _YES] - counted
            nested = lattice.where_nested(is_counted[at], is_counted[around])
            if not nested.all():
                for each in (counted, left):
                    each[~nested] = 0
                    each[ALL_SITES] = each[1:].sum(axis=0)
            pairs.append((at, around, counted, left))
    return pairs


def _cells(measures: pa.Table) -> Iterator[Cell]:
    measure, site, *key = (measures[name].to_pylist() for name in ("measure", "site_id", *KEY))
    return zip(measure, site, zip(*key, strict=True), strict=True)


def _with_a_small_count(counts: pa.Table, minimum_cell_count: int) -> set[Cell]:
    yes, patients, excluded = (counts[name].to_numpy() for name in ("numerator", "patients", "excluded"))
    small = is_small(np.stack([yes, patients - yes, patients, excluded]), minimum_cell_count).any(axis=0)
    return set(_cells(counts.filter(pa.array(small))))


def _suppressed(measures: pa.Table) -> set[Cell]:
    return set(_cells(measures.filter(pc.equal(measures["state"], "suppressed"))))


def in_order(table: pa.Table) -> pa.Table:
    """Measures in the order in which they are protected."""
    return table.sort_by([(name, "ascending") for name in ("measure", "site_id", *KEY)])
