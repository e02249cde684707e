"""An attack on protected releases by programs apart from the audit: how many small counts is somebody sure of?

An invented registry grows over some months; after each one a release is published, protected with those before. Then
measures are drawn at random. All that the releases show of a measure, and of all that are tied to it, makes one system
of linear equations: years, strata, sites, measures within each other, classes, reasons, kinds, attrition, curves at
horizons. So does each curve on all its days, with those of its sites, strata and types and the measures of its
horizons; and so do the sites that are compared, who could be followed beside who was. HiGHS is asked of each hidden
count that is truly small whether it can be anything but 1 to 10. Everything that the attacker takes for known is first
seen to hold of the exact counts.

The attacker is a reader, or a contributor, who knows all counts of one site in every release. Of several releases the
attacker is also told which cells did not change in truth, hidden ones too, which nobody can know of all.
Run with `python -m benchmarks.attack --sites 4 --patients 3300`.
"""

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import highspy
import numpy as np

from benchmarks._figures import Figure, Measured, say
from outcomes import pipeline
from outcomes.arrays import Floats, Ids, Mask
from outcomes.periods import months_until
from outcomes.release.build import build_release
from outcomes.settings import Settings
from outcomes.sql.catalog.measures import MeasureDefinition, measure_definitions
from outcomes.synthetic import synthesize

UNTIL = "2026-09"
SMALL = 10
"""The greatest count that must not be known; the minimum cell count of the releases is one more."""
_COUNTS = ("yes", "no", "excluded", "patients")
_YES, _NO, _EXCLUDED, _PATIENTS = range(4)
_ALL = 0
"""The place of all sites together, and of all patients."""
_CELLS = """
select
    measure, coalesce(site_id, '') as site, resolution, coalesce(index_period, '') as period, stratum_kind,
    coalesce(stratum, '') as stratum, numerator, patients, excluded, {estimate}
from measures
where resolution <> 'month'
"""
_NEAR = 1e-5
_MANY = 13
"""A measure tied to more is asked in one release by itself: with several its programs take minutes."""

_REASONS = "select measure as whole, reason as part, patients from measure_exclusions"
_KINDS = "select label as whole, kind as part, episodes as patients from label_kinds where kind is not null"
_TRUE_KINDS = """
select label as whole, kind as part, count(*) as patients from labels where status = 'yes' and is_counted group by all
"""
_OF_SITES = """
select 'reason' as source, measure as whole, reason as part, site_id as site, patients from measure_exclusions
where site_id is not null
union all
select 'kind', label, kind, site_id, count(*) from labels where status = 'yes' and is_counted group by all
union all
select 'lost at step', '', cast(step as varchar), site_id, patients_out from attrition
"""
"""The parts of each site, which it knows of itself."""
_CURVES = """
select outcome, coalesce(site_id, '') as site, stratum_kind, coalesce(stratum, '') as stratum, day, events, at_risk
from cumulative_incidence {where} order by outcome, site, stratum_kind, stratum, day
"""
_COMPARED = "select measure, site_id as site, patients, eligible from site_comparison order by measure, site"
_MISSING = "select distinct measure as whole, reason as part from measure_exclusions where is_missing"
_STEPS = "select step, cast(sum(patients_left) as bigint) as patients from attrition group by step order by step"
Key = tuple[str, str, str, str]
Part = tuple[str, str]
"""A measure and a reason, or a label and a kind."""
EVERYBODY: Key = ("all", "", "all", "")
_Curve = tuple[str, int, int]
"""An outcome, and the places of a site and a key."""


def main() -> None:
    """Publish the releases, unless they are there, attack them, and print how many counts were asked and found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--patients", type=int, default=3300)
    parser.add_argument("--releases", type=int, default=3)
    parser.add_argument("--measures", type=int, default=100, help="how many are drawn, for each attacker")
    parser.add_argument("--home", type=Path, help="where the releases are, or are to be kept; else they are dropped")
    options = parser.parse_args()
    with TemporaryDirectory() as scratch:
        settings = Settings(home=options.home or Path(scratch), threads=1)
        if not settings.releases.is_dir():
            publish(settings, options.sites, options.patients, options.releases)
        measure(settings, options.releases, options.measures)


def publish(settings: Settings, sites: int, patients: int, releases: int) -> None:
    """Make an invented registry, and publish a release after each of its months."""
    synthesize(settings, sites=sites, patients=patients, months=releases - 1, faults=False)
    for period in months_until(UNTIL, releases):
        pipeline.ingest_landed(settings, periods=[period])
        build_release(settings)


def measure(settings: Settings, releases: int, measures: int) -> Measured:
    """The counts that were asked, and those that were surely small, of each attacker; printed as they come.

    Args:
        settings: where the releases are.
        releases: of so many, the newest, all together, and of the newest alone.
        measures: how many are drawn, for each attacker.
    """
    files = [file for file in settings.releases.glob("*/dashboard.duckdb") if not file.parent.is_symlink()]
    folders = sorted(file.parent for file in files)
    published = [Release.read(folder) for folder in folders[-releases:]]
    figures = []
    for together in (published[-1:], published):
        for contributor in (None, *published[-1].sites[1:4]):
            asked, found = attack(together, contributor, measures)
            for where in found:
                print(f"surely small: {where}", flush=True)
            who = "a reader" if contributor is None else f"contributor {contributor}"
            what = f"{who}, {'the newest release' if len(together) == 1 else f'{len(together)} releases'}"
            pair = [Figure(f"{what}, asked", asked, "counts"), Figure(f"{what}, surely small", len(found), "counts", 0)]
            say(Measured(pair))
            figures += pair
    return Measured(figures)


def attack(releases: Sequence["Release"], contributor: str | None, measures: int) -> tuple[int, list[str]]:
    """How many small counts were asked of measures drawn at random, and the places of those that are surely small.

    Of one release its curves and the comparison of its sites are attacked too.
    """
    names = [name for name in releases[-1].measures if len(releases) == 1 or len(_tied(name)) <= _MANY]
    drawn = np.random.default_rng(0).permutation(names)[:measures]
    asked, found = 0, []
    systems = [partial(_knowledge, releases, contributor, name) for name in (None, *map(str, drawn))]
    if len(releases) == 1:
        systems += [partial(_of_curves, releases[0], contributor, outcome) for outcome in _outcomes(releases[0])]
        systems += [partial(_of_comparison, releases[0], contributor, measure) for measure in releases[0].eligible]
    for system in systems:
        knowledge = system()
        asked += len(knowledge.targets)
        small = knowledge.program.surely_small(np.array([*knowledge.targets], dtype=np.intp))
        found += [knowledge.targets[at] for at in small]
    return asked, found


# --- what a release shows ----------------------------------------------------------------------------------------


@dataclass
class Release:
    """What a release shows, and the exact counts behind it.

    Attributes:
        sites: all together first.
        keys: all patients first.
        true: of each measure yes, no and excluded, (sites, keys, 3).
        shown: of each measure the least and the greatest that what is shown stands for, (2, sites, keys, 3).
        lines: what adds up to what, as places of keys: the total and its parts.
        reasons, kinds: over all sites, the bounds and the true count of each.
        of_sites: the true count of each such part at a site, by table, whole, part and site.
        steps: of each step of attrition the least and the greatest who were left, and how many were.
        patients: between which ends the release says that the cohort is.
        curves: of each outcome, site and key the days, and the least, the greatest and the true number of those who
            have had it and of those at risk, (3, days, 2).
        eligible: of each measure that is compared, by site, the least, the greatest and the true number of those who
            could be followed.
        missing: of each such measure the reasons of those who could be followed and were not.
    """

    sites: list[str]
    keys: list[Key]
    true: dict[str, Floats] = field(default_factory=dict)
    shown: dict[str, Floats] = field(default_factory=dict)
    lines: list[tuple[int, list[int]]] = field(default_factory=list)
    reasons: dict[Part, tuple[float, float, float]] = field(default_factory=dict)
    kinds: dict[Part, tuple[float, float, float]] = field(default_factory=dict)
    of_sites: dict[tuple[str, str, str, str], float] = field(default_factory=dict)
    steps: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    patients: tuple[float, float] = (0, np.inf)
    curves: dict[str, dict[tuple[int, int], tuple[list[int], Floats]]] = field(default_factory=dict)
    eligible: dict[str, dict[str, tuple[float, float, float]]] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Release":
        """Read a release, and see that everything it shows is true."""
        exact = _rows(folder / "research.duckdb", _CELLS.format(estimate="unit"))
        shown = _rows(folder / "dashboard.duckdb", _CELLS.format(estimate="state, estimate"))
        keys = sorted({_key(row) for row in exact}, key=lambda key: (key != EVERYBODY, key))
        release = cls(sorted({row["site"] for row in exact}), keys)
        parts: defaultdict[str, list[int]] = defaultdict(list)
        for at, (resolution, _, kind, _) in enumerate(keys):
            if (resolution, kind) != ("all", "all"):
                parts[resolution if kind == "all" else kind].append(at)
        release.lines = [(_ALL, places) for _, places in sorted(parts.items())]
        size = (len(release.sites), len(keys), 3)
        for row in exact:
            cells = release.true.setdefault(row["measure"], np.zeros(size))
            cells[release.place(row)] = row["numerator"], row["patients"] - row["numerator"], row["excluded"]
        with_incidence = {row["measure"] for row in exact if row["unit"] == "incidence"}
        for row in shown:
            ends = release.shown.setdefault(row["measure"], np.stack([np.zeros(size), np.full(size, np.inf)]))
            if row["state"] != "suppressed":
                place = release.place(row)
                of_cell = (row["numerator"], row["patients"] - row["numerator"], row["excluded"])
                ends[:, *place] = np.array([_to_five(count) for count in of_cell]).T
                if row["measure"] in with_incidence and row["estimate"] is not None:
                    # Whoever leaves early raises an incidence above the share of all, and never lowers it.
                    most = (row["estimate"] + 3.5 / row["patients"] + 0.0005) * ends[1, *place, :_EXCLUDED].sum()
                    ends[1, *place, _YES] = min(ends[1, *place, _YES], np.floor(most))
        release._read_beside(folder / "dashboard.duckdb", folder / "research.duckdb")
        for name, ends in release.shown.items():
            if not ((ends[0] <= release.true[name]) & (release.true[name] <= ends[1])).all():
                raise AssertionError(f"{name}: what is shown does not stand for what is true")
        return release

    def _read_beside(self, dashboard: Path, research: Path) -> None:
        self.reasons = _parts(_rows(dashboard, _REASONS), _rows(research, f"{_REASONS} where site_id is null"))
        self.kinds = _parts(_rows(dashboard, _KINDS), _rows(research, _TRUE_KINDS))
        self.of_sites = {
            (row["source"], row["whole"], row["part"], row["site"]): float(row["patients"])
            for row in _rows(research, _OF_SITES)
        }
        left = [[row["patients"] for row in _rows(database, _STEPS)] for database in (dashboard, research)]
        known = [(0, np.inf) if shown is None else _to_ten(shown) for shown in left[0]]
        self.steps = np.array([(*ends, float(true)) for ends, true in zip(known, left[1], strict=True)])
        ((about,),) = [row.values() for row in _rows(dashboard, "select patient_count_rounded from release_info")]
        if about is not None:
            self.patients = about - 5, about + 5
        curves = _rows(dashboard, "select * from cumulative_incidence where state = 'shown'")
        by_day: defaultdict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        for row in curves:
            by_day[row["outcome"], row["day"]].append(row)
        for name, definition in _definitions().items():
            if definition.horizon and name in self.shown:
                for row in by_day[definition.horizon.outcome, definition.horizon.day]:
                    site = self.sites.index(row["site_id"] or "")
                    key = self.keys.index(("all", "", row["stratum_kind"], row["stratum"] or ""))
                    low, high = _to_ten(row["events"])
                    ends = self.shown[name][:, site, key, _YES]
                    ends[:] = max(ends[0], low), min(ends[1], high)
        self._read_curves(dashboard, research)
        self._read_comparison(dashboard, research)

    def _read_curves(self, dashboard: Path, research: Path) -> None:
        names = ("outcome", "site", "stratum_kind", "stratum", "day")
        shown = {tuple(row[name] for name in names): row for row in _rows(dashboard, _CURVES.format(where=""))}
        points: defaultdict[tuple[str, int, int], list[tuple[int, Any]]] = defaultdict(list)
        for row in _rows(research, _CURVES.format(where="where estimator = 'aalen_johansen'")):
            place = tuple(row[name] for name in names)
            if place in shown:
                hidden = shown[place]["events"] is None
                ends = [(0, np.inf) if hidden else _to_ten(shown[place][name]) for name in ("events", "at_risk")]
                true = [(row["events"],), (row["at_risk"],)]
                key = ("all", "", row["stratum_kind"], row["stratum"])
                of_curve = row["outcome"], self.sites.index(row["site"]), self.keys.index(key)
                points[of_curve].append((row["day"], [*map(sum, zip(ends, true, strict=True), ((), ()))]))
        for (outcome, *group), of_days in points.items():
            days, counts = zip(*of_days, strict=True)
            cells = np.moveaxis(np.array(counts, dtype=float), -1, 0)
            self.curves.setdefault(outcome, {})[group[0], group[1]] = [*days], cells

    def _read_comparison(self, dashboard: Path, research: Path) -> None:
        shown = {(row["measure"], row["site"]): row["eligible"] for row in _rows(dashboard, _COMPARED)}
        for row in _rows(research, _COMPARED):
            told = shown[row["measure"], row["site"]]
            ends = (0, np.inf) if told is None else _to_ten(told)
            self.eligible.setdefault(row["measure"], {})[row["site"]] = (*ends, float(row["eligible"]))
        for row in _rows(research, _MISSING):
            self.missing.setdefault(row["whole"], []).append(row["part"])

    @property
    def measures(self) -> list[str]:
        return sorted(self.shown)

    def place(self, row: Mapping[str, Any]) -> tuple[int, int]:
        """Where a row stands, (site, key)."""
        return self.sites.index(row["site"]), self.keys.index(_key(row))

    def hidden(self, measure: str) -> Mask:
        """(sites, keys)."""
        return np.asarray(np.isinf(self.shown[measure][1]).any(axis=-1))

    def known(self, measure: str, contributor: str | None) -> Floats:
        """The bounds of a measure to somebody, (2, sites, keys, 3)."""
        ends = self.shown[measure].copy()
        if contributor is not None:
            own = self.sites.index(contributor)
            ends[:, own] = self.true[measure][own]
        return ends

    def cohort_known(self, contributor: str | None) -> Floats:
        """The bounds of the cohort to somebody, from all measures, (2, sites, keys)."""
        sums = np.stack([self.known(name, contributor).sum(axis=-1) for name in self.measures])
        ends = np.stack([sums[:, 0].max(axis=0), sums[:, 1].min(axis=0)])
        told = ends[:, _ALL, _ALL]
        told[:] = max(told[0], self.patients[0]), min(told[1], self.patients[1])
        return ends


def _rows(database: Path, query: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(database), read_only=True) as con:
        rows: list[dict[str, Any]] = con.sql(query).to_arrow_table().to_pylist()
        return rows


def _key(row: Mapping[str, Any]) -> Key:
    return row["resolution"], row["period"], row["stratum_kind"], row["stratum"]


def _to_five(shown: int) -> tuple[float, float]:
    """What a count to the nearest 5 stands for: 11 and 12 are shown as 15."""
    return (0, 0) if shown == 0 else (SMALL + 1 if shown <= 15 else shown - 2, shown + 2)


def _to_ten(shown: int | None) -> tuple[float, float]:
    """What a count to the nearest 10 stands for, 11 to 14 shown as 20; one that is hidden is of one patient or more."""
    if shown is None:
        return 1, np.inf
    return (0, 0) if shown == 0 else (SMALL + 1 if shown <= 20 else shown - 5, shown + 4)


def _parts(shown: list[dict[str, Any]], exact: list[dict[str, Any]]) -> dict[Part, tuple[float, float, float]]:
    true = {(row["whole"], row["part"]): float(row["patients"]) for row in exact}
    return {(row["whole"], row["part"]): (*_to_ten(row["patients"]), true[row["whole"], row["part"]]) for row in shown}


@cache
def _definitions() -> dict[str, MeasureDefinition]:
    return {each.id: each for each in measure_definitions()}


# --- what follows from what --------------------------------------------------------------------------------------


@dataclass
class _Knowledge:
    """A system of equations, and the places of the counts that are asked, by their number in it."""

    program: "_Program"
    targets: dict[int, str] = field(default_factory=dict)


@cache
def _within() -> frozenset[tuple[str, str, int]]:
    """(part, whole, which count of the part): it lies within the yes of the whole, also by way of others."""
    definitions = _definitions().values()
    within = {(each.id, whole): _YES for each in definitions for whole in each.part_of}
    within |= {(each.id, each.among): _PATIENTS for each in definitions if each.among}
    while True:
        # Who is in the patients of a part is in the yes of its whole, and so in all around that.
        more = {
            (part, around): count
            for (part, whole), count in within.items()
            for (inner, around), _ in within.items()
            if whole == inner and part != around and within.get((part, around), -1) < count
        }
        if not more:
            return frozenset((*pair, count) for pair, count in within.items())
        within |= more


def _tied(measure: str) -> set[str]:
    """Measures within or around one, or in a class with it."""
    class_of = _definitions()[measure].class_of
    of_class = {name for name, each in _definitions().items() if class_of and each.class_of == class_of}
    return {name for *pair, _ in _within() if measure in pair for name in pair} | of_class | {measure}


def _knowledge(releases: Sequence[Release], contributor: str | None, asked: str | None) -> _Knowledge:
    """All that somebody knows of a measure; None = of the steps from all patients to the cohort, and of its parts."""
    knowledge = _Knowledge(_Program())
    before: _Cubes | None = None
    for number, release in enumerate(releases):
        cubes = _Cubes(knowledge.program, release, contributor, before)
        where = f"release {number + 1} of {len(releases)}, {asked or 'attrition'}"
        names = sorted(name for name in (_tied(asked) if asked else ()) if name in release.shown)
        for name in names:
            cubes.add(name)
        _tie(knowledge.program, cubes, names)
        if asked in release.shown:
            _ask(knowledge, cubes, asked, where)
        if asked is None:
            _ask_cohort(knowledge, cubes, where)
        if asked is None or asked in release.shown:
            _ask_parts(knowledge, cubes, asked or "", where)
        before = cubes
    return knowledge


@dataclass(frozen=True)
class _PartOf:
    """A part of a count over all sites: its number in the program, its true count, and whether it is hidden."""

    id: int
    true: float
    is_hidden: bool


class _Cubes:
    """The counts of a release in a program, (sites, keys and rests, counts) of each measure, with their sums.

    A rest is what a total has beyond its parts. That there is none, where in truth no site has any, is taken as known.
    """

    def __init__(self, program: "_Program", release: Release, contributor: str | None, before: "_Cubes | None") -> None:
        self._program, self.release, self.contributor = program, release, contributor
        is_alike = before is not None and (before.release.sites, before.release.keys) == (release.sites, release.keys)
        self._before = before if is_alike else None
        self.ids: dict[str, Ids] = {}
        true = next(iter(release.true.values())).sum(axis=-1)
        self._has_rest = [(true[:, total] != true[:, parts].sum(axis=1)).any() for total, parts in release.lines]
        self.cohort_true = self._with_rests(true[..., np.newaxis])
        ends = release.cohort_known(contributor)[..., np.newaxis]
        earlier = self._before
        known = None if earlier is None else (earlier.cohort_true, earlier.cohort[..., np.newaxis])
        self.cohort: Ids = self._add(ends, self.cohort_true, known)[..., 0]
        self.parts: dict[tuple[str, str, str], _PartOf] = {}
        self._add_steps()

    def add(self, name: str) -> None:
        """Add the answers of a measure; yes and no are its patients, and with the excluded the cohort."""
        true = self._with_rests(self.release.true[name])
        before = self._before if self._before is not None and name in self._before.ids else None
        same = None if before is None else (before.true(name), before.ids[name][..., :_PATIENTS])
        answers = self._add(self.release.known(name, self.contributor), true, same)
        patients_true = true[..., :_EXCLUDED].sum(axis=-1)
        patients = np.full(patients_true.shape, -1)
        if before is not None:
            is_same = (before.true(name) == true).all(axis=-1)
            patients = np.where(is_same, before.ids[name][..., _PATIENTS], -1)
        new = self._program.add(np.zeros_like(patients_true), np.full(patients_true.shape, np.inf), patients_true)
        patients = np.where(patients >= 0, patients, new)
        self.ids[name] = np.concatenate([answers, patients[..., np.newaxis]], axis=-1)
        self._program.adds_up(patients, answers[..., :_EXCLUDED])
        self._program.adds_up(self.cohort, np.stack([patients, answers[..., _EXCLUDED]], axis=-1))

    def add_parts(self, table: str, whole: str, total: Ids, parts: Mapping[str, tuple[float, float, float]]) -> Ids:
        """Add what a count over all sites is made of: of each part its bounds and its true count."""
        for part, (low, high, true) in parts.items():
            before = self._before.parts.get((table, whole, part)) if self._before is not None else None
            if before is not None and before.true == true:
                at = before.id
            else:
                at = int(self._program.add(*np.array([[low], [high], [true]]))[0])
            self._program.bound(np.array([at]), np.array([low]), np.array([high]))
            self.parts[table, whole, part] = _PartOf(at, true, np.isinf(high))
        ids = np.array([self.parts[table, whole, part].id for part in parts])
        self._program.adds_up(total, ids)
        return ids

    def _add_steps(self) -> None:
        """Those left after a step are the ones left after the next, with those whom it loses."""
        low, high, true = self.release.steps.T
        left = self._program.add(low, high, true)
        self._program.adds_up(left[-1], self.cohort[_ALL, _ALL, np.newaxis])
        for step, lost in enumerate(true[:-1] - true[1:]):
            of_step = self._program.add(np.zeros(1), np.full(1, np.inf), np.array([lost]))
            self._program.adds_up(left[step], np.array([left[step + 1], *of_step]))
            self.add_parts("lost at step", "", of_step[0], {str(step + 2): (0, np.inf, lost)})

    def true(self, name: str) -> Floats:
        """The exact answers of a measure, (sites, keys and rests, 3)."""
        return self._with_rests(self.release.true[name])

    def _with_rests(self, true: Floats) -> Floats:
        rests = [true[:, total] - true[:, parts].sum(axis=1) for total, parts in self.release.lines]
        return np.concatenate([true, np.stack(rests, axis=1)], axis=1)

    def _add(self, ends: Floats, true: Floats, before: tuple[Floats, Ids] | None) -> Ids:
        """Counts with their sums over sites and lines; what did not change since the release before is the same."""
        rests = np.where(self._has_rest, np.inf, 0)[np.newaxis, :, np.newaxis]
        shape = (true.shape[0], len(self._has_rest), true.shape[2])
        low = np.concatenate([ends[0], np.zeros(shape)], axis=1)
        high = np.concatenate([ends[1], np.broadcast_to(rests, shape)], axis=1)
        new = self._program.add(low, high, true)
        ids = new
        if before is not None:
            is_same = (before[0] == true).all(axis=-1, keepdims=True)
            ids = np.where(is_same, before[1], new)
            self._program.bound(ids, low, high)
        self._program.adds_up(ids[_ALL], np.moveaxis(ids[1:], 0, -1))
        for at, (total, parts) in enumerate(self.release.lines):
            of_line = ids[:, [*parts, len(self.release.keys) + at]]
            self._program.adds_up(ids[:, total], np.moveaxis(of_line, 1, -1))
        return ids


def _tie(program: "_Program", cubes: _Cubes, names: Sequence[str]) -> None:
    """How measures lie within each other, and what other tables tell of them."""
    release = cubes.release
    for part, whole, count in sorted(_within()):
        if part in cubes.ids and whole in cubes.ids:
            has = [release.true[name][:, _ALL, :_EXCLUDED].sum(axis=-1) > 0 for name in (part, whole)]
            nested = has[1] | ~has[0]
            nested[_ALL] = nested[1:].all()
            inside = cubes.true(part)[..., : 1 if count == _YES else _EXCLUDED].sum(axis=-1)
            more_true = (cubes.true(whole)[..., _YES] - inside)[nested]
            more = program.add(np.zeros_like(more_true), np.full(more_true.shape, np.inf), more_true)
            both = np.stack([cubes.ids[part][nested][..., count], more], axis=-1)
            program.adds_up(cubes.ids[whole][nested][..., _YES], both)
    classes: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        if class_of := _definitions()[name].class_of:
            classes[class_of].append(name)
    for of_class in classes.values():
        yes_true = np.sum([cubes.true(name)[..., _YES] for name in of_class], axis=0)
        if (yes_true == cubes.true(of_class[0])[..., :_EXCLUDED].sum(axis=-1)).all():
            yes = np.stack([cubes.ids[name][..., _YES] for name in of_class], axis=-1)
            for name in of_class:
                program.adds_up(cubes.ids[name][..., _PATIENTS], yes)
    for name in names:
        everybody = cubes.ids[name][_ALL, _ALL]
        for table, parts, count in (("reason", release.reasons, _EXCLUDED), ("kind", release.kinds, _YES)):
            of_name = {part: known for (whole, part), known in parts.items() if whole == name}
            if of_name:
                cubes.add_parts(table, name, everybody[count], of_name)
        for kind in [part for table, whole, part in cubes.parts if (table, whole) == ("kind", name)]:
            if f"{name}_{kind}" in cubes.ids:
                own = cubes.ids[f"{name}_{kind}"][_ALL, _ALL, _YES]
                program.adds_up(own, np.array([cubes.parts["kind", name, kind].id]))


def _ask(knowledge: _Knowledge, cubes: _Cubes, name: str, where: str) -> None:
    """The counts of a measure that are small in truth and not known."""
    true = cubes.true(name)
    true = np.concatenate([true, true[..., :_EXCLUDED].sum(axis=-1, keepdims=True)], axis=-1)
    _ask_cells(knowledge, cubes, cubes.ids[name], true, cubes.release.hidden(name), where)


def _ask_cohort(knowledge: _Knowledge, cubes: _Cubes, where: str) -> None:
    """The sizes of the cohort that no measure shows."""
    hidden = np.all([cubes.release.hidden(name) for name in cubes.release.measures], axis=0)
    _ask_cells(knowledge, cubes, cubes.cohort[..., np.newaxis], cubes.cohort_true, hidden, where)


def _ask_cells(  # noqa: PLR0913, PLR0917 - cells of a cube
    knowledge: _Knowledge, cubes: _Cubes, ids: Ids, true: Floats, of_keys: Mask, where: str
) -> None:
    """Counts (sites, keys and rests, counts), where they are hidden; to a contributor all sites are the others."""
    program, release, contributor = knowledge.program, cubes.release, cubes.contributor
    hidden = np.zeros(true.shape[:2], dtype=bool)
    hidden[:, : len(release.keys)] = of_keys
    if contributor is not None:
        own = release.sites.index(contributor)
        others_true = true[_ALL] - true[own]
        others = program.add(np.zeros_like(others_true), np.full(others_true.shape, np.inf), others_true)
        program.adds_up(ids[_ALL], np.stack([ids[own], others], axis=-1))
        ids, true = ids.copy(), true.copy()
        ids[_ALL], true[_ALL] = others, others_true
        hidden[_ALL, : len(release.keys)], hidden[own] = True, False
    for site, key, count in np.argwhere(hidden[..., np.newaxis] & (true >= 1) & (true <= SMALL)):
        at = " ".join(filter(None, release.keys[key]))
        who = release.sites[site] or ("the others" if contributor else "all sites")
        what = _COUNTS[count] if ids.shape[-1] > 1 else "cohort"
        knowledge.targets.setdefault(int(ids[site, key, count]), f"{where}, {what} of {who}, {at}")


def _ask_parts(knowledge: _Knowledge, cubes: _Cubes, whole: str, where: str) -> None:
    """The small parts that are not told; to a contributor those of the others, told or not."""
    program, contributor = knowledge.program, cubes.contributor
    for (table, of_whole, part), at in cubes.parts.items():
        if of_whole != whole:
            continue
        own = cubes.release.of_sites.get((table, whole, part, contributor or ""), 0.0)
        others = int(program.add(*np.array([[0], [np.inf], [at.true - own]]))[0])
        known = program.add(*np.array([[own]] * 3))
        program.adds_up(np.array(at.id), np.array([others, int(known[0])]))
        if (contributor or at.is_hidden) and 1 <= at.true - own <= SMALL:
            knowledge.targets.setdefault(others, f"{where}, {table} {part} of {'the others' if contributor else 'all'}")


# --- curves, and sites that are compared ---------------------------------------------------------------------------


def _outcomes(release: Release) -> list[str]:
    """What curves wait for, a type of revision with all revisions."""
    return [outcome for outcome, curves in release.curves.items() if len(curves) > 1]


def _of_curves(release: Release, contributor: str | None, outcome: str) -> _Knowledge:
    """All that somebody knows of the curves of an outcome: by days, sites, strata, types and measures at horizons."""
    knowledge = _Knowledge(_Program())
    program, cubes = knowledge.program, _Cubes(knowledge.program, release, contributor, None)
    curves: dict[_Curve, Ids] = {}
    for name in (each for each in release.curves if each.startswith(outcome)):
        for group, (_, (low, high, true)) in release.curves[name].items():
            is_own = contributor is not None and release.sites[group[0]] == contributor
            curves[name, *group] = program.add(*([true] * 3 if is_own else [low, high, true]))
    days = release.curves[outcome][_ALL, _ALL][0]
    for group, (_, (_, _, true)) in release.curves[outcome].items():
        ids = curves[outcome, *group]
        program.adds_up(ids[0, 1], np.array([ids[-1, 1], *_between(program, true[:1, 1] - true[-1:, 1])]))
        apart = _between(program, true[0, 1] - true[1:, 1] - true[:-1, 0])  # censored, and what came since the day
        program.adds_up(np.broadcast_to(ids[0, 1], apart.shape), np.stack([ids[1:, 1], ids[:-1, 0], apart], axis=-1))
    for place, ids in curves.items():
        true = release.curves[place[0]][place[1], place[2]][1][2]
        more = _between(program, np.diff(true, axis=0) * (1, -1))
        program.adds_up(ids[1:, 0], np.stack([ids[:-1, 0], more[:, 0]], axis=-1))
        program.adds_up(ids[:-1, 1], np.stack([ids[1:, 1], more[:, 1]], axis=-1))
    kinds = {release.keys[key][2] for _, _, key in curves} - {"all"}
    parts = [[at for at in curves if at[0] == outcome and release.keys[at[2]][2] == kind] for kind in kinds]
    parts += [[at for at in curves if at[0] == outcome and at[1] != _ALL]]
    for of_whole in parts:
        _adds_up_to_all(program, release, curves, of_whole)
    types = [at for at in curves if at[0] != outcome]  # those who have had any type are all who were revised
    _adds_up_to_all(program, release, {at: ids[:, :1] for at, ids in curves.items()}, types)
    for name, definition in _definitions().items():
        if definition.horizon and definition.horizon.outcome == outcome and name in release.shown:
            cubes.add(name)
            for _, site, key in [at for at in curves if at[0] == outcome]:
                ids, of_measure = curves[outcome, site, key], cubes.ids[name][site, key]
                program.adds_up(of_measure[_YES], ids[days.index(definition.horizon.day), :1])
                at_risk = release.curves[outcome][site, key][1][2, 0, 1]
                more = _between(program, at_risk - release.true[name][site, key, :_EXCLUDED].sum())
                program.adds_up(ids[0, 1], np.array([of_measure[_PATIENTS], more]))
    _ask_curves(knowledge, release, contributor, curves)
    return knowledge


def _between(program: "_Program", true: Floats) -> Ids:
    """Counts of which nothing else is known."""
    return program.add(np.zeros_like(true), np.full(true.shape, np.inf), true)


def _adds_up_to_all(
    program: "_Program", release: Release, curves: Mapping[_Curve, Ids], parts: Sequence[_Curve]
) -> None:
    """Groups that make up all patients do so on each day; they have a rest where in truth there is one."""
    if not parts:
        return
    outcome = next(iter(curves))[0]
    counts = curves[parts[0]].shape[1]
    true = [release.curves[name][site, key][1][2, :, :counts] for name, site, key in parts]
    rest = release.curves[outcome][_ALL, _ALL][1][2, :, :counts] - np.sum(true, axis=0)
    ids = [curves[part] for part in parts] + ([_between(program, rest)] if rest.any() else [])
    program.adds_up(curves[outcome, _ALL, _ALL], np.stack(ids, axis=-1))


def _ask_curves(knowledge: _Knowledge, release: Release, contributor: str | None, curves: Mapping[_Curve, Ids]) -> None:
    """Whatever happened to a few in the days up to a day, or between two days that follow each other or are shown."""
    program = knowledge.program
    for (name, site, key), told in curves.items():
        ids, who = told, release.sites[site] or ("the others" if contributor else "all sites")
        days, (_, high, true) = release.curves[name][site, key]
        if contributor is not None and release.sites[site] == contributor:
            continue
        own = np.zeros_like(true)
        if contributor is not None and (site, key) == (_ALL, _ALL):
            at_own = release.sites.index(contributor), _ALL
            if (name, *at_own) not in curves:
                continue
            own, ids_own = release.curves[name][at_own][1][2], curves[name, *at_own]
            others = _between(program, true - own)
            program.adds_up(told, np.stack([ids_own, others], axis=-1))
            ids = others
        shown = np.flatnonzero(np.isfinite(high[:, 0]))
        steps = {(at, at + 1) for at in range(len(days) - 1)} | {*pairwise(shown)}
        steps |= {(0, int(at)) for at in range(1, len(days))}
        known = true - own
        for start, end in sorted(steps):
            for count, sign in ((0, 1), (1, -1)):
                change = sign * (known[end, count] - known[start, count])
                if 1 <= change <= SMALL:
                    made = _between(program, np.array(change))
                    first, last = (start, end) if sign > 0 else (end, start)
                    program.adds_up(ids[last, count], np.array([ids[first, count], made]))
                    what = ("events", "left")[count]
                    where = " ".join(filter(None, release.keys[key][2:]))
                    place = f"curve {name}, {what} of {who}, {where}, days {days[start]} to {days[end]}"
                    knowledge.targets.setdefault(int(made), place)


def _of_comparison(release: Release, contributor: str | None, measure: str) -> _Knowledge:
    """What somebody knows of who could be followed: those who were, and those whose answer is missing."""
    knowledge = _Knowledge(_Program())
    program, cubes = knowledge.program, _Cubes(knowledge.program, release, contributor, None)
    eligible = release.eligible[measure]
    of_true = [eligible[site][2] for site in release.sites[1:]]
    patients = {name: release.true[name][1:, _ALL, :_EXCLUDED].sum(axis=-1) for name in release.eligible}
    alike = [name for name, counts in patients.items() if name != measure and (counts == of_true).all()]
    for name in (measure, *alike):
        cubes.add(name)
    _tie(program, cubes, [measure, *alike])
    lost, ids = np.array(of_true) - patients[measure], []
    for place, site in enumerate(release.sites[1:], start=1):
        low, high, true = eligible[site]
        low, high = (true, true) if site == contributor else (low, high)
        all_of = program.add(*np.array([[low], [high], [true]]))[0]
        missing = _between(program, lost[place - 1 : place])
        of_measure = cubes.ids[measure][place, _ALL]
        program.adds_up(all_of, np.array([of_measure[_PATIENTS], *missing]))
        rest = _between(program, np.array([release.true[measure][place, _ALL, _EXCLUDED] - lost[place - 1]]))
        program.adds_up(of_measure[_EXCLUDED], np.array([*missing, *rest]))
        for name in alike:
            program.adds_up(all_of, cubes.ids[name][place, _ALL, _PATIENTS, np.newaxis])
        if site != contributor and 1 <= lost[place - 1] <= SMALL:
            knowledge.targets[int(missing[0])] = f"compared {measure}, who could be followed and was not, of {site}"
        ids += [int(missing[0])]
    reasons = [cubes.parts["reason", measure, part] for part in release.missing.get(measure, [])]
    if reasons and sum(part.true for part in reasons) == lost.sum():
        total = _between(program, np.array(lost.sum()))
        program.adds_up(total, np.array(ids))
        program.adds_up(total, np.array([part.id for part in reasons]))
    _ask(knowledge, cubes, measure, f"compared {measure}")
    return knowledge


# --- linear programs ---------------------------------------------------------------------------------------------


class _Program:
    """Counts between bounds and sums that hold between them; the true counts are one solution, which is checked."""

    def __init__(self) -> None:
        self._low = self._high = self._true = np.zeros(0)
        self._sums: list[Ids] = []

    def add(self, low: Floats, high: Floats, true: Floats) -> Ids:
        """Add counts; their numbers, in the same shape."""
        ids = len(self._low) + np.arange(low.size).reshape(low.shape)
        self._low, self._high, self._true = (
            np.concatenate([old, new.ravel()])
            for old, new in ((self._low, low), (self._high, high), (self._true, true))
        )
        return ids

    def bound(self, ids: Ids, low: Floats, high: Floats) -> None:
        """Narrow the bounds of counts."""
        np.maximum.at(self._low, ids, low)
        np.minimum.at(self._high, ids, high)

    def adds_up(self, totals: Ids, parts: Ids) -> None:
        """Each total is the sum of its parts, (…) and (…, parts)."""
        both = np.concatenate([np.asarray(totals)[..., np.newaxis], parts], axis=-1)
        self._sums.append(both.reshape(-1, both.shape[-1]))

    def surely_small(self, targets: Ids) -> list[int]:
        """The targets that are small in every solution.

        Each solution is a witness for all targets at once: one that is 0 or above the small counts in it is safe. Goals
        drawn at random push many away together, at last each alone.
        """
        if not len(targets):
            return []
        self._check()
        solver, random = self._solver(), np.random.default_rng(0)
        unsettled = targets
        for _ in range(12):
            push = random.choice([-1.0, 1.0], len(unsettled)) * random.uniform(0.5, 1, len(unsettled))
            still = self._unsettled(unsettled, self._solve(solver, unsettled, push))
            few, unsettled = len(still) > 0.9 * len(unsettled), still
            if not len(unsettled) or few:
                break
        found = []
        while len(unsettled):
            one, unsettled = unsettled[:1], unsettled[1:]
            up = self._solve(solver, one, np.ones(1))
            down = self._solve(solver, one, -np.ones(1))
            if len(self._unsettled(self._unsettled(one, up), down)):
                found.append(int(one[0]))
            unsettled = self._unsettled(self._unsettled(unsettled, up), down)
        return found

    def _check(self) -> None:
        """See that the true counts agree with everything."""
        true = self._true
        wrong = ((true < self._low) | (true > self._high)).sum()
        wrong += sum(
            int((np.abs(true[each[:, 0]] - true[each[:, 1:]].sum(axis=1)) > _NEAR).sum()) for each in self._sums
        )
        if wrong:
            raise AssertionError(f"{wrong} bounds or sums do not hold of the true counts")

    @staticmethod
    def _unsettled(targets: Ids, solution: Floats) -> Ids:
        at = solution[targets]
        return np.compress((at > _NEAR) & (at < SMALL + 1 - _NEAR), targets)

    def _solve(self, solver: highspy.Highs, targets: Ids, push: Floats) -> Floats:
        """A solution that pushes each target towards 0 or beyond the small counts, and no further."""
        high, cost = self._high.copy(), np.zeros(len(self._low))
        high[targets] = np.minimum(high[targets], SMALL + 1)
        cost[targets] = -push
        every = np.arange(len(cost), dtype=np.int32)
        solver.changeColsBounds(len(every), every, self._low, high)
        solver.changeColsCost(len(every), every, cost)
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise AssertionError(f"a program ended as {solver.getModelStatus()}")
        return np.array(solver.getSolution().col_value)

    def _solver(self) -> highspy.Highs:
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.silent()
        solver.setOptionValue("threads", 1)
        by_width: defaultdict[int, list[Ids]] = defaultdict(list)
        for each in self._sums:
            by_width[each.shape[1]].append(each)
        rows = [row for alike in by_width.values() for row in np.unique(np.concatenate(alike), axis=0)]
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(self._low), len(rows)
        program.col_cost_ = np.zeros(len(self._low))
        program.col_lower_, program.col_upper_ = self._low, self._high
        program.row_lower_ = program.row_upper_ = np.zeros(len(rows))
        program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        program.a_matrix_.start_ = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
        program.a_matrix_.index_ = np.concatenate(rows)
        program.a_matrix_.value_ = np.concatenate([np.r_[1.0, np.full(len(row) - 1, -1.0)] for row in rows])
        solver.passModel(program)
        return solver


if __name__ == "__main__":
    main()
