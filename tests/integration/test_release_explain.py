"""What `explain`, `why_not` and `status` say of a small lake."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from outcomes.contract import TABLES, ColumnType
from outcomes.errors import OutcomesError
from outcomes.intake.manifest import submission_id
from outcomes.release.build import build_release
from outcomes.release.explain import Evidence, LabelAnswer, TimelineRecord, answers, explain
from outcomes.release.open import connect
from outcomes.release.status import status
from outcomes.release.why_not import WhyNot, why_not
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import label_definition, label_definitions
from tests.integration.small_lake import commit
from tests.support.files import copied
from tests.support.submissions import fusion, patient, write_submission

SUBMISSION = "2026-01-0123456789ab"
Tables = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def settings(small_release: Settings) -> Settings:
    return small_release


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The release of a lake of cases, each at a site of its own."""
    made = Settings(home=tmp_path_factory.mktemp("cases"), threads=1)
    commit(made, "told", "2026-01", _told())
    commit(made, "detailed", "2026-01", _detailed())
    commit(made, "examined", "2026-01", _examined())
    commit(made, "refused", "2026-01", _refused_and_irritated())
    commit(made, "absence", "2026-01", _revised_on(50))
    commit(made, "revised", "2026-01", _revised_on(300), "44136fa355b3")  # sha256 of {}
    build_release(made)
    return made


def test_the_timeline_gives_each_record_in_order_of_days(settings: Settings) -> None:
    records = explain(settings, "north", "north-p021").timeline
    assert [(record.day, record.source_table, record.record_id, record.description) for record in records] == [
        (0, "procedures", "north-p021-a", "CPT 22551 C5-6"),
        (180, "follow_ups", "north-p021-f", "neck pain 0 of 10"),
        (200, "imaging", "north-p021-i", "mri C6-7 stenosis"),
        (400, "procedures", "north-p021-b", "CPT 22551 C6-7"),
        (650, "patients", "north-p021", "last contact"),
        (700, "patients", "north-p021", "data cut"),
    ]
    assert {record.submission_id for record in records} == {f"north-{SUBMISSION}"}


def test_each_label_says_why_and_on_which_records_it_rests(settings: Settings) -> None:
    labels = {answer.label: answer for answer in explain(settings, "north", "north-p021").labels}
    assert sorted(labels) == sorted(definition.name for definition in label_definitions())
    revision = labels["revision_performed"]
    assert (revision.status, revision.kind, revision.onset_day) == ("yes", "adjacent_segment_fusion", 400)
    assert [(each.source_table, each.record_id, each.submission_id) for each in revision.evidence] == [
        ("procedures", "north-p021-b", f"north-{SUBMISSION}")
    ]
    assert revision.definition == label_definition("revision_performed").definition
    unanswered = labels["pain_after_revision"]
    assert (unanswered.status, unanswered.reason) == ("not_assessable", "no_assessment_in_window")


def test_the_timeline_marks_the_evidence_of_the_label_asked_for(settings: Settings) -> None:
    explanation = explain(settings, "north", "north-p021", "revision_performed")
    assert [answer.label for answer in explanation.labels] == ["revision_performed"]
    assert [record.record_id for record in explanation.timeline if record.is_evidence] == ["north-p021-b"]
    assert len(explanation.timeline) == 6


TOLD = [
    (table.name, column.name)
    for table in TABLES.values()
    if table.name != "patients"
    for column in table.columns[1:]
    if column.name not in {"patient_id", "day", "start_day", "deleted"}
]


def _told() -> Tables:
    """Records that hold one column each, and one that holds none."""
    values: dict[ColumnType, Any] = {
        ColumnType.TEXT: "c5",
        ColumnType.INTEGER: 7,
        ColumnType.DECIMAL: 7.5,
        ColumnType.BOOLEAN: False,
    }
    rows: Tables = {"patients": [{"patient_id": "p1", "index_period": "2024-01"}]}
    for table in list(TABLES.values())[1:]:
        types = {column.name: column.type for column in table.columns}
        day = "start_day" if "start_day" in types else "day"
        rows[table.name] = [{"patient_id": "p1", table.key: f"{table.name}-nothing", day: 5}] + [
            {"patient_id": "p1", table.key: f"{table.name}-{column}", day: 5, column: values[types[column]]}
            for name, column in TOLD
            if name == table.name
        ]
    return rows


@pytest.fixture(scope="module")
def told(cases: Settings) -> dict[str, str]:
    """What the timeline says of these, by record."""
    return {record.record_id: record.description for record in explain(cases, "told", "p1").timeline}


@pytest.mark.parametrize(("table", "column"), TOLD)
def test_the_timeline_tells_each_column_that_holds_something(told: dict[str, str], table: str, column: str) -> None:
    assert told[f"{table}-nothing"] == ""
    assert told[f"{table}-{column}"] != ""


def _detailed() -> Tables:
    """A patient with suspected adjacent segment disease, and one whose records hold much."""
    asd: dict[str, Any] = {"patient_id": "asd"}
    full: dict[str, Any] = {"patient_id": "full"}
    told = {"index_period": "2024-01", "last_contact_day": 900, "data_cut_day": 900}
    fusion = {"day": 0, "code_system": "CPT", "code": "22551", "levels": "C5-6"}
    finding = {"level": "C6-7", "modality": "mri", "finding": "degeneration", "unit": "grade"}
    drug = {"start_day": 50, "end_day": 60, "code_system": "ATC", "code": "H02AB06", "treatment_class": "injection"}
    asked = {"neck_pain_nrs": 2.0, "arm_pain_nrs": 6.0, "mjoa_total": 17, "numbness": True}
    scored = {"arm_pain_nrs": 6.5, "ndi_total": 34.0, "ndi_unit": "percent", "ndi_item_1": 3, "numbness": False}
    charged = {"units": 2, "modifier": "62", "approach": "anterior", "planned_stage": True}
    return {
        "patients": [asd | told, full | told],
        "procedures": [asd | fusion | {"procedure_id": "a"}, full | fusion | charged | {"procedure_id": "b"}],
        "follow_ups": [
            asd | asked | {"follow_up_id": "visit", "day": 390},
            full | scored | {"follow_up_id": "w", "day": 100, "encounter_id": "e1"},
        ],
        "imaging": [
            asd | finding | {"imaging_id": "before", "day": -20, "value": 1.0},
            asd | finding | {"imaging_id": "after", "day": 400, "value": 2.0},
            full | finding | {"imaging_id": "i", "day": 200, "value": 2.0},
            full | {"imaging_id": "j", "day": 200, "finding": "interspinous_motion", "value": 1.5, "unit": "mm"},
        ],
        "treatments": [full | drug | {"treatment_id": "t", "route": "injection"}],
    }


def test_the_timeline_tells_records_in_full(cases: Settings) -> None:
    assert [record.description for record in explain(cases, "detailed", "full").timeline] == [
        "CPT 22551 units 2 modifier 62 anterior C5-6, planned stage",
        "injection ATC H02AB06 injection to day 60",
        "arm pain 6.5 of 10, NDI 34 percent, NDI items: pain 3, no numbness, encounter e1",
        "mri C6-7 degeneration grade 2",
        "interspinous_motion 1.5 mm",
        "data cut",
        "last contact",
    ]


def test_a_yes_names_the_sign_that_counted(cases: Settings) -> None:
    answer = _label(cases, "detailed", "asd", "suspected_asd")
    assert [(each.record_id, each.says) for each in answer.evidence] == [
        ("visit", "day 390: arm pain 6 of 10, numbness (red flag)"),
        ("after", "day 400: mri C6-7 degeneration grade 2"),
    ]
    assert [way.name for way in answer.ways] == ["clinical"]
    assert all(criterion.holds for criterion in (*answer.criteria, *answer.ways[0].criteria))
    *_, symptom = answer.ways[0].criteria
    assert [(each.record_id, each.signs) for each in symptom.records] == [
        ("visit", ("arm pain 6 of 10", "numbness (red flag)"))
    ]
    (numb,) = _label(cases, "detailed", "asd", "red_flag_numbness").evidence
    assert numb.says == "day 390: numbness (red flag)"


def _examined() -> Tables:
    """Patients whose visits tell much of which little counts."""
    visits: dict[str, dict[str, Any]] = {
        "grade": {"day": 60, "mrc_grade_min": 4, "mjoa_total": 16, "radiating_pain": True, "arm_pain_nrs": 7.0},
        "score": {"day": 100, "mrc_grade_min": 5, "mjoa_total": 15, "ndi_item_5": 3, "occipital_headache": False},
    }
    visits["grade"] |= {"neck_pain_nrs": 1.0, "ndi_item_5": 2, "occipital_headache": True}
    visits["score"] |= {"radiating_pain": False, "neck_pain_nrs": 4.5, "arm_pain_nrs": 6.0, "opioid_use": True}
    told = {"index_period": "2024-01", "last_contact_day": 900, "data_cut_day": 900}
    fusion = {"day": 0, "code_system": "CPT", "code": "22551", "levels": "C5-6"}
    before = {"day": -5, "mrc_grade_min": 5, "mjoa_total": 16}
    controlled = {"day": 50, "neck_pain_nrs": 2.0, "arm_pain_nrs": 1.0, "mjoa_total": 16}
    return {
        "patients": [{"patient_id": name} | told for name in visits],
        "procedures": [{"patient_id": name, "procedure_id": name} | fusion for name in visits],
        "follow_ups": [
            {"patient_id": name, "follow_up_id": f"{name}-{visit['day']}"} | visit
            for name, after in visits.items()
            for visit in (before, controlled, after)
        ],
    }


@pytest.mark.parametrize(
    ("patient_id", "label", "says"),
    [
        ("grade", "red_flag_weakness", "day 60: weakness (red flag): MRC grade 4, before surgery 5"),
        ("score", "red_flag_weakness", "day 100: weakness (red flag): mJOA 15 of 18, at best before 16"),
        ("grade", "red_flag_radiating_pain", "day 60: radiating pain (red flag): stated"),
        (
            "score",
            "red_flag_radiating_pain",
            "day 100: radiating pain (red flag): neck pain 4.5 of 10, arm pain 6 of 10",
        ),
        ("grade", "red_flag_headache", "day 60: headache (red flag): occipital"),
        ("score", "red_flag_headache", "day 100: headache (red flag): NDI headache item 3"),
        (
            "grade",
            "nerve_symptoms",
            "day 60: arm pain 7 of 10, weakness (red flag): MRC grade 4, before surgery 5",
        ),
        ("score", "nerve_symptoms", "day 100: weakness (red flag): mJOA 15 of 18, at best before 16"),
        ("score", "opioid_supply_past_day_90", "day 100: takes an opioid"),
    ],
)
def test_of_a_visit_that_tells_much_the_sign_that_counted_is_named(
    cases: Settings, patient_id: str, label: str, says: str
) -> None:
    (visit,) = _label(cases, "examined", patient_id, label).evidence
    assert visit.says == says


def test_what_told_the_kind_is_named_too(cases: Settings) -> None:
    assert [each.says for each in _label(cases, "examined", "score", "pain_past_3_months").evidence] == [
        "day 100: neck pain 4.5 of 10",
        "day 50: neck pain 2 of 10 (tells the kind)",
    ]


def _refused_and_irritated() -> Tables:
    """A fusion that a diagnosis makes one of a nonunion, and hardware that a diagnosis says was painful."""
    told = {"index_period": "2022-01", "last_contact_day": 900, "data_cut_day": 900}
    fusion = {"day": 0, "code_system": "CPT", "code": "22551", "levels": "C5-6"}
    again = {"code_system": "CPT", "code": "22600", "day": 400, "levels": "C3-4"}
    removed = {"code_system": "CPT", "code": "22855", "day": 400, "levels": "C5-6"}
    widened = {"code_system": "CPT", "code": "63020", "day": 400}
    coded = {"code_system": "ICD10CM", "day": 380}
    return {
        "patients": [{"patient_id": name} | told for name in ("refused", "irritated")],
        "procedures": [
            {"patient_id": "refused", "procedure_id": "r0"} | fusion,
            {"patient_id": "refused", "procedure_id": "r1"} | again,
            {"patient_id": "irritated", "procedure_id": "i0"} | fusion,
            {"patient_id": "irritated", "procedure_id": "i1"} | removed,
            {"patient_id": "irritated", "procedure_id": "i2"} | widened,
        ],
        "diagnoses": [
            {"patient_id": "refused", "diagnosis_id": "pseudarthrosis", "code": "M960"} | coded,
            {"patient_id": "refused", "diagnosis_id": "another", "code": "I10"} | coded,
            {"patient_id": "irritated", "diagnosis_id": "pain", "code": "T8484XA"} | coded,
            {"patient_id": "irritated", "diagnosis_id": "neck", "code": "M542"} | coded,
        ],
    }


@pytest.mark.parametrize(
    ("patient_id", "label", "kind", "supports"),
    [
        ("refused", "revision_performed", "nonunion_revision", ["pseudarthrosis"]),
        ("refused", "revision_nonunion", None, ["pseudarthrosis"]),
        ("refused", "suspected_nonunion", "confirmed_firm", ["pseudarthrosis"]),
        ("irritated", "suspected_hardware_irritation", "confirmed", ["neck", "pain"]),
        ("irritated", "revision_foraminotomy", None, []),
    ],
)
def test_what_the_evidence_is_judged_with_is_named_and_marked(
    cases: Settings, patient_id: str, label: str, kind: str | None, supports: list[str]
) -> None:
    explanation = explain(cases, "refused", patient_id, label)
    (answer,) = explanation.labels
    assert (answer.status, answer.kind) == ("yes", kind)
    assert [each.record_id for each in answer.supports] == supports
    evidence = {each.record_id for each in answer.evidence}
    assert {one.record_id for one in explanation.timeline if one.is_evidence} == {*evidence, *supports}


def test_it_is_said_what_the_evidence_is_judged_with(cases: Settings) -> None:
    says = [each.says for each in _label(cases, "refused", "irritated", "suspected_hardware_irritation").supports]
    assert says == [
        "day 380: ICD10CM M542 (tells where it was)",
        "day 380: ICD10CM T8484XA (tells why it was done)",
    ]
    (pseudarthrosis,) = _label(cases, "refused", "refused", "revision_nonunion").supports
    assert (pseudarthrosis.submission_id, pseudarthrosis.is_superseded) == (f"refused-{SUBMISSION}", False)


def test_answers_alone_are_those_of_the_explanation_and_make_no_relation_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = explain(settings, "north", "north-p021")
    monkeypatch.setattr(
        "outcomes.release.explain.trace_patient", lambda _: pytest.fail("it takes longer than all else")
    )
    found = answers(settings, "north", "north-p021")
    assert any(each.criteria for each in whole.labels)
    for answer, explained in zip(found.labels, whole.labels, strict=True):
        assert (answer.criteria, answer.ways, answer.supports) == ((), (), ())
        assert [_key(one) for one in answer.evidence] == [_key(one) for one in explained.evidence]
        assert replace(explained, evidence=answer.evidence, criteria=(), ways=(), supports=()) == answer
    cited = {_key(one) for each in found.labels for one in each.evidence}
    assert {_key(one) for one in found.timeline if one.is_evidence} == cited
    assert [replace(one, is_evidence=False) for one in found.timeline] == [
        replace(one, is_evidence=False) for one in whole.timeline
    ]


def _key(record: Evidence | TimelineRecord) -> tuple[str, str]:
    return record.source_table, record.record_id


def test_what_a_no_rests_on_is_told(settings: Settings) -> None:
    answer = next(
        each for each in explain(settings, "north", "north-p002").labels if each.label == "pain_past_3_months"
    )
    assert (answer.status, answer.criteria, answer.ways) == ("no", (), ())
    assert [each.says for each in answer.evidence] == ["day 180: neck pain 2 of 10"]


def _label(settings: Settings, site_id: str, patient_id: str, label: str) -> LabelAnswer:
    (answer,) = explain(settings, site_id, patient_id, label).labels
    return answer


def _revised_on(day: int) -> Tables:
    """A patient who was revised on that day."""
    return {
        "patients": [{"patient_id": "p1", "index_period": "2024-01", "last_contact_day": 400, "data_cut_day": 400}],
        "procedures": [
            {"patient_id": "p1", "procedure_id": f"p1-{each}", "day": each, "code_system": "CPT", "code": "22551"}
            for each in (0, day)
        ],
    }


@pytest.fixture
def landed(cases: Settings, tmp_path: Path) -> tuple[Settings, Path]:
    """A copy of that home for one test, and the folder in which the delivery of a released patient landed."""
    settings = copied(cases, tmp_path / "home")
    folder = settings.landing / "revised" / "2026-01"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    (folder / "procedures.csv").write_text("procedure_id\n", encoding="utf-8")
    return settings, folder


def test_evidence_names_the_delivered_file_while_it_is_there(landed: tuple[Settings, Path]) -> None:
    settings, folder = landed
    (record,) = _label(settings, "revised", "p1", "revision_performed").evidence
    assert (record.file, record.is_superseded) == (folder / "procedures.csv", False)


def test_a_folder_that_is_gone_replaces_nothing(landed: tuple[Settings, Path]) -> None:
    settings, folder = landed
    folder.rename(settings.home / "elsewhere")
    (record,) = _label(settings, "revised", "p1", "revision_performed").evidence
    assert (record.file, record.is_superseded) == (None, False)


def test_a_delivery_that_waits_replaces_nothing_yet(landed: tuple[Settings, Path]) -> None:
    settings, folder = landed
    (folder / "manifest.json").write_text("{ }", encoding="utf-8")
    (record,) = _label(settings, "revised", "p1", "revision_performed").evidence
    assert (record.file, record.is_superseded) == (None, False)


def test_a_submission_that_is_superseded_since_the_release_is_said_to_be(landed: tuple[Settings, Path]) -> None:
    settings, folder = landed
    commit(settings, "revised", "2026-05", {"patients": [{"patient_id": "p1"}]})
    assert not _label(settings, "revised", "p1", "revision_performed").evidence[0].is_superseded
    commit(settings, "revised", "2026-01", {"patients": [{"patient_id": "p1"}]}, "aaaaaaaaaaaa", attempt=2)
    (record,) = _label(settings, "revised", "p1", "revision_performed").evidence
    assert (record.file, record.is_superseded) == (folder / "procedures.csv", True)


def test_a_patient_outside_the_cohort_has_a_timeline_and_no_labels(settings: Settings) -> None:
    explanation = explain(settings, "north", "north-p020")
    assert explanation.timeline
    assert explanation.labels == ()


@pytest.mark.parametrize(
    ("site_id", "patient_id"), [("north", "east-p021"), ("nowhere", "north-p021"), ("*", "north-p021"), ("", "")]
)
def test_an_unknown_patient_is_named_as_such(settings: Settings, site_id: str, patient_id: str) -> None:
    with pytest.raises(OutcomesError) as unknown:
        explain(settings, site_id, patient_id)
    assert unknown.value.code == "patient_unknown"
    assert patient_id == "" or patient_id not in str(unknown.value)


def test_what_came_after_the_release_plays_no_part(small_release: Settings, tmp_path: Path) -> None:
    settings = copied(small_release, tmp_path / "home")
    before = explain(settings, "north", "north-p021")
    moved = {"patient_id": "north-p021", "imaging_id": "north-p021-i", "day": 999}
    commit(settings, "north", "2026-05", {"imaging": [moved | {"modality": "ct", "finding": "normal"}]})
    assert explain(settings, "north", "north-p021") == before


def _holds(answer: WhyNot) -> dict[str, bool]:
    return {criterion.says: criterion.holds for criterion in answer.criteria}


def test_a_no_names_the_criterion_that_fails(settings: Settings) -> None:
    # One visit on day 180 with a neck pain of 2.
    answer = why_not(settings, "north", "north-p002", "pain_past_3_months")
    assert (answer.status, answer.reason, answer.all_hold, answer.ways) == ("no", None, False, ())
    assert list(_holds(answer).values()) == [True, True, True, False]
    assessed, painful = answer.criteria[2:]
    assert [(each.source_table, each.record_id) for each in assessed.records] == [("follow_ups", "north-p002-f")]
    assert painful.says.startswith(
        "at such a visit neck pain of 4 or more, or a disability index of 30 percent or more"
    )
    assert painful.records == ()


def test_a_criterion_of_absence_fails_by_the_records_that_are_there(cases: Settings) -> None:
    answer = why_not(cases, "absence", "p1", "pain_past_3_months")
    assert (answer.status, answer.reason) == ("not_assessable", "revised_before_window")
    unrevised = answer.criteria[1]
    assert (unrevised.says, unrevised.holds) == ("no revision before day 92", False)
    assert [record.record_id for record in unrevised.records] == ["p1-50"]


def test_of_several_ways_one_suffices(settings: Settings) -> None:
    # Fused at C6-7 on day 400, next to the index fusion at C5-6; no pain ever.
    answer = why_not(settings, "north", "north-p021", "suspected_asd")
    assert (answer.status, answer.all_hold) == ("yes", True)
    assert set(_holds(answer).values()) == {True}
    assert {way.name: way.holds for way in answer.ways} == {"clinical": False, "surgical": True}
    assert [record.record_id for record in answer.ways[1].criteria[-1].records] == ["north-p021-b"]


@pytest.mark.parametrize("patient_id", ["north-p002", "north-p021", "north-p048"])
def test_the_answer_is_that_of_the_release(settings: Settings, patient_id: str) -> None:
    released = [label for label in explain(settings, "north", patient_id).labels if "pain" in label.label]
    # Of each answer that the patient has, one label.
    asked = {(label.status, label.reason): label.label for label in released}
    assert len(asked) > 1
    for answer, label in asked.items():
        said = why_not(settings, "north", patient_id, label)
        assert (said.status, said.reason) == answer


def test_outside_the_cohort_it_says_why(settings: Settings) -> None:
    answer = why_not(settings, "north", "north-p020", "pain_past_3_months")
    assert (answer.status, answer.reason) == (None, "no_cervical_fusion_on_day_0")
    assert (answer.criteria, answer.ways) == ((), ())


def test_an_unknown_label_is_named_as_such(settings: Settings) -> None:
    for ask in (explain, why_not):
        with pytest.raises(OutcomesError) as unknown:
            ask(settings, "north", "north-p021", "happiness")
        assert unknown.value.code == "label_unknown"


def test_it_can_be_asked_while_the_release_is_open(settings: Settings) -> None:
    with connect(settings=settings) as con:
        assert explain(settings, "north", "north-p021").labels
        assert con.execute("select count(*) > 0 from labels").fetchone() == (True,)


def test_status_adds_up(settings: Settings) -> None:
    stands = status(settings)
    assert (stands.count("accepted"), stands.count("refused"), stands.count("superseded")) == (3, 1, 0)
    assert all(each.rows_in == each.rows_accepted + each.rows_quarantined for each in stands.submissions)
    assert [each.code for each in stands.submissions if each.status == "refused"] == ["checksum_mismatch"]
    assert stands.release_id is not None
    assert stands.release_id.startswith("2026-01-")


def test_status_lists_what_landed_and_waits(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    known = write_submission(settings, "north", "2026-01", {"patients": [patient()], "procedures": [fusion()]})
    for period, manifest in (("2026-02", "{ }"), ("2026-03", None)):
        folder = settings.landing / "north" / period
        folder.mkdir(parents=True)
        if manifest:
            (folder / "manifest.json").write_text(manifest, encoding="utf-8")
    commit(settings, "north", "2026-01", {"patients": []}, submission_id(known)[-12:])
    stands = status(settings)
    assert [(each.period, each.is_complete) for each in stands.waiting] == [("2026-02", True), ("2026-03", False)]
    assert stands.release_id is None
