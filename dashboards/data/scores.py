"""Scores of instruments by visit window: quartiles of one's own site, exact, or of all sites."""

from collections import defaultdict
from dataclasses import dataclass

from dashboards.data.reader import SUPPRESSED, Reader
from dashboards.data.records import ScoreTrajectoriesRow


@dataclass(frozen=True)
class Scores(ScoreTrajectoriesRow):
    """How the scores of an instrument lie in a visit window, in the instrument's unit.

    `patients` have a score. Where `state` is suppressed or missing there is no quartile. One's own site is exact; of
    all sites counts are rounded to 10, quartiles to a point (pain: half a point).
    """

    @property
    def is_suppressed(self) -> bool:
        """Whether it is hidden to protect patients."""
        return self.state == SUPPRESSED


def trajectories(reader: Reader, site_id: str | None) -> dict[str, list[Scores]]:
    """The scores of a site, or of all, by instrument, from before surgery to the latest window.

    Raises:
        Denied: the site is not one of the scope's.
    """
    found = defaultdict(list)
    for scores in _read(reader, site_id):
        found[scores.instrument].append(scores)
    return dict(found)


def _read(reader: Reader, site_id: str | None) -> list[Scores]:
    if site_id is None:
        return reader.protected(Scores, "score_trajectories", order="target_day")
    state = "case when patients = 0 then 'missing' else 'shown' end"
    return reader.own(Scores, "score_trajectories", site_id, order="target_day", derived={"state": state})
