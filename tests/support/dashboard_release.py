"""A release of invented numbers, as the dashboards read it: made in a second, and telling when a number leaks.

Sites in `SITES` that are not in `OWN` have exact numbers that nobody but they may see: each of them is one of
`SECRETS`, and each of their texts holds `SECRET_WORD`. So have the exact numbers of all sites together. A page for
anybody else that holds one of them has told what it should not.
"""

import json
import re
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from outcomes.release import publish
from outcomes.release.open import DASHBOARD, MANIFEST, RESEARCH
from outcomes.sql.catalog.marts import Mart, protected_marts, research_marts
from outcomes.sql.quoting import literal
from tests.support import dashboard_rows as rows
from tests.support.marts import table

SITES = {
    "ashworth": "Ashworth General",
    "brackenridge": "Brackenridge Regional Spine and Rehabilitation Centre at Saint Bartholomew-upon-the-Water",
    "calder": "Calder Valley",
    "dunmore": "Dunmore University Hospital",
    "eastfield": "Eastfield",
    "fernhill": "Fernhill Orthopaedic",
}
"""Name by id, in the order of the names."""
OWN = ("ashworth", "brackenridge")
"""Sites with plausible numbers, for pages that are looked at."""
FOREIGN = "calder"
"""A site of nobody in the tests' registers."""
EMPTY = "eastfield"
"""A site that has delivered nothing."""
FIRST_ID, SECOND_ID = "2026-03-1f0c9a77d2be", "2026-04-bbbbbbbbbbbb"
PATIENTS = 640
"""Of each site."""

SECRETS = (104729, 224737, 350377, 479909, 611953, 746773, 882377, 951161)
"""The exact numbers of foreign sites, and of all sites together."""
SECRET_WORD = "unseen"


def leaked(text: str) -> list[str]:
    """The secrets that a text tells, as they are, with thousands separated, or as percent."""
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    numbers = [str(secret) for secret in SECRETS if re.search(rf"(?<![\d.]){secret}(00)?(?!\d)", plain)]
    return numbers + [SECRET_WORD] * (SECRET_WORD in text)


def write_release(
    home: Path,
    release_id: str = FIRST_ID,
    sites: int = len(SITES),
    *,
    patients: int = PATIENTS,
    all_hidden: bool = False,
    after: str | None = None,
) -> Path:
    """Publish a release below `home/releases`.

    Args:
        home: the folder that holds all data.
        release_id: name of the release's folder.
        sites: how many sites it has, 1 to 120 and more.
        patients: how many each site has.
        all_hidden: every protected count of patients is suppressed.
        after: the release before it.
    """
    names = _names(sites)

    def write(folder: Path) -> None:
        (folder / DASHBOARD).write_bytes(_dashboard(release_id, names, patients, all_hidden))
        (folder / RESEARCH).write_bytes(_research(names, patients))
        _write_manifest(folder, release_id, after)

    return publish.publish(home / "releases", release_id, write, kept=3)


def write_release_of(home: Path, con: duckdb.DuckDBPyConnection, names: dict[str, str]) -> Path:
    """Publish a release whose exact numbers are computed ones; what is told of other sites is invented.

    So what the pages say of one's own site can be looked at without the minutes that protection takes.

    Args:
        home: the folder that holds all data.
        con: holds the relations of labels and measures; a mart of another relation is left empty.
        names: of the sites, by id.
    """

    def write(folder: Path) -> None:
        _write_dashboard(folder / DASHBOARD, rows.protected(FIRST_ID, names, EMPTY, PATIENTS, all_hidden=False))
        _write_manifest(folder, FIRST_ID)
        made = {name for (name,) in con.execute("select table_name from information_schema.tables").fetchall()}
        con.execute(f"attach {literal(folder / RESEARCH)} as research")
        for mart in research_marts():
            con.register("nothing", table(mart, []))
            con.execute(f'create table research."{mart.name}" as from nothing')
            if mart.relation in made:
                con.execute(f'insert into research."{mart.name}" by name {mart.select}')
        con.execute("detach research")

    return publish.publish(home / "releases", FIRST_ID, write, kept=1)


Names = tuple[tuple[str, str], ...]
"""Each site's id and name."""


@lru_cache(maxsize=8)
def _dashboard(release_id: str, names: Names, patients: int, all_hidden: bool) -> bytes:
    """The database of what everybody may see. Many tests ask for the same, which takes half a second to invent."""
    with TemporaryDirectory() as folder:
        database = Path(folder, DASHBOARD)
        _write_dashboard(database, rows.protected(release_id, dict(names), EMPTY, patients, all_hidden))
        return database.read_bytes()


@lru_cache(maxsize=8)
def _research(names: Names, patients: int) -> bytes:
    """The database of the exact numbers; of it holds the same."""
    with TemporaryDirectory() as folder:
        database = Path(folder, RESEARCH)
        with duckdb.connect(str(database)) as con:
            _fill(con, research_marts(), rows.exact("ashworth", patients))
            _add_sites(con, [site for site, _ in names if site not in ("ashworth", EMPTY)])
        return database.read_bytes()


def _write_dashboard(database: Path, protected: rows.Rows) -> None:
    with duckdb.connect(str(database)) as con:
        _fill(con, protected_marts(), protected)


def _write_manifest(folder: Path, release_id: str, after: str | None = None) -> None:
    manifest: dict[str, object] = {"release_id": release_id, "data_to": rows.DATA_TO, "is_synthetic": True}
    manifest |= {"audit": {"compared_with": [after] if after else []}}
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def _names(sites: int) -> Names:
    more = {f"site-{number:03d}": f"Harbour City {number}" for number in range(len(SITES), sites)}
    return tuple((SITES | more).items())[:sites]


def _fill(con: duckdb.DuckDBPyConnection, declared: tuple[Mart, ...], contents: rows.Rows) -> None:
    """Make every table with its columns as they are declared."""
    for mart in declared:
        con.register("made", table(mart, contents[mart.name]))
        con.execute(f'create table "{mart.name}" as from made')
        con.unregister("made")


def _add_sites(con: duckdb.DuckDBPyConnection, sites: list[str]) -> None:
    """What the first site has, for the others and for all sites together: as it is, or as secrets."""
    plausible, foreign = [site for site in sites if site in OWN], [site for site in sites if site not in OWN]
    for mart in research_marts():
        name = f'"{mart.name}"'
        if "site_id" in mart.key:
            con.execute(f"create temp table own as from {name}")
            everybody: list[str | None] = [*foreign, *([None] if "patient_id" not in mart.key else [])]
            for site_ids, replaced in ((plausible, []), (everybody, _secret_columns(con, mart))):
                columns = ", ".join(["other as site_id", *replaced])
                con.execute(
                    f"insert into {name} select columns(* exclude other) "
                    f"from (select * replace ({columns}) from own cross join (select unnest(?::varchar[]) as other))",
                    [site_ids],
                )
            con.execute("drop table own")
        elif not mart.name.startswith(("measure_definitions", "rule_")):
            columns = ", ".join(_secret_columns(con, mart))
            con.execute(f"create or replace table {name} as select * replace ({columns}) from {name}")


_NAMING = ("patient_id", "record_id", "follow_up_id", "submission_id", "procedure_ids", "annotation")
"""Texts that tell of a patient, or of a site."""


def _secret_columns(con: duckdb.DuckDBPyConnection, mart: Mart) -> list[str]:
    """SQL that replaces each number that is no part of the key by a secret, and marks each naming text."""
    types = {name: kind for name, kind, *_ in con.execute(f'describe "{mart.name}"').fetchall()}
    numbers = [name for name, kind in types.items() if kind in ("BIGINT", "DOUBLE") and name not in mart.key]
    replaced = [
        f'case when "{name}" is not null then {SECRETS[place % len(SECRETS)]} end::{types[name]} as "{name}"'
        for place, name in enumerate(numbers)
    ]
    texts = [name for name in _NAMING if types.get(name) == "VARCHAR"]
    return [*replaced, *(f'\'{SECRET_WORD} \' || "{name}" as "{name}"' for name in texts)]
