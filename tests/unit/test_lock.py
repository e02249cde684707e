"""A definition that means something else has another version; comments, layout and docstrings mean nothing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from outcomes.sql.catalog.labels import label_definition, label_definitions
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.sql.lock import check_lock, definitions_now
from outcomes.sql.reference import code_list_rows

_ROOT = Path(__file__).parents[2]
_DIGESTS = """
from outcomes.release.inputs import code_version
from outcomes.sql.lock import definitions_sha256
print(definitions_sha256(), code_version())
"""
_RELEASE = """
from pathlib import Path
from outcomes.errors import OutcomesError
from outcomes.release.build import build_release
from outcomes.settings import Settings
try:
    build_release(Settings(home=Path("data")))
except OutcomesError as error:
    print(error.code)
"""


def _version(measure: str) -> int:
    return next(each.version for each in measure_definitions() if each.id == measure)


class Checkout:
    """A copy of what the definitions and the code are, to change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(_ROOT / "sql", folder / "sql")
        shutil.copytree(_ROOT / "src" / "outcomes", folder / "src" / "outcomes")
        (folder / "scripts").mkdir()
        shutil.copy(_ROOT / "scripts" / "bump.py", folder / "scripts")

    def change(self, path: str, old: str, new: str) -> None:
        """Replace a text that the file holds."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(self.folder / "src")}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)

    def bump(self, *arguments: str) -> None:
        done = self.python("-m", "scripts.bump", *arguments, "--why", "because")
        assert done.returncode == 0, done.stderr

    def refused(self) -> str:
        """What the check names; nothing when it passes."""
        done = self.python("-m", "scripts.bump", "--check")
        assert done.returncode in {0, 70}, done.stderr
        assert done.stderr.startswith("definition_changed: ") == (done.returncode == 70)
        return done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_definitions_are_as_locked() -> None:
    check_lock()
    assert {each.kind for each in definitions_now()} == {"code_list", "label", "measure"}


def test_comments_layout_and_docstrings_move_nothing(checkout: Checkout) -> None:
    before = checkout.python("-c", _DIGESTS).stdout
    checkout.change("sql/relations/episodes/cause_images.sql", "\nselect", "\n-- why\n\nSELECT  ")
    checkout.change("sql/relations/measures/label_kinds.sql", "group by label,", "group by\n    /* one */ label,")
    checkout.change(
        "sql/definitions/labels/causes.sql", "title: Suspected causes\n", "title:   Suspected causes # all\n"
    )
    checkout.change("sql/definitions/thresholds.yaml", "pain_nrs: 4  ", "pain_nrs: 4 # so much")
    checkout.change("src/outcomes/lake/__init__.py", '"""The lake: ', '# A comment.\n"""A lake: ')
    assert checkout.refused() == ""
    assert before.strip()
    assert checkout.python("-c", _DIGESTS).stdout == before


def test_another_statement_or_text_is_another_release(checkout: Checkout) -> None:
    sql, code = checkout.python("-c", _DIGESTS).stdout.split()
    checkout.change("sql/definitions/labels/causes.sql", "Scar tissue around", "Scars around")
    checkout.change("src/outcomes/release/build.py", '"v1.4.0"', '"v1.4.1"')
    assert checkout.refused() == ""
    changed_sql, changed_code = checkout.python("-c", _DIGESTS).stdout.split()
    assert (changed_sql != sql, changed_code != code) == (True, True)


def test_a_literal_two_levels_below_a_label_asks_for_a_version(checkout: Checkout) -> None:
    assert "cause_images" in checkout.read("sql/relations/episodes/cause_findings.sql")
    checkout.change("sql/relations/episodes/cause_images.sql", "'subsidence'", "'sinking'")
    refused = checkout.refused()
    for name in ("label suspected_nonunion", "measure suspected_nonunion"):
        assert name in refused
    assert "revision_performed" not in refused
    assert checkout.python("-c", _RELEASE).stdout.strip() == "definition_changed"
    checkout.bump("suspected_nonunion")
    assert "label suspected_nonunion" not in checkout.refused()
    assert "label suspected_posture" in checkout.refused()
    checkout.bump("--all-changed")
    assert checkout.refused() == ""
    header = checkout.read("sql/definitions/labels/causes.sql").split("*/")[0]
    raised = [each.version + 1 for each in label_definitions() if each.file.name == "causes"]
    assert sorted(map(int, re.findall(r"version: (\d+)", header))) == sorted(raised)
    assert len(raised) == 5
    version = _version("suspected_nonunion") + 1
    assert f'    - version: {version}\n      id: "suspected_{{cause}}"' in checkout.read(
        "sql/definitions/measures.yaml"
    )
    assert checkout.read("CHANGELOG.md").count("\n- `suspected_") == 2
    assert "nothing_to_release" in checkout.python("-c", _RELEASE).stdout


def test_another_code_asks_for_a_version_of_the_list_and_of_what_uses_it(checkout: Checkout) -> None:
    checkout.change("sql/codelists/nonunion.csv", "M532X2", "M532X9")
    assert "code_list nonunion, label " in checkout.refused()
    checkout.bump("nonunion")
    version = int(code_list_rows("nonunion")[0]["version"]) + 1
    assert checkout.read("sql/codelists/nonunion.csv").splitlines()[1].startswith(f"nonunion,{version},")
    assert "code_list" not in checkout.refused()
    checkout.bump("--all-changed")
    assert checkout.refused() == ""


def test_a_threshold_asks_for_a_version_and_a_new_word_for_a_code_does_not(checkout: Checkout) -> None:
    checkout.change("sql/codelists/nonunion.csv", "pseudarthrosis after fusion", "a fusion that failed")
    assert checkout.refused() == ""
    checkout.change("sql/definitions/thresholds.yaml", "opioid_supply_day: 90 ", "opioid_supply_day: 91 ")
    refused = checkout.refused()
    assert "label opioid_supply_past_day_90, measure opioid_supply_past_day_90 " in refused.replace(")", " )")
    checkout.bump("opioid_supply_past_day_90")
    assert checkout.refused() == ""
    version = label_definition("opioid_supply_past_day_90").version + 1
    assert f"version: {version}\nstatus" in checkout.read("sql/definitions/labels/opioid_supply_past_day_90.sql")


def test_a_measure_asks_for_a_version_of_all_that_share_its_entry(checkout: Checkout) -> None:
    entry = '      id: "revision_{horizon}"\n'
    checkout.change("sql/definitions/measures.yaml", entry, f"{entry}      among: revision_performed\n")
    assert "measure revision_2_years" in checkout.refused()
    checkout.bump("revision_90_days")
    assert checkout.refused() == ""
    version = _version("revision_90_days") + 1
    assert f"- &revision_within\n      version: {version}\n" in checkout.read("sql/definitions/measures.yaml")


def test_the_changelog_keeps_what_it_says(checkout: Checkout) -> None:
    (checkout.folder / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n\n### Added\n\n- a\n\n## 0.1.0\n\n- b\n"
    )
    checkout.change("sql/codelists/tumour.csv", "C79", "C78")
    checkout.bump("tumour")
    assert checkout.read("CHANGELOG.md") == (
        "# Changelog\n\n## Unreleased\n\n### Added\n\n- a\n\n### Definitions\n\n"
        "- `tumour`: because\n\n## 0.1.0\n\n- b\n"
    )
    checkout.bump("--all-changed")
    bumped = checkout.read("CHANGELOG.md").partition("### Definitions\n\n- `")[2].partition("`: ")[0].split("`, `")
    assert {"asd_rate", "clinical_asd"} < {*bumped}
    assert bumped == sorted(bumped)


@pytest.mark.parametrize("arguments", [("nonunion",), ("--why", "so"), ("pane", "--why", "so")])
def test_a_wrong_use_is_told(checkout: Checkout, arguments: tuple[str, ...]) -> None:
    assert checkout.python("-m", "scripts.bump", *arguments).returncode == 2
