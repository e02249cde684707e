"""The same SQL says the same on another engine: every relation of labels and measures, row by row; and the marts."""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from benchmarks._registries import load_registry
from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.labelling.build import run
from outcomes.lake import PROVENANCE, SUBMISSIONS
from outcomes.measures.inputs import make_inputs
from outcomes.release.build import build_release
from outcomes.release.open import DASHBOARD, RESEARCH
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import relations_in_order
from outcomes.sql.engine import connect
from outcomes.sql.engine_choice import engine_of
from outcomes.sql.files import load
from outcomes.sql.shipped import shipped
from outcomes.synthetic.profiles import site_profiles
from tests.integration.small_lake import fill_lake
from tests.support.monthly_lake import invented
from tests.support.situations import PERIODS

PATIENTS = 300
"""Drawn as those of a registry."""
AT_THE_EDGES = 80
"""Of each of two further sites; their records lie at the edges of the rules."""
SENT = {"edges": tuple(TABLES), "gaps": ("patients", "procedures", "diagnoses")}
"""What these sites sent of the last month; of those before, everything."""
VALUE_SET = "profile,index\n11111,1.0\n21232,0.7\n33333,0.2\n"
IN_SUBMISSIONS_ALONE = {"blanked_cells", "rule_failures", "rule_history", "validation_results"}
"""Relations about the rules of the intake, which these submissions never met."""
SMALL_SPARK = "--conf spark.sql.shuffle.partitions=2 --conf spark.ui.enabled=false pyspark-shell"


@pytest.fixture(params=["sail", pytest.param("spark", marks=pytest.mark.long)])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An engine that is installed here, or the test is skipped."""
    name: str = request.param
    pytest.importorskip("pysail" if name == "sail" else "pyspark")
    if name == "spark" and not (shutil.which("java") and importlib.util.find_spec("py4j")):
        pytest.skip("needs Java, and pyspark in the place of pyspark-client")
    # A session on Sail leaves it set, with which a Spark of this machine does not begin.
    monkeypatch.delenv("SPARK_CONNECT_MODE_ENABLED", raising=False)
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", SMALL_SPARK)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    return name


def test_every_relation_has_the_same_rows(engine: str, tmp_path: Path) -> None:
    (tmp_path / "values.csv").write_text(VALUE_SET, encoding="utf-8")
    with _measured(tmp_path, "duckdb") as expected, _measured(tmp_path, engine) as found:
        files = [*relations_in_order(), *load(shipped("sql", "relations", "measures"))]
        empty = {file.name for file in files if not expected.sql(f'from "{file.name}"').limit(1).fetchall()}
        assert empty <= IN_SUBMISSIONS_ALONE
        relations = [*(file.name for file in files), "labels", "label_evidence"]
        assert not [name for name in relations if not _are_equal(*(con.table(name) for con in (expected, found)))]
    assert not [*(tmp_path / "tmp").glob("engine-*")]


@pytest.mark.long
def test_marts_are_the_same(engine: str, tmp_path: Path) -> None:
    releases = []
    for name in ("duckdb", engine):
        settings = Settings(home=tmp_path / name, engine=name, threads=1)  # type: ignore[arg-type]
        fill_lake(settings)
        releases.append(build_release(settings).folder)
    different = []
    for file in (RESEARCH, DASHBOARD):
        with duckdb.connect(str(releases[0] / file)) as expected, duckdb.connect(str(releases[1] / file)) as found:
            marts = [mart for (mart,) in expected.execute("select table_name from duckdb_tables()").fetchall()]
            assert marts
            different += [mart for mart in marts if not _are_equal(expected.table(mart), found.table(mart))]
    assert not different


def test_an_engine_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysail", None)
    with pytest.raises(OutcomesError) as error:
        engine_of(Settings(engine="sail"))
    assert (error.value.code, error.value.where) == ("engine_missing", "sail")


@contextmanager
def _measured(home: Path, engine: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with every relation of labels and measures of an invented registry."""
    settings = Settings(home=home, engine=engine, eq5d_value_set=home / "values.csv")  # type: ignore[arg-type]
    with connect(settings) as con:
        load_registry(con, seed=1, profiles=site_profiles(2), patients=PATIENTS)
        for seed, (site, sent) in enumerate(SENT.items()):
            _add_site(con, site, seed, sent)
        run(con, settings=settings)
        make_inputs(con, settings)
        yield con


def _add_site(con: duckdb.DuckDBPyConnection, site: str, seed: int, sent: tuple[str, ...]) -> None:
    provenance = {"site_id": site, "period": PERIODS[0], "submission_id": f"{site}-{PERIODS[0]}"}
    for name, rows in invented(site, AT_THE_EDGES, seed).items():
        schema = pa.schema([*PROVENANCE, *TABLES[name].schema])
        _insert(con, name, pa.Table.from_pylist([provenance | row for row in rows], schema=schema))
    tables = {PERIODS[0]: tuple(TABLES), PERIODS[-1]: sent}
    submissions = [
        {"submission_id": f"{site}-{period}", "site_id": site, "period": period, "tables": _counts(names)}
        for period, names in tables.items()
    ]
    rows = pa.Table.from_pylist(submissions, schema=SUBMISSIONS)
    _insert(con, "submissions", rows.append_column("status", pa.repeat("accepted", len(submissions))))


def _counts(tables: tuple[str, ...]) -> list[dict[str, object]]:
    numbers = dict.fromkeys(("rows_in", "rows_accepted", "rows_quarantined", "rows_pending"), 1)
    return [{"source_table": table, **numbers} for table in tables]


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    con.register("rows", rows)
    con.execute(f"insert into {table} by name from rows")
    con.unregister("rows")


def _are_equal(expected: duckdb.DuckDBPyRelation, found: duckdb.DuckDBPyRelation) -> bool:
    """Whether two relations have the same columns and, in a total order, the same rows; doubles but for rounding."""
    if (expected.columns, expected.types) != (found.columns, found.types):
        return False
    doubles = [name for name, kind in zip(expected.columns, expected.types, strict=True) if kind in ("DOUBLE", "FLOAT")]
    order = ", ".join(f'"{name}"' for name in sorted(expected.columns, key=lambda name: name in doubles))
    tables = [relation.order(order).to_arrow_table() for relation in (expected, found)]
    if not tables[0].drop_columns(doubles).equals(tables[1].drop_columns(doubles)):
        return False
    return all(_are_close(*(table[name] for table in tables)) for name in doubles)


def _are_close(expected: pa.ChunkedArray, found: pa.ChunkedArray) -> bool:
    if not expected.is_null().equals(found.is_null()):
        return False
    return np.allclose(expected.to_numpy(), found.to_numpy(), rtol=1e-9, atol=1e-12, equal_nan=True)
