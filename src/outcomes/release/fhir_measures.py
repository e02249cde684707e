"""The protected measures of a release as FHIR R4: one Measure and one MeasureReport each.

Only protected marts are read. What they hide has no value there, and says so by a data-absent-reason.

Source: https://hl7.org/fhir/R4/measure.html, https://hl7.org/fhir/R4/measurereport.html.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from outcomes.errors import OutcomesError
from outcomes.periods import last_day
from outcomes.release.open import Release, open_release
from outcomes.release.verify import unless_removed
from outcomes.settings import Settings
from outcomes.sql.engine import connect_read_only

Resource = dict[str, Any]

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_SCORINGS = {"share": "proportion", "incidence": "proportion", "rate": "ratio"}
_BETTER = {"lower_is_better": "decrease", "higher_is_better": "increase"}
_PROCESSES = {"care that followed", "conservative care", "follow-up"}
"""Categories that measure what was done and not what came of it."""

_INITIAL = "initial-population"
_POPULATIONS = {_INITIAL: ("patients", "excluded"), "denominator": ("patients",), "numerator": ("numerator",)}
"""What FHIR calls groups of patients, with the columns of the mart that add up to their number.

An exclusion of FHIR is counted in the denominator too, one of the mart is not: it is left in the initial population.
"""

_UNITS = {"rate": "events per 100 person-years"}
_SCORES = {
    "share": "The score is the numerator by the denominator.",
    "rate": "The score is a rate of first events by the time at risk, not the numerator by the denominator.",
    "incidence": "The score is the cumulative incidence (Aalen-Johansen), not the numerator by the denominator.",
}
_PROTECTED = "Counts are rounded; small ones, and those that these could be worked out from, are masked."

_INVENTED = {"tag": [{"system": f"{_TERMINOLOGY}/v3-ActReason", "code": "HTEST"}]}
"""What marks a report of invented patients."""

_CELLS = "from measures order by measure, site_id, resolution, index_period, stratum_kind, stratum"


@dataclass(frozen=True)
class Exported:
    """What was written: the folder, the release, and how many measures."""

    folder: Path
    release_id: str
    measures: int


def export_fhir(settings: Settings, folder: Path, release_id: str | None = None) -> Exported:
    """Write the protected measures of a release as `Measure.ndjson` and `MeasureReport.ndjson`.

    Args:
        settings: where the releases are.
        folder: a folder that is empty or not there yet.
        release_id: a kept release; the current one when not given.

    Raises:
        OutcomesError: no_release, release_damaged, or folder_not_empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutcomesError("folder_not_empty", str(folder))
    release = open_release(release_id, settings)
    definitions, cells = _read(release)
    reports = [_report(release, definition, cells.get(definition["measure"], [])) for definition in definitions]
    measures = [_measure(definition, report) for definition, report in zip(definitions, reports, strict=True)]
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "Measure.ndjson", measures)
    _write(folder / "MeasureReport.ndjson", reports)
    return Exported(folder, release.id, len(measures))


def _read(release: Release) -> tuple[list[Resource], dict[str, list[Resource]]]:
    """The definitions of the measures, and the cells of each."""
    with unless_removed(release.folder), closing(connect_read_only(release.dashboard)) as con:
        definitions = con.sql("from measure_definitions order by place").to_arrow_table().to_pylist()
        cells = con.sql(_CELLS).to_arrow_table().to_pylist()
    by_measure = {name: list(of_measure) for name, of_measure in groupby(cells, key=lambda cell: cell["measure"])}
    return definitions, by_measure


def _write(path: Path, resources: Iterable[Resource]) -> None:
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in resources), encoding="utf-8")


def _url(definition: Resource) -> str:
    return f"urn:outcomes:measure:{definition['measure']}"


def _coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}


def _improvement(definition: Resource) -> Resource:
    better = _BETTER.get(definition["direction"])
    return {"improvementNotation": _coded("measure-improvement-notation", better)} if better else {}


def _measure(definition: Resource, report: Resource) -> Resource:
    (group,) = report["group"]
    criteria = {
        _INITIAL: f"Those of the denominator, and those that it excludes: {definition['exclusions']}",
        "denominator": definition["denominator"],
        "numerator": definition["numerator"],
    }
    strata = {"stratifier": [{"code": one["code"][0]} for one in group.get("stratifier", [])]}
    return {
        "resourceType": "Measure",
        "id": definition["measure"].replace("_", "-"),
        "url": _url(definition),
        "version": str(definition["version"]),
        "name": "".join(part.capitalize() for part in definition["measure"].split("_")),
        "title": definition["title"],
        "status": "active",
        "rationale": definition["why"],
        "scoring": _coded("measure-scoring", _SCORINGS[definition["unit"]]),
        "type": [_coded("measure-type", "process" if definition["category"] in _PROCESSES else "outcome")],
        **_improvement(definition),
        "guidance": f"{_SCORES[definition['unit']]} {_PROTECTED}",
        "group": [
            {
                "population": [
                    {
                        "code": _coded("measure-population", code),
                        "criteria": {"language": "text/plain", "expression": expression},
                    }
                    for code, expression in criteria.items()
                ]
            }
            | {name: value for name, value in strata.items() if value}
        ],
    }


def _report(release: Release, definition: Resource, cells: list[Resource]) -> Resource:
    years = [cell["index_period"] for cell in cells if cell["resolution"] == "year"]
    placed = [(_places(cell), cell) for cell in cells]
    group = next((_counted(definition, cell) for places, cell in placed if not places), {})
    # Cells by site and year, or by site and group, are left to the marts: a stratum has one stratifier here.
    strata = sorted(((places[0], cell) for places, cell in placed if len(places) == 1), key=itemgetter(0))
    group["stratifier"] = [
        {
            "code": [{"text": kind}],
            "stratum": [{"value": {"text": value}} | _counted(definition, cell) for (_, value), cell in of_kind],
        }
        for kind, of_kind in groupby(strata, key=lambda stratum: stratum[0][0])
    ]
    return {
        "resourceType": "MeasureReport",
        "id": definition["measure"].replace("_", "-"),
        **({"meta": _INVENTED} if release.is_synthetic else {}),
        "identifier": [{"system": "urn:outcomes:measure-report", "value": f"{release.id}/{definition['measure']}"}],
        "status": "complete",
        "type": "summary",
        "measure": f"{_url(definition)}|{definition['version']}",
        "period": {
            "start": f"{min(years, default=release.data_to[:4])}-01-01",
            "end": last_day(release.data_to).isoformat(),
        },
        **_improvement(definition),
        "group": [{name: value for name, value in group.items() if value}],
    }


def _places(cell: Resource) -> list[tuple[str, str]]:
    """By what a cell is told apart, and which it is; nothing of all patients together."""
    places = (
        ("site", cell["site_id"]),
        ("year of the index fusion", cell["index_period"]),
        (cell["stratum_kind"], cell["stratum"]),
    )
    return [(kind, str(value)) for kind, value in places if value is not None]


def _counted(definition: Resource, cell: Resource) -> Resource:
    """Counts and score of a cell; what it does not tell says why."""
    why = "masked" if cell["state"] == "suppressed" else "not-applicable"
    score: Resource = {"value": cell["estimate"]} if cell["estimate"] is not None else _absent(why)
    if definition["unit"] in _UNITS:
        score["unit"] = _UNITS[definition["unit"]]
    return {"population": list(_populations(cell, why)), "measureScore": score}


def _populations(cell: Resource, why: str) -> Iterator[Resource]:
    for code, columns in _POPULATIONS.items():
        counts = [cell[column] for column in columns]
        count = {"_count": _absent(why)} if None in counts else {"count": sum(counts)}
        yield {"code": _coded("measure-population", code)} | count


def _absent(why: str) -> Resource:
    return {"extension": [{"url": _ABSENT, "valueCode": why}]}
