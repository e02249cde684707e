"""Take in what the sites delivered for one month: one task per site, so that one site's refusal blocks no other."""

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Asset, CronPartitionTimetable, ExceptionRetryPolicy, RetryAction, RetryRule, dag, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from outcomes import pipeline
from outcomes.errors import OutcomesError
from outcomes.settings import Settings

LAKE = Asset("lake")
COUNTS = ("rows_in", "rows_accepted", "rows_quarantined")


def period_of(dag_run: Any) -> str:
    """The month that a run is about: its partition key, or that of its conf when it was triggered without one."""
    period = dag_run.partition_key or (dag_run.conf or {}).get("partition_key")
    if not period:
        raise AirflowFailException('the run has no partition key; trigger it with {"partition_key": "YYYY-MM"}')
    return str(period)


@dag(
    schedule=CronPartitionTimetable("0 3 1 * *", timezone="UTC", run_offset=-1, key_format="%Y-%m"),
    start_date=datetime(2000, 1, 1),
    catchup=False,
    max_active_runs=1,  # a month's rows refer to patients of the months before
    default_args={
        "owner": "registry",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_policy": ExceptionRetryPolicy(rules=[RetryRule(OutcomesError, RetryAction.FAIL)]),
    },
    tags=["intake"],
    doc_md=__doc__,
)
def follow_up_submissions() -> None:
    """Sites with a delivery → one intake per site → the lake asset; the run fails when a site was refused."""

    @task
    def sites_with_delivery(dag_run: Any = None) -> list[str]:
        return pipeline.sites_with_delivery(Settings(), period_of(dag_run))

    @task(map_index_template="{{ task.op_kwargs['site_id'] }}")
    def ingest(site_id: str, dag_run: Any = None) -> dict[str, int]:
        record = pipeline.ingest(Settings(), site_id, period_of(dag_run))
        return {name: getattr(record, name) for name in COUNTS}

    @task(trigger_rule="all_done", outlets=[LAKE])
    def update_lake(accepted: Any, outlet_events: Any = None) -> None:
        submissions = list(accepted)
        if not submissions:
            raise AirflowSkipException("no submission was accepted")
        totals = {name: sum(counts[name] for counts in submissions) for name in COUNTS}
        outlet_events[LAKE].extra = {"submissions": len(submissions), **totals}

    @task
    def every_site_accepted() -> None:
        """Runs only when no site was refused; without it a run with a refused site would end as a success."""

    accepted = ingest.expand(site_id=sites_with_delivery())
    accepted >> [update_lake(accepted), every_site_accepted()]


follow_up_submissions()
