"""What the first screen of one's own site names, and why."""

from dashboards.data.reader import Reader
from dashboards.data.records import AlarmsRow
from dashboards.data.signals import ORDER

Alarm = AlarmsRow
"""A measure that asks a site to look: its sum over time stands out, or a period was confirmed by the next."""


def own(reader: Reader, site_id: str) -> dict[str, Alarm]:
    """The alarms of a site by measure, concerning ones first.

    Raises:
        Denied: the site is not one of the scope's.
    """
    found = reader.own(Alarm, "alarms", site_id, order="measure")
    return {one.measure: one for one in sorted(found, key=lambda one: ORDER.index(one.variation))}
