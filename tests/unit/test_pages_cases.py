"""Single patients: for the clinical role of the site, where the flag is set, never as a file, every view in the log."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from flask.testing import FlaskClient

from dashboards import record_wording
from dashboards.access.log import AccessLog, case_view
from dashboards.access.scope import Denied, Scope
from dashboards.data import cases as queries
from dashboards.data import measures
from dashboards.data.reader import Reader, Releases
from dashboards.data.signals import Signal
from dashboards.pages import cases as page
from dashboards.pages.frame import whole_page
from dashboards.pages.site import Site
from dashboards.server import create_app
from dashboards.settings import DashboardSettings
from outcomes.contract.tables import TABLES
from outcomes.errors import OutcomesError
from outcomes.release.explain import Evidence, Explanation, TimelineRecord
from outcomes.release.open import RESEARCH
from outcomes.release.verify import seal
from outcomes.settings import Settings
from outcomes.site_files import Role
from tests.support.dashboard_release import FIRST_ID, FOREIGN, SECOND_ID, SECRET_WORD, write_release
from tests.support.dashboard_views import cards, reader_of, texts
from tests.support.golden import ANSWERED, EXPLAINED, LABEL, PATIENT
from tests.support.html_tree import parsed

OWN, KEY = "ashworth", PATIENT
SIGNAL = f"{OWN}/pain_12_months/funnel/2026"
OF_A_PATIENT = [f"/cases/{KEY}", f"/cases/why/{KEY}"]
PATHS = ["/cases", f"/cases/of/{LABEL}", f"/cases/signal/{SIGNAL}", *OF_A_PATIENT]


@pytest.fixture
def home(tmp_path: Path, home: Path) -> Path:
    """A home of its own for each test, with an access log of its own; the release is the same."""
    (tmp_path / "releases").symlink_to(home / "releases")
    return tmp_path


@pytest.fixture
def explained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The patients that were asked about; the lake behind the release is not made for these tests."""
    asked: list[str] = []

    def known(answer: Explanation) -> Callable[[Settings, str, str], Explanation]:
        def ask(_: Settings, site_id: str, patient_id: str) -> Explanation:
            asked.append(patient_id)
            if (site_id, patient_id) != (OWN, KEY):
                raise OutcomesError("patient_unknown", f"release {FIRST_ID}")
            return answer

        return ask

    monkeypatch.setattr(queries, "answers_of_patient", known(ANSWERED))
    monkeypatch.setattr(queries, "explain_patient", known(EXPLAINED))
    return asked


def _site(home: Path, is_on: bool = True) -> Site:
    return Site(
        Settings(home=home),
        DashboardSettings(cases=is_on),
        Releases(home / "releases"),
        AccessLog(home / "logs" / "access.jsonl"),
    )


def _shown(site: Site, path: str, query: str = "", role: Role = "clinical") -> tuple[str, str]:
    html = site.show(Scope("me", frozenset({OWN}), role), path, query).html
    (heading,) = parsed(html).all("h1")
    return heading.text, html


def _log(home: Path) -> str:
    path = home / "logs" / "access.jsonl"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


@pytest.mark.parametrize("path", PATHS)
def test_without_the_flag_there_is_no_such_page(home: Path, explained: list[str], path: str) -> None:
    title, text = _shown(_site(home, is_on=False), path)
    assert title == "No such page"
    assert KEY not in text
    assert explained == []


@pytest.mark.parametrize("path", PATHS)
def test_a_quality_role_is_refused_and_the_log_says_so(home: Path, explained: list[str], path: str) -> None:
    title, text = _shown(_site(home), path, role="quality")
    assert title == "No access"
    assert "Single patients are for the clinical role" in text
    assert json.loads(_log(home))["view"].startswith("denied cases/" if path in OF_A_PATIENT else "denied /cases")
    assert KEY not in text + _log(home)
    assert explained == []


@pytest.mark.parametrize("path", PATHS)
def test_another_sites_patients_are_not_yours_to_see(home: Path, explained: list[str], path: str) -> None:
    title, _ = _shown(_site(home), path, f"?site={FOREIGN}")
    assert title == "No access"
    assert explained == []
    assert KEY not in _log(home)


@pytest.mark.parametrize(
    "read",
    [
        lambda reader, home: queries.with_label(reader, OWN, LABEL, 10),
        lambda reader, home: queries.episode(reader, OWN, KEY),
        lambda reader, home: queries.answers(reader, Settings(home=home), OWN, KEY),
        lambda reader, home: queries.explanation(reader, Settings(home=home), OWN, KEY),
    ],
)
def test_every_query_asks_for_the_clinical_role_itself(home: Path, read: Callable[[Reader, Path], Any]) -> None:
    with pytest.raises(Denied):
        read(reader_of(home, OWN), home)


def test_all_sites_together_list_nobody(home: Path, explained: list[str]) -> None:
    for path in PATHS[:-2]:
        title, text = _shown(_site(home), path, "?site=all")
        assert title == "Cases"
        assert "Choose your site above" in text
        assert "patienta" not in text
    for path in OF_A_PATIENT:
        assert _shown(_site(home), path, "?site=all")[0] == "No such page"
    assert explained == []


def test_labels_lead_to_the_patients_who_have_them(home: Path) -> None:
    _, text = _shown(_site(home), "/cases")
    assert f'href="/cases/of/{LABEL}"' in text
    _, text = _shown(_site(home), f"/cases/of/{LABEL}")
    assert 'href="/cases/patient' in text
    assert SECRET_WORD not in text


def test_only_patients_with_a_yes_are_listed_those_fused_latest_first(home: Path) -> None:
    reader = reader_of(home, OWN, role="clinical")
    everybody, found = queries.with_label(reader, OWN, LABEL, 4)
    _, all_found = queries.with_label(reader, OWN, LABEL, 100)
    assert (len(found), len(all_found)) == (4, everybody)
    years = [one.episode.index_year for one in all_found]
    assert years == sorted(years, reverse=True)
    assert {one.answer.onset_day for one in all_found} == {120}
    assert all(one.episode.patient_id == one.answer.patient_id for one in all_found)


def test_a_list_that_is_cut_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "are listed" not in _shown(_site(home), f"/cases/of/{LABEL}")[1]
    monkeypatch.setattr(page, "_AT_MOST", 3)
    assert "The 3 with the latest fusions are listed." in _shown(_site(home), f"/cases/of/{LABEL}")[1]


def test_a_label_that_there_is_not_has_no_page(home: Path) -> None:
    assert _shown(_site(home), "/cases/of/nothing")[0] == "No such page"


def test_a_patients_page_has_the_timeline_and_the_answers_with_their_evidence(home: Path, explained: list[str]) -> None:
    title, text = _shown(_site(home), f"/cases/{KEY}")
    assert title == f"Patient {KEY}"
    assert explained == [KEY]
    assert all(one.title in text for one in EXPLAINED.labels)
    assert "Neck pain 6 of 10" in text
    assert "900\u00a0days\u00a0observed" in text
    assert "neck pain 6 of 10, satisfaction 2 of 4" in text
    assert f'href="/cases/why/{KEY}#{LABEL}"' in text


def test_a_patients_page_does_not_ask_what_made_a_yes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "answers_of_patient", lambda *_: ANSWERED)
    monkeypatch.setattr(queries, "explain_patient", lambda *_: pytest.fail("it takes longer than all else"))
    assert _shown(_site(home), f"/cases/{KEY}")[0] == f"Patient {KEY}"


def test_what_made_each_yes_is_told_with_the_records_that_counted(home: Path, explained: list[str]) -> None:
    title, text = _shown(_site(home), f"/cases/why/{KEY}")
    assert (title, explained) == (f"Patient {KEY}: what made each yes", [KEY])
    (reasons,) = [each for each in parsed(text).all("dl") if each.get("id") == LABEL]
    assert reasons.lines() == [
        "Criteria met",
        "No revision before day 92",
        "Criteria met, by score",
        "Neck pain of 4 or more: Follow-up, day 120: neck pain 6 of 10",
        "Evidence",
        "Follow-up, day 120: neck pain 6 of 10",
        "Judged with",
        "Image, no day: CT <C5-6> (was there before)",
    ]
    assert "Revision performed" not in text
    assert f'href="/cases/{KEY}"' in text


def test_of_a_yes_by_another_version_of_the_definition_it_says_that_nothing_is_known(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "explain_patient", lambda *_: ANSWERED)
    assert "another version of the definition" in _shown(_site(home), f"/cases/why/{KEY}")[1]


def test_without_a_yes_there_are_no_reasons(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "explain_patient", lambda *_: replace(EXPLAINED, labels=EXPLAINED.labels[1:]))
    _, text = _shown(_site(home), f"/cases/why/{KEY}")
    assert "0 labels with a yes" in text.replace("\u00a0", " ")
    assert [*parsed(text).all("table")] == []


def test_of_many_records_the_first_are_listed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visits = tuple(Evidence("follow_ups", f"v{day}", "s", None, says=f"day {day}: numbness") for day in range(8))
    found = replace(EXPLAINED, labels=(replace(EXPLAINED.labels[0], evidence=visits, criteria=(), ways=()),))
    monkeypatch.setattr(queries, "explain_patient", lambda *_: found)
    text = _shown(_site(home), f"/cases/why/{KEY}")[1]
    assert "day 5: numbness" in text
    assert "day 6: numbness" not in text
    assert "and 2 more" in text


def test_a_patients_page_has_no_code_of_the_contract_and_no_key_of_a_surgeon(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = TimelineRecord(3, "procedures", "p1", "ICD10PCS 0RG2071 C4-5;C5-6, surgeon sxk, encounter exk", "s1", True)
    image = TimelineRecord(9, "imaging", "i1", "mri C5-6 disc_herniation grade 3", "s1", True)
    answers = [replace(EXPLAINED.labels[0], value_name="ndi_percent", kind="already_imaged", value=44.0)]
    answers[0] = replace(answers[0], evidence=(Evidence("procedures", "p1", "s1", None, says=record.description),))
    found = replace(EXPLAINED, timeline=(record, image), labels=tuple(answers))
    monkeypatch.setattr(queries, "answers_of_patient", lambda *_: found)
    _, built = _site(home).build(reader_of(home, OWN, role="clinical"), f"/cases/{KEY}", "")
    said = " | ".join(text for card in cards(built).values() if card.table for row in texts(card) for text in row)
    assert "ICD-10-PCS 0RG2071 C4-5, C5-6 | " in said
    assert "MRI: C5-6 disc herniation grade 3" in said
    assert "Neck disability (NDI) 44\u00a0%" in said
    assert not re.search(r"[a-z]_[a-z]|surgeon|exk", said)


def test_every_code_of_an_image_a_stay_and_a_treatment_is_said_without_underscores() -> None:
    for name in ("imaging", "encounters", "treatments"):
        described = " ".join(column.description for column in TABLES[name].columns)
        for code in re.findall(r"\b[a-z0-9]+_[a-z_0-9]+\b", described):
            assert "_" not in record_wording.record(name, code), code


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (None, None, ""),
        ("observed_days", 1.0, "1\u00a0day\u00a0observed"),
        ("revisions", 2.0, "2\u00a0revisions"),
        ("arm_pain_nrs", 7.5, "Arm pain 7.5 of 10"),
        ("days_to_care", -16.0, "Care 16 days before"),
        ("days_to_care", 1.0, "Care 1 day after"),
        ("screw_back_out", None, "A screw backing out"),
        ("c2_7_sva", 40.1, "C2–7 sagittal vertical axis (SVA)"),
    ],
)
def test_a_deciding_value_has_its_unit(name: str | None, value: float | None, said: str) -> None:
    assert record_wording.deciding(name, value) == said


def test_a_long_piece_of_evidence_folds_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = Evidence("follow_ups", "v", "s", None, says="day 92: " + ", ".join(["neck pain 1 of 10"] * 20))
    found = replace(EXPLAINED, labels=(replace(EXPLAINED.labels[0], evidence=(long,)),))
    monkeypatch.setattr(queries, "answers_of_patient", lambda *_: found)
    _, text = _shown(_site(home), f"/cases/{KEY}")
    (folded,) = [one for one in parsed(text).all("details") if "…" in one.text and "Follow-up, day 92" in one.text]
    assert folded.text.count("neck pain 1 of 10") > 20


def test_levels_are_said_as_they_are_read() -> None:
    assert page._levels("C4-5;C5-6") == "C4-5, C5-6"
    assert page._levels(None) == "not recorded"


def test_evidence_has_a_shape_of_its_own(home: Path, explained: list[str]) -> None:
    _, built = _site(home).build(reader_of(home, OWN, role="clinical"), f"/cases/{KEY}", "")
    assert built is not None
    figure = next(card.figure for card in built.cards if card.name == "timeline")
    assert figure is not None
    assert [(trace["marker"]["symbol"], trace["x"]) for trace in figure["data"]] == [
        ("circle", [0]),
        ("diamond", [120]),
    ]


@pytest.mark.parametrize(("path", "rows"), [(OF_A_PATIENT[0], 6), (OF_A_PATIENT[1], 1)])
def test_the_log_holds_every_view_of_a_patient_and_never_the_key(
    home: Path, explained: list[str], path: str, rows: int
) -> None:
    _shown(_site(home), path, f"?site={OWN}")
    entry = json.loads(_log(home))
    assert entry["view"] == case_view(KEY)
    assert entry["rows"] == rows
    assert KEY not in _log(home)


def test_a_key_in_another_spelling_of_the_address_is_the_same_patient_in_the_log(
    home: Path, explained: list[str]
) -> None:
    assert _client(home).get("/cases/%70atientaa").status_code == 200
    assert explained == [KEY]
    assert json.loads(_log(home))["view"] == case_view(KEY)


@pytest.mark.parametrize("path", [f"/Cases/{KEY}", f"//cases/{KEY}", f"/elsewhere/{KEY}"])
def test_what_is_no_page_does_not_bring_a_key_into_the_log(home: Path, path: str) -> None:
    _shown(_site(home), path, f"?site={FOREIGN}")
    assert KEY not in _log(home)


@pytest.mark.parametrize("path", ["/cases/nobodyatall", "/cases/why/nobodyatall"])
def test_a_patient_whom_the_release_does_not_know_has_no_page(home: Path, explained: list[str], path: str) -> None:
    title, text = _shown(_site(home), path)
    assert title == "No such page"
    assert "nobodyatall" not in text + _log(home)


@pytest.mark.parametrize("path", OF_A_PATIENT)
def test_another_mistake_than_an_unknown_patient_is_not_taken_for_one(
    home: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def ask(*_: object) -> Explanation:
        raise OutcomesError("no_release", "releases")

    monkeypatch.setattr(queries, "answers_of_patient", ask)
    monkeypatch.setattr(queries, "explain_patient", ask)
    with pytest.raises(OutcomesError) as raised:
        _shown(_site(home), path)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("path", OF_A_PATIENT)
def test_a_page_of_an_older_release_says_so_and_shows_nothing(tmp_path: Path, explained: list[str], path: str) -> None:
    write_release(tmp_path, FIRST_ID)
    write_release(tmp_path, SECOND_ID)
    site = _site(tmp_path)
    reader = site.releases.read(Scope("me", frozenset({OWN}), "clinical"), FIRST_ID)
    assert reader is not None
    view, found = site.build(reader, path, "")
    assert found is not None
    text = whole_page(view, found)
    assert found.title == "Patient"
    assert "This release is no longer the current one" in text
    assert explained == []
    assert "Neck pain 6 of 10" not in text


@pytest.mark.parametrize("path", OF_A_PATIENT)
def test_a_release_published_while_a_patient_is_explained_is_noticed(
    home: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    for ask in ("answers_of_patient", "explain_patient"):
        monkeypatch.setattr(queries, ask, lambda *_: replace(EXPLAINED, release_id=SECOND_ID))
    _, text = _shown(_site(home), path)
    assert "This release is no longer the current one" in text
    assert "Neck pain 6 of 10" not in text


@pytest.mark.parametrize("path", PATHS)
def test_nothing_of_a_patient_can_be_saved_as_a_file(home: Path, explained: list[str], path: str) -> None:
    _, text = _shown(_site(home), path)
    assert "View as table" in text or "Link to this card" in text
    assert "/export/" not in text
    assert "Save as PNG" not in text


@pytest.mark.parametrize("path", [*PATHS, f"/cases/of/{LABEL}/"])
def test_an_export_of_cases_is_refused(home: Path, explained: list[str], path: str) -> None:
    answer = _client(home).get(f"/export{path}?site={OWN}&card=patients&release={FIRST_ID}")
    assert answer.status_code == 403
    assert "patienta" not in answer.text
    assert json.loads(_log(home))["view"].startswith("denied export ")
    assert KEY not in _log(home)
    assert explained == []


def test_other_pages_still_leave_as_files(home: Path) -> None:
    answer = _client(home).get(f"/export/data-quality?site={OWN}&card=attempts&release={FIRST_ID}")
    assert answer.status_code == 200
    assert "2026" in answer.text


def _client(home: Path) -> FlaskClient:
    return create_app(Settings(home=home), DashboardSettings(cases=True)).test_client()


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose release has three patients behind two modelled measures and one without a model."""
    home = tmp_path_factory.mktemp("behind")
    folder = write_release(home)
    patients = [("likely", "2025-06", 0.9), ("unlikely", "2025-03", 0.1), ("old", "2024-02", 0.2)]
    with duckdb.connect(str(folder / RESEARCH)) as con:
        con.execute("delete from expected_outcomes where site_id = ?", [OWN])
        con.execute("delete from measure_cases where site_id = ?", [OWN])
        for patient, period, expected in patients:
            con.execute(
                "insert into episodes select * replace (? as patient_id, ? as index_period, ? as index_year) "
                "from episodes where site_id = ? order by patient_id limit 1",
                [patient, period, int(period[:4]), OWN],
            )
            for measure in ("pain_12_months", "improved_ndi_12_months", "early_discomfort"):
                con.execute("insert into measure_cases values (?, ?, ?)", [measure, OWN, patient])
            for measure in ("pain_12_months", "improved_ndi_12_months"):
                con.execute(
                    "insert into expected_outcomes (measure, site_id, patient_id, observed, expected) "
                    "values (?, ?, ?, 1, ?)",
                    [measure, OWN, patient, expected],
                )
    seal(folder)
    return home


@pytest.mark.parametrize(
    ("measure", "periods", "found"),
    [
        ("pain_12_months", None, ["unlikely", "old", "likely"]),
        ("pain_12_months", ("2025-01", "2025-03"), ["unlikely"]),
        ("pain_12_months", ("2025", "2025"), ["unlikely", "likely"]),
        ("improved_ndi_12_months", None, ["likely", "old", "unlikely"]),
        ("early_discomfort", None, ["likely", "unlikely", "old"]),
        ("early_discomfort", ("2025-03", "2025-05"), ["unlikely"]),
        ("transition_pain", None, []),
    ],
)
def test_patients_behind_a_signal_come_in_the_order_of_their_surprise_or_the_latest_first(
    behind: Path, measure: str, periods: tuple[str, str] | None, found: list[str]
) -> None:
    reader = reader_of(behind, OWN, role="clinical")
    defined = {one.measure: one for one in measures.measures(reader)}[measure]
    listed, is_expected = queries.behind(reader, OWN, defined, periods)
    assert [one.patient_id for one in listed] == found
    assert is_expected == (defined.headline in (1, 4))
    with pytest.raises(Denied):
        queries.behind(reader_of(behind, OWN), OWN, defined, periods)


def test_the_page_says_how_patients_behind_a_signal_of_a_measure_without_a_model_are_ordered(
    behind: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "releases").symlink_to(behind / "releases")
    signal = Signal(OWN, "early_discomfort", "outside", "2025-03", "2025-06", "special_concerning")
    monkeypatch.setattr("dashboards.pages.cases.signals.signals", lambda *_: [signal])
    _, text = _shown(_site(tmp_path), f"/cases/signal/{signal.id}")
    assert "2 patients with the outcome, March\u00a02025 to June\u00a02025." in text
    assert "Those fused latest come first" in text
    assert json.loads(_log(tmp_path))["view"] == f"/cases/signal/{signal.id}"
