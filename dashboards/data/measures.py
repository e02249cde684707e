"""Measures: what they mean, and their values for a site, exact if it is one of the scope's, or for all sites."""

from dataclasses import dataclass

from dashboards.data.reader import SUPPRESSED, Reader
from dashboards.data.records import MeasureDefinitionsRow, MeasuresRow, ReleaseInfoRow, SitesRow
from dashboards.filters import Choices, Filters, group_order

_OF_EXACT = {
    "state": "case when estimate is null then 'missing' when numerator = 0 then 'zero' else 'shown' end",
    "person_years": "days / 365.25",
}
"""What an exact row says in other words than a protected one."""


ReleaseInfo = ReleaseInfoRow
"""Which release this is. `data_to` is the latest period (`YYYY-MM`); patients are rounded to 10, None if few."""

Site = SitesRow
"""A site of the register."""


@dataclass(frozen=True)
class Measure(MeasureDefinitionsRow):
    """A measure as `measures.yaml` defines it; `headline` is its place among those compared between sites."""

    @property
    def is_rate(self) -> bool:
        """Whether it counts events per 100 person-years, not a share of patients."""
        return self.unit == "rate"

    @property
    def is_incidence(self) -> bool:
        """Whether it is a cumulative incidence at a horizon, which counts each patient for the time observed."""
        return self.unit == "incidence"

    @property
    def is_compared(self) -> bool:
        """Whether its exposure is fixed, so that sites and times can be compared."""
        return self.exposure != "ever"


@dataclass(frozen=True)
class Value(MeasuresRow):
    """A measure of some patients. Where `state` is suppressed or missing, what cannot be said is None.

    `numerator`, `patients` and `excluded` count patients: with the outcome, in the denominator, and not counted.
    `estimate` is a share from 0 to 1, or a rate per 100 person-years, with its 95 % interval. Counts of
    one's own site are exact, all others rounded to 5.
    """

    @property
    def is_suppressed(self) -> bool:
        """Whether it is hidden to protect patients."""
        return self.state == SUPPRESSED


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


def headlines(reader: Reader) -> list[Measure]:
    """The measures compared between sites first, in their order."""
    return sorted((one for one in measures(reader) if one.headline), key=lambda one: one.headline or 0)


def known_to_files(reader: Reader) -> dict[str, object]:
    """What a site file may name: the measures with their units, and the sites (`outcomes.site_files`)."""
    units = {one.measure: one.unit for one in measures(reader)}
    return {"measures": units, "sites": {one.site_id for one in sites(reader)}}


def choices(reader: Reader) -> Choices:
    """What the filters offer: sites of the scope by name, years of the index fusion latest first, and groups."""
    # Every measure has a cell for each of them, the empty ones included.
    places = reader.protected(
        _Place,
        "measures",
        "site_id is null and measure = (select min(measure) from measures)",
        order="resolution, index_period desc, stratum_kind, stratum",
    )
    groups = {(place.stratum_kind, place.stratum) for place in places if place.stratum is not None}
    return Choices(
        sites=tuple(site.site_id for site in sites(reader) if site.site_id in reader.scope.sites),
        years=tuple(place.index_period for place in places if place.index_period is not None),
        groups=tuple(sorted(groups, key=group_order)),
    )


def values(reader: Reader, filters: Filters) -> dict[str, Value]:
    """Every measure for the patients that the filters choose, by measure.

    Of one year of fusion only those of a fixed exposure: what may happen at any time while observed is less in later
    years, however patients fare.

    Raises:
        Denied: the site is not one of the scope's.
    """
    where, parameters = _slot(filters)
    found = {value.measure: value for value in _read(reader, filters.site, where, *parameters, order="measure")}
    if filters.period is None:
        return found
    return {one.measure: found[one.measure] for one in measures(reader) if one.is_compared and one.measure in found}


def by_year(reader: Reader, measure: str, site_id: str | None) -> list[Value]:
    """A measure by year of the index fusion, oldest first.

    Raises:
        Denied: the site is not one of the scope's.
    """
    return _read(reader, site_id, "measure = ? and resolution = 'year'", measure, order="index_period")


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
    index_period: str | None
    stratum_kind: str
    stratum: str | None


def _slot(filters: Filters) -> tuple[str, tuple[str, ...]]:
    """The condition that picks one cell of each measure and site."""
    if filters.period is not None:
        return "resolution = 'year' and stratum_kind = 'all' and index_period = ?", (filters.period,)
    if filters.group is not None:
        return "resolution = 'all' and stratum_kind = ? and stratum = ?", filters.group
    return "resolution = 'all' and stratum_kind = 'all'", ()


def _read(reader: Reader, site_id: str | None, where: str, *parameters: str, order: str) -> list[Value]:
    if site_id is None:
        return reader.protected(Value, "measures", f"site_id is null and {where}", *parameters, order=order)
    return reader.own(Value, "measures", site_id, where, *parameters, order=order, derived=_OF_EXACT)


def _sorted(counts: list[Count]) -> list[Count]:
    return sorted(counts, key=lambda count: (count.patients is None, -(count.patients or 0), count.code or ""))
