"""Signals of one's own site: runs of months that stand out on its control charts, its cumulative sums' alarms, and the
outcomes of which it has more or fewer than expected.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

from dashboards.data import alarms, control, measures
from dashboards.data.alarms import ORDER, Alarm
from dashboards.data.control import CusumPoint
from dashboards.data.reader import Reader
from outcomes.periods import add_months

Method = Literal[
    "outside", "run", "trend", "near", "cusum_upper", "cusum_lower", "cusum_both", "funnel_more", "funnel_fewer"
]
"""A rule of the control charts, a side of the CUSUM or one of the funnel."""

_ID = re.compile(r"([a-z0-9][a-z0-9_-]{0,62})/([a-z0-9_]{1,64})/([a-z]{1,16})/([0-9]{4}(?:-[0-9]{2})?)")
_RULES: tuple[Method, ...] = ("outside", "run", "trend", "near")
_IN_FUNNEL: dict[str, Method] = {"more": "funnel_more", "fewer": "funnel_fewer"}
_ARCHIVED_AFTER = 2
"""Years."""
_SIDES: dict[str, Method] = {"upper": "cusum_upper", "lower": "cusum_lower", "both": "cusum_both"}
_MORE_IS = {
    "lower_is_better": ("special_concerning", "special_improving"),
    "higher_is_better": ("special_improving", "special_concerning"),
    "neutral": ("special_neutral", "special_neutral"),
}
"""What more outcomes than expected are, and fewer, by the measure's direction."""


@dataclass(frozen=True)
class Signal:
    """What asks a site to look: from the period `first` to `last`, YYYY-MM or YYYY, of the index fusion.

    `variation` is that of the control charts: special_concerning, special_improving or special_neutral. An archived
    one ends more than two years before the latest period of its measure: what asks for work is later.
    """

    site_id: str
    measure: str
    method: Method
    first: str
    last: str
    variation: str
    is_archived: bool = False

    @property
    def id(self) -> str:
        """Its name, the same in each release in which it begins with the same period."""
        return f"{self.site_id}/{self.measure}/{self.method.partition('_')[0]}/{self.first}"

    @property
    def anchor(self) -> str:
        """Its place on the page of the signals."""
        return anchor_of(self.id)

    @property
    def is_cusum(self) -> bool:
        """Whether a CUSUM found it, not a control chart."""
        return self.method in _SIDES.values()

    @property
    def is_of_funnel(self) -> bool:
        """Whether it compares the site with what is expected of its patients, all years together."""
        return self.method in _IN_FUNNEL.values()


class SignalId(NamedTuple):
    """What the id of a signal says: `method` without its side, and the first period."""

    site_id: str
    measure: str
    method: str
    first: str

    @property
    def is_of_funnel(self) -> bool:
        """Whether the signal is said anew for each year to which the data reach."""
        return self.method == "funnel"


@dataclass(frozen=True)
class _Month:
    measure: str
    index_period: str
    months: int
    phase: int
    rules: str | None
    variation: str


def signals(reader: Reader, site_id: str) -> list[Signal]:
    """The signals of a site: concerning, improving, then neither; within each those of the funnel, then the latest.

    Of control charts those that reach into the last 12 months of a chart: adjacent months that stand out by the same
    rule, in the same way, are one signal. Of the CUSUM each period in which it signals, as it starts anew after each.
    Of the funnel each outcome beyond its limits that the first screen names, once for each year to which the data
    reach.

    Raises:
        Denied: the site is not one of the scope's.
    """
    defined = {one.measure: one for one in measures.measures(reader)}
    months = reader.own(_Month, "control_charts", site_id, "variation is not null", order="measure, index_period")
    found = [
        *(
            signal
            for _, chart in groupby(months, lambda month: month.measure)
            for signal in _of_chart(site_id, [*chart])
        ),
        *(
            _of_cusum(site_id, point, defined[point.measure].direction, points[-1].index_period)
            for points in control.cusum(reader, site_id).values()
            for point in points
            if point.signal is not None
        ),
        *_of_funnel(site_id, alarms.own(reader, site_id).values(), measures.release_info(reader).data_to[:4]),
    ]
    found.sort(key=lambda signal: (defined[signal.measure].place, signal.method))
    found.sort(key=lambda signal: signal.last, reverse=True)
    return sorted(found, key=lambda signal: (ORDER.index(signal.variation), not signal.is_of_funnel))


def of_alarm(found: Sequence[Signal], alarm: Alarm) -> Signal | None:
    """The signal that an alarm is about, which a team can review; None where there is none among these."""
    of_measure = (one for one in found if one.measure == alarm.measure)
    if alarm.reason != alarms.CONFIRMED:
        return next((one for one in of_measure if one.is_of_funnel), None)
    period = alarm.index_period or ""
    return next((one for one in of_measure if one.method == "outside" and one.first <= period <= one.last), None)


def anchor_of(signal_id: str) -> str:
    """Where a signal stands on the page of the signals."""
    return signal_id.replace("/", "-")


def parsed_id(signal_id: str) -> SignalId:
    """What the id of a signal says.

    Raises:
        ValueError: it is no such id.
    """
    found = _ID.fullmatch(signal_id)
    if found is None:
        raise ValueError("no id of a signal")
    return SignalId(*found.groups())


def variation_of(side: str, direction: str) -> str:
    """What a signal of the CUSUM means: of both sides in one period, the concerning one counts.

    Args:
        side: upper, lower or both.
        direction: of the measure.
    """
    more, fewer = _MORE_IS[direction]
    return min(more, fewer, key=ORDER.index) if side == "both" else more if side == "upper" else fewer


def _of_chart(site_id: str, months: Sequence[_Month]) -> Iterator[Signal]:
    """The signals of a chart whose months with a value are given, oldest first."""
    latest = months[-1].index_period
    a_year_before = f"{int(latest[:4]) - 1:04d}{latest[4:]}"
    for rule in _RULES:
        for run in _runs(months, rule):
            if run[-1].index_period > a_year_before:
                last = add_months(run[-1].index_period, run[-1].months - 1)
                yield Signal(site_id, run[0].measure, rule, run[0].index_period, last, run[0].variation)


def _runs(months: Sequence[_Month], rule: Method) -> Iterator[list[_Month]]:
    for key, run in groupby(months, lambda month: _run_key(month, rule)):
        if key is not None:
            yield list(run)


def _run_key(month: _Month, rule: Method) -> tuple[int, str] | None:
    """The same for neighbours of one run; None where the rule does not hold."""
    return (month.phase, month.variation) if month.rules is not None and rule in month.rules.split(";") else None


def _of_cusum(site_id: str, point: CusumPoint, direction: str, latest: str) -> Signal:
    side, period = point.signal or "", point.index_period
    variation = variation_of(side, direction)
    return Signal(site_id, point.measure, _SIDES[side], period, period, variation, _is_archived(period, latest))


def _is_archived(period: str, latest: str) -> bool:
    """Whether a period lies more than two years before the latest, both months or both years."""
    return period < f"{int(latest[:4]) - _ARCHIVED_AFTER:04d}{latest[4:]}"


def _of_funnel(site_id: str, found: Iterable[Alarm], year: str) -> Iterator[Signal]:
    for one in found:
        if one.reason != alarms.CONFIRMED:
            yield Signal(site_id, one.measure, _IN_FUNNEL[one.side], year, year, one.variation)
