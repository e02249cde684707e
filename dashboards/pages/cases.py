"""Single patients of one's own site, for the clinical role, where the installation allows it: lists and timelines.

Nothing of these pages can be saved as a file, and every view of a patient is in the access log, its key hashed.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards import record_wording, wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts.timeline import Mark, timeline
from dashboards.data import cases as queries
from dashboards.data import definitions, measures, signals
from dashboards.data.cases import Case, Episode, NotCurrent
from dashboards.data.measures import Site
from dashboards.filters import Filters
from dashboards.pages.frame import Page, View
from dashboards.pages.number import counted
from dashboards.rendering import part
from outcomes.release.explain import Evidence, Explanation, LabelAnswer, TimelineRecord

_AT_MOST = 200
_EVIDENCE_SHOWN = 6
_FOLDED_FROM = 120
"""Characters of evidence that a row shows as they are."""
_HOVER = 80
"""Characters of a record's description in a hover; the table has all of it."""
_FIRST = {
    True: "Those come first for whom that was least likely by the risk model.",
    False: "Those fused latest come first: no risk model says for whom it was likely.",
}
"""The order of the patients behind a signal, by whether the measure has a risk model."""
_STATUSES = {"yes": "Yes", "no": "No", "not_assessable": "Not assessable"}
_KEPT = "Every view of this page is recorded in the access log. Nothing on it can be downloaded."


def cases(view: View) -> Page | None:
    """The labels of which patients can be listed; None where nobody's patients are listed."""
    if not view.require_patients():
        return None
    if view.site is None:
        return _one_site_at_a_time()
    with_a_yes = {
        name: value.numerator for name, value in measures.values(view.reader, Filters(view.site.site_id)).items()
    }
    rows: list[Sequence[Cell | str]] = [
        [
            Cell(one.title, href=view.href(f"/cases/of/{one.label}")),
            wording.sentence_case(one.category),
            counted(with_a_yes.get(one.label)),
        ]
        for one in definitions.labels(view.reader)
    ]
    return Page(
        "Cases",
        [
            Card(
                "labels",
                f"{view.who}: patients by label",
                sentence="Choose a label to see who has it. Patients are listed by the random keys of your site.",
                table=Table("Labels", ("Label", "Part of the guide", "Patients with a yes"), rows, numbers=1),
                is_table=True,
                notes=["Patients with a yes: the exact number at your site, among assessed patients.", _KEPT],
                can_be_saved=False,
            )
        ],
    )


def cases_of(view: View, label: str) -> Page | None:
    """The patients of one's own site who have a label; None where there is no such label, or where none are listed."""
    definition = next((one for one in definitions.labels(view.reader) if one.label == label), None)
    if not view.require_patients() or definition is None:
        return None
    if view.site is None:
        return _one_site_at_a_time()
    everybody, found = queries.with_label(view.reader, view.site.site_id, label, _AT_MOST)
    shown = "" if everybody <= _AT_MOST else f" The {_AT_MOST} with the latest fusions are listed."
    return Page(
        f"Cases: {definition.title}",
        [
            Card(
                "patients",
                f"{view.who}: {definition.title}",
                sentence=f"{wording.plural(everybody, 'patient')} with a yes.{shown}",
                table=Table(
                    f"Patients with {definition.title.lower()}",
                    ("Patient", "Year of fusion", "Approach", "Levels", "Kind", "Onset day"),
                    [_case_cells(view, one) for one in found],
                    numbers=1,
                    is_stacked=True,
                )
                if found
                else None,
                is_table=True,
                body=[] if found else ["No patient of the site has this label."],
                about=definition.definition_text,
                notes=["Onset day: days since the index fusion.", _KEPT],
                can_be_saved=False,
            )
        ],
    )


def cases_of_signal(view: View, signal_id: str) -> Page | None:
    """The patients behind a signal; None where there is no such signal, or where none are listed."""
    if not view.require_patients():
        return None
    if view.site is None:
        return _one_site_at_a_time()
    signal = next((one for one in signals.signals(view.reader, view.site.site_id) if one.id == signal_id), None)
    if signal is None:
        return None
    periods = None if signal.is_of_funnel else (signal.first, signal.last)
    measure = view.measures[signal.measure]
    found, is_expected = queries.behind(view.reader, view.site.site_id, measure, periods)
    title = measure.title
    which = "without" if measure.direction == "higher_is_better" else "with"
    when = wording.signal_periods(signal)
    return Page(
        f"Cases: {title}",
        [
            Card(
                "patients",
                f"{view.who}: {title}",
                sentence=f"{wording.plural(len(found), 'patient')} {which} the outcome, {when}"
                + (f"; the first {_AT_MOST} are listed." if len(found) > _AT_MOST else "."),
                table=Table(
                    f"Patients with {title.lower()}",
                    ("Patient", "Year of fusion", "Approach", "Levels"),
                    [_episode_cells(view, one) for one in found[:_AT_MOST]],
                )
                if found
                else None,
                is_table=True,
                body=[part("way", "Back to the signal", view.href("/signals", signal.anchor))],
                notes=[_FIRST[is_expected], _KEPT],
                can_be_saved=False,
            )
        ],
    )


def _episode_cells(view: View, episode: Episode) -> list[Cell | str]:
    return [
        Cell(episode.patient_id, href=view.href(f"/cases/{episode.patient_id}")),
        str(episode.index_year),
        wording.in_words(episode.approach),
        _levels(episode.index_levels),
    ]


def _levels(listed: str | None) -> str:
    """Levels as they are read, of a list that is parted by semicolons."""
    return listed.replace(";", ", ") if listed else "not recorded"


def _case_cells(view: View, case: Case) -> list[Cell | str]:
    answer = case.answer
    return [
        *_episode_cells(view, case.episode),
        wording.in_words(answer.kind) if answer.kind else wording.DASH,
        _day(answer.onset_day),
    ]


def case(view: View, patient_id: str) -> Page | None:
    """A patient's records and answers; None where there is no such patient, or where none are listed."""
    if not view.require_patients() or view.settings is None or view.site is None:
        return None
    try:
        found = queries.explanation(view.reader, view.settings, view.site.site_id, patient_id)
    except NotCurrent:
        return _not_current()
    if found is None:
        return None
    fusion = queries.episode(view.reader, view.site.site_id, patient_id)
    return Page(
        f"Patient {patient_id}",
        [_patient(view, view.site, fusion, found), _timeline(found.timeline), *_answers(found.labels)],
    )


def _patient(view: View, site: Site, fusion: Episode | None, found: Explanation) -> Card:
    """Who it is, and what is so."""
    said = [one for one in found.labels if one.status == "yes"]
    body = [part("way", "All labels", view.href("/cases"))]
    if fusion is None:
        sentence = "The patient is not in the cohort, so no label has an answer."
    else:
        levels = wording.plural(fusion.level_count, "level") if fusion.level_count else "levels not recorded"
        approach = wording.in_words(fusion.approach).lower()
        sentence = (
            f"Fused in {fusion.index_year}, {approach}, {levels}"
            + (f" ({_levels(fusion.index_levels)})" if fusion.index_levels else "")
            + f". Yes for {len(said)} of {wording.plural(len(found.labels), 'label')}."
        )
    return Card("patient", f"{site.name}, release {found.release_id}", sentence=sentence, body=body, notes=[_KEPT])


def _timeline(records: Sequence[TimelineRecord]) -> Card:
    """The records by day: a row for each source table, evidence marked."""
    by_table = Counter(record.source_table for record in records)
    places = {table: place for place, table in enumerate(by_table)}
    evidence = sum(record.is_evidence for record in records)
    marks = [
        Mark(places[record.source_table], record.day, record.is_evidence, _hover(record))
        for record in records
        if record.day is not None
    ]
    without_day = len(records) - len(marks)
    rows: list[Sequence[Cell | str]] = [
        [
            _day(record.day),
            record_wording.table(record.source_table),
            _words(record),
            "Evidence" if record.is_evidence else "",
            record.record_id,
            record.submission_id,
        ]
        for record in records
    ]
    return Card(
        "timeline",
        "Timeline",
        sentence=f"{wording.plural(len(records), 'record')} by day since the index fusion, "
        f"{wording.count(evidence)} of them evidence for an answer (diamonds).",
        figure=timeline(len(by_table), marks),
        css_class="rows--groups rows--timeline",
        beside=[(record_wording.table(table), wording.plural(number, "record")) for table, number in by_table.items()],
        table=Table(
            "Records by day since the index fusion",
            ("Day", "Record of", "What it says", "Evidence", "Key of the record", "Submission"),
            rows,
            is_stacked=True,
        ),
        notes=[f"{wording.plural(without_day, 'record')} without a day: in the table only." if without_day else ""],
        can_be_saved=False,
    )


def _hover(record: TimelineRecord) -> str:
    said = _words(record)
    text = said if len(said) <= _HOVER else f"{said[:_HOVER]}…"
    return f"Day {_day(record.day)}<br>{text.replace('<', '&lt;')}" + ("<br>Evidence" if record.is_evidence else "")


def _answers(labels: Sequence[LabelAnswer]) -> list[Card]:
    """The answers: first what is so, then what is not, then what cannot be said."""
    return [
        _answers_card(status, said, found)
        for status, said in _STATUSES.items()
        if (found := [one for one in labels if one.status == status])
    ]


def _answers_card(status: str, said: str, found: Sequence[LabelAnswer]) -> Card:
    if status == "not_assessable":
        head: tuple[str, ...] = ("Label", "Why")
        rows: list[Sequence[Cell | str]] = [
            [_label(one), wording.in_words(one.reason) if one.reason else wording.DASH] for one in found
        ]
    elif status == "no":
        head = ("Label", "Deciding value", "Evidence")
        rows = [[_label(one), _value(one), _evidence(one, one.evidence)] for one in found]
    else:
        head = ("Label", "Kind", "Onset day", "Deciding value", "Evidence")
        rows = [
            [
                _label(one),
                wording.in_words(one.kind) if one.kind else wording.DASH,
                _day(one.onset_day),
                _value(one),
                _evidence(one, (*one.evidence, *one.supports)),
            ]
            for one in found
        ]
    return Card(
        status.replace("_", "-"),
        said,
        sentence=f"{wording.plural(len(found), 'label')}; each opens to its definition.",
        table=Table(f"Labels: {said.lower()}", head, rows, is_stacked=True),
        is_table=True,
        can_be_saved=False,
    )


def _label(one: LabelAnswer) -> Cell:
    """The label's title, which opens to its definition."""
    definition = f"{one.definition} (version {one.definition_version})"
    return Cell(one.title, content=part("folded", one.title, definition))


def _value(one: LabelAnswer) -> str:
    return record_wording.deciding(one.value_name, one.value) or wording.DASH


def _evidence(answer: LabelAnswer, records: Sequence[Evidence]) -> Cell:
    """The records in words; a long text folds out. Of days observed alone the deciding value says it already."""
    if answer.value_name == "observed_days":
        records = [record for record in records if record.source_table != "patients"]
    shown = [
        ", ".join(filter(None, (record_wording.table(one.source_table), _words(one))))
        for one in records[:_EVIDENCE_SHOWN]
    ]
    more = len(records) - len(shown)
    said = "; ".join(shown) + (f"; and {more} more" if more else "")
    if len(said) <= _FOLDED_FROM:
        return Cell(said)
    short = said[:_FOLDED_FROM].rpartition(" ")[0].rstrip(",;")
    return Cell(said, content=part("folded", f"{short} …", said))


def _words(record: TimelineRecord | Evidence) -> str:
    said = record.description if isinstance(record, TimelineRecord) else record.says
    return record_wording.record(record.source_table, said)


def _one_site_at_a_time() -> Page:
    said = "Single patients are shown for one site at a time. Choose your site above."
    return Page("Cases", [Card("labels", "Patients by label", body=[said])])


def _not_current() -> Page:
    said = (
        "A newer release has been published since this page was opened, and a patient's records can be shown for "
        "the current release only. Reload the page to see them."
    )
    return Page("Patient", [Card("patient", "This release is no longer the current one", body=[said])])


def _day(day: int | None) -> str:
    return wording.DASH if day is None else str(day)
