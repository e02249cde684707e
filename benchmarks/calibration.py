"""How often the first screens are right: many registries drawn by seed, some without any change, some with a story.

Prints what the synthetic registry gives beside published figures, the share of measures that first screens name where
nothing has changed, how often each kind of story is named where it was planted, and the false alarms of each chart by
the volume of the site. Run with `python -m benchmarks.calibration`; `--write` puts the tables into docs/calibration.md.
One registry of 5000 patients takes about 6 seconds of one core.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import duckdb
import numpy as np

from benchmarks._page import write
from benchmarks._published import published_table
from benchmarks._registries import UNTIL, measured_registry
from outcomes.synthetic.profiles import SiteProfile, site_profiles
from outcomes.synthetic.stories import CHANGES, OUTLIERS, Story, begun

DOCS = Path(__file__).parents[1] / "docs" / "calibration.md"
PATIENTS = 5000
REGISTRIES = 50

SHOWN_BY = {
    "pain": "pain_12_months",
    "revision": "revision_2_years",
    "adjacent_disease": "asd_2_years",
    "visits": "follow_up_12_months",
}
"""The headline measure that a story of a risk shows in; a change of coding shows in none."""
_BESIDE = {
    ("pain", "improved_ndi_12_months"),
    ("adjacent_disease", "revision_2_years"),
    ("revision", "asd_2_years"),
    ("revision", "follow_up_12_months"),
}
"""Measures that a story moves beside its own: they are no false alarm at its site."""

_VOLUMES = (0.15, 0.3, 0.6, 0.8, 1.15, 2.0)
"""Of the sites of registries that compare charts by volume."""
VOLUME_BANDS = {"small (below 400)": 0, "usual (400 to 1000)": 400, "large (above 1000)": 1000}
"""By name: the fewest patients of a site."""

Pair = tuple[str, str]
"""A site and a measure."""


@dataclass(frozen=True)
class Scenario:
    """Registries of one kind: `kinds` of story are planted in each, at sites of the demo or of unlike volumes."""

    name: str
    title: str
    kinds: tuple[str, ...] = ()
    volumes: tuple[float, ...] | None = None

    def profiles(self) -> list[SiteProfile]:
        """The sites."""
        sites = site_profiles(6)
        if self.volumes is None:
            return list(sites)
        return [replace(site, volume=volume) for site, volume in zip(sites, self.volumes, strict=True)]

    def stories(self, seed: int) -> list[Story]:
        """What is planted in the registry of a seed."""
        rng = np.random.default_rng([seed, 1])
        planted = [*OUTLIERS, *(begun(rng, story, UNTIL) for story in CHANGES)]
        return [story for story in planted if story.kind in self.kinds]


SCENARIOS = (
    Scenario("null", "nothing has changed"),
    Scenario("volumes", "nothing has changed, sites of unlike volumes", volumes=_VOLUMES),
    Scenario("outlier", "one site has 1.25 times the pain, one twice the revisions", ("outlier",)),
    Scenario("step", "one site has 2.2 times the adjacent segment disease from one quarter on", ("step",)),
    Scenario("drift", "the poor recoveries of one site rise over two years to twice as many", ("drift",)),
    Scenario(
        "loss_of_follow_up",
        "one site keeps 0.6 of its visits and loses patients sooner from one quarter on",
        ("loss_of_follow_up",),
    ),
    Scenario(
        "coding_change",
        "one site records the joints of half of its fusions only, from one quarter on",
        ("coding_change",),
    ),
    Scenario(
        "all",
        "all stories at once, as `outcomes synthesize` plants them",
        ("outlier", "step", "drift", "loss_of_follow_up", "coding_change"),
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What is published of one registry.

    Attributes:
        stories: what was planted.
        named: by site and measure on a first screen, what its alarm says: concerning, improving or neutral.
        charted: all sites and measures that have a chart or are compared.
        signals: by chart and volume of the site, how many could signal and how many did.
        seconds: of the processor.
    """

    stories: list[Story]
    named: dict[Pair, str]
    charted: set[Pair]
    signals: dict[tuple[str, str], tuple[int, int]]
    seconds: float

    def tells(self) -> list[bool]:
        """Of each story that shows in a headline, whether its site's first screen names that measure as concerning."""
        shown = [(story.site_id, SHOWN_BY[story.risk]) for story in self.stories if story.risk in SHOWN_BY]
        return [self.named.get(pair) == "special_concerning" for pair in shown]

    def false_alarms(self) -> list[Pair]:
        """The named sites and measures that no story explains."""
        told = {(story.site_id, SHOWN_BY.get(story.risk, "")) for story in self.stories}
        told |= {(story.site_id, measure) for story in self.stories for risk, measure in _BESIDE if risk == story.risk}
        return sorted(self.named.keys() - told)

    def has_several_at_one_site(self) -> bool:
        """Whether any site's first screen has more than one false alarm."""
        return any(count > 1 for count in Counter(site for site, _ in self.false_alarms()).values())


def outcome(scenario: Scenario, seed: int, patients: int = PATIENTS) -> Outcome:
    """Draw one registry and read what is published of it."""
    started = time.process_time()
    stories = scenario.stories(seed)
    with measured_registry(seed=seed, profiles=scenario.profiles(), patients=patients, stories=stories) as con:
        return published(con, stories, started)


def published(con: duckdb.DuckDBPyConnection, stories: list[Story], started: float) -> Outcome:
    """What is published of a measured registry, on which work began at this time of the processor."""
    named = con.execute("select site_id, measure, variation from alarms").fetchall()
    charted = con.execute(
        """
        select site_id, measure from control_chart_points where site_id is not null and chart is not null
        union
        select site_id, measure from site_comparison where marking = 'compared'
        """
    ).fetchall()
    named_pairs = {(site, measure): variation for site, measure, variation in named}
    return Outcome(stories, named_pairs, set(charted), _signals(con), time.process_time() - started)


_SIGNALS = """
with sizes as (
    select site_id, count(*) as patients from patients group by site_id
),

judged as (
    select 'funnel, 95 % limits' as chart, site_id, position <> 'inside' as signals
    from site_comparison where marking = 'compared'
    union all
    select 'funnel, 99.8 % limits' as chart, site_id, position in ('above_99_8', 'below_99_8') as signals
    from site_comparison where marking = 'compared'
    union all
    select 'CUSUM, ever' as chart, site_id, count(signal) > 0 as signals
    from cusum_points group by measure, site_id
    union all
    select 'control chart, any rule in any month' as chart, site_id, count(rules) > 0 as signals
    from control_chart_points where site_id is not null and is_judged and value is not null group by measure, site_id
    union all
    select 'control chart, one month beyond the limits' as chart, site_id, value > upper or value < lower as signals
    from control_chart_points where site_id is not null and is_judged and value is not null
    union all
    select 'control chart, beyond and confirmed' as chart, site_id, bool_or(coalesce(is_confirmed, false)) as signals
    from control_chart_points where site_id is not null and is_judged and value is not null group by measure, site_id
    union all
    select 'first screen' as chart, charted.site_id, named.site_id is not null as signals
    from (
        select site_id, measure from control_chart_points where site_id is not null and chart is not null
        union
        select site_id, measure from site_comparison where marking = 'compared'
    ) as charted
    left join alarms as named on charted.site_id = named.site_id and charted.measure = named.measure
)

select judged.chart, sizes.patients, count(*) as judged, count(*) filter (where judged.signals) as signals
from judged inner join sizes on judged.site_id = sizes.site_id
group by judged.chart, judged.site_id, sizes.patients
"""


def _signals(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[int, int]]:
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for chart, patients, judged, signals in con.execute(_SIGNALS).fetchall():
        band = max((name for name, least in VOLUME_BANDS.items() if patients >= least), key=VOLUME_BANDS.__getitem__)
        before = sums.get((chart, band), (0, 0))
        sums[chart, band] = (before[0] + judged, before[1] + signals)
    return sums


def share_named(outcomes: Iterable[Outcome]) -> float:
    """The share of all charted measures of all sites that a first screen names."""
    of_all = list(outcomes)
    return sum(len(one.named) for one in of_all) / sum(len(one.charted) for one in of_all)


def share_telling(outcomes: Sequence[Outcome]) -> float:
    """The share of registries in which every planted story that shows in a headline is named at its site."""
    return sum(all(one.tells()) for one in outcomes) / len(outcomes)


def share_told(outcomes: Iterable[Outcome]) -> float:
    """The share of the planted stories that show in a headline that is named at its site."""
    tells = [told for one in outcomes for told in one.tells()]
    return sum(tells) / len(tells)


def stories_table(results: dict[str, list[Outcome]]) -> Iterator[str]:
    """The lines of a Markdown table: per scenario what first screens name."""
    yield (
        "| registries in which | registries | all planted sites named | of the planted sites named "
        "| measures named otherwise | a site with more than one of these |"
    )
    yield "|---|---|---|---|---|---|"
    for scenario in SCENARIOS:
        outcomes = results.get(scenario.name, [])
        if outcomes:
            can_tell = any(map(Outcome.tells, outcomes))
            telling = f"{share_telling(outcomes):.0%} | {share_told(outcomes):.0%}" if can_tell else "– | –"
            otherwise = sum(len(one.false_alarms()) for one in outcomes) / sum(len(one.charted) for one in outcomes)
            several = sum(map(Outcome.has_several_at_one_site, outcomes)) / len(outcomes)
            yield f"| {scenario.title} | {len(outcomes)} | {telling} | {otherwise:.2%} | {several:.0%} |"


def charts_table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The lines of a Markdown table: the false alarms of each chart by the volume of the site."""
    yield f"| chart | {' | '.join(VOLUME_BANDS)} |"
    yield "|---|" + "---|" * len(VOLUME_BANDS)
    for chart in sorted({chart for one in outcomes for chart, _ in one.signals}):
        shares = []
        for band in VOLUME_BANDS:
            judged, signals = np.sum([one.signals.get((chart, band), (0, 0)) for one in outcomes], axis=0)
            shares.append(f"{signals / judged:.2%} of {judged:,}" if judged else "–")
        yield f"| {chart} | {' | '.join(shares)} |"


def false_alarms_table(results: dict[str, list[Outcome]]) -> Iterator[str]:
    """The lines of a Markdown table: the sites and measures named most often that no story explains."""
    yield "| registries in which | site | measure | named in |"
    yield "|---|---|---|---|"
    for scenario in SCENARIOS:
        outcomes = results.get(scenario.name, [])
        found = Counter(pair for one in outcomes for pair in one.false_alarms())
        for (site, measure), count in found.most_common(5):
            yield f"| {scenario.title} | {site} | `{measure}` | {count} of {len(outcomes)} |"


def simulate(scenario: Scenario, registries: int, patients: int, first_seed: int, workers: int) -> list[Outcome]:
    """The outcomes of so many registries of a scenario; tells its progress on the standard error."""
    # A process of its own each, so that a registry's sums are added by one thread and in one order.
    os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    outcomes = []
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        seeds = range(first_seed, first_seed + registries)
        for one in pool.map(outcome, repeat(scenario), seeds, repeat(patients)):
            outcomes.append(one)
            said = f"{scenario.name}: {len(outcomes)} of {registries} registries, {one.seconds:.1f} s"
            print(f"\r{said:<70}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return outcomes


def tables(results: dict[str, list[Outcome]]) -> dict[str, list[str]]:
    """The tables of the docs, by name."""
    unchanged = [one for name in ("null", "volumes") for one in results.get(name, [])]
    return {
        "stories": list(stories_table(results)),
        "false-alarms": list(false_alarms_table(results)),
        "charts": list(charts_table(unchanged)) if unchanged else [],
    }


def main() -> None:
    """Draw the registries, and print the tables or write them into the docs."""
    known = ["published", *(scenario.name for scenario in SCENARIOS)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--registries", type=int, default=REGISTRIES, help="of each scenario (default: %(default)s)")
    parser.add_argument("--patients", type=int, default=PATIENTS, help="of each registry (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first registry; the others follow it")
    parser.add_argument("--workers", type=int, default=1, help="processes (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=known, default=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--write", action="store_true", help="put the tables into docs/calibration.md")
    options = parser.parse_args()
    made = {"published": list(published_table())} if "published" in options.only else {}
    results: dict[str, list[Outcome]] = {}
    for scenario in (each for each in SCENARIOS if each.name in options.only):
        results[scenario.name] = simulate(scenario, options.registries, options.patients, options.seed, options.workers)
        print(list(stories_table({scenario.name: results[scenario.name]}))[-1], flush=True)
    made |= tables(results) if results else {}
    for name, lines in made.items():
        print("\n".join([f"\n{name}\n", *lines]))
    if options.write:
        write(DOCS, made)


if __name__ == "__main__":
    main()
