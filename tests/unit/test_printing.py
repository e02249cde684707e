"""Reports as PDF and tiles as pictures, where a browser is missing or fails, and where none is needed."""

import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dashboards.rendering import css_string
from dashboards.reports import write_pdf, write_tiles
from outcomes.errors import OutcomesError
from outcomes.settings import Settings
from tests.support.dashboard_release import FIRST_ID, write_release

SITE = "ashworth"
LONG_NAME = "brackenridge"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_release(folder)
    return folder


@pytest.fixture
def _no_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def a_browser(folder: Path, script: str) -> Path:
    program = folder / "browser"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o700)
    return program


@pytest.mark.usefixtures("_no_browser")
@pytest.mark.parametrize("named", [None, Path("nowhere/chromium")])
def test_without_a_browser_there_is_no_pdf_and_it_is_said_what_to_do(home: Path, named: Path | None) -> None:
    with pytest.raises(OutcomesError, match=r"browser_missing.*OUTCOMES_BROWSER"):
        write_pdf(Settings(home=home, browser=named), SITE)
    assert not list(home.rglob("*.pdf*"))


@pytest.mark.parametrize("script", ["exit 1", "exit 0"])
def test_a_browser_that_prints_nothing_is_named_and_nothing_is_written(home: Path, tmp_path: Path, script: str) -> None:
    with pytest.raises(OutcomesError, match="browser_failed"):
        write_pdf(Settings(home=home, browser=a_browser(tmp_path, script)), SITE)
    assert not list(home.rglob("*.pdf*"))


def test_the_browser_gets_a_profile_of_its_own_that_is_gone_afterwards(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    script = f"""for each in "$@"; do case $each in
        --print-to-pdf=*) printf %%PDF > "${{each#*=}}";;
        --user-data-dir=*) echo "${{each#*=}}" > {tmp_path}/profile;;
    esac; done; stat -c %a {scratch}/* > {tmp_path}/mode"""
    written = write_pdf(Settings(home=home, browser=a_browser(tmp_path, script)), SITE)
    assert written.read_bytes() == b"%PDF"
    assert written.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "profile").read_text().startswith(str(scratch))
    assert (tmp_path / "mode").read_text() == "700\n"
    assert list(scratch.iterdir()) == []
    written.unlink()


@pytest.mark.usefixtures("_no_browser")
def test_tiles_need_no_browser_and_are_the_same_of_the_same_release(home: Path) -> None:
    written = write_tiles(Settings(home=home), SITE)
    before = written.read_bytes()
    assert write_tiles(Settings(home=home), SITE).read_bytes() == before
    assert written.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(written) as bundle:
        assert bundle.namelist() == [
            "pain_12_months.svg",
            "asd_2_years.svg",
            "revision_2_years.svg",
            "improved_ndi_12_months.svg",
            "follow_up_12_months.svg",
        ]
        said = words(bundle.read("pain_12_months.svg"))
    assert "Neck pain at 12 months 27\u00a0% (23–31)" in said
    assert "147 of 544 assessed patients" in said
    assert "Among sites: higher than expected (95 %)." in said
    assert f"Ashworth General, data to March\u00a02026, release {FIRST_ID}" in said


@pytest.mark.usefixtures("_no_browser")
def test_a_long_name_stays_within_the_tile(home: Path) -> None:
    with zipfile.ZipFile(write_tiles(Settings(home=home), LONG_NAME)) as bundle:
        for name in bundle.namelist():
            drawing = ET.fromstring(bundle.read(name))
            places = [float(text.get("y", "nan")) for text in drawing.findall("{http://www.w3.org/2000/svg}text")]
            assert places == sorted(set(places)), "lines lie over each other"
            assert places[-1] < float(drawing.get("height", "nan"))


def test_a_title_on_every_sheet_cannot_end_its_style_element() -> None:
    assert css_string("St Mary's") == '"St\\20 Mary\\27 s"'
    assert not set(css_string('"</style>\n\\')[1:-1]) & set('"<>/\n')


def words(svg: bytes) -> str:
    """What a drawing says, its title left out."""
    texts = ET.fromstring(svg).findall("{http://www.w3.org/2000/svg}text")
    return " ".join(" ".join(part for part in text.itertext()) for text in texts)
