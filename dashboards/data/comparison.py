"""Sites beside each other: one's own exact, all others as everybody may see them. Nobody is ranked."""

from dataclasses import dataclass

from dashboards.data.reader import Reader


@dataclass(frozen=True)
class Compared:
    """A site in the funnel of an outcome; None where it is hidden, or too few were followed.

    `adjusted_share` and the limits are shares from 0 to 1. The widened limits allow for differences between sites
    beyond chance, where there are any.
    """

    measure: str
    site_id: str
    marking: str | None
    patients: int | None
    eligible: int | None
    completeness: float | None
    observed: int | None
    expected: float | None
    share: float | None
    target_share: float | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    adjusted_share: float | None
    low_95: float | None
    high_95: float | None
    low_99_8: float | None
    high_99_8: float | None
    position: str | None
    phi: float | None
    widened_low_95: float | None
    widened_high_95: float | None
    widened_low_99_8: float | None
    widened_high_99_8: float | None
    widened_position: str | None


def peers(reader: Reader, measure: str) -> list[Compared]:
    """Every site in the funnel of an outcome, by site; none for an outcome that is not compared."""
    return reader.protected(Compared, "site_comparison", "measure = ?", measure, order="site_id")


def own(reader: Reader, site_id: str) -> dict[str, Compared]:
    """A site's own place in each funnel, exact, by outcome.

    Raises:
        Denied: the site is not one of the scope's.
    """
    return {one.measure: one for one in reader.own(Compared, "site_comparison", site_id, order="measure")}
