"""Cumulative incidence with competing events, and the form of its curves that may be shown.

Days are counted one by one along the last axis of each array; every function works on all groups before it at once.

Sources: Aalen and Johansen 1978, Scand J Stat 5:141 (the estimator); Dinse and Larson 1986, Biometrika 73:379, equation
6, and Marubini and Valsecchi 1995, Analysing Survival Data, chapter 10 (its variance by the delta method); Choudhury
2002, Stat Med 21:1129 (the log-log interval); Kaplan and Meier 1958, J Am Stat Assoc 53:457.
"""

from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import Counts, Floats, Mask, ratio
from outcomes.disclosure.suppression import coarse, hide_parts, is_small

STEP_DAYS = 30
HORIZONS = (90, 365, 730, 1825, 3650, 7300)
"""Days on which a curve is read off, instead of the multiples of `STEP_DAYS` near them."""

PARTS_STEP_DAYS = 180
"""Curves of sites and strata, and of a type of revision, are shown on multiples of these days and on the horizons: more
days would each take patients from what the horizons need."""

_NEAR = STEP_DAYS // 2

AALEN_JOHANSEN, ONE_MINUS_KM = "aalen_johansen", "one_minus_km"

SHOWN, WITHHELD, ENDED = "shown", "withheld", "ended"

REVISION, ASD = "revision", "asd"

_GROUP = ("stratum_kind", "stratum", "site_id")

_STRATUM_KINDS = ("approach", "levels_band", "age_band", "indication")

_GROUP_SCHEMA = pa.schema([(name, pa.string()) for name in _GROUP])

_SCHEMA = pa.schema(
    [
        ("outcome", pa.string()),
        ("estimator", pa.string()),
        *_GROUP_SCHEMA,
        ("day", pa.int64()),
        ("at_risk", pa.int64()),
        ("events", pa.int64()),
        ("competing", pa.int64()),
        ("censored", pa.int64()),
        ("incidence", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
    ]
)

_PROTECTED_SCHEMA = pa.schema(
    [
        *(_SCHEMA.field(name) for name in ("outcome", *_GROUP, "day")),
        ("state", pa.string()),
        *(_SCHEMA.field(name) for name in ("at_risk", "events", "incidence", "low", "high")),
    ]
)

_PROFILED = """
with described as (
    select
        site_id,
        patient_id,
        coalesce(approach, 'unknown') as approach,
        levels_band,
        age_band,
        coalesce(indication, 'unknown') as indication
    from episodes
),
profiled as (
    select
        site_id,
        patient_id,
        approach,
        levels_band,
        age_band,
        indication,
        dense_rank() over (order by site_id, approach, levels_band, age_band, indication) - 1 as profile
    from described
)
"""
"""A profile is a combination of site and strata that occurs."""

_PROFILES = f"""{_PROFILED}
select distinct profile, site_id, approach, levels_band, age_band, indication
from profiled
order by profile
"""

_ENDS = f"""{_PROFILED},
outcomes as (
    select
        outcome,
        row_number() over (order by outcome) - 1 as outcome_number
    from (select distinct outcome from time_to_event) as occurring
)
select
    cast(outcomes.outcome_number as smallint) as outcome_number,
    cast(profiled.profile as integer) as profile,
    cast(time_to_event.day as integer) as day,
    cast(time_to_event.cause as smallint) as cause
from time_to_event
inner join outcomes
    on time_to_event.outcome = outcomes.outcome
inner join profiled
    on time_to_event.site_id = profiled.site_id and time_to_event.patient_id = profiled.patient_id
"""

_CENSORED, _EVENT, _COMPETING = range(3)
"""Causes of `time_to_event`."""


class Curves(NamedTuple):
    """Curves over days, for each group: shapes (..., days).

    `at_risk` counts patients just before each day. `incidence` is nan once nobody is at risk; `low` and `high`, the
    pointwise 95 % limits, also where the estimate is 0 or 1, for which the log-log transform is not defined.
    """

    at_risk: Counts
    incidence: Floats
    low: Floats
    high: Floats


def aalen_johansen(events: Counts, competing: Counts, censored: Counts) -> Curves:
    """Share that has had the event by each day, where a competing event makes it impossible.

    Patients with several ends on a day are counted once, by the caller. Those who leave on a day are at risk on it.

    Args:
        events: patients with the event on each day, from day 0; shape (..., days).
        competing: patients for whom a competing event came first.
        censored: patients whose observation ended without either.
    """
    at_risk = _at_risk(events, competing, censored)
    ended = events + competing
    survival = np.cumprod(1 - _share(ended, at_risk), axis=-1, dtype=np.float64)
    before = np.concatenate([np.ones_like(survival[..., :1]), survival[..., :-1]], axis=-1)
    incidence = np.cumsum(before * _share(events, at_risk), axis=-1)
    low, high = _log_log_limits(incidence, _incidence_variance(incidence, before, events, ended, at_risk))
    return _while_at_risk(at_risk, incidence, low, high)


def one_minus_kaplan_meier(events: Counts, competing: Counts, censored: Counts) -> Curves:
    """Share that would have had the event by each day, were those with a competing event like those still at risk.

    It overstates where events compete. Arguments and result are those of `aalen_johansen`; the variance is Greenwood's.
    """
    at_risk = _at_risk(events, competing, censored)
    survival = np.cumprod(1 - _share(events, at_risk), axis=-1, dtype=np.float64)
    variance = survival**2 * np.cumsum(_greenwood(events, at_risk), axis=-1)
    low, high = _log_log_limits(survival, variance)
    return _while_at_risk(at_risk, 1 - survival, 1 - high, 1 - low)


def cumulative_incidence_table(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The curves of every outcome, for all sites, each site and each stratum, by both estimators.

    Every group has a row for each of `grid_days`. Counts are exact.

    Args:
        con: a connection that holds `time_to_event` and `episodes`.
    """
    occurring = con.sql("select distinct outcome from time_to_event order by outcome").fetchall()
    if not occurring:
        return _SCHEMA.empty_table()
    groups, groups_of_profile = _groups(con.sql(_PROFILES).to_arrow_table())
    ends = con.sql(_ENDS).to_arrow_table()
    outcome, profile, day, cause = (ends[name].to_numpy() for name in ends.column_names)
    grid = grid_days(int(day.max()))
    shape = (groups.num_rows, 3, int(grid[-1]) + 1)
    tables = []
    for number, (name,) in enumerate(occurring):
        rows = outcome == number
        left = np.zeros(np.prod(shape), dtype=np.int64)
        for group in groups_of_profile:
            cells = np.ravel_multi_index((group[profile[rows]], cause[rows], day[rows]), shape)
            left += np.bincount(cells, minlength=len(left))
        tables.append(_table_of_outcome(name, groups, left.reshape(shape), grid))
    return pa.concat_tables(tables)


def grid_days(last_day: int) -> Counts:
    """The days on which curves are read off, up to the first of them that is not before the last day.

    They are the multiples of 30, and each of `HORIZONS` instead of those within 15 days of it: beside a day just before
    it a horizon would hardly ever be shown (see `protected_curves`).
    """
    multiples = np.arange(0, last_day + 2 * STEP_DAYS, STEP_DAYS)
    is_near = (abs(multiples[:, np.newaxis] - HORIZONS) <= _NEAR).any(axis=1)
    days = np.union1d(multiples[~is_near], HORIZONS)
    return days[: np.searchsorted(days, last_day) + 1]


def protected_curves(table: pa.Table, small_cell: int) -> pa.Table:
    """The Aalen-Johansen curves that may be shown: all of revision and disease, the types of revision for all sites.

    Three counts are protected in each group, each of patients up to a day: with the event; without it but no longer
    observed (dead, revised otherwise or censored); and all that have left before the day. An attacker is taken to know
    them exactly on each day shown, although they are shown coarse, and at the end of observation, where other tables
    show the totals. So between any two days shown no count may change by 1 to `small_cell - 1`, and no such change of
    a hidden group may be left over when shown groups are taken from all patients (see `shown_parts`).

    One minus Kaplan-Meier and the competing events are left out: with the events beside them they would tell of the
    few that died; and from the number with a revision, of the few that died after it.

    Args:
        table: as `cumulative_incidence_table` makes it.
        small_cell: the smallest count that may be shown.

    Returns:
        One row per group and day up to the last day on which `small_cell` of all patients are at risk, with `state`
        shown, withheld or ended (fewer than `small_cell` of the group are at risk). A curve withheld whole is withheld
        on every day.
    """
    rows = table.filter(pc.equal(table["estimator"], AALEN_JOHANSEN)).sort_by(
        [(name, "ascending") for name in ("outcome", *_GROUP, "day")]
    )
    if not rows.num_rows:
        return _PROTECTED_SCHEMA.empty_table()
    exact = _Exact(rows, len(pc.unique(rows["day"])))
    shown = exact.shown(small_cell)
    has_ended = shown.any(axis=1, keepdims=True) & (exact.at_risk < small_cell)
    state = np.where(shown, SHOWN, np.where(has_ended, ENDED, WITHHELD))
    values = {"state": pa.array(state.ravel())}
    for name in ("at_risk", "events"):
        values[name] = pa.array(coarse(rows[name].to_numpy(), small_cell), mask=~shown.ravel())
    for name in ("incidence", "low", "high"):
        values[name] = pc.if_else(pa.array(shown.ravel()), pc.round(rows[name], 3), None)
    columns = {name: values[name] if name in values else rows[name] for name in _PROTECTED_SCHEMA.names}
    return pa.table(columns, schema=_PROTECTED_SCHEMA).filter(pa.array(exact.published(small_cell).ravel()))


def shown_whole(left: Counts, at_risk: Counts, small_cell: int, first: Mask) -> Mask:
    """Which days of a group to show, all other groups left aside.

    Args:
        left: growing counts of patients, shape (days, counts); the last day is the end of observation, where the counts
            are known from other tables.
        at_risk: patients at risk just before each day, shape (days - 1,).
        small_cell: the smallest count that may be shown.
        first: days that go before the others, shape (days - 1,); the rest fill what these leave.

    Returns:
        Whether each day may be shown, the end excepted; shape (days - 1,).
    """
    may_be_shown = _may_be_shown(left, at_risk, small_cell)
    shown = np.zeros(len(at_risk), dtype=bool)
    for days in (may_be_shown & first, may_be_shown & ~first):
        for day in map(int, np.flatnonzero(days)):
            earlier, later = np.flatnonzero(shown[:day]), day + 1 + np.flatnonzero(shown[day + 1 :])
            since = left[day] - (left[earlier[-1]] if len(earlier) else 0)
            until = left[later[0] if len(later) else -1] - left[day]
            shown[day] = _is_safe(since, small_cell) and _is_safe(until, small_cell)
    return shown


def shown_parts(left: Counts, at_risk: Counts, whole: Mask, small_cell: int, days: Mask) -> Mask:
    """Which days of the groups that make up a whole to show, beside the days on which the whole is shown.

    On each day the smallest groups are hidden until nothing that can be worked out is small. What can be worked out is,
    between two days on which the whole is shown, the change in the hidden groups together, and in every other group
    the part of its change that lies between a day hidden and the nearest day shown.

    Args:
        left: growing counts of patients, shape (groups, days, counts); the last day is the end of observation.
        at_risk: patients at risk just before each day, shape (groups, days - 1).
        whole: days on which the sum of the groups is shown, shape (days - 1,).
        small_cell: the smallest count that may be shown.
        days: those on which a group may be shown at all, shape (days - 1,).

    Returns:
        Whether each day of each group may be shown; shape (groups, days - 1).
    """
    groups, _, counts = left.shape
    shown = np.zeros(at_risk.shape, dtype=bool)
    withheld = [hide_parts(left[:, -1, count], small_cell) for count in range(counts)]
    hidden: Mask = np.any([np.ones(groups, dtype=bool) if parts is None else parts for parts in withheld], axis=0)
    if hidden.any() and not _is_safe(left[hidden, -1].sum(axis=0), small_cell):
        return shown
    candidates = _may_be_shown(left, at_risk, small_cell) & whole & days & ~hidden[:, np.newaxis]
    by_size = np.argsort(left[:, -1].max(axis=1), kind="stable")
    attacker = _Attacker(left)
    for day in map(int, np.flatnonzero(whole)):
        last = attacker.last_shown
        candidate = candidates[:, day] & _is_safe(left[:, day] - last, small_cell)
        for group in by_size[candidate[by_size]]:
            if attacker.finds_nothing_small(day, candidate, small_cell):
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

    def __init__(self, left: Counts) -> None:
        groups, _, counts = left.shape
        self._left = left
        self.last_shown = np.zeros((groups, counts), dtype=np.int64)
        # For each day on which the whole was seen: the counts then, and on the next day on which the group was seen.
        self._then: Counts = np.zeros((1, groups, counts), dtype=np.int64)
        self._next: Counts = np.zeros((1, groups, counts), dtype=np.int64)
        self._has_next: Mask = np.ones((1, groups), dtype=bool)

    def finds_nothing_small(self, day: int, candidate: Mask, small_cell: int) -> bool:
        """Whether nothing small could be worked out if the candidate groups were shown on the day."""
        then, following, has_next, last = self._with(day, candidate)
        now, end = self._left[:, day], self._left[:, -1]
        split = (now - last) + (following - then)
        between = np.where(has_next[..., np.newaxis], split, now - then).sum(axis=1)
        ahead = np.where(has_next[..., np.newaxis], following, end)
        until = (ahead - then).sum(axis=1)
        return bool(_is_safe(between, small_cell).all() and _is_safe(until, small_cell).all())

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


def _at_risk(events: Counts, competing: Counts, censored: Counts) -> Counts:
    left = events + competing + censored
    return np.flip(np.cumsum(np.flip(left, axis=-1), axis=-1), axis=-1)


def _share(some: Counts | Floats, of: Counts | Floats) -> Floats:
    """Their ratio; 0 where there is nothing to be a share of."""
    return ratio(some, of, otherwise=0)


def _greenwood(events: Counts, at_risk: Counts) -> Floats:
    """Variance of the logarithm of one day's share without event; 0 where the event takes all who are left."""
    return _share(_share(events, at_risk), at_risk - events)


def _incidence_variance(incidence: Floats, before: Floats, events: Counts, ended: Counts, at_risk: Counts) -> Floats:
    """Delta-method variance of the Aalen-Johansen estimate.

    The sums over earlier days of (incidence now - incidence then) to the powers 2, 0 and 1, each times a term of then,
    are taken apart, so that each is a cumulative sum.

    Args:
        incidence: the estimate on each day.
        before: share without any event just before the day.
        events: patients with the event on the day.
        ended: patients with the event or a competing one.
        at_risk: patients at risk on the day.
    """

    def total(terms: Floats) -> Floats:
        return np.cumsum(terms, axis=-1)

    hazard = _share(events, at_risk)
    squared = _greenwood(ended, at_risk)
    alone = before**2 * _share(hazard * (1 - hazard), at_risk)
    single = before * _share(hazard, at_risk)
    variance = (
        incidence**2 * total(squared)
        - 2 * incidence * total(incidence * squared)
        + total(incidence**2 * squared)
        + total(alone)
        - 2 * (incidence * total(single) - total(incidence * single))
    )
    return np.maximum(variance, 0)


def _log_log_limits(share: Floats, variance: Floats) -> tuple[Floats, Floats]:
    from scipy.stats import norm  # noqa: PLC0415 - slow to import, needed only here

    low, high = np.full_like(share, np.nan), np.full_like(share, np.nan)
    # Rounding leaves a little less than 1 for 1.
    inside = (share > 0) & (share < 1 - 1e-12)
    some = share[inside]
    exponent = np.exp(norm.ppf(0.975) * np.sqrt(variance[inside]) / (some * np.log(some)))
    low[inside], high[inside] = some ** (1 / exponent), some**exponent
    return low, high


def _while_at_risk(at_risk: Counts, incidence: Floats, low: Floats, high: Floats) -> Curves:
    return Curves(at_risk, *(np.where(at_risk > 0, values, np.nan) for values in (incidence, low, high)))


def _groups(profiles: pa.Table) -> tuple[pa.Table, list[Counts]]:
    """The groups of patients, ordered, and, for each way to group them, the number of the group of each profile."""
    everyone = np.zeros(profiles.num_rows, dtype=np.int64)
    groups: list[tuple[str, str | None, str | None]] = [("all", None, None)]
    group_of_profile = [everyone]
    for name in ("site_id", *_STRATUM_KINDS):
        values, index = np.unique(profiles[name].to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
        group_of_profile.append(len(groups) + index)
        groups += [("all", None, str(value)) if name == "site_id" else (name, str(value), None) for value in values]
    table = pa.Table.from_pylist([dict(zip(_GROUP, group, strict=True)) for group in groups], schema=_GROUP_SCHEMA)
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in _GROUP]).to_numpy()
    place = np.argsort(order)
    return table.take(order), [place[number] for number in group_of_profile]


def _table_of_outcome(outcome: str, groups: pa.Table, left: Counts, grid: Counts) -> pa.Table:
    """The curves of one outcome.

    Args:
        outcome: its name.
        groups: the groups of patients; those without any patient are left out.
        left: patients who left, by group, cause and day; shape (groups, 3, days).
        grid: days on which the curves are read off.
    """
    some = left.any(axis=(1, 2))
    events, competing, censored = (left[some, cause] for cause in (_EVENT, _COMPETING, _CENSORED))
    rows = groups.filter(pa.array(some)).take(np.repeat(np.arange(some.sum()), len(grid)))
    so_far = {"events": events, "competing": competing, "censored": censored}
    shared = {
        **{name: rows[name] for name in _GROUP},
        "outcome": pa.repeat(outcome, rows.num_rows),
        "day": np.tile(grid, some.sum()),
        **{name: np.cumsum(counts, axis=-1)[:, grid].ravel() for name, counts in so_far.items()},
    }
    tables = []
    for estimator, estimate in ((AALEN_JOHANSEN, aalen_johansen), (ONE_MINUS_KM, one_minus_kaplan_meier)):
        curves = estimate(events, competing, censored)
        columns = shared | {
            "estimator": pa.repeat(estimator, rows.num_rows),
            **{name: pa.array(values[:, grid].ravel(), from_pandas=True) for name, values in curves._asdict().items()},
        }
        tables.append(pa.table([columns[name] for name in _SCHEMA.names], schema=_SCHEMA))
    return pa.concat_tables(tables)


class _Exact:
    """The exact Aalen-Johansen curves as arrays, one row per curve.

    Attributes:
        outcome: what each curve waits for.
        group: kind of stratum, stratum and site of each curve.
        is_horizon, is_coarse: which days are horizons, and on which parts may be shown, shape (days,).
        part_of: `whole` for all patients, else how they are parted: `site` or the kind of stratum.
        at_risk: patients at risk just before each day, shape (curves, days).
        left: the counts to protect, shape (curves, days + 1, counts), the end of observation last. Beside the counts
            that grow there is one that stays: patients whose adjacent segments nobody could see, which the curves of
            revision beside those of disease tell.
    """

    def __init__(self, rows: pa.Table, days: int) -> None:
        curves = rows.take(np.arange(0, rows.num_rows, days))
        self.group = list(zip(*(curves[name].to_pylist() for name in _GROUP), strict=True))
        self.outcome = np.array(curves["outcome"].to_pylist(), dtype=str)
        kinds = [("whole" if site is None else "site") if kind == "all" else kind for kind, _, site in self.group]
        self.part_of = np.array(kinds, dtype=str)
        grid = rows["day"].to_numpy()[:days]
        self.is_horizon = np.isin(grid, HORIZONS)
        self.is_coarse = self.is_horizon | (grid % PARTS_STEP_DAYS == 0)
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

    def shown(self, small_cell: int) -> Mask:
        """Which days of each curve to show, shape (curves, days)."""
        shown = np.zeros(self.at_risk.shape, dtype=bool)
        whole, types = self.part_of == "whole", ~np.isin(self.outcome, (REVISION, ASD))
        for outcome in (REVISION, ASD):
            of_all = whole & (self.outcome == outcome)
            if outcome == ASD and is_small(self._withheld_without_asd(shown), small_cell).any():
                break
            for curve in np.flatnonzero(of_all):
                shown[curve] = shown_whole(self.left[curve], self.at_risk[curve], small_cell, self.is_horizon)
            for partition in np.unique(self.part_of[~whole]):
                parts = (self.outcome == outcome) & (self.part_of == partition)
                days = shown[of_all].any(axis=0)
                shown[parts] = shown_parts(self.left[parts], self.at_risk[parts], days, small_cell, self.is_coarse)
        # The types leave together with all who are revised, whose days they share: only the events tell them apart.
        days = shown[whole & (self.outcome == REVISION)].any(axis=0)
        shown[whole & types] = shown_parts(
            self.left[whole & types, :, :1], self.at_risk[whole & types], days, small_cell, self.is_coarse
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

    def published(self, small_cell: int) -> Mask:
        """Which rows to publish: of all curves but those of a type in a part, while enough of all patients are at risk.

        Later days would tell how long the few were observed who were observed longest. Shape (curves, days).
        """
        whole = np.flatnonzero(self.part_of == "whole")
        enough = dict(zip(self.outcome[whole], self.at_risk[whole] >= small_cell, strict=True))
        listed = (self.part_of == "whole") | np.isin(self.outcome, (REVISION, ASD))
        published: Mask = listed[:, np.newaxis] & [enough[outcome] for outcome in self.outcome]
        return published


def _may_be_shown(left: Counts, at_risk: Counts, small_cell: int) -> Mask:
    """Days with enough patients at risk, on which no count is small, nor what it still lacks of the end's."""
    so_far, to_come = left[..., :-1, :], left[..., -1:, :] - left[..., :-1, :]
    return (at_risk >= small_cell) & _is_safe(so_far, small_cell) & _is_safe(to_come, small_cell)


def _is_safe(counts: Counts, small_cell: int) -> Mask:
    """Whether none of the counts along the last axis is small."""
    safe: Mask = np.all(~is_small(counts, small_cell), axis=-1)
    return safe
