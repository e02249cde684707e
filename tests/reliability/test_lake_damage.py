"""One wrong bit in a file of the lake changes no value silently: it is named, or all is read as it was written.

`FLIPS=1000 SEED=1 pytest tests/reliability/test_lake_damage.py` flips so many bits of each kind of file.
"""

import os
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from outcomes import pipeline
from outcomes.errors import OutcomesError
from outcomes.lake import Lake
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.support.lake_state import lake_state
from tests.support.submissions import follow_up, fusion, image, patient, write_submission

FLIPS = int(os.environ.get("FLIPS", "10"))
SEED = int(os.environ.get("SEED", "1"))

FILES: dict[str, Callable[[Path], list[Path]]] = {
    "rows": lambda lake: [path for path in lake.rglob("*.parquet") if "submissions" not in path.parts],
    "submissions": lambda lake: list((lake / "submissions").glob("*.parquet")),
    "logs": lambda lake: list(lake.glob("*/_delta_log/*.json")),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("whole")
    settings = Settings(home=home)
    people = [f"p{number}" for number in range(1, 20)]
    for site in ("north", "south"):
        tables = {"patients": [patient(one, age_years=40 + len(one)) for one in people]}
        tables |= {"procedures": [fusion(one) for one in people], "imaging": [image(one) for one in people]}
        write_submission(settings, site, "2026-01", tables)
    visits = {"patients": [patient("p1")], "procedures": [], "follow_ups": [follow_up(one) for one in people]}
    write_submission(settings, "north", "2026-02", visits, kind="incremental")
    pipeline.ingest_landed(settings)
    return home


@pytest.mark.parametrize("kind", FILES)
def test_a_flipped_bit_is_named_or_changes_nothing(whole: Path, tmp_path: Path, kind: str) -> None:
    expected = lake_state(Settings(home=whole))
    chance = random.Random(f"{SEED} {kind}")
    settings = Settings(home=tmp_path)
    seen = Counter[str]()
    for _ in range(FLIPS):
        shutil.rmtree(settings.lake, ignore_errors=True)
        shutil.copytree(whole / "lake", settings.lake)
        file = chance.choice(sorted(FILES[kind](settings.lake)))
        place = _flip(file, chance)
        said = _said(settings, expected)
        seen[said] += 1
        assert said in ("nothing changed", "damage named"), (
            f"{said}: seed {SEED}, {file.relative_to(tmp_path)}, {place}"
        )
    print(f"seed {SEED}, {FLIPS} flips of {kind}: {dict(seen)}")


def _flip(file: Path, chance: random.Random) -> str:
    content = bytearray(file.read_bytes())
    byte, bit = chance.randrange(len(content)), chance.randrange(8)
    content[byte] ^= 1 << bit
    file.write_bytes(content)
    return f"bit {bit} of byte {byte}"


def _said(settings: Settings, expected: dict[str, Any]) -> str:
    try:
        with connect(settings) as con:
            if Lake(settings.lake).attach_sound(con):
                return "damage named"
        return "nothing changed" if lake_state(settings) == expected else "a value changed"
    except OutcomesError as error:
        return "damage named" if error.code == "lake_damaged" else error.code
    except Exception as error:
        return type(error).__name__


def test_a_wrong_bit_where_a_file_names_its_judgement_hides_no_row(whole: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    shutil.copytree(whole / "lake", settings.lake)
    expected = lake_state(settings)
    (file,) = (settings.lake / "imaging" / "site_id=south").rglob("*.parquet")
    content = file.read_bytes()
    # Its rows name it once, as the word of a dictionary; the statistics of pages and columns name it again.
    places = [found.start() for found in re.finditer(rb"south-2026-01-[0-9a-f]{12}", content)]
    assert len(places) > 4
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1
        file.write_bytes(flipped)
        assert _said(settings, expected) in ("nothing changed", "damage named")


def test_no_month_is_judged_beside_rows_that_are_not_what_was_committed(whole: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    shutil.copytree(whole, settings.home)
    (file,) = (settings.lake / "patients" / "site_id=north" / "period=2026-01").glob("*.parquet")
    rows = parquet.ParquetFile(file).read()
    cuts = pa.array([200] * rows.num_rows, pa.int64())
    parquet.write_table(rows.set_column(rows.column_names.index("data_cut_day"), "data_cut_day", cuts), file)
    visits = {"patients": [patient("p99")], "procedures": [], "follow_ups": [follow_up("p2", day=400)]}
    for site in ("north", "south"):
        write_submission(settings, site, "2026-03", visits, kind="incremental")
    with pytest.raises(OutcomesError, match=r"lake_damaged.*north/2026-01 patients"):
        pipeline.ingest(settings, "north", "2026-03")
    pipeline.ingest(settings, "south", "2026-03")
    pipeline.repair(settings, lambda _: None)
    assert pipeline.ingest(settings, "north", "2026-03").rows_accepted == 2


@pytest.fixture
def settings(whole: Path, tmp_path: Path) -> Settings:
    """Of a copy of the whole lake, to be harmed."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    return Settings(home=tmp_path)


def _without_its_log(table: Path) -> None:
    shutil.rmtree(table / "_delta_log")


def _without_its_last_commit(table: Path) -> None:
    sorted((table / "_delta_log").glob("*.json"))[-1].unlink()


def _cut_short(table: Path) -> None:
    for file in table.glob("*.parquet"):
        file.write_bytes(file.read_bytes()[:-100])


def _gone(table: Path) -> None:
    shutil.rmtree(table)


def _flipped_everywhere(table: Path) -> None:
    chance = random.Random(SEED)
    for file in table.glob("*.parquet"):
        for _ in range(20):
            _flip(file, chance)


@pytest.mark.parametrize("harm", [_without_its_log, _without_its_last_commit, _cut_short, _gone, _flipped_everywhere])
def test_a_damaged_record_of_submissions_is_named_and_written_again(
    settings: Settings, harm: Callable[[Path], None]
) -> None:
    pipeline.withdraw(settings, "south", "2026-01", "wrong_data")
    expected = lake_state(settings)
    harm(settings.lake / "submissions")
    with pytest.raises(OutcomesError, match="lake_damaged"):
        Lake(settings.lake).attempts()
    with pytest.raises(OutcomesError, match="lake_damaged"):
        pipeline.ingest(settings, "south", "2026-01")
    pipeline.repair(settings, lambda _: None)
    assert lake_state(settings) == expected


def test_a_damaged_copy_of_a_record_stops_nothing(settings: Settings) -> None:
    expected = lake_state(settings)
    copies = list((settings.lake / "records").glob("*/*.parquet"))
    for copy in copies:
        copy.write_bytes(b"")
    assert lake_state(settings) == expected
    pipeline.withdraw(settings, "south", "2026-01", "wrong_data")
    pipeline.repair(settings, lambda _: None)
    assert {one.outcome for one in Lake(settings.lake).attempts("south")} == {"withdrawn"}
    assert all(copy.stat().st_size for copy in copies)


def test_a_copy_that_a_crash_left_unfinished_is_none(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _crash)
        with pytest.raises(KeyboardInterrupt):
            pipeline.withdraw(settings, "south", "2026-01", "wrong_data")
    assert {one.outcome for one in Lake(settings.lake).attempts("south")} == {"withdrawn"}
    pipeline.repair(settings, lambda _: None)
    assert len(list((settings.lake / "records" / "south").glob("*.parquet"))) == 2


def _crash(*_: Any) -> None:
    raise KeyboardInterrupt


def test_a_record_that_is_lost_twice_is_named_and_the_month_waits(settings: Settings) -> None:
    expected = lake_state(settings)
    shutil.rmtree(settings.lake / "submissions")
    (copy,) = (settings.lake / "records" / "south").iterdir()
    copy.write_bytes(b"")
    said: list[Any] = []
    pipeline.repair(settings, said.append)
    assert [str(one).partition(" (")[2][:5] for one in said] == ["south"]
    assert [one.site_id for one in pipeline.waiting(settings)] == ["south"]
    pipeline.ingest(settings, "south", "2026-01")
    assert lake_state(settings) == expected


def test_a_repair_that_was_killed_before_it_wrote_goes_on(settings: Settings) -> None:
    expected = lake_state(settings)
    shutil.rmtree(settings.lake / "records")
    (settings.lake / "submissions").rename(settings.lake / ".submissions-20260101T000000000000")
    with pytest.raises(OutcomesError, match="lake_damaged"):
        Lake(settings.lake).attempts()
    pipeline.repair(settings, lambda _: None)
    assert lake_state(settings) == expected
