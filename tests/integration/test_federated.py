"""A federated study: its package, what sites give back, and what is made of it, beside all in one place."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pyarrow import parquet
from typer.testing import CliRunner

from outcomes import cli
from outcomes.errors import MISTAKES, OutcomesError
from outcomes.federated import archive
from outcomes.federated.merge import MANIFEST, MERGED, merge
from outcomes.federated.package import Package, make_package, open_package
from outcomes.federated.result import read_result, run_package
from outcomes.release.open import current_release
from outcomes.settings import Settings
from outcomes.sql.catalog.marts import protected_marts
from tests.integration.small_lake import SITES, fill_lake

NODES = (SITES[:1], SITES[1:])
KEY = ("measure", "resolution", "index_period", "stratum_kind", "stratum")
COUNTS = ("numerator", "patients", "excluded")
FIGURES = ("estimate", "estimate_low", "estimate_high", "person_years")
Row = dict[str, Any]


class Study(NamedTuple):
    """A package with its keys, and the results of two participants: one of a single site, one of two."""

    folder: Path
    file: Path
    key: Path
    package: Package
    results: list[Path]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("study")
    file, key = folder / "package.zip", folder / "study.pub"
    private_key = Ed25519PrivateKey.generate()
    write_keys(private_key, folder / "study.pem", key)
    make_package(Settings(home=folder), "asd-2026", folder / "study.pem", file)
    package, results = open_package(file, key), []
    for number, sites in enumerate(NODES):
        settings = Settings(home=folder / f"home-{number}", threads=1)
        fill_lake(settings, sites=sites)
        results.append(folder / f"result-{number}.zip")
        run_package(settings, package, results[-1])
    return Study(folder, file, key, package, results)


@pytest.fixture(scope="module")
def merged(study: Study) -> Path:
    merge(study.package, study.results[::-1], study.folder / "merged")
    return study.folder / "merged"


def write_keys(key: Ed25519PrivateKey | X25519PrivateKey, private: Path, public: Path) -> None:
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def contents(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def written(file: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w") as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return file


def code_of(error: pytest.ExceptionInfo[OutcomesError]) -> str:
    return error.value.code


def test_every_count_of_one_place_lies_between_the_bounds_of_the_totals(merged: Path, small_release: Settings) -> None:
    measures = current_release(small_release).parquet("measures")
    same = " and ".join(f"totals.{name} is not distinct from exact.{name}" for name in KEY)
    exact = f"(select *, numerator as yes, patients as counted, excluded as left_out from '{measures}')"
    with duckdb.connect(str(merged / MERGED), read_only=True) as con:
        joined = con.sql(
            f"select totals.*, yes, counted, left_out from totals inner join {exact} as exact "
            f"on {same} and exact.site_id is null"
        ).to_arrow_table()
        assert con.sql("select count(*) from totals").fetchall() == [(joined.num_rows,)]
    assert set(joined["state"].to_pylist()) == {"shown", "zero", "suppressed", "missing"}
    is_told = pc.not_equal(joined["state"], "suppressed")
    for name, exact in (("numerator", "yes"), ("patients", "counted"), ("excluded", "left_out")):
        low, high = joined[f"{name}_low"], joined[f"{name}_high"]
        assert pc.all(pc.less_equal(low, joined[exact])).as_py()
        assert pc.all(pc.greater_equal(high.filter(is_told), joined[exact].filter(is_told))).as_py()
        assert high.filter(pc.invert(is_told)).null_count == pc.sum(pc.invert(is_told)).as_py()
        # 11 and 12 are shown as 15, which stands for 11 to 17; patients are the sum of two such counts.
        assert pc.max(pc.subtract(high, low)).as_py() <= len(NODES) * 2 * 6


def test_every_protected_mart_is_there_with_whose_rows_they_are(study: Study, merged: Path) -> None:
    results = [read_result(file, study.package) for file in study.results]
    with duckdb.connect(str(merged / MERGED), read_only=True) as con:
        for mart in protected_marts():
            for number, result in enumerate(results, 1):
                rows = con.sql(f'select * exclude (result) from "{mart.name}" where result = {number}').to_arrow_table()
                assert rows.cast(result.tables[mart.name].schema).equals(result.tables[mart.name])
    stated = json.loads((merged / MANIFEST).read_text())
    assert [each["sites"] for each in stated["results"]] == [sorted(sites) for sites in NODES]
    assert [each["is_synthetic"] for each in stated["results"]] == [False, False]
    assert stated["package_sha256"] == study.package.sha256


def test_older_readers_can_open_what_is_merged(merged: Path) -> None:
    with duckdb.connect(str(merged / MERGED), read_only=True) as con:
        ((version,),) = con.sql("select tags['storage_version'] from duckdb_databases() where not internal").fetchall()
    assert version.startswith("v1.4.0")


def test_a_result_holds_the_protected_marts_and_nothing_else(study: Study) -> None:
    for file in study.results:
        assert sorted(contents(file)) == sorted(
            ["result.json", *(f"{mart.name}.parquet" for mart in protected_marts())]
        )


def test_the_same_lake_and_package_give_the_same_bytes(study: Study) -> None:
    again = study.folder / "again.zip"
    run_package(Settings(home=study.folder / "home-0", threads=1), study.package, again)
    assert again.read_bytes() == study.results[0].read_bytes()


def test_the_order_of_results_does_not_matter(study: Study, merged: Path, tmp_path: Path) -> None:
    merge(study.package, study.results, tmp_path / "merged")
    assert (tmp_path / "merged" / MANIFEST).read_bytes() == (merged / MANIFEST).read_bytes()
    with duckdb.connect() as con:
        for name, folder in (("one", merged), ("other", tmp_path / "merged")):
            con.execute(f"attach '{folder / MERGED}' as {name} (read_only)")
        assert con.sql("from one.totals").fetchall() == con.sql("from other.totals").fetchall()


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["package.json", "definitions.json", "signature"])
def test_a_package_that_was_changed_is_not_trusted(study: Study, tmp_path: Path, name: str) -> None:
    files = contents(study.file)
    content = files[name]
    files[name] = (
        content.replace(b"11", b"05") if name == "package.json" else content[:-2] + bytes([content[-2] ^ 1, 10])
    )
    with pytest.raises(OutcomesError) as error:
        open_package(written(tmp_path / "changed.zip", files), study.key)
    assert code_of(error) == "package_not_trusted"


def test_a_package_signed_by_another_is_not_trusted(study: Study, tmp_path: Path) -> None:
    write_keys(Ed25519PrivateKey.generate(), tmp_path / "other.pem", tmp_path / "other.pub")
    with pytest.raises(OutcomesError) as error:
        open_package(study.file, tmp_path / "other.pub")
    assert code_of(error) == "package_not_trusted"


@pytest.mark.parametrize("content", [b"", b"no key", "of another kind", "a private key"])
def test_what_is_no_key_is_named(study: Study, tmp_path: Path, content: bytes | str) -> None:
    key = tmp_path / "key"
    if content == "of another kind":
        write_keys(X25519PrivateKey.generate(), tmp_path / "private", key)
    elif content == "a private key":
        write_keys(Ed25519PrivateKey.generate(), key, tmp_path / "public")
    else:
        assert isinstance(content, bytes)
        key.write_bytes(content)
    with pytest.raises(OutcomesError) as error:
        open_package(study.file, key)
    assert code_of(error) == "key_unreadable"


@pytest.mark.parametrize("what", ["missing", "no archive", "a file more", "a file less", "cut"])
def test_what_is_no_package_is_named(study: Study, tmp_path: Path, what: str) -> None:
    file, files = tmp_path / "package.zip", contents(study.file)
    if what == "no archive":
        file.write_bytes(b"no archive")
    elif what == "a file more":
        written(file, files | {"more.json": b"{}"})
    elif what == "a file less":
        written(file, {name: content for name, content in files.items() if name != "signature"})
    elif what == "cut":
        file.write_bytes(study.file.read_bytes()[:-100])
    with pytest.raises(OutcomesError) as error:
        open_package(file, study.key)
    assert code_of(error) == "package_malformed"


@pytest.mark.parametrize(
    ("name", "value"), [("code_version", "0.0.1+0"), ("definitions_sha256", "0"), ("minimum_cell_count", 5)]
)
def test_a_site_runs_no_package_of_another_version(study: Study, tmp_path: Path, name: str, value: Any) -> None:
    settings = Settings(home=tmp_path / "home", threads=1)
    fill_lake(settings, sites=SITES[:1])
    with pytest.raises(OutcomesError) as error:
        run_package(settings, study.package._replace(**{name: value}), tmp_path / "result.zip")
    assert code_of(error) == "package_of_other_version"
    assert name in error.value.where
    assert not settings.releases.exists()
    assert not (tmp_path / "result.zip").exists()


def test_a_file_that_is_there_is_not_replaced(study: Study) -> None:
    before = study.results[0].read_bytes()
    with pytest.raises(OutcomesError) as error:
        run_package(Settings(home=study.folder / "home-1", threads=1), study.package, study.results[0])
    assert code_of(error) == "folder_not_empty"
    assert study.results[0].read_bytes() == before


def test_a_site_is_counted_once(study: Study, tmp_path: Path) -> None:
    with pytest.raises(OutcomesError) as error:
        merge(study.package, [*study.results, study.results[0]], tmp_path / "merged")
    assert code_of(error) == "results_overlap"
    assert list(tmp_path.iterdir()) == []


def test_a_result_of_another_package_is_not_merged(study: Study, tmp_path: Path) -> None:
    with pytest.raises(OutcomesError) as error:
        read_result(study.results[0], study.package._replace(sha256="0"))
    assert code_of(error) == "result_of_other_package"


@pytest.mark.parametrize("what", ["other bytes", "no table", "a column less", "a table less"])
def test_a_result_that_is_not_whole_is_not_merged(study: Study, tmp_path: Path, what: str) -> None:
    files = contents(study.results[0])
    if what == "other bytes":
        files["sites.parquet"] = table_bytes(read_result(study.results[0], study.package).tables["sites"])
    elif what == "no table":
        files = changed(files, "sites", b"no table")
    elif what == "a column less":
        files = changed(files, "sites", table_bytes(pa.table({"site_id": ["east"]})))
    else:
        del files["sites.parquet"]
    with pytest.raises(OutcomesError) as error:
        read_result(written(tmp_path / "result.zip", files), study.package)
    assert code_of(error) == "result_malformed"


@pytest.mark.parametrize("content", [b"[]", b"\xff", b"[" * 200_000, b'{"sha256": []}'])
def test_a_statement_that_states_nothing_is_named(study: Study, tmp_path: Path, content: bytes) -> None:
    files = contents(study.results[0]) | {"result.json": content}
    with pytest.raises(OutcomesError) as error:
        read_result(written(tmp_path / "result.zip", files), study.package)
    assert code_of(error) == "result_malformed"


def test_bytes_that_do_not_unpack_are_named(study: Study, tmp_path: Path) -> None:
    file, content = tmp_path / "result.zip", bytearray(study.results[0].read_bytes())
    for at in range(60, len(content) // 2, 50):
        content[at] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(OutcomesError) as error:
        read_result(file, study.package)
    assert code_of(error) == "result_malformed"


def test_an_archive_that_unpacks_to_more_than_memory_holds_is_not_read(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = contents(study.results[0])
    most = sum(map(len, files.values()))
    monkeypatch.setattr(archive, "_AT_MOST_BYTES", most)
    file = written(tmp_path / "result.zip", files)
    assert read_result(file, study.package)
    monkeypatch.setattr(archive, "_AT_MOST_BYTES", most - 1)
    with pytest.raises(OutcomesError) as error:
        read_result(file, study.package)
    assert code_of(error) == "result_malformed"


def of_all(row: Row) -> bool:
    return row["site_id"] is None and row["resolution"] == "all" and row["stratum_kind"] == "all"


UNSOUND: dict[str, Callable[[list[Row]], list[Row]]] = {
    "a row is missing": lambda rows: rows[1:],
    "a row is there twice": lambda rows: [*rows, rows[0]],
    "a measure is missing": lambda rows: [row for row in rows if row["measure"] != rows[0]["measure"]],
    "all sites are missing": lambda rows: [row for row in rows if row["site_id"]],
    "all patients are missing": lambda rows: [
        row for row in rows if row["resolution"] != "all" or row["stratum_kind"] != "all"
    ],
    "the site is another": lambda rows: [row | {"site_id": row["site_id"] and "elsewhere"} for row in rows],
    "no measure": lambda rows: [row | {"measure": None} for row in rows],
    "no state": lambda rows: [row | {"state": None} for row in rows],
    "another state": lambda rows: [row | {"state": "unknown"} for row in rows],
    "another kind of stratum": lambda rows: [row | {"stratum_kind": row["stratum_kind"].upper()} for row in rows],
    "shown without a count": lambda rows: [
        row | ({"excluded": None} if row["state"] != "suppressed" else {}) for row in rows
    ],
    "hidden with counts": lambda rows: [
        row | (dict.fromkeys(COUNTS, 20) if row["state"] == "suppressed" else {}) for row in rows
    ],
    "hidden with a share": lambda rows: [
        row | ({"estimate": 0.125} if row["state"] == "suppressed" else {}) for row in rows
    ],
    "a count below zero": lambda rows: [row | ({"excluded": -20} if row["excluded"] else {}) for row in rows],
    "more yes than patients": lambda rows: [
        row | ({"numerator": row["patients"] + 20} if row["patients"] else {}) for row in rows
    ],
}


@pytest.mark.parametrize("what", UNSOUND)
def test_measures_that_cannot_be_audited_and_added_up_are_not_merged(study: Study, tmp_path: Path, what: str) -> None:
    measures = read_result(study.results[1], study.package).tables["measures"]
    rows = UNSOUND[what](measures.to_pylist())
    assert refusal_of_merging(study, tmp_path, rows, measures.schema) == "result_malformed"


@pytest.mark.parametrize(
    ("mart", "column", "values"),
    [
        ("sites", "site_id", [None]),
        ("release_info", "minimum_cell_count", [5]),
        ("release_info", "minimum_cell_count", []),
        ("release_info", "patient_count_rounded", [-100]),
    ],
)
def test_a_mart_that_says_what_cannot_be_is_not_merged(
    study: Study, tmp_path: Path, mart: str, column: str, values: list[Any]
) -> None:
    table = read_result(study.results[0], study.package).tables[mart]
    table = with_column(table.slice(0, len(values)), column, values)
    with pytest.raises(OutcomesError) as error:
        read_result(with_mart(study.results[0], tmp_path, mart, table), study.package)
    assert code_of(error) == "result_malformed"


@pytest.mark.parametrize(
    ("mart", "column"),
    [("attrition", "patients_left"), ("measure_exclusions", "patients"), ("cumulative_incidence", "at_risk")],
)
def test_a_small_count_in_any_mart_is_refused(study: Study, tmp_path: Path, mart: str, column: str) -> None:
    table = read_result(study.results[1], study.package).tables[mart]
    file = with_mart(study.results[1], tmp_path, mart, with_column(table, column, [3] * len(table)))
    with pytest.raises(OutcomesError) as error:
        merge(study.package, [file], tmp_path / "merged")
    assert code_of(error) == "disclosure_risk"


def test_counts_that_are_not_rounded_are_refused(study: Study, tmp_path: Path) -> None:
    measures = read_result(study.results[1], study.package).tables["measures"]
    rows = [row | ({"excluded": row["excluded"] + 1} if row["excluded"] else {}) for row in measures.to_pylist()]
    assert refusal_of_merging(study, tmp_path, rows, measures.schema) == "disclosure_risk"


def with_column(table: pa.Table, name: str, values: list[Any]) -> pa.Table:
    at = table.column_names.index(name)
    return table.set_column(at, name, pa.array(values, table.schema.field(at).type))


def with_mart(result: Path, folder: Path, mart: str, table: pa.Table) -> Path:
    """The result with another mart."""
    return written(folder / "result.zip", changed(contents(result), mart, table_bytes(table)))


def test_a_result_that_shows_a_small_count_is_refused(study: Study, tmp_path: Path) -> None:
    result = read_result(study.results[1], study.package)
    measures = result.tables["measures"].to_pylist()
    row = next(row for row in measures if row["state"] == "suppressed")
    row.update({"numerator": 3, "patients": 53, "excluded": 20, "state": "shown"})
    assert refusal_of_merging(study, tmp_path, measures, result.tables["measures"].schema) == "disclosure_risk"


def test_a_result_from_which_a_small_count_can_be_worked_out_is_refused(study: Study, tmp_path: Path) -> None:
    """One of two sites is hidden beside the total and the other site: of its yes 1 to 10 are left."""
    result = read_result(study.results[1], study.package)
    measures = result.tables["measures"].to_pylist()
    measure, *_ = (row["measure"] for row in measures if row["state"] == "shown" and row["resolution"] == "all")
    told: dict[str | None, Row] = {
        None: {"numerator": 105, "patients": 205, "excluded": 0, "state": "shown"},
        "north": {"numerator": 100, "patients": 100, "excluded": 0, "state": "shown"},
        "south": {"numerator": None, "patients": None, "excluded": None, "state": "suppressed"},
    }
    for row in measures:
        if (row["measure"], row["resolution"], row["stratum_kind"]) == (measure, "all", "all"):
            row.update(told[row["site_id"]] | dict.fromkeys(FIGURES))
    assert refusal_of_merging(study, tmp_path, measures, result.tables["measures"].schema) == "disclosure_risk"


def refusal_of_merging(study: Study, tmp_path: Path, measures: list[dict[str, object]], schema: pa.Schema) -> str:
    """The code with which a result with these measures in place of its own is refused."""
    files = changed(contents(study.results[1]), "measures", table_bytes(pa.Table.from_pylist(measures, schema=schema)))
    with pytest.raises(OutcomesError) as error:
        merge(study.package, [study.results[0], written(tmp_path / "result.zip", files)], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
    return code_of(error)


def changed(files: dict[str, bytes], mart: str, content: bytes) -> dict[str, bytes]:
    """The files with another mart, and its sum."""
    stated = json.loads(files["result.json"])
    stated["sha256"][f"{mart}.parquet"] = hashlib.sha256(content).hexdigest()
    return files | {f"{mart}.parquet": content, "result.json": json.dumps(stated).encode()}


def table_bytes(table: pa.Table) -> bytes:
    content = io.BytesIO()
    parquet.write_table(table, content)
    return content.getvalue()


# --- the commands ------------------------------------------------------------------------------------------------


def test_the_commands_of_the_page(study: Study, tmp_path: Path) -> None:
    package, result = tmp_path / "package.zip", tmp_path / "east.zip"
    home = ["--home", str(study.folder / "home-0")]
    key = ["--key", str(study.key)]
    for arguments in (
        ["package", "make", str(package), "--study", "asd-2026", "--key", str(study.folder / "study.pem")],
        [*home, "package", "run", str(package), *key, "--to", str(result)],
        ["merge", str(result), "--package", str(package), *key, "--to", str(tmp_path / "merged")],
    ):
        done = CliRunner().invoke(cli.app, arguments)
        assert done.exit_code == 0, done.output
    assert package.read_bytes() == study.file.read_bytes()
    refused = CliRunner().invoke(cli.app, [*home, "package", "run", str(result), *key, "--to", str(tmp_path / "x.zip")])
    assert refused.exit_code == MISTAKES["package_malformed"].exit_status
