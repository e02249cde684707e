"""How quick the dashboards are over a large release, in a real browser: sizes, first charts, callbacks and clicks.

A synthetic registry is multiplied to about 100 sites, labelled and measured; the marts that the dashboards read become
a release, which is served as in production. Run with `python -m benchmarks.dashboards --patients 1000000`.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import requests
from playwright.sync_api import Browser, Page

from benchmarks._large import make_large_lake
from benchmarks.measures import COPIES_OF_SITE
from outcomes.disclosure.protect import ReleaseFacts, protected_tables
from outcomes.labelling.build import run
from outcomes.measures.build import run_measures
from outcomes.release.build import relations_of_marts
from outcomes.release.verify import seal
from outcomes.settings import Settings
from outcomes.sql.catalog.marts import protected_marts, research_marts
from outcomes.sql.engine import connect
from tests.support.browser import browser, serving, wait_until, wait_until_drawn

RELEASE = "2026-09-benchmark"
NOT_READ = {
    "episodes",
    "expected_outcomes",
    "follow_ups",
    "label_evidence",
    "labels",
    "responders",
    "revisions",
    "sensitivity",
    "visit_windows",
}
"""Research marts that no page of the benchmark reads; they stay empty."""
PAGES = ("/", "/measure/pain_past_3_months", "/pain", "/asd", "/revision", "/causes", "/signals", "/data-quality")
VIEWS_PER_PAGE = 12
USERS = 8


def main() -> None:
    """Build the release if there is none, then print every figure beside its budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="keep the registry and the release here and reuse them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(home=options.home or Path(scratch), memory_limit="6GB")
        if not (settings.releases / RELEASE).is_dir():
            _build(settings, Path(scratch) / "large", options.patients)
        with serving(settings.home, workers=2) as address, browser() as chromium:
            _measure_first_load(chromium, address)
            _measure_callbacks(address, _sites(settings))
            _measure_clicks(chromium, address)


def _build(settings: Settings, lake: Path, patients: int) -> None:
    print(f"building a release of {patients:,} patients")
    make_large_lake(settings, lake, patients, COPIES_OF_SITE)
    folder = settings.releases / RELEASE
    folder.mkdir(parents=True)
    with connect(settings) as con:
        for file in sorted(lake.glob("*.parquet")):
            con.execute(f"create view {file.stem} as from '{file}'")
        run(con, kept=relations_of_marts())
        run_measures(con, settings.annotations_file, settings.targets_file, settings.minimum_cell_count)
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
    with duckdb.connect(str(settings.releases / RELEASE / "dashboard.duckdb"), read_only=True) as con:
        return [site for (site,) in con.execute("select site_id from sites order by site_id").fetchall()]


def _measure_first_load(chromium: Browser, address: str) -> None:
    """Bytes over the wire, and the time until every chart of a page is drawn, in a browser that has seen nothing."""
    sizes, seconds = [], []
    for path in PAGES[1:]:
        context = chromium.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        network = context.new_cdp_session(page)
        loaded: list[float] = []
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda event, loaded=loaded: loaded.append(event["encodedDataLength"]))
        started = time.perf_counter()
        page.goto(address + path)
        wait_until_drawn(page)
        seconds.append(time.perf_counter() - started)
        sizes.append(sum(loaded))
        context.close()
    _say("first load, compressed", max(sizes) / 1000, "kB", 800)
    _say("charts visible, cold (slowest page)", max(seconds), "s", 3)


def _measure_callbacks(address: str, sites: list[str]) -> None:
    """Each page for several sites, none of them asked twice: first by one user, then by several at once."""
    asked = [(page, site) for page in PAGES for site in sites[:VIEWS_PER_PAGE]]
    sizes: list[int] = []

    def ask(view: tuple[str, str]) -> float:
        started = time.perf_counter()
        sizes.append(_ask(address, *view))
        return time.perf_counter() - started

    alone = [ask(view) for view in asked]
    _say("callback, one user, p95", 1000 * _p95(alone), "ms", 150)
    others = [(page, site) for page in PAGES for site in sites[VIEWS_PER_PAGE : 3 * VIEWS_PER_PAGE]]
    with ThreadPoolExecutor(USERS) as users:
        together = list(users.map(ask, others))
    _say(f"callback, {USERS} users, p95", 1000 * _p95(together), "ms", 300)
    _say("callback, largest, compressed", max(sizes) / 1000, "kB", 25)


def _measure_clicks(chromium: Browser, address: str) -> None:
    """From a click on a page of the header, or a choice in the filters, until the new page is drawn."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address + PAGES[1])
    wait_until_drawn(page)
    seconds = [_timed(page, act) for _ in range(3) for act in _acts(page)]
    _say("click to repaint, p95", 1000 * _p95(seconds), "ms", 500)
    print(f"{'':4}median {1000 * statistics.median(seconds):.0f} ms of {len(seconds)} clicks")


def _acts(page: Page) -> Iterator[Callable[[], object]]:
    for link in ("Pain and recovery", "Adjacent segment disease", "Revision", "Causes and red flags", "Overview"):
        yield page.locator(".nav").get_by_role("link", name=link, exact=True).click
    for place in (3, 5, 7):
        yield partial(page.locator("select[name=site]").select_option, index=place)


def _timed(page: Page, act: Callable[[], object]) -> float:
    settled = "performance.getEntriesByName('settled').length"
    before = page.evaluate(settled)
    started = time.perf_counter()
    act()
    wait_until(page, f"(before) => {settled} > before", before)
    wait_until_drawn(page)
    return time.perf_counter() - started


def _ask(address: str, path: str, site: str) -> int:
    """Ask what the browser asks when an address is opened; the bytes of the answer as it comes, compressed."""
    outputs = [{"id": "page", "property": "children"}, {"id": "title", "property": "data"}]
    outputs.append({"id": "release", "property": "data"})
    asked: Any = {
        "output": "..page.children...title.data...release.data..",
        "outputs": outputs,
        "inputs": [
            {"id": "address", "property": "pathname", "value": path},
            {"id": "address", "property": "search", "value": f"?site={site}"},
        ],
        "state": [{"id": "release", "property": "data", "value": None}],
        "changedPropIds": ["address.search"],
    }
    headers = {"Sec-Fetch-Site": "same-origin", "Accept-Encoding": "gzip"}
    response = requests.post(f"{address}/_dash-update-component", json=asked, headers=headers, timeout=60, stream=True)
    response.raise_for_status()
    return len(response.raw.read(decode_content=False))


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def _say(what: str, figure: float, unit: str, budget: float) -> None:
    print(f"{what:<38} {figure:8.1f} {unit:<3} budget {budget:g} {unit}", flush=True)


if __name__ == "__main__":
    main()
