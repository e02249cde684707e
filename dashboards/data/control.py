"""Control charts and cumulative sums of one's own site: exact, month by month."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.data.reader import Reader
from dashboards.data.records import ControlChartsRow, CusumRow
from outcomes.periods import add_months


@dataclass(frozen=True)
class ChartPoint(ControlChartsRow):
    """A month of a control chart; the unit of `value`, `centre`, `lower` and `upper` follows `chart`.

    `chart` is None, and every number too, while no month has a patient. `rules` names the rules that hold, joined by
    semicolons. A month that is not judged yet takes part in no limit and no rule. `assurance` says whether the limits
    lie on the better side of the target.
    """

    @property
    def is_special(self) -> bool:
        """Whether a rule holds: worth asking why."""
        return self.variation is not None and self.variation != "common"


@dataclass(frozen=True)
class RecentMonth:
    """What the overview says of a month of a control chart: of all measures the rest would be much to read."""

    measure: str
    index_period: str
    value: float | None
    is_judged: bool
    variation: str | None
    assurance: str | None
    chart: str | None


CusumPoint = CusumRow
"""A period of the risk-adjusted cumulative sums of an outcome at a site."""


def chart(reader: Reader, measure: str, site_id: str) -> list[ChartPoint]:
    """The control chart of a measure at a site, oldest month first.

    Raises:
        Denied: the site is not one of the scope's.
    """
    return reader.own(ChartPoint, "control_charts", site_id, "measure = ?", measure, order="index_period")


def patients(reader: Reader, measure: str, site_id: str, points: Sequence[ChartPoint]) -> dict[str, int]:
    """How many patients each point of a site's chart rests on, by its index period.

    They are the site's own counts of the measure, month by month, of which the values are made: exact, as all that is
    one's own, and read only within the scope. Nothing is counted that the measures do not hold.

    Raises:
        Denied: the site is not one of the scope's.
    """
    of_month = "measure = ? and resolution = 'month' and stratum_kind = 'all'"
    counted = {one.index_period: one.patients for one in reader.own(_Month, "measures", site_id, of_month, measure)}
    return {
        point.index_period: sum(counted.get(add_months(point.index_period, later), 0) for later in range(point.months))
        for point in points
    }


@dataclass(frozen=True)
class _Month:
    index_period: str
    patients: int


_MONTH = "12 * cast(substr({of}.index_period, 1, 4) as integer) + cast(substr({of}.index_period, 6) as integer)"
_RECENT = f"""
{_MONTH.format(of="control_charts")} - (
    select max({_MONTH.format(of="judged")})
    from control_charts as judged
    where
        judged.site_id = control_charts.site_id
        and judged.measure = control_charts.measure
        and judged.is_judged
        and judged.value is not null
) between 1 - ? and 0
"""


def recent_charts(reader: Reader, site_id: str, months: int) -> dict[str, list[RecentMonth]]:
    """The last months of every control chart of a site, by measure, oldest first, up to the last that can be judged.

    A measure of 24 months has no mature month in the last two years: its last months end two years ago.

    Raises:
        Denied: the site is not one of the scope's.
    """
    found = defaultdict(list)
    for point in reader.own(RecentMonth, "control_charts", site_id, _RECENT, months, order="measure, index_period"):
        found[point.measure].append(point)
    return dict(found)


def cusum(reader: Reader, site_id: str) -> dict[str, list[CusumPoint]]:
    """The cumulative sums of a site, by outcome, oldest period first.

    Raises:
        Denied: the site is not one of the scope's.
    """
    found = defaultdict(list)
    for point in reader.own(CusumPoint, "cusum", site_id, order="measure, index_period"):
        found[point.measure].append(point)
    return dict(found)


def targets(reader: Reader, site_id: str) -> dict[str, ChartPoint]:
    """By measure a month that has its target, for who set it and why.

    Raises:
        Denied: the site is not one of the scope's.
    """
    found = reader.own(ChartPoint, "control_charts", site_id, "target is not null", order="measure, index_period")
    return {point.measure: point for point in found}
