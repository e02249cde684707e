"""Throughput and memory of the import of a FHIR export, as large as asked for.

A small synthetic registry is written as an export, and again and again under other ids until it is large enough. The
import runs in a process of its own, whose peak is that of the import. Alone, with 1 GB of NDJSON:
`python -m benchmarks.fhir --megabytes 1000`.
"""

import argparse
import re
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks._figures import Figure, Measured, say
from outcomes.intake.sources.engine import import_extract
from outcomes.intake.sources.fhir import fhir_source
from outcomes.intake.sources.fhir_mapping import read_fhir_mapping
from outcomes.settings import Settings
from outcomes.synthetic import synthesize
from tests.support.fhir_export import Export, sayable, write_export
from tests.support.synthetic import rows_in_force

_PERIOD = "2026-09"
_IDS = re.compile(r'("id": "|"reference": "(?:[^"]*/)?[A-Z][A-Za-z]+/)')
_PLAIN = ("Patient.000", "Procedure.000", "visits", "drugs", "imaging")


def main() -> None:
    """Write an export, import it, and print how fast and with how much memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=20)
    say(measure(parser.parse_args().megabytes))


def measure(megabytes: int) -> Measured:
    """The size of the export, the time of its import, and the peak of the process that imports.

    Args:
        megabytes: how large the export is, at the least.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        export = _small_export(folder)
        size = _enlarge(export.folder, megabytes * 10**6)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            seconds, patients, peak = pool.submit(_import, folder / "imported", export).result()
    return Measured(
        [
            Figure("size of the FHIR export", size / 10**6, "MB"),
            Figure("its patients with an index fusion", patients, "patients"),
            Figure("import of the FHIR export", seconds, "s"),
            Figure("throughput", size / 10**6 / seconds, "MB/s"),
            Figure("peak of the import", peak, "GiB"),
        ]
    )


def _small_export(folder: Path) -> Export:
    settings = Settings(home=folder / "registry")
    synthesize(settings, seed=5, sites=1, patients=300, months=0, until=_PERIOD, faults=False, stories=False)
    ((site, tables),) = rows_in_force(settings).items()
    return write_export(folder / site, sayable(tables), "limited_data_set")


def _enlarge(folder: Path, size: int) -> int:
    """Add copies under other ids until the plain files are so large."""
    files = {path: path.read_text(encoding="utf-8") for path in folder.glob("*.ndjson") if path.stem in _PLAIN}
    once = sum(len(text) for text in files.values())
    copies = range(1, size // once + 1)
    for path, text in files.items():
        with path.open("a", encoding="utf-8") as lines:
            for one in _renamed(text, copies):
                lines.write(one)
    return sum(path.stat().st_size for path in folder.iterdir())


def _renamed(text: str, copies: range) -> Iterator[str]:
    for copy in copies:
        yield _IDS.sub(rf"\g<1>c{copy}-", text)


def _import(home: Path, export: Export) -> tuple[float, int, float]:
    """Seconds, patients delivered, and the peak of this process in GiB."""
    settings = Settings(home=home, memory_limit="3GB")
    source = fhir_source(export.folder, read_fhir_mapping(export.mapping), strip_identifiers=True)
    began = time.perf_counter()
    imported = import_extract(settings, source, "north", _PERIOD)
    seconds = time.perf_counter() - began
    patients = next(file.rows for file in imported.manifest.files if file.table == "patients")
    return seconds, patients, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
