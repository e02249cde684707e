"""Label again under other conventions, into a scratch release, and compare it with the current one.

A scratch release holds the marts of single patients only. It is no release: `current` never points at it, and nothing
of it is protected or published.
"""

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from outcomes.errors import OutcomesError
from outcomes.labelling.build import Progress, run
from outcomes.lake import Lake
from outcomes.measures.inputs import make_inputs
from outcomes.release.codebook import parquet_path
from outcomes.release.diff import PATIENT_MARTS, ReleaseDiff, diff
from outcomes.release.inputs import read_inputs, thresholds_sha256
from outcomes.release.open import MANIFEST, Release, current_release
from outcomes.release.verify import seal
from outcomes.settings import Settings
from outcomes.sql.catalog.marts import Mart, research_marts
from outcomes.sql.engine import connect
from outcomes.sql.reference import thresholds

_PLAIN_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class Trial:
    """What other conventions change: the scratch release's folder, and how it differs from the current release."""

    folder: Path
    diff: ReleaseDiff


def try_thresholds(settings: Settings, changed: Mapping[str, str], on_progress: Progress | None = None) -> Trial:
    """Label the current release's patients with changed thresholds.

    Args:
        settings: paths and thresholds.
        changed: values by the names of `sql/definitions/thresholds.yaml`, as text.
        on_progress: told about each step of the labelling.

    Raises:
        OutcomesError: threshold_unknown, threshold_malformed, no_release, or release_outdated when the lake or the
            definitions are no longer those of the current release, so that more than the thresholds would differ.
    """
    values = {name: _value(name, text) for name, text in changed.items()}
    before = current_release(settings)
    with connect(settings) as con:
        Lake.of(settings).attach(con)
        if read_inputs(con, settings).release_id != before.id:
            raise OutcomesError("release_outdated", before.id)
        run(con, on_progress, settings, changed_thresholds=values)
        make_inputs(con, settings)
        after = _write(con, settings.scratch, before, values)
    of_patients = {mart: rows for mart, rows in before.counts.items() if mart in after.counts}
    before = replace(before, manifest=before.manifest | {"rows": of_patients})
    return Trial(after.folder, diff(before, after, settings))


def _value(name: str, text: str) -> float | str:
    """The value as a number, or as text where the convention is one.

    Raises:
        OutcomesError: threshold_unknown, threshold_malformed.
    """
    if name not in thresholds():
        raise OutcomesError("threshold_unknown", name)
    if isinstance(thresholds()[name], str):
        return text
    if not _PLAIN_DECIMAL.fullmatch(text):
        raise OutcomesError("threshold_malformed", name)
    return float(text) if "." in text else int(text)


def _write(
    con: duckdb.DuckDBPyConnection, scratch: Path, before: Release, values: Mapping[str, float | str]
) -> Release:
    sha256 = thresholds_sha256({**thresholds(), **values})
    # A value may be any text: the folder has the digest of all of them, and the manifest tells them.
    folder = scratch / f"{before.id}+{sha256[:12]}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "parquet").mkdir(parents=True)
    rows = {mart.name: _write_mart(con, folder, mart) for mart in _marts()}
    tried = {"thresholds_sha256": sha256, "changed_thresholds": dict(values)}
    manifest = before.manifest | tried | {"release_id": folder.name, "rows": rows}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    seal(folder)
    return Release(folder.name, folder, manifest)


def _marts() -> Iterable[Mart]:
    return (mart for mart in research_marts() if mart.name in {"labels", *PATIENT_MARTS})


def _write_mart(con: duckdb.DuckDBPyConnection, folder: Path, mart: Mart) -> int:
    con.execute(f"create or replace temp table written as {mart.select}")
    con.sql("from written").write_parquet(str(folder / parquet_path(mart)), compression="zstd")
    (rows,) = con.execute("select count(*) from written").fetchone() or (0,)
    return int(rows)
