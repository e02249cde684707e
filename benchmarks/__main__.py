"""Run the benchmarks, each in a process of its own, and write docs/benchmarks.md with what they give.

`python -m benchmarks` runs them small, in a few minutes; `--size full` as large as they are meant, in hours. `--only`
runs some and prints their figures without writing the page. To add a benchmark: a module with a function that returns
`Measured`, and a line in `_jobs`.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from benchmarks import beside, dashboards, fhir, intake, labels, measures, startup, submissions
from benchmarks._figures import Measured, say
from benchmarks._growth import picture
from benchmarks._page import curves_of, figures_table, growth_table, machine, steps_table, write
from benchmarks.measures import MANY_SITES

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "benchmarks.md"


@dataclass(frozen=True)
class Size:
    """How much the benchmarks have to do; amounts ascend.

    Attributes:
        runs: how often each time is taken.
        taken_in: patients of the registries that intake takes in.
        exported: megabytes of the FHIR export that is imported.
        labelled: patients of the lakes that are labelled.
        measured: patients of the lakes that are measured.
        measured_sites: of the same; protection is audited once more for each of 4 to 12.
        beside: patients whose labels are compared with those of analysts.
        served: patients of the release that the dashboards show; None = that of the cases.
        of_cases: patients of the registry whose single patients they show.
        sites_of_cases: of the same.
        submissions: that a lake holds.
    """

    runs: int
    taken_in: tuple[int, ...]
    exported: int
    labelled: tuple[int, ...]
    measured: tuple[int, ...]
    measured_sites: int
    beside: tuple[int, ...]
    served: int | None
    of_cases: int
    sites_of_cases: int
    submissions: tuple[int, ...]


_GROWING = (10_000, 30_000, 100_000, 300_000, 1_000_000)
SIZES = {
    # Protection takes as long of few patients as of many: once is enough for a run of minutes.
    "small": Size(
        runs=1,
        taken_in=(250, 1000),
        exported=20,
        labelled=(2500, 10_000),
        measured=(10_000,),
        measured_sites=3,
        beside=(20_000,),
        served=None,
        of_cases=250,
        sites_of_cases=3,
        submissions=(10, 30),
    ),
    "full": Size(
        runs=3,
        taken_in=_GROWING,
        exported=1000,
        labelled=_GROWING,
        measured=_GROWING,
        measured_sites=MANY_SITES,
        beside=(20_000, 200_000),
        served=1_000_000,
        of_cases=20_000,
        sites_of_cases=6,
        submissions=(375, 1500, 6000),
    ),
}
_SITES, _MONTHS = 2, 1


def main() -> None:
    """Run what is asked for; print the figures and, unless only some were asked for, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--only", nargs="+", choices=list(_jobs(SIZES["small"], Path())), metavar="NAME")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as home:
        for name, job in _jobs(SIZES[options.size], Path(home)).items():
            if name in (options.only or [name]):
                print(f"\n{name}", file=sys.stderr)
                results[name] = _alone(job)
                say(results[name])
    if not options.only:
        write_page(options.size, results)


def _jobs(size: Size, home: Path) -> dict[str, Callable[[], Measured]]:
    return {
        "startup": partial(startup.measure, size.runs),
        "intake": partial(intake.measure, size.taken_in, _SITES, _MONTHS, size.runs),
        "fhir": partial(fhir.measure, size.exported),
        "labels": partial(labels.measure, size.labelled, size.runs),
        "measures": partial(measures.measure, size.measured, size.measured_sites, size.runs),
        "submissions": partial(submissions.measure, size.submissions, size.runs),
        "dashboards": partial(dashboards.measure, size.served, size.of_cases, size.sites_of_cases, home),
        "beside": partial(beside.measure, size.beside, size.runs),
    }


def _alone(job: Callable[[], Measured]) -> Measured:
    """Run in a process of its own, whose memory and imports are nobody else's."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(job).result()


def write_page(size: str, results: dict[str, Measured]) -> None:
    """Put the figures into the page, and the pictures beside it."""
    curves = {amounts_of: by_name for amounts_of, by_name in curves_of(results).items() if by_name}
    pictures = []
    for amounts_of, by_name in curves.items():
        title = f"Seconds by the number of {amounts_of}"
        file = DOCS / "benchmarks" / f"growth-by-{amounts_of}.svg"
        file.parent.mkdir(exist_ok=True)
        file.write_text(picture(title, amounts_of, by_name), encoding="utf-8")
        pictures.append(f"![{title}]({file.relative_to(DOCS)})")
    tables = {
        "machine": [f"Measured at the size `{size}` on: {machine()}."],
        "figures": list(figures_table(results)),
        "growth": [*growth_table(curves), "", *pictures],
        "steps": list(steps_table(results)),
    }
    write(PAGE, tables)


if __name__ == "__main__":
    main()
