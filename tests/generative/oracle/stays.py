"""The stay of the index fusion: hospital stays that touch are one (C4, C7, G3)."""

from dataclasses import dataclass

from tests.generative.oracle.codes import is_fusion
from tests.generative.oracle.records import Record


@dataclass(frozen=True)
class IndexStay:
    """The stays that hold day 0 as one chain, and the encounters that belong to it."""

    last_day: int
    encounter_ids: frozenset[str]
    known_ids: frozenset[str]
    """Every encounter that the site delivered for the patient."""

    def holds(self, record: Record) -> bool:
        """Was it during the stay? Its encounter says so, or its day where the encounter is not known."""
        encounter = record["encounter_id"]
        has_no_encounter = encounter is None or encounter not in self.known_ids
        return record.day >= 0 and (
            encounter in self.encounter_ids or (has_no_encounter and record.day <= self.last_day)
        )


def index_stay(encounters: tuple[Record, ...], procedures: tuple[Record, ...]) -> IndexStay:
    """The index stay of a patient; without an encounter it is the day of the index fusion."""
    named = {record["encounter_id"] for record in procedures if record.day == 0 and is_fusion(record)} - {None}
    stays = [stay for stay in encounters if stay["type"] == "inpatient" or stay.id in named]
    chain = next((chain for chain in _chains(stays) if chain[0].day <= 0 <= _end(chain)), [])
    return IndexStay(
        last_day=_end(chain) if chain else 0,
        encounter_ids=frozenset(named | {stay.id for stay in chain}),
        known_ids=frozenset(encounter.id for encounter in encounters),
    )


def _chains(stays: list[Record]) -> list[list[Record]]:
    chains: list[list[Record]] = []
    for stay in stays:
        if chains and stay.day <= _end(chains[-1]):
            chains[-1].append(stay)
        else:
            chains.append([stay])
    return chains


def _end(chain: list[Record]) -> int:
    return max(stay.day if stay["end_day"] is None else stay["end_day"] for stay in chain)
