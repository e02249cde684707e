"""What a wrong cell of a patient costs: that cell, not the patient's row and not the rows that rest on it."""

from dataclasses import dataclass

import pytest

from outcomes.contract import TABLES, ColumnType
from outcomes.intake.quarantine import quarantine_folder, read_quarantine
from outcomes.intake.submission import ingest_submission
from outcomes.lake import Lake
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.support.submissions import Row, drawn, follow_up, fusion, patient, write_submission

COSTS_THE_ROW = {"patient_id": "PAT-001", "deleted": "PAT-020"}
"""Columns of which an unreadable cell costs the row: whose it is, and whether it is one at all."""
_IMPOSSIBLE = {
    ColumnType.TEXT: "zzz",
    ColumnType.INTEGER: "-99999",
    ColumnType.DECIMAL: "-4",
    ColumnType.BOOLEAN: "2",
}
_VISITS = 17
KINDS = {
    (column.name, kind): cell
    for column in TABLES["patients"].columns
    for kind, cell in (("unreadable", "?!"), ("impossible", _IMPOSSIBLE[column.type]))
    if kind == "unreadable" or column.name not in COSTS_THE_ROW
}
"""A wrong cell of each column, of each kind."""


@dataclass(frozen=True)
class TakenIn:
    """What became of the patients, by what was wrong with them."""

    delivered: dict[tuple[str, str], Row]
    accepted: dict[str, Row]
    visits: dict[str, int]
    in_quarantine: dict[int, Row]

    def kept(self, place: int) -> Row:
        """What the quarantine keeps of the patient in this place of the file."""
        return self.in_quarantine[place + 1]


@pytest.fixture(scope="module")
def taken_in(tmp_path_factory: pytest.TempPathFactory) -> TakenIn:
    settings = Settings(home=tmp_path_factory.mktemp("home"), max_critical_share=1.0)
    # Each with a cut of its own, or the day of surgery could be worked out.
    sound = {
        wrong: patient(drawn(number), data_cut_day=760 - number * 37 % 91, last_contact_day=600)
        for number, wrong in enumerate(KINDS)
    }
    names = [str(row["patient_id"]) for row in sound.values()]
    tables = {
        "patients": [row | {column: KINDS[column, kind]} for (column, kind), row in sound.items()],
        "procedures": [fusion(name) for name in names],
        "follow_ups": [follow_up(name, day) for name in names for day in range(30, 30 + _VISITS)],
    }
    write_submission(settings, "north", "2026-01", tables)
    record = ingest_submission(settings, "north", "2026-01")
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        accepted = con.sql("from patients").to_arrow_table().to_pylist()
        visits = con.sql("select patient_id, count(*) from follow_ups group by all").fetchall()
    kept = read_quarantine(quarantine_folder(settings, "north", "2026-01", record.submission_id))["patients"]
    return TakenIn(
        sound,
        {row["patient_id"]: row for row in accepted},
        dict(visits),
        {row["row_number"]: row for row in kept.to_pylist()},
    )


@pytest.mark.parametrize(("column", "kind"), [wrong for wrong in KINDS if wrong[0] not in COSTS_THE_ROW])
def test_a_wrong_cell_costs_the_cell_and_not_the_patient(taken_in: TakenIn, column: str, kind: str) -> None:
    sound = taken_in.delivered[column, kind]
    row = taken_in.accepted[sound["patient_id"]]
    assert {name: row[name] for name in sound} == sound | ({column: None} if column in sound else {})
    assert row[column] is None
    assert taken_in.visits[sound["patient_id"]] == _VISITS
    assert taken_in.kept(list(KINDS).index((column, kind)))["outcome"] == "blanked"


@pytest.mark.parametrize(("column", "rule"), COSTS_THE_ROW.items())
def test_what_says_whose_a_row_is_or_whether_it_is_one_costs_the_row(taken_in: TakenIn, column: str, rule: str) -> None:
    sound = taken_in.delivered[column, "unreadable"]
    assert sound["patient_id"] not in taken_in.accepted
    kept = taken_in.kept(list(KINDS).index((column, "unreadable")))
    assert (kept["outcome"], rule in kept["rules"].split(";")) == ("quarantined", True)
