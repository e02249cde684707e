"""Fail every morning on which a delivery that deliveries.csv expects is late, and say which sites' it is."""

from datetime import timedelta

from _defaults import DEFAULTS, START, today
from airflow.sdk import CronTriggerTimetable, dag, task

from outcomes import pipeline
from outcomes.settings import Settings


@dag(
    schedule=CronTriggerTimetable("0 6 * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    default_args=DEFAULTS,
    tags=["intake"],
    doc_md=__doc__,
)
def expected_deliveries() -> None:
    """One check of all sites and months."""

    @task
    def deliveries_on_time() -> None:
        pipeline.check_deliveries(Settings(), today())

    deliveries_on_time()


expected_deliveries()
