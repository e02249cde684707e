"""The built pages say what the code says, and the written ones point at things that exist."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from outcomes.cli import app
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.files import load
from outcomes.sql.lineage import code_lists_of, thresholds_of
from outcomes.sql.reference import code_list_names, thresholds
from outcomes.sql.shipped import shipped
from scripts import docs
from scripts.docs import lineage
from scripts.docs.situations import Situation, code_label

_ROOT = docs.DOCS.parent
_PAGES = [_ROOT / "README.md", *sorted(docs.DOCS.rglob("*.md"))]
_BUILT = docs.pages()


@pytest.mark.parametrize("name", sorted(_BUILT))
def test_a_built_page_is_not_stale(name: str) -> None:
    assert (docs.DOCS / name).read_text(encoding="utf-8") == _BUILT[name], "run `python -m scripts.docs`"


def test_the_records_of_the_dashboards_are_not_stale() -> None:
    assert docs.RECORDS.read_text(encoding="utf-8") == docs.records.module(), "run `python -m scripts.docs`"


def test_no_page_is_left_of_a_label_that_is_no_more() -> None:
    assert {f"labels/{path.name}" for path in (docs.DOCS / "labels").iterdir()} == {
        name for name in _BUILT if name.startswith("labels/")
    }


def test_building_drops_pages_of_labels_that_are_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "DOCS", tmp_path)
    monkeypatch.setattr(docs, "pages", lambda: {"labels.md": "index", "labels/kept.md": "new"})
    monkeypatch.setattr(docs, "registry_pages", lambda: {"cookbook.md": "figures"})
    (tmp_path / "labels").mkdir()
    for name in ("kept", "gone"):
        (tmp_path / "labels" / f"{name}.md").write_text("old", encoding="utf-8")
    docs.build()
    built = {path.relative_to(tmp_path).as_posix(): path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.md")}
    assert built == {"labels.md": "index", "labels/kept.md": "new", "cookbook.md": "figures"}


@pytest.mark.parametrize("seed", ["1", "2"])
def test_pages_do_not_depend_on_the_order_of_sets(seed: str) -> None:
    program = "import hashlib; from scripts import docs; print(hashlib.sha256(repr(docs.pages()).encode()).hexdigest())"
    printed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=_ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == hashlib.sha256(repr(_BUILT).encode()).hexdigest()


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    shown = re.findall(r"(?:`|^|bin/)outcomes ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(shown) <= set(get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(name for name in _BUILT if name.startswith("labels/")))
def test_situations_are_in_words(name: str) -> None:
    section = _BUILT[name].partition("## Situations")[2].partition("## Statement")[0]
    assert not re.search(r"[{}'_]\w*:|\bNone\b|\bTrue\b|\bFalse\b|\w_\w", section)


def test_records_and_evidence_in_words() -> None:
    situation = Situation(
        name="named",
        records={
            "patients": [{"last_contact_day": 90, "treatment_data_complete": False}],
            "procedures": [{"day": 400, "code_system": "CPT", "code": "22551", "levels": "C4-5;C5-6"}],
            "follow_ups": [{"day": 92, "neck_pain_nrs": 4, "numbness": False, "ndi_total": 30, "ndi_unit": "percent"}],
            "imaging": [
                {"day": -3, "modality": "ct", "level": "C5-6", "finding": "subsidence", "value": 2.5, "unit": "mm"}
            ],
            "treatments": [{"treatment_id": "t", "start_day": 60, "end_day": 91, "treatment_class": "nsaid"}],
        },
        delivered=("patients", "procedures"),
        expected={
            "status": "not_assessable",
            "reason": None,
            "value": 4.0,
            "value_name": "neck_pain_nrs",
            "evidence": ["procedures-1", "procedures-2", "t", "p"],
        },
    )
    assert situation.records_in_words == (
        "the site sends only patients, procedures; last contact on day 90, the site sees not all treatments; "
        "day -3: CT of C5-6, subsidence 2.5 mm; days 60 to 91: class NSAID, treatment t; "
        "day 92: neck pain 4, no numbness, NDI 30 percent; "
        "day 400: CPT 22551 (anterior fusion with decompression, first joint) at C4-5 and C5-6"
    )
    assert situation.evidence_in_words == (
        "procedure 22551 of day 0, procedure 22551 of day 400, treatment t of day 60, the patient"
    )
    cells = [situation.cell(column) for column in ("status", "reason", "kind", "value")]
    assert cells == ["not assessable", "–", "", "neck pain 4"]


def test_a_code_is_called_what_its_closest_entry_calls_it() -> None:
    assert code_label("ICD10CM", "M50121") == "disc disorder with radiculopathy, C4-5"
    assert code_label("ICD9CM", "M50121") is None


def test_a_label_page_tells_what_the_label_is_built_from() -> None:
    definitions = {each.name: each for each in label_definitions()}
    files = [*lineage.sources(definitions["clinical_asd"].file), definitions["clinical_asd"].file]
    used = lineage.users(files, thresholds_of)
    assert [file.name for file in used["symptom_image_days"]] == ["symptomatic_images"]
    assert [file.name for file in used["asd_observed_days"]] == ["clinical_asd"]
    assert "stage_days" not in used
    assert {"adjacent_segment", "red_flag_weakness"} <= set(lineage.users(files, code_lists_of))


def test_every_threshold_and_code_list_is_found_in_some_statement() -> None:
    files = [*lineage.relations().values(), *load(shipped("sql", "relations", "measures"))]
    assert set(lineage.users(files, thresholds_of)) == set(thresholds())
    assert set(lineage.users(files, code_lists_of)) == set(code_list_names())


def test_a_page_leaves_out_what_serves_only_labels_of_the_same_statements() -> None:
    section = _BUILT["labels/red_flag_weakness.md"].partition("## Thresholds")[2].partition("## Situations")[0]
    assert "| weakness MRC grade | 3 |" in section
    assert "red_flag_weakness.csv" in section
    assert "headache NDI item" not in section
    assert "red_flag_headache.csv" not in section


def test_a_page_says_how_its_label_is_decided() -> None:
    section = _BUILT["labels/clinical_asd.md"].partition("## How it is decided")[2].partition("## What")[0]
    assert "- the fused joints are known" in section
    assert "*probable*" in section
    assert "at most 180 days from that image" in section
