"""Sites beside each other: one's own exact, all others as everybody may see them. Nobody is ranked."""

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


def own(reader: Reader, site_id: str) -> dict[str, Compared]:
    """A site's own place in each funnel, exact, by outcome.

    Raises:
        Denied: the site is not one of the scope's.
    """
    return {one.measure: one for one in reader.own(Compared, "site_comparison", site_id, order="measure")}
