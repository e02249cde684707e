"""A `dashboard.duckdb` of invented numbers, as a release would publish it: for tests of the dashboards."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import duckdb
from statsmodels.stats.proportion import proportion_confint

LABELS: dict[str, tuple[str, str, int | None]] = {
    "pain_past_3_months": ("Pain past 3 months", "recovery timeline", 1),
    "suspected_asd": ("Suspected adjacent segment disease", "suspected causes", 2),
    "revision_performed": ("Revision performed", "revision", 3),
    "pain_after_revision": ("Pain first recorded after a revision", "recovery timeline", None),
    "radiographic_asd": ("Radiographic adjacent segment disease", "suspected causes", None),
    "clinical_asd": ("Clinical adjacent segment disease", "suspected causes", None),
    "surgical_asd": ("Surgical adjacent segment disease", "suspected causes", None),
}

SITE_NAMES = (
    "Ashworth General",
    "Brackenridge Regional Spine and Rehabilitation Centre at Saint Bartholomew-upon-the-Water",
    "Calder Valley",
    "Dunmore University Hospital",
    "Eastfield",
    "Fernhill Orthopaedic",
    "Glenmoor",
    "Harbour City Medical Center",
)

_ATTRITION = (
    ("delivered", 17204),
    ("no_index_fusion_on_day_0", 16891),
    ("earlier_cervical_fusion", 16402),
    ("arthrodesis_status_before", 16368),
)

_TABLES = """
create table release_info (
    release_id varchar, data_to varchar, site_count bigint, patient_count_rounded bigint,
    suppression_threshold bigint, code_version varchar
);
create table label_definitions (
    label varchar, title varchar, category varchar, definition_text varchar, guide varchar, version varchar,
    headline integer
);
create table measures (
    measure varchar, site_id varchar, resolution varchar, period varchar, stratum_kind varchar, stratum varchar,
    numerator bigint, patients bigint, excluded bigint, person_years double, estimate double, estimate_low double,
    estimate_high double, state varchar
);
create table label_kinds (label varchar, kind varchar, episodes bigint, is_suppressed boolean);
create table measure_exclusions (measure varchar, reason varchar, patients bigint, state varchar);
create table sites (site_id varchar, name varchar);
create table submissions (
    site_id varchar, period varchar, attempt bigint, kind varchar, status varchar, code varchar, rows_in bigint,
    rows_accepted bigint, rows_quarantined bigint, is_conserved boolean, is_suppressed boolean
);
create table rule_failures (
    site_id varchar, period varchar, attempt bigint, source_table varchar, rule varchar, severity varchar,
    reason varchar, rows_checked bigint, rows_failed bigint, is_suppressed boolean
);
create table attrition (step bigint, reason varchar, patients_left bigint, is_suppressed boolean);
"""


@dataclass(frozen=True)
class Counts:
    """How a label falls among some patients."""

    yes: int
    no: int
    not_assessable: int


HIDDEN_SITES = {"site-002": Counts(9, 1406, 377), "site-004": Counts(733, 2178, 541)}
"""Of releases with more than four sites: one site has a small cell, the other protects it. Both are in the totals."""

SECRETS = (377, 541, 733, 742, 918, 1406, 2178, 3584)
"""Counts of the hidden sites, and what is left of the totals when the shown sites are subtracted."""


def write_release(
    home: Path, release_id: str = "2026-03-1f0c9a77d2be", sites: int = 6, all_hidden: bool = False
) -> Path:
    """Write a release below `home/releases` and point `current` at it.

    Args:
        home: the folder that holds all data.
        release_id: name of the release's folder.
        sites: how many sites it has, 1 to 120 and more.
        all_hidden: every count of patients is suppressed.
    """
    folder = home / "releases" / release_id
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "dashboard.duckdb")) as con:
        con.execute(_TABLES)
        for table, rows in _contents(release_id, sites, all_hidden).items():
            row = f"({', '.join('?' * len(rows[0]))})"
            con.execute(f"insert into {table} values {', '.join([row] * len(rows))}", list(chain(*rows)))
    pointer = home / "releases" / "next"
    pointer.symlink_to(release_id)
    pointer.replace(home / "releases" / "current")
    return folder


def _contents(release_id: str, sites: int, all_hidden: bool) -> dict[str, list[list[object]]]:
    site_ids = [f"site-{number:03d}" for number in range(sites)]
    return {
        "release_info": [[release_id, "2026-03", sites, None if all_hidden else 16370, 11, "0.1.0"]],
        "label_definitions": [_definition(label) for label in LABELS],
        "measures": [row for place, label in enumerate(LABELS) for row in _shares(label, place, sites, all_hidden)],
        "label_kinds": _kinds(all_hidden),
        "measure_exclusions": _reasons(all_hidden),
        "sites": [[site_id, _site_name(number)] for number, site_id in enumerate(site_ids)],
        "submissions": [row for site_id in site_ids for row in _submissions(site_id)],
        "rule_failures": [row for site_id in site_ids for row in _rule_failures(site_id)],
        "attrition": [
            [step, reason, None if all_hidden else left, all_hidden]
            for step, (reason, left) in enumerate(_ATTRITION, 1)
        ],
    }


def _definition(label: str) -> list[object]:
    title, category, headline = LABELS[label]
    text = (
        "Neck pain of 4 or more on the 0 to 10 scale, or a Neck Disability Index of 30 percent or more with pain, at a "
        "visit on day 92 or later, among patients alive, unrevised and observed then."
    )
    return [label, title, category, text, "Pain beyond 3 months needs imaging and treatment.", "1.0.0", headline]


def _shares(label: str, place: int, sites: int, all_hidden: bool) -> list[list[object]]:
    years = {
        year: Counts(180 - 8 * place + 6 * n, 420 + 31 * n, 260 - 12 * n) for n, year in enumerate(range(2018, 2027))
    }
    at_sites = {
        f"site-{number:03d}": Counts(
            90 + 7 * (number % 9) - 5 * place, 310 + 37 * (number % 7), 40 + 9 * (number % 11) + 3 * place
        )
        for number in range(sites)
    }
    hidden = HIDDEN_SITES if sites > len(HIDDEN_SITES) + 2 else {}
    everywhere = (at_sites | hidden).values()
    total = Counts(
        sum(site.yes for site in everywhere),
        sum(site.no for site in everywhere),
        sum(site.not_assessable for site in everywhere),
    )
    return [
        _share(label, None, None, None if all_hidden else total),
        *(_share(label, None, year, None if all_hidden or year == 2021 else years[year]) for year in years),
        *(
            _share(label, site, None, None if all_hidden or site in hidden else counts)
            for site, counts in at_sites.items()
        ),
    ]


def _share(label: str, site: str | None, year: int | None, counts: Counts | None) -> list[object]:
    place = [label, site, *(("all", None) if year is None else ("year", str(year))), "all", None]
    if counts is None:
        return [*place, *[None] * 7, "suppressed"]
    assessed = counts.yes + counts.no
    low, high = proportion_confint(counts.yes, assessed, method="wilson")
    share = counts.yes / assessed
    return [*place, counts.yes, assessed, counts.not_assessable, None, share, float(low), float(high), "shown"]


def _kinds(all_hidden: bool) -> list[list[object]]:
    kinds: dict[str, dict[str | None, int | None]] = {
        "surgical_asd": {None: None},
        "pain_past_3_months": {"persistent": 780, "recurrent": 385},
        "suspected_asd": {"probable": 802, "surgical": 343},
        "revision_performed": {
            "nonunion_revision": 511,
            "adjacent_segment_fusion": 322,
            "fusion_revision_level_unknown": 168,
            "hardware_removal": 94,
            "disc_replacement": None,
            "laminoplasty": None,
        },
    }
    return [
        [label, kind, None if all_hidden else episodes, all_hidden or episodes is None]
        for label, counts in kinds.items()
        for kind, episodes in counts.items()
    ]


def _reasons(all_hidden: bool) -> list[list[object]]:
    reasons: dict[str, int | None] = {
        "no_assessment_in_window": 640,
        "window_not_closed": 301,
        "revised_before_window": 129,
        "no_follow_up": 71,
        "died_before_window": None,
        "no_source_data": None,
    }
    return [
        [label, reason, None if all_hidden else patients, "suppressed" if all_hidden or patients is None else "shown"]
        for label in LABELS
        for reason, patients in reasons.items()
    ]


def _site_name(number: int) -> str:
    name = SITE_NAMES[number % len(SITE_NAMES)]
    return name if number < len(SITE_NAMES) else f"{name} {number // len(SITE_NAMES) + 1}"


def _submissions(site_id: str) -> list[list[object]]:
    rows: list[list[object]] = [
        [site_id, "2025-12", 1, "full", "accepted", None, 48210, 47903, 307, True, False],
        [site_id, "2026-01", 1, "incremental", "accepted", None, 2114, 2091, 23, True, False],
        [site_id, "2026-02", 1, "incremental", "accepted", None, 2240, None, None, True, True],
        [site_id, "2026-03", 1, "incremental", "accepted", None, 2189, 2189, 0, True, False],
    ]
    if site_id == "site-003":
        rows[3:] = [
            [site_id, "2026-03", 1, "incremental", "refused", "identifier_found", 2189, 0, 2189, True, False],
            [site_id, "2026-03", 2, "incremental", "accepted", None, 2189, 2189, 0, True, False],
        ]
    return rows


def _rule_failures(site_id: str) -> list[list[object]]:
    ndi = ["follow_ups", "FUP-007", "critical", "The NDI total is not the sum of its items"]
    bmi = ["patients", "PAT-004", "warning", "The body mass index is outside 10 to 80"]
    code = ["procedures", "PRO-006", "critical", "The code is not in the format of its system"]
    return [
        [site_id, "2025-12", 1, *ndi, 21044, 188, False],
        [site_id, "2025-12", 1, *bmi, 2803, 41, False],
        [site_id, "2026-01", 1, *ndi, 911, 14, False],
        [site_id, "2026-02", 1, *code, 702, None, True],
    ]
