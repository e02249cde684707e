"""POST /annotations?site=<id>&measure=<id>&release=<id>: somebody says what happened in a month of a control chart.

The form of the chart sends `month` (YYYY-MM), `kind` (note, or rebase: limits start anew) and `reason`, one of a list:
there is no free text, as it could name a patient. It becomes a line of annotations.csv, which the next release reads.
"""

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from dashboards import wording
from dashboards.access.log import AccessLog
from dashboards.access.login import answers
from dashboards.access.scope import Denied, current_scope
from dashboards.data import control, measures
from dashboards.data.reader import Reader, Releases
from dashboards.filters import Filters
from dashboards.reviews.notes import KINDS, REASONS
from outcomes.errors import OutcomesError
from outcomes.settings import Settings
from outcomes.site_files import Annotation, add_line


def install(flask: Flask, settings: Settings, releases: Releases, log: AccessLog) -> None:
    """Add the route /annotations."""

    @flask.post("/annotations")
    def annotate() -> AnyResponse:
        reader = releases.read(current_scope(), request.args.get("release"))
        site_id, measure = request.args.get("site", ""), request.args.get("measure", "")
        if reader is None:
            return _refused()
        try:
            reader.scope.require(site_id)
        except Denied:
            log.record(reader.scope, "denied annotation", reader.release_id, 0)
            raise
        line = _asked(reader, site_id, measure)
        return _refused() if line is None else _written(settings, log, reader, line)


def _asked(reader: Reader, site_id: str, measure: str) -> Annotation | None:
    """The line of the request being answered; None when it is none that the form could have sent."""
    period, kind, reason = (request.form.get(name, "") for name in ("month", "kind", "reason"))
    months = {point.index_period for point in control.chart(reader, measure, site_id)}
    if period not in months or kind not in KINDS or reason not in REASONS:
        return None
    # A spreadsheet that opens the file would take such a name for a formula.
    if reader.scope.user.startswith(("=", "+", "-", "@")):
        return None
    said = wording.in_words(reason)
    return Annotation.model_construct(
        site_id=site_id,
        measure=measure,
        period=period,
        kind=kind,
        text=said if kind == "note" else "",
        author=reader.scope.user,
        reason=said,
    )


def _written(settings: Settings, log: AccessLog, reader: Reader, line: Annotation) -> AnyResponse:
    of_site = Filters(line.site_id).query(measures.choices(reader))
    chart = f"/measure/{line.measure}{of_site}#trend"
    known = measures.known_to_files(reader)
    try:
        is_new = add_line(settings.annotations_file, line, "annotations_malformed", known)
    except (OutcomesError, OSError):
        said = "Nothing was changed. Ask the administrator of these dashboards to check annotations.csv."
        return _page(503, "Nothing can be noted at the moment", said, chart)
    if not is_new:
        return _page(409, "Noted already", "The same note by you is there already. Nothing was changed.", chart)
    log.record(reader.scope, f"annotation {line.measure} {line.kind} {line.period}", reader.release_id, 1)
    return redirect(f"/measure/{line.measure}{of_site}{'&' if of_site else '?'}noted={line.period}#trend", 303)


def _refused() -> Response:
    return answers.page(400, "No such note", "A chart cannot be noted in this way. Nothing was changed.")


def _page(status: int, title: str, sentence: str, chart: str) -> Response:
    return answers.page(status, title, sentence, way_on=("Back to the chart", chart))
