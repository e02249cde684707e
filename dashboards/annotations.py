"""POST /annotations and /annotations/withdraw?site=<id>&measure=<id>&release=<id>: notes on a month of a control chart.

The form of the chart sends `month` (YYYY-MM), `kind` (note, or rebase: limits start anew) and `reason`, one of a list:
there is no free text, as it could name a patient. It becomes a line of annotations.csv, which the next release reads.

A note is taken back by `note`, its key, and `reason`, one of another list: the line goes over to
annotations_withdrawn.csv, the history, which no release reads. Of either the access log says so first.
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
from dashboards.reviews.notes import KINDS, REASONS, WITHDRAWALS, key_of, noted
from dashboards.reviews.queue import today
from outcomes.errors import OutcomesError
from outcomes.settings import Settings
from outcomes.site_files import Annotation, WithdrawnAnnotation, add_line, taking_out

_MALFORMED = "annotations_malformed"


def install(flask: Flask, settings: Settings, releases: Releases, log: AccessLog) -> None:
    """Add the routes /annotations and /annotations/withdraw."""

    @flask.post("/annotations")
    def annotate() -> AnyResponse:
        reader = _reader(releases, log)
        line = _asked(reader) if reader else None
        return _refused() if reader is None or line is None else _written(settings, log, reader, line)

    @flask.post("/annotations/withdraw")
    def withdraw() -> AnyResponse:
        reader = _reader(releases, log)
        if reader is None or request.form.get("reason") not in WITHDRAWALS or _is_formula(reader.scope.user):
            return _refused()
        return _withdrawn(settings, log, reader)


def _reader(releases: Releases, log: AccessLog) -> Reader | None:
    """Of the release that the request names; None if it is not kept.

    Raises:
        Denied: its site is not one of the scope's.
    """
    reader = releases.read(current_scope(), request.args.get("release"))
    if reader is None:
        return None
    try:
        reader.scope.require(request.args.get("site", ""))
    except Denied:
        log.record(reader.scope, "denied annotation", reader.release_id, 0)
        raise
    return reader


def _asked(reader: Reader) -> Annotation | None:
    """The line of the request being answered; None when it is none that the form could have sent."""
    site_id, measure = request.args.get("site", ""), request.args.get("measure", "")
    period, kind, reason = (request.form.get(name, "") for name in ("month", "kind", "reason"))
    months = {point.index_period for point in control.chart(reader, measure, site_id)}
    if period not in months or kind not in KINDS or reason not in REASONS or _is_formula(reader.scope.user):
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


def _is_formula(user: str) -> bool:
    """Whether a spreadsheet that opens the file would take such a name for one."""
    return user.startswith(("=", "+", "-", "@"))


def _written(settings: Settings, log: AccessLog, reader: Reader, line: Annotation) -> AnyResponse:
    known, chart = measures.known_to_files(reader), _chart(reader, line.site_id, line.measure)
    try:
        is_there = line in noted(settings, known, line.site_id, line.measure)
        if not is_there:
            log.record(reader.scope, f"annotation {line.measure} {line.kind} {line.period}", reader.release_id, 1)
            is_there = not add_line(settings.annotations_file, line, _MALFORMED, known)
    except (OutcomesError, OSError):
        return _unusable(chart)
    if is_there:
        return _page(409, "Noted already", "The same note by you is there already. Nothing was changed.", chart)
    return redirect(_chart(reader, line.site_id, line.measure, f"noted={line.period}"), 303)


def _withdrawn(settings: Settings, log: AccessLog, reader: Reader) -> AnyResponse:
    """Take the note of the request back. A crash in between leaves it in both files, to be taken back once more."""
    site_id, measure = request.args.get("site", ""), request.args.get("measure", "")
    known, chart = measures.known_to_files(reader), _chart(reader, site_id, measure)
    gone = "Somebody has taken this note back, or changed it. Nothing was changed."
    try:
        notes = {key_of(note): note for note in noted(settings, known, site_id, measure)}
        line = notes.get(request.form.get("note", ""))
        if line is None:
            return _page(409, "No such note any more", gone, chart)
        kept = WithdrawnAnnotation(
            **line.model_dump(),
            withdrawn_on=today().isoformat(),
            withdrawn_by=reader.scope.user,
            withdrawn_reason=wording.in_words(request.form.get("reason")),
        )
        audited = f"annotation withdrawn {measure} {line.kind} {line.period}"
        with taking_out(settings.annotations_file, line, _MALFORMED, known) as is_there:
            if is_there:
                log.record(reader.scope, audited, reader.release_id, 1)
                add_line(settings.withdrawn_annotations_file, kept, _MALFORMED)
    except (OutcomesError, OSError):
        return _unusable(chart)
    if not is_there:
        return _page(409, "No such note any more", gone, chart)
    return redirect(_chart(reader, site_id, measure, f"withdrawn={line.period}"), 303)


def _chart(reader: Reader, site_id: str, measure: str, done: str = "") -> str:
    """The address of a chart; `done` is what its page says once (`pages.done`)."""
    query = Filters(site_id).query(measures.choices(reader))
    said = "&".join(part for part in (query.removeprefix("?"), done) if part)
    return f"/measure/{measure}{'?' if said else ''}{said}#trend"


def _refused() -> Response:
    return answers.page(400, "No such note", "A chart cannot be noted in this way. Nothing was changed.")


def _unusable(chart: str) -> Response:
    said = "Nothing was changed. Ask the administrator of these dashboards to check annotations.csv and the access log."
    return _page(503, "Nothing can be noted at the moment", said, chart)


def _page(status: int, title: str, sentence: str, chart: str) -> Response:
    return answers.page(status, title, sentence, way_on=("Back to the chart", chart))
