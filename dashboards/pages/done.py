"""What was just done, as the page that comes after it says once: `moved=<signal>` or `noted=<month>` in its address.

The words come from what this server holds, so that no address makes a page say what is not so.
"""

from urllib.parse import parse_qs

from dashboards import wording
from dashboards.pages.frame import View
from dashboards.pages.measure import notes
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
    return _noted(view, given["noted"]) if view.path.startswith(_MEASURE) and "noted" in given else ""


def _moved(view: View, signal_id: str) -> str:
    """Where a signal of the page's site stands."""
    site = view.site
    if site is None or view.reviews is None:
        return ""
    try:
        review = view.reviews.of_site(view.reader.scope, site.site_id).get(signal_id)
    except OutcomesError:
        return ""
    if review is None:
        return ""
    title, found_by = wording.named_signal(signal_id, view.measures)
    return f"Recorded. {title} ({found_by}) is now: {wording.reviewed(review)}."


def _noted(view: View, month: str) -> str:
    """That the reader has noted a month of the page's chart."""
    if view.site is None:
        return ""
    found = notes(view, view.path.removeprefix(_MEASURE), view.site.site_id)
    if (month, view.reader.scope.user) not in {(one.period, one.author) for one in found}:
        return ""
    return f"Recorded: a note on {wording.period(month)}. The next release shows it."
