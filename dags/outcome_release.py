"""Publish a release of the whole lake after submissions came in: one for a backfill of many months, not one each."""

from datetime import timedelta
from typing import Any

from _defaults import DEFAULTS, LAKE, RELEASE, START
from airflow.sdk import FixedKeyMapper, PartitionedAssetTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from outcomes import pipeline
from outcomes.settings import Settings


@dag(
    schedule=PartitionedAssetTimetable(assets=LAKE, default_partition_mapper=FixedKeyMapper("lake")),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=36),
    default_args=DEFAULTS,
    tags=["release"],
    doc_md=__doc__,
)
def outcome_release() -> None:
    """Wait until no month is being taken in, then publish unless the current release already holds the lake."""

    # Between two looks the task is put back into the queue, so that it holds no worker while it waits.
    @task.sensor(mode="reschedule", poke_interval=30.0, timeout=24 * 60 * 60.0)
    def intake_at_rest(ti: Any = None) -> bool:
        return bool(ti.get_dr_count("follow_up_submissions", states=["queued", "running"]) == 0)

    @task(outlets=[RELEASE], execution_timeout=timedelta(hours=6))
    def publish(outlet_events: Any = None) -> None:
        settings = Settings()
        if pipeline.release_is_current(settings):
            raise AirflowSkipException("the lake has not changed since the current release")
        # In one process: one of its own would begin with Airflow's program, which a task may not begin again.
        published = pipeline.release(settings)
        outlet_events[RELEASE].extra = {"release_id": published.id}

    intake_at_rest() >> publish()


outcome_release()
