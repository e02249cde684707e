"""What a first screen names, tried on registries simulated as counts: fast enough for many of each story.

Run with `python -m benchmarks.alarms`; `--write` puts the tables into docs/quality-teams.md and docs/risk-models.md.
Each registry has six sites of 830 patients in nine years, of which the first has the story. `benchmarks.calibration`
asks the same of whole synthetic registries.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks._page import write
from tests.support.registries import HEADLINES, PAIN, REVISION, SITES, Registry, Story, ramp, simulated, step

DOCS = Path(__file__).parents[1] / "docs"
REGISTRIES = 50
LOST = "three in five patients lost by 2 years, where others lose one in four"
_ASD = "asd_2_years"
_LAST_THREE_YEARS = 72
_ONE_QUARTER = 84
"""Months of fusion, counted from 0; of the quarter most patients have answered, and it is among the last ones."""


class Told(NamedTuple):
    """A story of the first site, and the measures that its first screen may name for it."""

    title: str
    story: Story
    measures: tuple[str, ...]


STORIES = (
    Told("1.25 times the pain at 12 months, from the first patient on", Story({PAIN: 1.25}, charted=0), (PAIN,)),
    Told("twice the revisions by 2 years, from the first patient on", Story({REVISION: 2.0}, charted=0), (REVISION,)),
    Told("pain that drifts up to 1.6 times in nine years", Story({PAIN: ramp(1.6)}, charted=0), (PAIN,)),
    Told(
        "pain 1.5 times as frequent in the last three of nine years",
        Story({PAIN: step(1.5, _LAST_THREE_YEARS)}, charted=0),
        (PAIN,),
    ),
    Told(
        "pain 2.2 times as frequent in one quarter only",
        Story({PAIN: step(2.2, _ONE_QUARTER, months=3)}, charted=0),
        (PAIN,),
    ),
    Told(LOST, Story(lost_by_horizon=0.6, charted=0), (REVISION, _ASD)),
    Told("nothing: named by chance for the same as the row above", Story(charted=0), (REVISION, _ASD)),
)


def share_telling(registries: Sequence[Registry], measures: Sequence[str]) -> float:
    """The share of registries in which the first screen of the first site names one of the measures as concerning."""
    return float(np.mean([registry.named("site-0", *measures) for registry in registries]))


def share_named(registries: Sequence[Registry]) -> float:
    """The share of all measures of all sites that a first screen names."""
    measures = SITES * (len(HEADLINES) + Story().charted)
    return sum(len(registry.alarms) for registry in registries) / (len(registries) * measures)


def ratios(registries: Sequence[Registry]) -> list[float]:
    """Observed over expected revisions of the first site, of each registry."""
    rows = [row for registry in registries for row in registry.comparison.to_pylist()]
    return [row["ratio"] for row in rows if (row["site_id"], row["measure"]) == ("site-0", REVISION)]


def stories_table(found: dict[str, list[Registry]]) -> Iterator[str]:
    """The lines of a Markdown table: how often each story is named."""
    yield "| at one site | registries | named in |"
    yield "| --- | --- | --- |"
    for told in STORIES:
        registries = found[told.title]
        yield f"| {told.title} | {len(registries)} | {share_telling(registries, told.measures):.0%} |"


def lost_sentence(registries: Sequence[Registry]) -> str:
    """What became of observed over expected where a site lost its patients."""
    of_all = ratios(registries)
    error = np.std(of_all, ddof=1) / np.sqrt(len(of_all))
    return (
        f"In {len(of_all)} simulated registries a site that lost 60 % of its patients by two years, where others lost "
        f"25 %, had {np.mean(of_all):.3f} times the revisions expected (mean; standard error {error:.3f})."
    )


def unchanged_sentence(registries: Sequence[Registry]) -> str:
    """How many measures are named where nothing has changed."""
    return (
        f"In {len(registries)} simulated registries of {SITES} sites in which nothing differs, first screens name "
        f"{share_named(registries):.2%} of all measures."
    )


def main() -> None:
    """Simulate, and print the tables or write them into the docs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--registries", type=int, default=REGISTRIES, help="of each story (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    options = parser.parse_args()
    seeds = range(options.registries)
    found = {told.title: [simulated(told.story, seed) for seed in seeds] for told in STORIES}
    unchanged = [simulated(Story(), seed) for seed in seeds]
    made = {
        "quality-teams.md": {
            "unchanged": [unchanged_sentence(unchanged)],
            "stories": list(stories_table(found)),
        },
        "risk-models.md": {"lost": [lost_sentence(found[LOST])]},
    }
    for page, tables in made.items():
        print("\n".join(line for lines in tables.values() for line in ["", *lines]))
        if options.write:
            write(DOCS / page, tables)


if __name__ == "__main__":
    main()
