"""Whatever mix of good and bad rows a site sends, each row is accepted or quarantined, exactly once."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from outcomes.contract import TABLES
from outcomes.intake.rules import rules
from outcomes.intake.submission import ingest_submission
from outcomes.lake import SubmissionRecord
from outcomes.settings import Settings
from tests.support.examples import examples
from tests.support.submissions import Row, follow_up, fusion, image, patient, write_submission

PATIENTS = st.sampled_from(["p1", "p2", "p3", "p-unknown", "NA", None])
DAYS = st.sampled_from([None, 0, 1, 365, 10957, -10957, 10958, "soon", "3.5", 3.0, 761])


def some(**cells: st.SearchStrategy[object]) -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries({}, optional=cells)


PATIENT_ROWS = st.builds(
    lambda key, cells: patient(**({"patient_id": key} | cells)),
    PATIENTS,
    some(
        sex=st.sampled_from(["female", "F", "X", None]),
        bmi=st.sampled_from([27.4, "heavy", -1, "inf", "NA", 999]),
        death_day=st.sampled_from([-1, 400, 900]),
        deleted=st.sampled_from(["true", "false", "perhaps", None]),
    ),
)
PROCEDURE_ROWS = st.builds(
    lambda key, number, cells: fusion(key, **({"procedure_id": number} | cells)),
    PATIENTS,
    st.sampled_from(["a", "b", "c", "d", None]),
    some(
        day=DAYS,
        code=st.sampled_from(["22551", "2255", "", None]),
        levels=st.sampled_from(["C5-6", "C5-6;C6-7", "C5/6"]),
        encounter_id=st.just("e-unknown"),
        deleted=st.sampled_from([True, False]),
    ),
)
VISIT_ROWS = st.builds(
    lambda key, day, cells: follow_up(key, day=day, **cells),
    PATIENTS,
    DAYS,
    some(
        ndi_total=st.sampled_from([20, 51, 101, "x"]),
        ndi_unit=st.sampled_from(["points", "percent", "%"]),
        **{f"ndi_item_{i}": st.integers(-1, 6) for i in (1, 2, 3)},
    ),
)
IMAGE_ROWS = st.builds(
    lambda key, day, cells: image(key, day=day, **cells),
    PATIENTS,
    DAYS,
    some(level=st.sampled_from(["C5-6", "C9"]), value=st.sampled_from([1, "nan", 1e308])),
)


@given(
    patients=st.lists(PATIENT_ROWS, min_size=1, max_size=6),
    procedures=st.lists(PROCEDURE_ROWS, min_size=1, max_size=6),
    follow_ups=st.lists(VISIT_ROWS, max_size=6),
    imaging=st.lists(IMAGE_ROWS, max_size=4),
)
@settings(max_examples=examples(6), deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_rows_in_are_rows_accepted_quarantined_and_pending(
    patients: list[Row], procedures: list[Row], follow_ups: list[Row], imaging: list[Row]
) -> None:
    delivered = {"patients": patients, "procedures": procedures, "follow_ups": follow_ups, "imaging": imaging}
    delivered = {name: rows for name, rows in delivered.items() if rows}
    with TemporaryDirectory() as home:
        options = Settings(home=Path(home), max_critical_share=1.0)
        write_submission(options, "site-a", "2026-01", delivered)
        record = ingest_submission(options, "site-a", "2026-01")

        rows = record.rows_accepted + record.rows_quarantined + record.rows_pending
        assert record.rows_in == rows == sum(map(len, delivered.values()))
        for counts in record.tables:
            name = counts.source_table
            assert counts.rows_in == len(delivered[name])
            kept = _kept(options, record.submission_id, name)
            numbers = [number for number, _, outcome in kept if outcome == "quarantined"]
            pending = [number for number, _, outcome in kept if outcome == "pending"]
            copies = [number for number, _, outcome in kept if outcome == "blanked"]
            assert len(numbers) == counts.rows_quarantined
            assert len(pending) == counts.rows_pending
            assert len(numbers) + len(pending) + len(copies) == len({*numbers, *pending, *copies})
            critical, waiting, blanking = _codes(record, name)
            for number, codes, _ in kept:
                assert codes <= critical | waiting | blanking
                assert bool(codes & critical) == (number in numbers)
                assert bool(codes & waiting and not codes & critical) == (number in pending)
            assert numbers == sorted(set(numbers))
            lost = sum(one.cells for one in record.blanked if one.source_table == name)
            assert len(copies) <= lost <= len(copies) * len(TABLES[name].columns)
            sound = [row for number, row in enumerate(delivered[name], 1) if number not in {*numbers, *pending}]
            key = TABLES[name].key
            assert _keys_written(options, name, key) == [row[key] for row in sound], "in the order of the file"
        event(f"quarantined: {record.rows_quarantined > 0}, accepted: {record.rows_accepted > 0}")


def _kept(options: Settings, submission_id: str, name: str) -> list[tuple[int, set[str], str]]:
    """Row number, rules and outcome of each row in quarantine."""
    path = options.quarantine / "site-a" / "2026-01" / submission_id / f"{name}.parquet"
    if not path.exists():
        return []
    rows = parquet.read_table(path)
    assert rows.column_names == [*TABLES[name].schema.names, "row_number", "rules", "reasons", "outcome"]
    broken = [set(codes.split(";")) for codes in rows["rules"].to_pylist()]
    return list(zip(rows["row_number"].to_pylist(), broken, rows["outcome"].to_pylist(), strict=True))


def _codes(record: SubmissionRecord, name: str) -> tuple[set[str], set[str], set[str]]:
    """The broken rules of a table that cost the row, those that let it wait, and those that cost a cell."""
    broken = {one.rule for one in record.rules if one.source_table == name and one.rows_failed}
    suite = [rule for rule in rules(name) if rule.code in broken]
    critical, waiting = ({one.code for one in suite if one.severity == word} for word in ("critical", "waiting"))
    return critical, waiting, {one.code for one in suite if one.blanks}


def _keys_written(options: Settings, name: str, key: str) -> list[str]:
    """The keys in the lake's files, tombstones included, in the order in which they stand there."""
    files = sorted((options.lake / name).rglob("*.parquet"))
    return [value for file in files for value in parquet.ParquetFile(file).read()[key].to_pylist()]
