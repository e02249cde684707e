"""Single patients of one's own site, for the clinical role, where the installation allows it: lists and timelines.

What made each yes has a page of its own, which a browser puts into that of the patient when it is asked for: to tell it
takes longer than all else of a patient.

Nothing of these pages can be saved as a file, and every view of a patient is in the access log, its key hashed.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from dashboards import record_wording, wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts.timeline import Mark, timeline
from dashboards.data import cases as queries
from dashboards.data import definitions, measures, signals
from dashboards.data.cases import Case, Episode, NotCurrent
from dashboards.data.measures import Site
from dashboards.data.reader import Reader
from dashboards.filters import Filters
from dashboards.pages.frame import Page, View
from dashboards.pages.number import counted
from dashboards.rendering import part
from outcomes.release.explain import Evidence, Explanation, LabelAnswer, RecordKey, TimelineRecord
from outcomes.release.why_not import JudgedCriterion
from outcomes.settings import Settings

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
_STATUSES = {
    "yes": ("Yes", ("Label", "Kind", "Onset day", "Deciding value", "Evidence")),
    "no": ("No", ("Label", "Deciding value", "Evidence")),
    "not_assessable": ("Not assessable", ("Label", "Why")),
}
"""Each answer in words, and what is told of it."""
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
    return _of_patient(view, patient_id, queries.answers, _case)


def reasons(view: View, patient_id: str) -> Page | None:
    """What made each yes of a patient; None where there is no such patient, or where none are listed."""
    return _of_patient(view, patient_id, queries.explanation, _reasons)


def _of_patient(
    view: View,
    patient_id: str,
    ask: Callable[[Reader, Settings, str, str], Explanation | None],
    page: Callable[[View, Site, Explanation], Page],
) -> Page | None:
    """The page of what is asked about a patient of the site."""
    if not view.require_patients() or view.settings is None or view.site is None:
        return None
    try:
        found = ask(view.reader, view.settings, view.site.site_id, patient_id)
    except NotCurrent:
        return _not_current()
    return None if found is None else page(view, view.site, found)


def _case(view: View, site: Site, found: Explanation) -> Page:
    fusion = queries.episode(view.reader, site.site_id, found.patient_id)
    return Page(
        f"Patient {found.patient_id}",
        [_patient(view, site, fusion, found), _timeline(found.timeline), *_answers(view, found)],
    )


def _reasons(view: View, site: Site, found: Explanation) -> Page:
    said = [one for one in found.labels if one.status == "yes"]
    rows = [[_label(one), _made_by(one)] for one in said]
    table = Table("What made each yes", ("Label", "What made it a yes"), rows, is_stacked=True)
    return Page(
        f"Patient {found.patient_id}: what made each yes",
        [
            Card(
                "reasons",
                f"{site.name}, release {found.release_id}",
                sentence=f"{wording.plural(len(said), 'label')} with a yes; each opens to its definition.",
                body=[part("way", f"Patient {found.patient_id}", view.href(f"/cases/{found.patient_id}"))],
                table=table if said else None,
                is_table=True,
                notes=[_KEPT],
                can_be_saved=False,
            )
        ],
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


def _answers(view: View, found: Explanation) -> list[Card]:
    """The answers: first what is so, then what is not, then what cannot be said."""
    reasons_at = f"/cases/why/{found.patient_id}"
    rows: dict[str, Callable[[LabelAnswer], Sequence[Cell | str]]] = {
        "yes": lambda one: [
            _label(one),
            wording.in_words(one.kind) if one.kind else wording.DASH,
            _day(one.onset_day),
            _value(one),
            _with_way_to_reasons(_evidence(one), one.title, view.href(reasons_at, one.label)),
        ],
        "no": lambda one: [_label(one), _value(one), _evidence(one)],
        "not_assessable": lambda one: [_label(one), wording.in_words(one.reason) if one.reason else wording.DASH],
    }
    return [
        _answers_card(status, [row(one) for one in found.labels if one.status == status])
        for status, row in rows.items()
        if any(one.status == status for one in found.labels)
    ]


def _answers_card(status: str, rows: Sequence[Sequence[Cell | str]]) -> Card:
    said, head = _STATUSES[status]
    return Card(
        status.replace("_", "-"),
        said,
        sentence=f"{wording.plural(len(rows), 'label')}; each opens to its definition.",
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


def _evidence(answer: LabelAnswer) -> Cell:
    """The records in words; a long text folds out. Of days observed alone the deciding value says it already."""
    records: Sequence[Evidence] = answer.evidence
    if answer.value_name == "observed_days":
        records = [record for record in records if record.source_table != "patients"]
    said = "; ".join(_shown([_told(one) for one in records]))
    if len(said) <= _FOLDED_FROM:
        return Cell(said)
    short = said[:_FOLDED_FROM].rpartition(" ")[0].rstrip(",;")
    return Cell(said, content=part("folded", f"{short} …", said))


def _with_way_to_reasons(evidence: Cell, title: str, href: str) -> Cell:
    shown = evidence.text if evidence.content is None else evidence.content
    return Cell(evidence.text, content=part("reasons_at", shown, title, href))


def _made_by(answer: LabelAnswer) -> Cell:
    """What made the yes: the criteria, with the records that met them, and the records that these are judged with."""
    told = {(one.source_table, one.record_id): _told(one) for one in answer.evidence}
    met = {"Criteria met": answer.criteria} | {f"Criteria met, {way.name}": way.criteria for way in answer.ways}
    listed = {name: [_met(one, told) for one in criteria] for name, criteria in met.items() if criteria}
    if not listed:
        listed = {"Criteria met": ["Not known: the release has answered by another version of the definition."]}
    records = {"Evidence": list(told.values()), "Judged with": [_told(one) for one in answer.supports]}
    listed |= {name: _shown(said) for name, said in records.items() if said}
    text = "; ".join(f"{name}: {', '.join(said)}" for name, said in listed.items())
    return Cell(text, content=part("reasons", answer.label, listed.items()))


def _met(criterion: JudgedCriterion, told: dict[RecordKey, str]) -> str:
    """A criterion, and those records of the evidence that met it."""
    said = wording.sentence_case(criterion.says)
    records = [told[one.source_table, one.record_id] for one in criterion.records]
    return f"{said}: {'; '.join(_shown(records))}" if records else said


def _told(record: Evidence) -> str:
    return ", ".join(filter(None, (record_wording.table(record.source_table), _words(record))))


def _shown(said: Sequence[str]) -> list[str]:
    """The first few, and how many more there are."""
    more = len(said) - _EVIDENCE_SHOWN
    return [*said[:_EVIDENCE_SHOWN], *([f"and {more} more"] if more > 0 else [])]


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
