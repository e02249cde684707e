"""Sites beside each other: one's own exact, all others as everybody may see them. Nobody is ranked."""

from dataclasses import replace
from typing import Any

from dashboards.data.reader import Reader
from dashboards.data.records import SiteComparisonRow

Compared = SiteComparisonRow
"""A site in the funnel of an outcome; None where it is hidden, or too few were followed.

`adjusted_share` and the limits are shares from 0 to 1. The widened limits allow for differences between sites beyond
chance, where there are any.
"""


def peers(reader: Reader, measure: str) -> list[Compared]:
    """Every site in the funnel of an outcome, by site; none for an outcome that is not compared."""
    return reader.protected(Compared, "site_comparison", "measure = ?", measure, order="site_id")


_OF_ALL_SITES = (
    "target_share", "adjusted_share", "low_95", "high_95", "low_99_8", "high_99_8",
    "widened_low_95", "widened_high_95", "widened_low_99_8", "widened_high_99_8",
)  # fmt: skip
"""Shares that are so many times the one of all sites."""


def own(reader: Reader, site_id: str) -> dict[str, Compared]:
    """A site's own place in each funnel, exact, by outcome; the share of all sites is the one that everybody may see.

    An exact one, less what the site knows of itself, would tell of the others.

    Raises:
        Denied: the site is not one of the scope's.
    """
    shown = reader.protected(Compared, "site_comparison", "target_share is not null", order="measure, site_id")
    targets = {one.measure: one.target_share for one in shown}
    exact = reader.own(Compared, "site_comparison", site_id, order="measure")
    return {one.measure: _beside(one, targets.get(one.measure)) for one in exact}


def _beside(one: Compared, target: float | None) -> Compared:
    """A site beside another share of all sites; None where it is hidden, and all that follows from it with it."""
    times = target / one.target_share if target is not None and one.target_share else None
    scaled: dict[str, Any] = {}
    for name in _OF_ALL_SITES:
        share = getattr(one, name)
        scaled[name] = None if share is None or times is None else share * times
    return replace(one, **scaled)
