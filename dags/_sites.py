"""What DAGs share that follow a release and do something for each of its sites, one task a site."""

from datetime import timedelta
from typing import Any

from _defaults import DEFAULTS, RELEASE, START
from airflow.sdk import FixedKeyMapper, PartitionedAssetTimetable, task

from outcomes import pipeline
from outcomes.settings import Settings

AFTER_RELEASE: dict[str, Any] = {
    "schedule": PartitionedAssetTimetable(assets=RELEASE, default_partition_mapper=FixedKeyMapper("release")),
    "start_date": START,
    "catchup": False,
    "max_active_runs": 1,
    "dagrun_timeout": timedelta(hours=6),
    "default_args": DEFAULTS,
    "tags": ["reports"],
}
"""Of the DAG."""

EACH_SITE: dict[str, Any] = {
    "map_index_template": "{{ task.op_kwargs['site_id'] }}",
    "max_active_tis_per_dag": 4,
}
"""Of the task that is mapped over `sites()`, as its argument `site_id`."""


@task
def sites() -> list[str]:
    """The sites of the current release."""
    return pipeline.sites_of_release(Settings())
