"""Write every site's report after a release: one HTML file a site, one task a site, so that none waits for another."""

from datetime import timedelta

from _defaults import DEFAULTS, RELEASE, START
from airflow.sdk import FixedKeyMapper, PartitionedAssetTimetable, dag, task

from outcomes import pipeline
from outcomes.settings import Settings


@dag(
    schedule=PartitionedAssetTimetable(assets=RELEASE, default_partition_mapper=FixedKeyMapper("release")),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    default_args=DEFAULTS,
    tags=["reports"],
    doc_md=__doc__,
)
def outcome_reports() -> None:
    """The sites of the current release → one report each."""

    @task
    def sites() -> list[str]:
        return pipeline.sites_of_release(Settings())

    @task(map_index_template="{{ task.op_kwargs['site_id'] }}", max_active_tis_per_dag=4)
    def report(site_id: str) -> str:
        from dashboards.reports import write_report

        return str(write_report(Settings(), site_id))

    report.expand(site_id=sites())


outcome_reports()
