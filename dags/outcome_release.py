"""Publish a release of the whole lake after submissions came in: one for a backfill of many months, not one each."""

from datetime import datetime, timedelta
from typing import Any

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
from airflow.sdk.exceptions import AirflowSkipException

from outcomes import pipeline
from outcomes.errors import OutcomesError
from outcomes.settings import Settings

LAKE = Asset("lake")
RELEASE = Asset("release")


@dag(
    schedule=PartitionedAssetTimetable(assets=LAKE, default_partition_mapper=FixedKeyMapper("lake")),
    start_date=datetime(2000, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "registry",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_policy": ExceptionRetryPolicy(rules=[RetryRule(OutcomesError, RetryAction.FAIL)]),
    },
    tags=["release"],
    doc_md=__doc__,
)
def outcome_release() -> None:
    """Wait until no month is being taken in, then publish unless the current release already holds the lake."""

    @task.sensor(poke_interval=5.0, timeout=24 * 60 * 60.0)
    def intake_at_rest(ti: Any = None) -> bool:
        return bool(ti.get_dr_count("follow_up_submissions", states=["queued", "running"]) == 0)

    @task(outlets=[RELEASE])
    def publish(outlet_events: Any = None) -> None:
        if pipeline.release_is_current(Settings()):
            raise AirflowSkipException("the lake has not changed since the current release")
        outlet_events[RELEASE].extra = {"release_id": pipeline.release(Settings()).id}

    intake_at_rest() >> publish()


outcome_release()
