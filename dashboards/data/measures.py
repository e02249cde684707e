"""Measures: what they mean, and their values for a site, exact if it is one of the scope's, or for all sites."""

from dataclasses import dataclass, fields

from dashboards.data.reader import Reader
from dashboards.filters import Choices, Filters, group_order

_DAYS_OF_A_YEAR = 365.25


@dataclass(frozen=True)
class ReleaseInfo:
    """Which release this is. `data_to` is the latest period (`YYYY-MM`); patients are rounded to 10, None if few."""

    release_id: str
    data_to: str
    site_count: int
    patient_count_rounded: int | None
    suppression_threshold: int
    is_synthetic: bool


@dataclass(frozen=True)
class Site:
    """A site of the register."""

    site_id: str
    name: str


@dataclass(frozen=True)
class Measure:
    """A measure as `measures.yaml` defines it; `headline` is its place among those compared between sites."""

    measure: str
    place: int
    category: str
    title: str
    why: str
    numerator: str
    denominator: str
    exclusions: str
    direction: str
    unit: str
    owner: str
    next_review: str
    version: int
    label: str | None
    headline: int | None

    @property
    def is_rate(self) -> bool:
        """Whether it counts events per 100 person-years, not a share of patients."""
        return self.unit == "rate"


@dataclass(frozen=True)
class Value:
    """A measure of some patients. Where `state` is suppressed or missing, what cannot be said is None.

    `numerator`, `patients` and `excluded` count patients: with the outcome, in the denominator, and not counted.
    `estimate` is a share from 0 to 1, or a rate per 100 person-years, with its 95 % interval. Counts of
    one's own site are exact, all others rounded to 5.
    """

    measure: str
    site_id: str | None
    period: str | None
    stratum_kind: str
    stratum: str | None
    state: str
    numerator: int | None
    patients: int | None
    excluded: int | None
    person_years: float | None
    estimate: float | None
    estimate_low: float | None
    estimate_high: float | None

    @property
    def is_suppressed(self) -> bool:
        """Whether it is hidden to protect patients."""
        return self.state == "suppressed"


@dataclass(frozen=True)
class _Exact:
    measure: str
    site_id: str | None
    period: str | None
    stratum_kind: str
    stratum: str | None
    numerator: int
    patients: int
    excluded: int
    days: int | None
    estimate: float | None
    estimate_low: float | None
    estimate_high: float | None

    def value(self) -> Value:
        """The same as a `Value`: nothing of one's own site is hidden."""
        said = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "days"}
        state = "missing" if self.estimate is None else "shown" if self.numerator else "zero"
        return Value(**said, state=state, person_years=None if self.days is None else self.days / _DAYS_OF_A_YEAR)


@dataclass(frozen=True)
class Count:
    """A code and the patients it applies to; `patients` is None when suppressed, `code` too when even that tells."""

    code: str | None
    patients: int | None

    @property
    def is_suppressed(self) -> bool:
        """Whether it is hidden to protect patients."""
        return self.patients is None


def release_info(reader: Reader) -> ReleaseInfo:
    """The header of the release."""
    return reader.protected(ReleaseInfo, "release_info")[0]


def sites(reader: Reader) -> list[Site]:
    """Every site by name, never by result."""
    return reader.protected(Site, "sites", order="lower(name), site_id")


def measures(reader: Reader) -> list[Measure]:
    """Every measure, in the order of the definitions."""
    return reader.protected(Measure, "measure_definitions", order="place")


def choices(reader: Reader) -> Choices:
    """What the filters offer: sites of the scope by name, years of the index fusion latest first, and groups."""
    # Every measure has a cell for each of them, the empty ones included.
    places = reader.protected(
        _Place,
        "measures",
        "site_id is null and measure = (select min(measure) from measures)",
        order="resolution, period desc, stratum_kind, stratum",
    )
    groups = {(place.stratum_kind, place.stratum) for place in places if place.stratum is not None}
    return Choices(
        sites=tuple(site.site_id for site in sites(reader) if site.site_id in reader.scope.sites),
        years=tuple(place.period for place in places if place.period is not None),
        groups=tuple(sorted(groups, key=group_order)),
    )


def values(reader: Reader, filters: Filters) -> dict[str, Value]:
    """Every measure for the patients that the filters choose, by measure.

    Raises:
        Denied: the site is not one of the scope's.
    """
    where, parameters = _slot(filters)
    return {value.measure: value for value in _read(reader, filters.site, where, *parameters, order="measure")}


def by_year(reader: Reader, measure: str, site_id: str | None) -> list[Value]:
    """A measure by year of the index fusion, oldest first.

    Raises:
        Denied: the site is not one of the scope's.
    """
    return _read(reader, site_id, "measure = ? and resolution = 'year'", measure, order="period")


def by_group(reader: Reader, measure: str, site_id: str | None) -> list[Value]:
    """A measure by approach, levels, age and indication, all years together.

    Raises:
        Denied: the site is not one of the scope's.
    """
    found = _read(reader, site_id, "measure = ? and stratum_kind <> 'all'", measure, order="stratum")
    return sorted(found, key=lambda value: group_order((value.stratum_kind, value.stratum or "")))


def reasons(reader: Reader, measure: str, site_id: str | None) -> list[Count]:
    """Why patients are not counted, most frequent first, suppressed reasons last.

    Raises:
        Denied: the site is not one of the scope's.
    """
    if site_id is None:
        found = reader.protected(_Reason, "measure_exclusions", "measure = ? and state <> 'zero'", measure)
    else:
        found = reader.own(_Reason, "measure_exclusions", site_id, "measure = ? and patients > 0", measure)
    return _sorted([Count(one.reason, one.patients) for one in found])


def kinds(reader: Reader, label: str) -> list[Count]:
    """The kinds among those of all sites who have a label, most frequent first, suppressed kinds last."""
    found = reader.protected(_Kind, "label_kinds", "label = ?", label)
    return _sorted([Count(one.kind, one.episodes) for one in found])


@dataclass(frozen=True)
class _Reason:
    reason: str | None
    patients: int | None


@dataclass(frozen=True)
class _Kind:
    kind: str | None
    episodes: int | None


@dataclass(frozen=True)
class _Place:
    period: str | None
    stratum_kind: str
    stratum: str | None


def _slot(filters: Filters) -> tuple[str, tuple[str, ...]]:
    """The condition that picks one cell of each measure and site."""
    if filters.period is not None:
        return "resolution = 'year' and stratum_kind = 'all' and period = ?", (filters.period,)
    if filters.group is not None:
        return "resolution = 'all' and stratum_kind = ? and stratum = ?", filters.group
    return "resolution = 'all' and stratum_kind = 'all'", ()


def _read(reader: Reader, site_id: str | None, where: str, *parameters: str, order: str) -> list[Value]:
    if site_id is None:
        return reader.protected(Value, "measures", f"site_id is null and {where}", *parameters, order=order)
    return [each.value() for each in reader.own(_Exact, "measures", site_id, where, *parameters, order=order)]


def _sorted(counts: list[Count]) -> list[Count]:
    return sorted(counts, key=lambda count: (count.patients is None, -(count.patients or 0), count.code or ""))
