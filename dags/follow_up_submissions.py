"""Take in what the sites delivered for one month: one task per site, so that one site's refusal blocks no other."""

from datetime import timedelta
from typing import Any

from _defaults import DEFAULTS, LAKE, START, period_of, site_of, today
from airflow.sdk import CronPartitionTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from outcomes import pipeline
from outcomes.settings import Settings

COUNTS = ("rows_in", "rows_accepted", "rows_quarantined", "rows_pending")


@dag(
    schedule=CronPartitionTimetable("0 3 1 * *", timezone="UTC", run_offset=-1, key_format="%Y-%m"),
    start_date=START,
    catchup=False,  # months that a downtime skipped are taken in by new_deliveries
    dagrun_timeout=timedelta(hours=12),
    default_args=DEFAULTS,
    tags=["intake"],
    doc_md=__doc__,
)
def follow_up_submissions() -> None:
    """Sites with a delivery → one intake per site → the lake asset; the run fails when a site was refused."""

    @task
    def sites_with_delivery(dag_run: Any = None) -> list[str]:
        if site := site_of(dag_run):
            return [site]
        return pipeline.sites_with_delivery(Settings(), period_of(dag_run), today())

    # Months may run side by side, an intake takes its share of memory and disk.
    @task(map_index_template="{{ task.op_kwargs['site_id'] }}", max_active_tis_per_dag=4)
    def ingest(site_id: str, dag_run: Any = None) -> dict[str, int]:
        record = pipeline.ingest(Settings(), site_id, period_of(dag_run))
        return {name: getattr(record, name) for name in COUNTS}

    @task(trigger_rule="all_done", outlets=[LAKE])
    def update_lake(accepted: Any, dag_run: Any = None, outlet_events: Any = None) -> None:
        submissions = list(accepted)
        if not submissions:
            raise AirflowSkipException("no submission was accepted")
        totals = {name: sum(counts[name] for counts in submissions) for name in COUNTS}
        outlet_events[LAKE].extra = {"submissions": len(submissions), **totals}
        # A run that was triggered has its month in conf alone, and an event without one starts no release.
        outlet_events[LAKE].add_partitions(period_of(dag_run))

    @task
    def every_site_accepted() -> None:
        """Runs only when no site was refused; without it a run with a refused site would end as a success."""

    accepted = ingest.expand(site_id=sites_with_delivery())
    accepted >> [update_lake(accepted), every_site_accepted()]


follow_up_submissions()
