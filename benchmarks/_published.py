"""What the synthetic registry gives beside what has been published, and which quantity each figure is."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from benchmarks._registries import measured_registry
from outcomes.synthetic.profiles import site_profiles

SEED = 1
PATIENTS = 20_000


@dataclass(frozen=True)
class Figure:
    """One published figure: what is counted of whom by when, and the statement that counts the same."""

    what: str
    published: str
    source: str
    statement: str


_CURVE = """
select 100 * incidence from curves
where outcome = 'revision' and estimator = 'aalen_johansen' and site_id is null and day <= {day}
    and stratum_kind = '{kind}' and stratum is not distinct from {stratum}
order by day desc limit 1
"""
_SHARE = """
select 100.0 * numerator / patients from measure_counts
where measure = '{measure}' and resolution = 'all' and stratum_kind = 'all' and site_id is null
"""
_PER_YEAR = """
select 36525.0 * count(*) filter (where labels.status = 'yes')
    / sum(greatest(coalesce(labels.onset_day, episodes.observed_days), 1))
from labels inner join episodes using (site_id, patient_id)
where labels.label = '{label}' and {status}
"""
_NDI = """
select avg(ndi_percent) from (
    select arg_min(ndi_percent, nearness) filter (where ndi_percent is not null) as ndi_percent
    from window_visits where visit_window = '{window}' group by site_id, patient_id
) as visits
"""
_SATISFIED = """
select 100.0 * count(*) filter (where satisfaction = {answer}) / count(satisfaction)
from follow_ups where day between 274 and 456
"""
_NONUNION = """
select 100.0 * count(*) filter (where status = 'yes') / count(*)
from labels inner join episodes using (site_id, patient_id)
where label = 'suspected_nonunion' and status <> 'not_assessable' and {levels}
"""
_MCID_5_YEARS = """
select 100.0 * count(*) filter (where reached_mcid) / count(*) from responders
where instrument = 'ndi' and visit_window = '60_months' and reason is null
"""
_REOPERATED = """
select 100.0 * count(first_revision_day) / count(*) from episodes where index_period >= '2023-04'
"""

FIGURES = (
    Figure(
        "Surgery for adjacent segment disease, per 100 patient-years to the first such operation or the last sign; "
        "22.2 % at 10 years, which no patient of six years reaches",
        "2.4",
        "Lee 2015",
        _PER_YEAR.format(label="surgical_asd", status="labels.status <> 'not_assessable'"),
    ),
    Figure(
        "Adjacent segment disease with symptoms, per 100 patient-years; here suspected or operated, so rather more",
        "2.9",
        "Hilibrand 1999",
        _PER_YEAR.format(label="suspected_asd", status="labels.status <> 'not_assessable'"),
    ),
    Figure(
        "Any cervical reoperation so far, of all operated in the last 3 1/2 years, however briefly followed",
        "5.8",
        "American Spine Registry, 2020 to 2023, n = 45,013",
        _REOPERATED,
    ),
    Figure(
        "Any revision within 2 years, one level",
        "9.1",
        "MarketScan, n = 28,777",
        _CURVE.format(day=730, kind="levels_band", stratum="'1'"),
    ),
    Figure(
        "Any revision within 2 years, all (published: several levels)",
        "10.7",
        "MarketScan, n = 28,777",
        _CURVE.format(day=730, kind="all", stratum="null"),
    ),
    Figure(
        "Any revision within 5 years",
        "10.8",
        "Durand",
        _CURVE.format(day=1826, kind="all", stratum="null"),
    ),
    Figure(
        "Nonunion suspected, 1 level",
        "2.9 to 3.7",
        "Fraser 2007, Shriver 2015",
        _NONUNION.format(levels="level_count = 1"),
    ),
    Figure("Nonunion suspected, 2 levels", "5.4", "Fraser 2007", _NONUNION.format(levels="level_count = 2")),
    Figure("Nonunion suspected, 3 levels", "17.5", "Fraser 2007", _NONUNION.format(levels="level_count = 3")),
    Figure("Readmitted within 30 days", "2.5 to 3.2", "NSQIP", _SHARE.format(measure="readmission_30_days")),
    Figure("NDI before surgery, mean in percent", "37.2", "CSRS", _NDI.format(window="baseline")),
    Figure("NDI at 12 months, mean in percent", "20.9", "CSRS, at 31 % follow-up", _NDI.format(window="12_months")),
    Figure("NDI better by the MCID at 5 years, of those who answered both times", "63.6", "QOD", _MCID_5_YEARS),
    Figure(
        "Answered at 12 months, of those alive and unrevised",
        "71.3",
        "NORspine, n = 334",
        _SHARE.format(measure="follow_up_12_months"),
    ),
    Figure("Fully satisfied at 12 months", "67", "Asher 2019, n = 4,148", _SATISFIED.format(answer=1)),
    Figure("Mostly satisfied at 12 months", "20", "Asher 2019, n = 4,148", _SATISFIED.format(answer=2)),
)


def published_table(seed: int = SEED, patients: int = PATIENTS) -> Iterator[str]:
    """The lines of a Markdown table: each figure as published and as one registry without stories gives it."""
    with measured_registry(seed=seed, profiles=site_profiles(6), patients=patients) as con:
        yield from figures_table(con)


def figures_table(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """The same of a registry that was measured already."""
    yield "| what is counted | published | simulated | source |"
    yield "|---|---|---|---|"
    for figure in FIGURES:
        yield f"| {figure.what} | {figure.published} | {_value(con, figure):.1f} | {figure.source} |"


def _value(con: duckdb.DuckDBPyConnection, figure: Figure) -> float:
    ((value,),) = con.execute(figure.statement).fetchall()
    return float(value)
