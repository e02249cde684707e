"""Who did not answer at one's own site, and how far they could change each share."""

from dashboards.data.reader import Reader
from dashboards.data.records import ImprovementRatesRow, MissingAnswersRow

MissingAnswers = MissingAnswersRow
"""A share with its bounds and its weighted value; shares from 0 to 1."""

ImprovementRate = ImprovementRatesRow
"""The risk-standardised improvement rate of a site, or why there is none."""


def missing(reader: Reader, site_id: str) -> dict[str, MissingAnswers]:
    """The measures of what patients report, by name.

    Raises:
        Denied: the site is not one of the scope's.
    """
    return {one.measure: one for one in reader.own(MissingAnswers, "missing_answers", site_id, order="measure")}


def improvement_rate(reader: Reader, site_id: str) -> ImprovementRate | None:
    """The rate of a site; None where the release has none of it.

    Raises:
        Denied: the site is not one of the scope's.
    """
    return next(iter(reader.own(ImprovementRate, "improvement_rates", site_id)), None)
