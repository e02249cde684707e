"""The curves of cumulative incidence that may be shown.

Days and groups are arrays as in `outcomes.statistics.survival`.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import Counts, Mask
from outcomes.disclosure.suppression import (
    ROUND_TO,
    SITES_AGAINST_CONTRIBUTORS,
    coarse,
    hide_parts,
    is_small,
)
from outcomes.measures.curves import AALEN_JOHANSEN, GROUP, HORIZONS
from outcomes.sql.catalog.marts import mart_schema
from outcomes.sql.catalog.measures import measure_definitions

PARTS_STEP_DAYS = 180
"""Curves of sites and strata, and of a type of revision, are shown on multiples of these days and on the horizons: more
days would each take patients from what the horizons need."""

FIRST = 2
"""Rank of the days that go before the others, see `shown_parts`."""

SHOWN, SUPPRESSED, ENDED = "shown", "suppressed", "ended"

REVISION, ASD = "revision", "asd"


def protected_curves(table: pa.Table, minimum_cell_count: int) -> pa.Table:
    """The Aalen-Johansen curves that may be shown: all of revision and disease, the types of revision for all sites.

    Three counts are protected in each group, each of patients up to a day: with the event; without it but no longer
    observed (dead, revised otherwise or censored); and all that have left before the day. An attacker is taken to know
    them exactly on each day shown, although they are shown coarse, and at the end of observation, where other tables
    show the totals. So between any two days shown no count may change by a small one, and no such change of a hidden
    group may be left over when shown groups are taken from all patients (see `shown_parts`).

    Shares are told to the nearest step of so many patients as counts are rounded to: more exact ones would tell how few
    had the outcome between two releases.

    One minus Kaplan-Meier and the competing events are left out: with the events beside them they would tell of the
    few that died; and from the number with a revision, of the few that died after it.

    Returns:
        One row per group and day up to the last day on which enough of all patients are at risk, with `state` shown,
        suppressed or ended (too few of the group are at risk). A curve suppressed whole is so on every day.
    """
    schema = mart_schema("cumulative_incidence", "protected")
    rows = table.filter(pc.equal(table["estimator"], AALEN_JOHANSEN)).sort_by(
        [(name, "ascending") for name in ("outcome", *GROUP, "day")]
    )
    if not rows.num_rows:
        return schema.empty_table()
    exact = _Exact(rows, len(pc.unique(rows["day"])))
    shown = exact.shown(minimum_cell_count)
    has_ended = shown.any(axis=1, keepdims=True) & (exact.at_risk < minimum_cell_count)
    state = np.where(shown, SHOWN, np.where(has_ended, ENDED, SUPPRESSED))
    values = {"state": pa.array(state.ravel())}
    for name in ("at_risk", "events"):
        values[name] = pa.array(coarse(rows[name].to_numpy(), minimum_cell_count), mask=~shown.ravel())
    step = ROUND_TO / np.repeat(coarse(exact.at_risk[:, 0], minimum_cell_count), shown.shape[1])
    for name, to_step in (("incidence", np.round), ("low", np.floor), ("high", np.ceil)):
        share = np.clip(to_step(rows[name].fill_null(np.nan).to_numpy() / step) * step, 0, 1).round(3)
        values[name] = pa.array(share, mask=~shown.ravel() | np.isnan(share))
    columns = {name: values[name] if name in values else rows[name] for name in schema.names}
    return pa.table(columns, schema=schema).filter(pa.array(exact.published(minimum_cell_count).ravel()))


def shown_whole(left: Counts, at_risk: Counts, minimum_cell_count: int, *first: Mask) -> Mask:
    """Which days of a group to show, all other groups left aside.

    Args:
        left: growing counts of patients, shape (days, counts); the last day is the end of observation, where the counts
            are known from other tables.
        at_risk: patients at risk just before each day, shape (days - 1,).
        minimum_cell_count: the smallest count that may be shown.
        first: days that go before the others, each shape (days - 1,), the foremost first; the rest fill what is left.

    Returns:
        Whether each day may be shown, the end excepted; shape (days - 1,).
    """
    may_be_shown = _may_be_shown(left, at_risk, minimum_cell_count)
    shown = np.zeros(len(at_risk), dtype=bool)
    for days in (*first, np.ones_like(shown)):
        for day in map(int, np.flatnonzero(may_be_shown & days & ~shown)):
            earlier, later = np.flatnonzero(shown[:day]), day + 1 + np.flatnonzero(shown[day + 1 :])
            since = left[day] - (left[earlier[-1]] if len(earlier) else 0)
            until = left[later[0] if len(later) else -1] - left[day]
            shown[day] = _is_safe(since, minimum_cell_count) and _is_safe(until, minimum_cell_count)
    return shown


def as_contributors_see(whole: Counts, parts: Counts) -> Counts:
    """The counts of all, (days, counts), and what is left of them to each part that takes its own out of them."""
    return np.concatenate([whole, *(whole - parts)], axis=-1)


def shown_parts(
    left: Counts, at_risk: Counts, rank: Counts, minimum_cell_count: int, *, know_their_own: bool = False
) -> Mask:
    """Which days of the groups that make up a whole to show, beside the days on which the whole is shown.

    On each day the smallest groups are hidden until nothing that can be worked out is small. What can be worked out is,
    between two days on which the whole is shown, the change in the hidden groups together, and in every other group
    the part of its change that lies between a day hidden and the nearest day shown.

    Args:
        left: growing counts of patients, shape (groups, days, counts); the last day is the end of observation.
        at_risk: patients at risk just before each day, shape (groups, days - 1).
        rank: of each day, shape (days - 1,): -1, the sum of the groups is not shown; 0, it is, and no group; 1, groups
            may be; 2, it goes first: an earlier day is shown only where it leaves it room.
        minimum_cell_count: the smallest count that may be shown.
        know_their_own: whether each group is a contributor, who takes its own counts, hidden or not, out of the sum.

    Returns:
        Whether each day of each group may be shown; shape (groups, days - 1).
    """
    groups, _, counts = left.shape
    shown = np.zeros(at_risk.shape, dtype=bool)
    withheld = [
        hide_parts(left[:, -1, count], minimum_cell_count, know_their_own=know_their_own) for count in range(counts)
    ]
    hidden: Mask = np.any([np.ones(groups, dtype=bool) if parts is None else parts for parts in withheld], axis=0)
    if hidden.any() and not _is_safe(left[hidden, -1].sum(axis=0), minimum_cell_count):
        return shown
    candidates = _may_be_shown(left, at_risk, minimum_cell_count) & (rank > 0) & ~hidden[:, np.newaxis]
    for day in map(int, np.flatnonzero(rank == FIRST)):
        leaves_room = _is_safe(left[:, [day]] - left[:, :day], minimum_cell_count)
        candidates[:, :day] &= leaves_room | ~candidates[:, [day]]
    by_size = np.argsort(left[:, -1].max(axis=1), kind="stable")
    attacker = _Attacker(left, know_their_own)
    for day in map(int, np.flatnonzero(rank >= 0)):
        last = attacker.last_shown
        candidate = candidates[:, day] & _is_safe(left[:, day] - last, minimum_cell_count)
        for group in by_size[candidate[by_size]]:
            if attacker.finds_nothing_small(day, candidate, minimum_cell_count):
                break
            candidate[group] = False
        attacker.sees(day, candidate)
        shown[:, day] = candidate
    return shown


class _Attacker:
    """Who knows the whole on some days and its groups on some of them, and subtracts; days are seen one after another.

    Attributes:
        last_shown: counts of each group on the last day on which it was seen, 0 before; shape (groups, counts).
    """

    def __init__(self, left: Counts, know_their_own: bool) -> None:
        groups, _, counts = left.shape
        self._left, self._know_their_own = left, know_their_own
        self.last_shown = np.zeros((groups, counts), dtype=np.int64)
        # For each day on which the whole was seen: the counts then, and on the next day on which the group was seen.
        self._then: Counts = np.zeros((1, groups, counts), dtype=np.int64)
        self._next: Counts = np.zeros((1, groups, counts), dtype=np.int64)
        self._has_next: Mask = np.ones((1, groups), dtype=bool)

    def finds_nothing_small(self, day: int, candidate: Mask, minimum_cell_count: int) -> bool:
        """Whether nothing small could be worked out if the candidate groups were shown on the day."""
        then, following, has_next, last = self._with(day, candidate)
        now, end = self._left[:, day], self._left[:, -1]
        split = (now - last) + (following - then)
        between = np.where(has_next[..., np.newaxis], split, now - then)
        until = np.where(has_next[..., np.newaxis], following, end) - then
        return all(_is_safe(self._unknown(each), minimum_cell_count).all() for each in (between, until))

    def _unknown(self, parts: Counts) -> Counts:
        """What the parts (days, groups, counts) add up to, and, if groups know their own, what is left to each."""
        of_all = parts.sum(axis=1, keepdims=True)
        return np.concatenate([of_all, of_all - parts], axis=1) if self._know_their_own else of_all

    def sees(self, day: int, candidate: Mask) -> None:
        """Learn the whole and the groups shown on a day."""
        self._then, self._next, self._has_next, self.last_shown = self._with(day, candidate)

    def _with(self, day: int, candidate: Mask) -> tuple[Counts, Counts, Mask, Counts]:
        now = self._left[:, day]
        seen = candidate[:, np.newaxis]
        then = np.concatenate([self._then, now[np.newaxis]])
        has_next = np.concatenate([self._has_next, np.zeros_like(candidate)[np.newaxis]])
        following = np.concatenate([self._next, now[np.newaxis]])
        following = np.where(~has_next[..., np.newaxis] & seen, now, following)
        return then, following, has_next | candidate, np.where(seen, now, self.last_shown)


class _Exact:
    """The exact Aalen-Johansen curves as arrays, one row per curve.

    Attributes:
        outcome: what each curve waits for.
        group: kind of stratum, stratum and site of each curve.
        is_headline, is_horizon: which days are horizons of a headline measure, and horizons at all, shape (days,).
        rank: of the days on which parts may be shown, as `shown_parts` takes it, shape (days,).
        part_of: `whole` for all patients, else how they are parted: `site` or the kind of stratum.
        at_risk: patients at risk just before each day, shape (curves, days).
        left: the counts to protect, shape (curves, days + 1, counts), the end of observation last. Beside the counts
            that grow there is one that stays: patients whose adjacent segments nobody could see, which the curves of
            revision beside those of disease tell.
    """

    def __init__(self, rows: pa.Table, days: int) -> None:
        curves = rows.take(np.arange(0, rows.num_rows, days))
        self.group = list(zip(*(curves[name].to_pylist() for name in GROUP), strict=True))
        self.outcome = np.array(curves["outcome"].to_pylist(), dtype=str)
        kinds = [("whole" if site is None else "site") if kind == "all" else kind for kind, _, site in self.group]
        self.part_of = np.array(kinds, dtype=str)
        grid = rows["day"].to_numpy()[:days]
        horizons = {measure.horizon.day for measure in measure_definitions() if measure.headline and measure.horizon}
        self.is_headline = np.isin(grid, [*horizons])
        self.is_horizon = np.isin(grid, HORIZONS)
        self.rank = np.where(self.is_horizon | (grid % PARTS_STEP_DAYS == 0), 1, 0)
        self.rank[self.is_headline] = FIRST
        self.at_risk, events, competing, censored = (
            rows[name].to_numpy().reshape(-1, days) for name in ("at_risk", "events", "competing", "censored")
        )
        patients = self.at_risk[:, :1]
        curves_of_revision = {self.group[curve]: curve for curve in np.flatnonzero(self.outcome == REVISION)}
        same = [curves_of_revision.get(group, curve) for curve, group in enumerate(self.group)]
        left_out = np.broadcast_to(patients[same] - patients, (len(same), days + 1))
        growing = (events, competing + censored, patients - self.at_risk)
        ends = (events[:, -1:], (competing + censored)[:, -1:], patients)
        counts = [np.concatenate(pair, axis=1) for pair in zip(growing, ends, strict=True)]
        self.left = np.stack([*counts, left_out], axis=-1)

    def shown(self, minimum_cell_count: int) -> Mask:
        """Which days of each curve to show, shape (curves, days)."""
        shown = np.zeros(self.at_risk.shape, dtype=bool)
        whole, types = self.part_of == "whole", ~np.isin(self.outcome, (REVISION, ASD))
        for outcome in (REVISION, ASD):
            of_all = whole & (self.outcome == outcome)
            if outcome == ASD and is_small(self._withheld_without_asd(shown), minimum_cell_count).any():
                break
            sites = (self.outcome == outcome) & (self.part_of == "site")
            has_contributors = sites.sum() >= SITES_AGAINST_CONTRIBUTORS
            for curve in np.flatnonzero(of_all):
                left = as_contributors_see(self.left[curve], self.left[sites]) if has_contributors else self.left[curve]
                shown[curve] = shown_whole(
                    left, self.at_risk[curve], minimum_cell_count, self.is_headline, self.is_horizon
                )
            for partition in np.unique(self.part_of[~whole]):
                parts = (self.outcome == outcome) & (self.part_of == partition)
                days = shown[of_all].any(axis=0)
                shown[parts] = shown_parts(
                    self.left[parts],
                    self.at_risk[parts],
                    np.where(days, self.rank, -1),
                    minimum_cell_count,
                    know_their_own=partition == "site" and has_contributors,
                )
        # The types leave together with all who are revised, whose days they share: only the events tell them apart.
        days = shown[whole & (self.outcome == REVISION)].any(axis=0)
        shown[whole & types] = shown_parts(
            self.left[whole & types, :, :1],
            self.at_risk[whole & types],
            np.where(days, self.rank, -1),
            minimum_cell_count,
        )
        return shown

    def _withheld_without_asd(self, shown: Mask) -> Counts:
        """Patients of the sites whose curve of revision is withheld and that have none of disease; shape (1,).

        The totals of both curves, less the sites shown, tell how many they are.
        """
        with_asd = {group for group, outcome in zip(self.group, self.outcome, strict=True) if outcome == ASD}
        withheld = (self.outcome == REVISION) & (self.part_of == "site") & ~shown.any(axis=1)
        without = np.array([group not in with_asd for group in self.group], dtype=bool)
        patients: Counts = self.at_risk[withheld & without, 0].sum(keepdims=True)
        return patients

    def published(self, minimum_cell_count: int) -> Mask:
        """Which rows to publish: of all curves but those of a type in a part, while enough of all patients are at risk.

        Later days would tell how long the few were observed who were observed longest. Shape (curves, days).
        """
        whole = np.flatnonzero(self.part_of == "whole")
        enough = dict(zip(self.outcome[whole], self.at_risk[whole] >= minimum_cell_count, strict=True))
        listed = (self.part_of == "whole") | np.isin(self.outcome, (REVISION, ASD))
        published: Mask = listed[:, np.newaxis] & [enough[outcome] for outcome in self.outcome]
        return published


def _may_be_shown(left: Counts, at_risk: Counts, minimum_cell_count: int) -> Mask:
    """Days with enough patients at risk, on which no count is small, nor what it still lacks of the end's."""
    so_far, to_come = left[..., :-1, :], left[..., -1:, :] - left[..., :-1, :]
    return (
        (at_risk >= minimum_cell_count) & _is_safe(so_far, minimum_cell_count) & _is_safe(to_come, minimum_cell_count)
    )


def _is_safe(counts: Counts, minimum_cell_count: int) -> Mask:
    """Whether none of the counts along the last axis is small."""
    safe: Mask = np.all(~is_small(counts, minimum_cell_count), axis=-1)
    return safe
