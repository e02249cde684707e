"""What the lake ought to say, worked out a second time from the rules in words, without SQL and without files.

- A site and period stands on its newest delivery that was not refused; a withdrawn one leaves nothing in its place.
- A `full` delivery replaces all that the site sent for earlier periods.
- Of each key the row of the latest period is in force, unless that only withdraws the key (a tombstone).
- A visit is judged beside its patient: as its own delivery has the patient, else the periods before it (a `full` one
  rests on none of them), else the first later period that has. Without a patient it waits; after the patient's data cut
  it goes to quarantine.
- What landed and is still there is judged again when that changes.
- A forgotten patient's rows are gone everywhere, tombstones of their keys too. A submission that held some is taken in
  again without; whoever names the patient later is refused.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field, replace

from outcomes.intake.manifest import Kind

Place = tuple[str, str]
"""A site and a period."""

Visit = tuple[str, int]
"""Of whom, and on which day."""


@dataclass(frozen=True)
class Delivery:
    """What a site sends for a period: by key the patient's data cut or the visit, None for a tombstone."""

    kind: Kind
    patients: tuple[tuple[str, int | None], ...]
    visits: tuple[tuple[str, Visit | None], ...]

    @property
    def operated(self) -> tuple[str, ...]:
        """The patients that it has: each with a row of the index operation, which is always accepted."""
        return tuple(key for key, cut in self.patients if cut is not None)

    @property
    def rows(self) -> int:
        """All its rows, with the tombstone of a procedure that nobody knows."""
        return len(self.patients) + len(self.visits) + len(self.operated) + 1

    @property
    def is_too_empty(self) -> bool:
        """Whether it states a history without patients; of other tables such a one is left out."""
        return self.kind == "full" and not self.patients

    def names(self, patient: str) -> bool:
        """Whether a row is the patient's, so far as the row itself tells."""
        return patient in dict(self.patients) or bool(self.visits_of(patient))

    def visits_of(self, patient: str) -> set[str]:
        """The keys of the patient's visits."""
        return {key for key, visit in self.visits if visit and visit[0] == patient}

    def without_tombstones(self, keys: set[str]) -> "Delivery":
        """What is left without the tombstones of these visits."""
        return replace(self, visits=tuple((key, visit) for key, visit in self.visits if visit or key not in keys))

    def without_rows(self, patient: str) -> "Delivery":
        """What is left without the rows that name a patient."""
        keys = self.visits_of(patient)
        return replace(
            self,
            patients=tuple(one for one in self.patients if one[0] != patient),
            visits=tuple(one for one in self.visits if one[0] not in keys),
        )


@dataclass
class Attempt:
    """One delivery as it was taken in.

    Attributes:
        landed_as: by what it is known again; None without a readable manifest.
        outcome: accepted, refused or withdrawn.
        delivery: what is left of it.
        fates: of its visits, by key: accepted, pending, quarantined.
    """

    landed_as: Delivery | None
    outcome: str
    delivery: Delivery
    fates: dict[str, str] = field(default_factory=dict)

    def count(self, fate: str) -> int:
        """Visits of this fate."""
        return list(self.fates.values()).count(fate)


@dataclass
class Landed:
    """What lies in a landing folder: a delivery, whether its files are whole, and whether its manifest can be read."""

    delivery: Delivery
    is_whole: bool = True
    is_described: bool = True

    @property
    def known_as(self) -> Delivery | None:
        """By what it is known again."""
        return self.delivery if self.is_described else None


class Model:
    """The landing folders and the lake."""

    def __init__(self) -> None:
        self.landed: dict[Place, Landed] = {}
        self.attempts: dict[Place, list[Attempt]] = {}
        self.forgotten: set[tuple[str, str]] = set()

    def copy(self) -> "Model":
        """As it is now."""
        return deepcopy(self)

    def ingest(self, place: Place) -> None:
        """Take in what has landed, then judge again."""
        landed, attempts = self.landed[place], self.attempts.setdefault(place, [])
        standing = self._decided(place)
        if standing is None or standing.landed_as != landed.known_as:
            if self.is_sound(place):
                attempts.append(Attempt(landed.known_as, "accepted", landed.delivery))
            elif not (attempts and attempts[-1].outcome == "refused" and attempts[-1].landed_as == landed.known_as):
                attempts.append(Attempt(landed.known_as, "refused", landed.delivery))
        self.settle(place[0])

    def is_sound(self, place: Place) -> bool:
        """Whether what has landed can be taken in."""
        landed = self.landed[place]
        names_forgotten = any(landed.delivery.names(who) for site, who in self.forgotten if site == place[0])
        is_readable = landed.is_whole and landed.is_described
        return is_readable and not landed.delivery.is_too_empty and not names_forgotten

    def can_withdraw(self, place: Place) -> bool:
        """Whether there is something in force or superseded by a later period."""
        standing = self._decided(place)
        return standing is not None and standing.outcome == "accepted"

    def withdraw(self, place: Place) -> None:
        """Put what stands out of force."""
        self._must(place).outcome = "withdrawn"
        self.settle(place[0])

    def can_take_back(self, place: Place) -> bool:
        """Whether what stands is withdrawn, and still there to be judged."""
        standing = self._decided(place)
        return standing is not None and standing.outcome == "withdrawn" and self._is_there(place, standing)

    def take_back(self, place: Place) -> None:
        """Put what was withdrawn in force again."""
        self._must(place).outcome = "accepted"
        self.settle(place[0])

    def can_forget(self, site: str, patient: str) -> bool:
        """Whether anything of the patient is held, or was."""
        return (site, patient) in self.forgotten or any(one.names(patient) for one in self._held(site))

    def forget(self, site: str, patient: str) -> None:
        """Erase a patient, and take in again what is another submission for it."""
        keys = self.visits_ever(site, patient)
        self.forgotten.add((site, patient))
        restated = set()
        for take_out in (lambda one: one.without_tombstones(keys), lambda one: one.without_rows(patient)):
            restated |= {place for place in self.landed if place[0] == site and self._restate(place, take_out)}
        self.erase(site, patient, keys)
        for place in sorted(restated):
            standing = self._decided(place)
            if standing and standing.outcome == "accepted":
                self.ingest(place)

    def visits_ever(self, site: str, patient: str) -> set[str]:
        """The keys of all the patient's visits that are held."""
        return {key for one in self._held(site) for key in one.visits_of(patient)}

    def erase(self, site: str, patient: str, keys: set[str]) -> None:
        """Leave nothing of a patient in the lake, nor of these visits a tombstone."""
        for attempts in (attempts for place, attempts in self.attempts.items() if place[0] == site):
            for one in attempts:
                one.delivery = one.delivery.without_tombstones(keys).without_rows(patient)
                one.fates = {key: one.fates[key] for key, _ in one.delivery.visits if key in one.fates}

    def _restate(self, place: Place, take_out: Callable[[Delivery], Delivery]) -> bool:
        """Whether the folder holds another submission afterwards."""
        landed, standing = self.landed[place], self._decided(place)
        before = landed.known_as
        landed.delivery = take_out(landed.delivery)
        if landed.known_as == before:
            return False
        if standing and standing.outcome == "withdrawn" and standing.landed_as == before:
            self.attempts[place].append(Attempt(landed.known_as, "withdrawn", landed.delivery, standing.fates))
        return True

    def _held(self, site: str) -> list[Delivery]:
        """What lies in the site's landing folders, in quarantine and in the lake."""
        landed = [one.delivery for place, one in self.landed.items() if place[0] == site]
        taken_in = (one for place, attempts in self.attempts.items() if place[0] == site for one in attempts)
        return [*landed, *(one.delivery for one in taken_in if one.outcome != "refused")]

    def settle(self, site: str) -> None:
        """Judge again whatever still lies where it landed."""
        for place in self._standing(site):
            standing = self._must(place)
            if self._is_there(place, standing):
                standing.fates = self._judge(place)

    def statuses(self) -> list[tuple[str, str, int, str]]:
        """Site, period, number and status of every attempt."""
        in_force = {site: self._in_force(site) for site, _ in self.attempts}
        found = []
        for (site, period), attempts in self.attempts.items():
            for number, attempt in enumerate(attempts, 1):
                status = attempt.outcome
                if status == "accepted" and not (
                    attempt is self._decided((site, period)) and (site, period) in in_force[site]
                ):
                    status = "superseded"
                found.append((site, period, number, status))
        return sorted(found)

    def counts(self) -> list[tuple[str, str, int, int, int, int]]:
        """Site, period and rows (in, accepted, quarantined, pending) of all that stands."""
        found = []
        for place in (place for site in {site for site, _ in self.attempts} for place in self._standing(site)):
            one = self._must(place)
            rows = self._contents(place).rows
            quarantined, pending = one.count("quarantined"), one.count("pending")
            found.append((*place, rows, rows - quarantined - pending, quarantined, pending))
        return sorted(found)

    def patients(self, to: str = "9999-12") -> list[tuple[str, str, str, int]]:
        """Site, period, key and data cut of the patients in force, of the periods up to one."""
        sites = {site for site, _ in self.attempts}
        return sorted(
            (site, period, key, cut)
            for site in sites
            for key, (period, cut) in self._latest(self._in_force(site, lambda period: period <= to)).items()
            if cut is not None
        )

    def visits(self, to: str = "9999-12") -> list[tuple[str, str, str, str, int]]:
        """Site, period, key, patient and day of the visits in force, of the periods up to one."""
        found = {}
        for site in {site for site, _ in self.attempts}:
            for place in self._in_force(site, lambda period: period <= to):
                for key, visit in self._contents(place).visits:
                    if self._must(place).fates[key] == "accepted":
                        found[site, key] = (place[1], visit)
        return sorted((site, period, key, *visit) for (site, key), (period, visit) in found.items() if visit)

    def delivered_visits(self) -> set[tuple[str, str, str, str, int]]:
        """As `visits`, of all that stands, whatever became of it."""
        return {
            (*place, key, *visit)
            for place in self.attempts
            if self.can_withdraw(place)
            for key, visit in self._contents(place).visits
            if visit
        }

    def _judge(self, place: Place) -> dict[str, str]:
        site, period = place
        delivery = self._contents(place)
        later = self._latest(reversed(self._in_force(site, lambda other: other > period)))
        earlier = self._latest(self._in_force(site, lambda other: other < period))
        known = {key: cut for key, (_, cut) in later.items() if cut is not None}
        if delivery.kind == "incremental":
            known |= {key: cut for key, (_, cut) in earlier.items() if cut is not None}
        for key, cut in delivery.patients:
            known.pop(key, None)
            if cut is not None:
                known[key] = cut
        return {key: _fate(visit, known) for key, visit in delivery.visits}

    def _latest(self, places: Iterable[Place]) -> dict[str, tuple[str, int | None]]:
        """Period and data cut of each patient, as the last of the places has it."""
        found: dict[str, tuple[str, int | None]] = {}
        for place in places:
            found |= {key: (place[1], cut) for key, cut in self._contents(place).patients}
        return found

    def _in_force(self, site: str, is_asked: Callable[[str], bool] = lambda _: True) -> list[Place]:
        """The places of a site whose standing delivery is in force among the periods asked for, in order."""
        places = [place for place in self._standing(site) if is_asked(place[1])]
        full = [place for place in places if self._contents(place).kind == "full"]
        return [place for place in places if not full or place >= full[-1]]

    def _standing(self, site: str) -> list[Place]:
        return sorted(place for place in self.attempts if place[0] == site and self.can_withdraw(place))

    def _decided(self, place: Place) -> Attempt | None:
        """The newest attempt that was not refused."""
        return next((one for one in reversed(self.attempts.get(place, [])) if one.outcome != "refused"), None)

    def _must(self, place: Place) -> Attempt:
        decided = self._decided(place)
        assert decided is not None
        return decided

    def _contents(self, place: Place) -> Delivery:
        return self._must(place).delivery

    def _is_there(self, place: Place, attempt: Attempt) -> bool:
        return self.landed[place].is_whole and self.landed[place].known_as == attempt.landed_as


def _fate(visit: Visit | None, known: dict[str, int]) -> str:
    if visit is None:
        return "accepted"
    patient, day = visit
    if patient not in known:
        return "pending"
    return "accepted" if day <= known[patient] else "quarantined"
