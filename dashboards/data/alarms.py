"""What the first screen of a site names: few measures, each for a reason that chance seldom gives."""

from dashboards.data.reader import Reader
from dashboards.data.records import AlarmsRow

ORDER = ("special_concerning", "special_improving", "special_neutral")
"""What asks for attention first."""

CONFIRMED = "confirmed"
"""The reason of an alarm of the control chart; all others are of the funnel."""

_SUREST = ("beyond_99_8", "beyond_95_and_cusum", CONFIRMED, "beyond_95")

Alarm = AlarmsRow
"""A measure that asks a site to look: its sum over time stands out, or a period was confirmed by the next."""


def own(reader: Reader, site_id: str) -> dict[str, Alarm]:
    """The alarms of a site by measure: concerning ones first, then the surest, then those of most patients.

    Raises:
        Denied: the site is not one of the scope's.
    """
    found = reader.own(Alarm, "alarms", site_id, order="measure")
    return {one.measure: one for one in sorted(found, key=_place)}


def patients_beyond(one: Alarm) -> float:
    """How many more patients have the outcome than expected, negative for fewer; 0 of an alarm of the control chart."""
    return 0 if one.observed is None or one.expected is None else one.observed - one.expected


def _place(one: Alarm) -> tuple[int, int, float]:
    return ORDER.index(one.variation), _SUREST.index(one.reason), -abs(patients_beyond(one))
