"""What was just done, as the page that comes after it says once: `moved=<signal>`, `noted=<month>` or
`withdrawn=<month>` in its address.

The words come from what this server holds, so that no address makes a page say what is not so.
"""

from collections.abc import Mapping
from urllib.parse import parse_qs

from dashboards import wording
from dashboards.data import measures
from dashboards.pages.frame import View
from dashboards.reviews.notes import noted, withdrawn
from outcomes.errors import OutcomesError

_MEASURE = "/measure/"


def done(view: View, query: str) -> str:
    """One sentence; empty where nothing was done.

    Args:
        view: of the page.
        query: the query string of its address.
    """
    given = {name: values[-1] for name, values in parse_qs(query.removeprefix("?")).items()}
    if view.path == "/signals" and "moved" in given:
        return _moved(view, given["moved"])
    return _of_note(view, given) if view.path.startswith(_MEASURE) else ""


def _moved(view: View, signal_id: str) -> str:
    """Where a signal of the page's site stands, which the reader has moved last."""
    site = view.site
    if site is None or view.reviews is None:
        return ""
    try:
        review = view.reviews.of_site(view.reader.scope, site.site_id).get(signal_id)
    except OutcomesError:
        return ""
    if review is None or review.user != view.reader.scope.user:
        return ""
    title, found_by = wording.named_signal(signal_id, view.measures)
    return f"Recorded. {title} ({found_by}) is now: {wording.reviewed(review)}."


def _of_note(view: View, given: Mapping[str, str]) -> str:
    """That the reader has noted a month of the page's chart, or taken a note back."""
    if view.site is None or view.settings is None:
        return ""
    site_id, measure, user = view.site.site_id, view.path.removeprefix(_MEASURE), view.reader.scope.user
    try:
        there = noted(view.settings, measures.known_to_files(view.reader), site_id, measure)
        gone = withdrawn(view.settings, site_id, measure)
    except OutcomesError:
        return ""
    if (month := given.get("noted", "")) in {one.period for one in there if one.author == user}:
        return f"Recorded: a note on {wording.period(month)}. The next release shows it."
    if (month := given.get("withdrawn", "")) in {one.period for one in gone if one.withdrawn_by == user}:
        return f"Recorded: a note on {wording.period(month)} is taken back. The next release shows it no more."
    return ""
