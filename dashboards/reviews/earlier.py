"""Work on the same outcome of the same site, from an earlier year: a signal of the funnel is said anew each year."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.data.signals import Signal, parsed_id
from dashboards.reviews.queue import Review


@dataclass(frozen=True)
class Earlier:
    """What became of the signal of an earlier year."""

    signal: str
    year: str
    review: Review


def earlier_work(signal: Signal, reviews: Mapping[str, Review]) -> Earlier | None:
    """The work that is open on what a signal of the funnel says again, or the work that was closed last.

    Of several that of the latest year. None where there is none, and once the signal itself has a finding.

    Args:
        signal: the signal.
        reviews: where the signals of its site stand, by id.
    """
    if not signal.is_of_funnel or reviews.get(signal.id, Review()).state not in ("new", "reviewing"):
        return None
    ids = {name: parsed_id(name) for name in reviews}
    found = [
        Earlier(name, one.first, reviews[name])
        for name, one in ids.items()
        if one.is_of_funnel and one.measure == signal.measure and one.first < signal.first
    ]
    return max(found, key=lambda one: (one.review.state != "closed", one.year), default=None)
