"""Send every site's digest after a release that changed something for it: one task a site, and no digest twice."""

from datetime import timedelta

from _defaults import DEFAULTS, RELEASE, START
from _mail import mail_server
from airflow.sdk import FixedKeyMapper, PartitionedAssetTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException

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
def outcome_digest() -> None:
    """The sites of the current release → one digest each: written, and sent where there are a server and addresses."""

    @task
    def sites() -> list[str]:
        return pipeline.sites_of_release(Settings())

    @task(map_index_template="{{ task.op_kwargs['site_id'] }}", max_active_tis_per_dag=4)
    def digest(site_id: str) -> bool:
        from dashboards.digests import send_digest, write_digest

        made = write_digest(Settings(), site_id)
        if made is None:
            raise AirflowSkipException("nothing has changed since the release before")
        server = mail_server()
        return server is not None and send_digest(Settings(), made, server)

    digest.expand(site_id=sites())


outcome_digest()
