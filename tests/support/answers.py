"""Labels and episodes of accepted submissions, to compare one way of delivering with another, patient by patient."""

from collections.abc import Iterable
from typing import Any

from outcomes import pipeline
from outcomes.labelling.build import run
from outcomes.lake import Lake
from outcomes.settings import Settings
from outcomes.sql.engine import connect

Answers = dict[tuple[str, str, str], tuple[Any, ...]]


def answers(settings: Settings, sites: Iterable[str], period: str) -> tuple[Answers, Answers]:
    """Ingest a month of sites; the labels, and the episodes that they rest on, by site and patient."""
    for site in sites:
        pipeline.ingest(settings, site, period)
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        run(con)
        labels = con.execute(
            "select site_id, patient_id, label, status, reason, onset_day, kind, value, value_name from labels"
        ).fetchall()
        episodes = con.execute(
            "select site_id, patient_id, index_period, sex, age_years, approach, index_levels, level_count, is_staged, "
            "observed_days, data_cut_day, death_day, first_revision_day, bmi, smoking from episodes"
        ).fetchall()
    return (
        {(site, patient, label): tuple(rest) for site, patient, label, *rest in labels},
        {(site, patient, ""): tuple(rest) for site, patient, *rest in episodes},
    )
