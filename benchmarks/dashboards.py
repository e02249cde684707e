"""How quick the dashboards are over a large release, in a real browser: sizes, first charts, pages and clicks.

A synthetic registry is multiplied to about 100 sites, labelled and measured; the marts that the dashboards read become
a release, which is served as in production. Pages of single patients are read from the lake too: they are measured over
a registry of their own that is taken in. Run with `python -m benchmarks.dashboards --patients 1000000`; without
`--patients` all pages are of the registry that is taken in, as protecting 100 small sites takes many minutes.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import duckdb
import requests
from playwright.sync_api import Browser, Page

from benchmarks._figures import Figure, Measured, say, seconds
from benchmarks._large import make_large_lake
from benchmarks.measures import COPIES_OF_SITE
from outcomes import pipeline
from outcomes.contract import TABLES
from outcomes.disclosure.protect import ReleaseFacts, protected_tables
from outcomes.labelling.build import run
from outcomes.measures.build import run_measures
from outcomes.release.build import relations_of_marts
from outcomes.release.verify import seal
from outcomes.settings import Settings
from outcomes.sql.catalog.marts import protected_marts, research_marts
from outcomes.sql.engine import connect, on_disk
from outcomes.synthetic import synthesize
from tests.support.browser import browser, serving, wait_until, wait_until_drawn, wait_until_in_view_drawn

RELEASE = "2026-09-benchmark"
NOT_READ = {
    "episodes",
    "expected_outcomes",
    "follow_ups",
    "label_evidence",
    "labels",
    "measure_cases",
    "responders",
    "revisions",
    "sensitivity",
    "visit_windows",
}
"""Research marts that no page of the benchmark reads; they stay empty."""
PAGES = ("/", "/measure/pain_past_3_months", "/pain", "/asd", "/revision", "/causes", "/signals", "/data-quality")
VIEWS_PER_PAGE = 12
USERS = 8
CASES = 40
_PATIENTS_WITH_MOST = """
select site_id, patient_id
from labels
where status = 'yes'
group by site_id, patient_id
order by count(*) desc, site_id, patient_id
limit ?
"""


def main() -> None:
    """Build the releases if there are none, then print every figure beside its budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, help="of the registry that is multiplied")
    parser.add_argument("--patients-of-cases", type=int, default=5000, help="of the registry that is taken in")
    parser.add_argument("--sites-of-cases", type=int, default=6, help="of the registry that is taken in")
    parser.add_argument("--home", type=Path, help="keep the registries and their releases here and reuse them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = options.home or Path(scratch)
        say(measure(options.patients, options.patients_of_cases, options.sites_of_cases, home))


def measure(patients: int | None, patients_of_cases: int, sites_of_cases: int, home: Path) -> Measured:
    """The sizes and times of the pages.

    Args:
        patients: of the registry that is multiplied; None = all pages are of the registry that is taken in.
        patients_of_cases: of the registry that is taken in, whose single patients are looked at.
        sites_of_cases: of the same; two at least.
        home: where the registries and releases are, or are made.
    """
    taken_in = _taken_in(home / "taken-in", patients_of_cases, sites_of_cases)
    served = taken_in if patients is None else _multiplied(home / "multiplied", patients)
    figures: list[Figure] = []
    with serving(served.home, workers=2) as address, browser() as chromium:
        figures += _first_load(chromium, address)
        figures += _pages(address, _sites(served))
        figures += _clicks(chromium, address)
    with serving(taken_in.home, workers=2, cases="true") as address:
        figures += _cases(address, taken_in)
    return Measured(figures)


def _taken_in(home: Path, patients: int, sites: int) -> Settings:
    settings = Settings(home=home)
    if not settings.releases.is_dir():
        synthesize(settings, patients=patients, sites=sites, faults=False)
        pipeline.ingest_landed(settings)
        pipeline.release(settings)
    return settings


def _multiplied(home: Path, patients: int) -> Settings:
    settings = Settings(home=home, memory_limit="6GB")
    if not (settings.releases / RELEASE).is_dir():
        with tempfile.TemporaryDirectory() as scratch:
            _build(settings, Path(scratch) / "large", patients)
    return settings


def _build(settings: Settings, lake: Path, patients: int) -> None:
    make_large_lake(settings, lake, patients, COPIES_OF_SITE)
    folder = settings.releases / RELEASE
    folder.mkdir(parents=True)
    with connect(settings) as con:
        for file in sorted(lake.glob("*.parquet")):
            con.execute(f"create view {file.stem} as from '{file}'")
        with on_disk(con, folder / "work.duckdb", [*TABLES, "submissions"]):
            run(con, kept=relations_of_marts())
            run_measures(con, settings)
            facts = ReleaseFacts(RELEASE, "2026-09", settings.minimum_cell_count, "benchmark", is_synthetic=True)
            con.execute(f"attach '{folder / 'research.duckdb'}' as research")
            for mart in research_marts():
                if mart.name in NOT_READ:
                    columns = ", ".join(f'"{column.name}" varchar' for column in mart.columns)
                    con.execute(f'create table research."{mart.name}" ({columns})')
                else:
                    con.execute(f'create table research."{mart.name}" as {mart.select}')
            con.execute("detach research")
            tables = protected_tables(con, facts, site_names={})
            con.execute(f"attach '{folder / 'dashboard.duckdb'}' as dashboard")
            for protected in protected_marts():
                con.register("rows_of_mart", tables[protected.name])
                con.execute(f'create table dashboard."{protected.name}" as from rows_of_mart')
            con.execute("detach dashboard")
    manifest = {"release_id": RELEASE, "data_to": "2026-09", "is_synthetic": True, "rows": {}, "submissions": []}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    seal(folder)
    (settings.releases / "current").unlink(missing_ok=True)
    (settings.releases / "current").symlink_to(RELEASE)


def _sites(settings: Settings) -> list[str]:
    with duckdb.connect(str(settings.releases / "current" / "dashboard.duckdb"), read_only=True) as con:
        return [site for (site,) in con.execute("select site_id from sites order by site_id").fetchall()]


def _first_load(chromium: Browser, address: str) -> Iterator[Figure]:
    """Bytes over the wire, and the time until every chart of a page is drawn, in a browser that has seen nothing."""
    sizes, taken = [], []
    for path in PAGES[1:]:
        context = chromium.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        network = context.new_cdp_session(page)
        loaded: list[float] = []
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda event, loaded=loaded: loaded.append(event["encodedDataLength"]))
        taken.append(seconds(partial(_open, page, address + path)))
        sizes.append(sum(loaded))
        context.close()
    yield Figure("first load, compressed", max(sizes) / 1000, "kB", 800)
    yield Figure("charts visible, cold (slowest page)", max(taken), "s", 3)


def _open(page: Page, address: str) -> None:
    page.goto(address)
    wait_until_drawn(page)


def _pages(address: str, sites: list[str]) -> Iterator[Figure]:
    """Each page for several sites: first by one user, then, of other sites, by several at once.

    In between several ask for the first ones again, so that each process of the server has the release open: that it
    takes once after a start and after a release, not with each page.
    """
    alone_at = min(VIEWS_PER_PAGE, len(sites) // 2)
    asked = [(page, site) for page in PAGES for site in sites[:alone_at]]
    others = [(page, site) for page in PAGES for site in sites[alone_at : 3 * alone_at]]
    sizes: list[int] = []

    def ask(view: tuple[str, str]) -> float:
        return seconds(lambda: sizes.append(_ask(address, *view)))

    alone = [ask(view) for view in asked]
    with ThreadPoolExecutor(USERS) as users:
        list(users.map(ask, asked))
        together = list(users.map(ask, others))
    yield Figure("page, one user, p95", 1000 * _p95(alone), "ms", 150)
    yield Figure(f"page, {USERS} users, p95", 1000 * _p95(together), "ms", 300)
    yield Figure("page, largest, compressed", max(sizes) / 1000, "kB", 25)


def _clicks(chromium: Browser, address: str) -> Iterator[Figure]:
    """From a click on a page of the header, or a choice in the filters, until the new page is drawn.

    What is in view is drawn first: that is what repainting means; the charts below it are told apart.
    """
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    _open(page, address + PAGES[1])
    taken = [_timed(page, act) for _ in range(3) for act in _acts(page)]
    in_view, whole = zip(*taken, strict=True)
    yield Figure("click to repaint, p95", 1000 * _p95(in_view), "ms", 500)
    yield Figure("click to repaint, median", 1000 * statistics.median(in_view), "ms")
    yield Figure("click to the last chart drawn, p95", 1000 * _p95(whole), "ms")


def _cases(address: str, settings: Settings) -> Iterator[Figure]:
    """The page of single patients, those with the most to tell, and beside it what made each yes.

    The first pages, each of which begins a process, are apart.
    """
    with duckdb.connect(str(settings.releases / "current" / "research.duckdb"), read_only=True) as con:
        patients = con.execute(_PATIENTS_WITH_MOST, [CASES + 2]).fetchall()
    cold = [seconds(partial(_ask, address, f"/cases/{patient}", site)) for site, patient in patients[:2]]
    taken = [seconds(partial(_ask, address, f"/cases/{patient}", site)) for site, patient in patients[2:]]
    reasons = [seconds(partial(_ask, address, f"/cases/why/{patient}", site)) for site, patient in patients[2:]]
    yield Figure("page of a patient, the first after the start", 1000 * max(cold), "ms")
    yield Figure("page of a patient, p95", 1000 * _p95(taken), "ms", 300)
    yield Figure("page of a patient, median", 1000 * statistics.median(taken), "ms")
    yield Figure("what made each yes of a patient, p95", 1000 * _p95(reasons), "ms")
    yield Figure("what made each yes of a patient, median", 1000 * statistics.median(reasons), "ms")


def _acts(page: Page) -> Iterator[Callable[[], object]]:
    for link in ("Pain and recovery", "Adjacent segment disease", "Revision", "Causes and red flags", "Overview"):
        yield page.locator(".nav").get_by_role("link", name=link, exact=True).click
    for place in (1, 2):
        yield partial(page.locator("select[name=site]").select_option, index=place)


def _timed(page: Page, act: Callable[[], object]) -> tuple[float, float]:
    """The seconds until what is in view is drawn, and until all is."""
    shown = "performance.getEntriesByName('shown').length"
    before = page.evaluate(shown)

    def repaint() -> None:
        act()
        wait_until(page, f"(before) => {shown} > before", before)
        wait_until_in_view_drawn(page)

    in_view = seconds(repaint)
    return in_view, in_view + seconds(partial(wait_until_drawn, page))


def _ask(address: str, path: str, site: str) -> int:
    """Ask for a page; its bytes as they come, compressed."""
    headers = {"Accept-Encoding": "gzip"}
    response = requests.get(f"{address}{path}", {"site": site}, headers=headers, timeout=60, stream=True)
    response.raise_for_status()
    return len(response.raw.read(decode_content=False))


def _p95(taken: Sequence[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


if __name__ == "__main__":
    main()
