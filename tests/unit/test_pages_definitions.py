"""The pages that hold words: definitions, each with an anchor, and how researchers get at the tables."""

import json
import re
from pathlib import Path

from plotly.utils import PlotlyJSONEncoder

from dashboards.access.log import AccessLog
from dashboards.access.scope import Scope
from dashboards.data.reader import Releases
from dashboards.pages.site import Site
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.measures import measure_definitions
from tests.support.dashboard_release import FIRST_ID, PATIENTS


def _text(home: Path, path: str) -> str:
    site = Site(Settings(home=home), DashboardSettings(), Releases(home / "releases"), AccessLog(home / "access.jsonl"))
    shown = site.show(Scope("me", frozenset({"ashworth"}), "quality"), path, "", None)
    return json.dumps(shown.content, cls=PlotlyJSONEncoder, ensure_ascii=False)


def test_every_measure_has_an_anchor_and_leads_to_its_page(home: Path) -> None:
    text = _text(home, "/definitions")
    for measure in measure_definitions():
        assert text.count(f'"id": "{measure.id}"') == 1
        assert f'"href": "/measure/{measure.id}"' in text


def test_every_measure_says_what_it_counts_of_whom_and_who_owns_it(home: Path) -> None:
    text = _text(home, "/definitions")
    for measure in measure_definitions():
        for said in (measure.title, measure.why, measure.numerator, measure.denominator, measure.owner):
            assert json.dumps(said, ensure_ascii=False).strip('"') in text


def test_every_label_has_its_definition_and_the_sentence_of_the_guide(home: Path) -> None:
    text = _text(home, "/definitions")
    for label in label_definitions():
        assert f'"id": "label-{label.name}"' in text
        assert json.dumps(label.definition, ensure_ascii=False).strip('"') in text
        assert json.dumps(label.guide, ensure_ascii=False).strip('"') in text


def test_no_anchor_stands_twice(home: Path) -> None:
    anchors = re.findall(r'"id": "([^"]+)"', _text(home, "/definitions"))
    assert len(anchors) == len(set(anchors))


def test_contents_lead_to_cards_that_there_are(home: Path) -> None:
    text = _text(home, "/definitions")
    leads_to = re.findall(r'"href": "#((?:measures|labels)-[^"]+)"', text)
    assert len(leads_to) > 10
    assert all(f'"id": "{anchor}"' in text for anchor in leads_to)


def test_research_access_names_the_release_and_no_number_of_patients(home: Path) -> None:
    text = _text(home, "/research")
    assert f'outcomes.connect(\\"{FIRST_ID}\\")' in text
    main = text[text.index('"id": "access"') :] if '"id": "access"' in text else ""
    assert str(PATIENTS) not in main
