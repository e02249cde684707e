"""Small deliveries of a site for a month, invented by Hypothesis and written to its landing folder."""

from typing import Any

from hypothesis import strategies as st

from outcomes.settings import Settings
from tests.reliability.lake_model import Delivery, Place, Visit
from tests.support.submissions import Row, fusion, patient, write_submission

SITES = ("north", "south")
PERIODS = ("2026-01", "2026-02", "2026-03", "2026-04")
PATIENTS = ("p1", "p2", "p3")
VISITS = ("v1", "v2", "v3")

PLACES = st.tuples(st.sampled_from(SITES), st.sampled_from(PERIODS))
CUTS = st.sampled_from([760, 760, 200, None])
DAYS = st.sampled_from([100, 300])
KINDS = st.sampled_from(["incremental", "incremental", "full"])
VISIT = st.tuples(st.sampled_from(PATIENTS), DAYS)


def _by_key(keys: tuple[str, ...], values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[tuple[str, Any], ...]]:
    chosen = st.lists(st.sampled_from(keys), min_size=1, max_size=len(keys), unique=True).map(sorted)
    return chosen.flatmap(lambda some: st.tuples(*(st.tuples(st.just(key), values) for key in some)))


DELIVERIES = st.builds(Delivery, KINDS, _by_key(PATIENTS, CUTS), _by_key(VISITS, st.one_of(VISIT, VISIT, st.none())))


def land(settings: Settings, place: Place, delivery: Delivery) -> None:
    """Put a delivery into the landing folder of its place, over whatever was there."""
    tables: dict[str, list[Row]] = {
        "patients": [_patient_row(*one) for one in delivery.patients],
        # The table may not be empty: a tombstone of what nobody knows, accepted whatever else is there.
        "procedures": [{"procedure_id": "q1", "deleted": True}, *map(fusion, delivery.operated)],
        "follow_ups": [_visit_row(*one) for one in delivery.visits],
    }
    write_submission(settings, *place, tables, kind=delivery.kind)


def _patient_row(key: str, cut: int | None) -> Row:
    return {"patient_id": key, "deleted": True} if cut is None else patient(key, data_cut_day=cut, last_contact_day=50)


def _visit_row(key: str, visit: Visit | None) -> Row:
    if visit is None:
        return {"follow_up_id": key, "deleted": True}
    return {"follow_up_id": key, "patient_id": visit[0], "day": visit[1]}
