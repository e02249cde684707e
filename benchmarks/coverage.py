"""How often the truth lies in the interval of the weighted share: many invented registries, by what made them answer.

Run with `python -m benchmarks.coverage`; it writes the tables of `docs/coverage-of-weights.md`.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from scipy.special import expit

from outcomes.arrays import Floats, Ints, Mask
from outcomes.measures.missing_answers import weighted_shares
from outcomes.statistics.intervals import wilson_interval

PAGE = Path(__file__).parents[1] / "docs" / "coverage-of-weights.md"
_MARK = "<!-- What follows is built by `python -m benchmarks.coverage`; do not edit. -->\n"
SITES = {"a": 500, "b": 300, "c": 200, "d": 120, "e": 70, "f": 40}
"""Patients of each site, large to small."""
ALL = "all"
_PATTERN = ("site_id", "sex", "age", "age_known", "approach", "levels", "baseline")
_OUTCOME_AT_SITE = np.array([0.3, -0.2, 0.0, 0.4, -0.4, 0.1])
_ANSWER_AT_SITE = np.array([0.4, 0.0, 0.7, -0.3, 0.2, 0.5])
_PATIENTS_OF_TRUTH = 200_000


class Scenario(NamedTuple):
    """What makes patients answer: by how much what the weights know tells (1: much), and by how much the outcome."""

    title: str
    known: float
    outcome: float


SCENARIOS = (
    Scenario("Patients stay away by chance", known=0, outcome=0),
    Scenario(
        "They stay away by age, sex, score before surgery, approach, levels and site: the weights know all of it",
        known=1,
        outcome=0,
    ),
    Scenario(
        "They stay away by the same, and by the outcome: whoever has it answers at 0.6 times the odds",
        known=1,
        outcome=np.log(0.6),
    ),
    Scenario(
        "They stay away by the same, and by the outcome: whoever has it answers at 0.3 times the odds",
        known=1,
        outcome=np.log(0.3),
    ),
)


class Coverage(NamedTuple):
    """Of one site, or of all: patients, usual answers, the truth, and of both intervals the coverage and the bias."""

    site: str
    patients: int
    answered: float
    truth: float
    observed_bias: float
    observed: float
    weighted_bias: float
    weighted: float


class _Patients(NamedTuple):
    site: Ints
    is_female: Mask
    age: Floats
    approach: Ints
    levels: Ints
    baseline: Floats


def coverage(scenario: Scenario, registries: int, seed: int) -> list[Coverage]:
    """How often each interval holds the truth, by site and over all.

    Args:
        scenario: what makes patients answer.
        registries: how many are invented.
        seed: of all that is drawn.
    """
    truth = _truth()
    rng = np.random.default_rng(seed)
    found = [list(_shares(_registry(rng, scenario))) for _ in range(registries)]
    shares = np.array(found)  # registry, cell, figure
    answered, observed, low, high, weighted, weighted_low, weighted_high = np.moveaxis(shares, 2, 0)
    cells = [*SITES.items(), (ALL, sum(SITES.values()))]
    return [
        Coverage(
            site, patients, float(answered[:, cell].mean()), truth[site],
            float(observed[:, cell].mean() - truth[site]),
            float(((low <= truth[site]) & (truth[site] <= high))[:, cell].mean()),
            float(weighted[:, cell].mean() - truth[site]),
            float(((weighted_low <= truth[site]) & (truth[site] <= weighted_high))[:, cell].mean()),
        )
        for cell, (site, patients) in enumerate(cells)
    ]  # fmt: skip


def _draw(rng: np.random.Generator, site: Ints) -> _Patients:
    size = len(site)
    return _Patients(
        site,
        rng.random(size) < 0.52,
        np.clip(rng.normal(56, 12, size), 18, 90),
        rng.choice(3, size, p=[0.8, 0.15, 0.05]),
        rng.choice(3, size, p=[0.45, 0.35, 0.2]),
        np.clip(rng.normal(44, 17, size), 0, 100),
    )


def _outcome_probability(patients: _Patients) -> Floats:
    probability: Floats = expit(
        0.2
        + _OUTCOME_AT_SITE[patients.site]
        + 0.7 * (patients.baseline - 44) / 17
        - 0.4 * (patients.age - 56) / 12
        - 0.5 * (patients.approach == 1)
        - 0.3 * patients.levels
    )
    return probability


def _truth() -> dict[str, float]:
    """The share of each site if everybody answered, and that of all."""
    rng = np.random.default_rng(0)
    of_site = [
        float(_outcome_probability(_draw(rng, np.full(_PATIENTS_OF_TRUTH, number))).mean())
        for number in range(len(SITES))
    ]
    return dict(zip(SITES, of_site, strict=True)) | {ALL: float(np.average(of_site, weights=list(SITES.values())))}


def _registry(rng: np.random.Generator, scenario: Scenario) -> pa.Table:
    """One registry, as patterns with their answers."""
    patients = _draw(rng, np.repeat(np.arange(len(SITES)), list(SITES.values())))
    size = len(patients.site)
    has_outcome = rng.random(size) < _outcome_probability(patients)
    known = (
        _ANSWER_AT_SITE[patients.site]
        + 0.6 * (patients.age - 56) / 12
        - 0.6 * (patients.baseline - 44) / 17
        + 0.3 * patients.is_female
        - 0.4 * (patients.approach == 1)
        + 0.2 * patients.levels
    )
    answers = rng.random(size) < expit(0.3 + scenario.known * known + scenario.outcome * (has_outcome - 0.5))
    has_age, has_baseline = rng.random(size) < 0.97, rng.random(size) < 0.95
    # As the relation of the registry: who has no score before surgery has not improved, nor failed to.
    answers &= has_baseline
    rounded_age = (5 * np.rint(patients.age / 5)).astype(np.int64)
    mean_age = int(5 * np.rint(rounded_age[has_age].mean() / 5))
    rows = pa.table(
        {
            "site_id": np.array(list(SITES))[patients.site],
            "sex": np.where(patients.is_female, "female", "male"),
            "age": np.where(has_age, rounded_age, mean_age),
            "age_known": np.where(has_age, "recorded", "missing"),
            "approach": np.array(["anterior", "posterior", "combined"])[patients.approach],
            "levels": np.array(["1", "2", "3+"])[patients.levels],
            "baseline": pa.array(10 * np.rint(patients.baseline / 10), mask=~has_baseline),
            "yes": (answers & has_outcome).astype(np.int64),
            "no": (answers & ~has_outcome).astype(np.int64),
            "missing": (~answers).astype(np.int64),
        }
    )
    counts = rows.group_by(_PATTERN).aggregate([(name, "sum") for name in ("yes", "no", "missing")])
    named = counts.rename_columns([name.removesuffix("_sum") for name in counts.column_names])
    return named.sort_by([(name, "ascending") for name in _PATTERN])


def _shares(patterns: pa.Table) -> Iterator[list[float]]:
    """Of each site, then of all: answers, observed share and interval, weighted share and interval."""
    for row in weighted_shares(patterns, "simulated", list(SITES)):
        low, high = wilson_interval(np.array([row["numerator"]]), np.array([row["answered"]]))
        weighted = [row["weighted_share"], row["weighted_low"], row["weighted_high"]]
        yield [row["answered"], row["share"], float(low[0]), float(high[0]), *weighted]


def main() -> None:
    """Write the coverage of each scenario into the page, as tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--registries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tables = [table(scenario, coverage(scenario, options.registries, options.seed)) for scenario in SCENARIOS]
    text, _, _ = PAGE.read_text(encoding="utf-8").partition(_MARK)
    PAGE.write_text("\n".join([text + _MARK, *tables]), encoding="utf-8")
    print("\n".join(tables))


def table(scenario: Scenario, cells: list[Coverage]) -> str:
    """A scenario as a table in Markdown."""
    columns = ("site", "patients", "answered", "truth", "observed: off by", "coverage", "weighted: off by", "coverage")
    rows = [
        (
            *(cell.site, str(cell.patients), f"{cell.answered:.0f}", f"{cell.truth:.1%}"),
            *(f"{100 * cell.observed_bias:+.1f}", f"{cell.observed:.1%}"),
            *(f"{100 * cell.weighted_bias:+.1f}", f"{cell.weighted:.1%}"),
        )
        for cell in cells
    ]
    lines = [f"| {' | '.join(row)} |" for row in (columns, ["---"] * len(columns), *rows)]
    return "\n".join(["", f"### {scenario.title}", "", *lines, ""])


if __name__ == "__main__":
    main()
