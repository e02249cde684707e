"""Write every site's report after a release: one HTML file a site, one task a site, so that none waits for another."""

from datetime import datetime, timedelta

from airflow.sdk import (
    Asset,
    ExceptionRetryPolicy,
    FixedKeyMapper,
    PartitionedAssetTimetable,
    RetryAction,
    RetryRule,
    dag,
    task,
)

from outcomes import pipeline
from outcomes.errors import OutcomesError
from outcomes.settings import Settings

RELEASE = Asset("release")


@dag(
    schedule=PartitionedAssetTimetable(assets=RELEASE, default_partition_mapper=FixedKeyMapper("release")),
    start_date=datetime(2000, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "registry",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_policy": ExceptionRetryPolicy(rules=[RetryRule(OutcomesError, RetryAction.FAIL)]),
    },
    tags=["reports"],
    doc_md=__doc__,
)
def outcome_reports() -> None:
    """The sites of the current release → one report each."""

    @task
    def sites() -> list[str]:
        return pipeline.sites_of_release(Settings())

    @task(map_index_template="{{ task.op_kwargs['site_id'] }}")
    def report(site_id: str) -> str:
        from dashboards.reports import write_report

        return str(write_report(Settings(), site_id))

    report.expand(site_id=sites())


outcome_reports()
