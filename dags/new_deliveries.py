"""See every ten minutes what has landed and was not taken in as it stands, and start an intake run for each delivery.

So a delivery is seen that comes after its month's run, one that was corrected, one that was refused and delivered
again, and one of a month whose run failed or never was. The runs are named after the state of the folder: the same
state is taken up once, but for technical failures, which are tried again once a day.
"""

from datetime import timedelta
from typing import Any

from _defaults import DEFAULTS, START, today
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import CronTriggerTimetable, dag, task

from outcomes import pipeline
from outcomes.settings import Settings

INTAKE = "follow_up_submissions"


@dag(
    schedule=CronTriggerTimetable("*/10 * * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    default_args=DEFAULTS,
    tags=["intake"],
    doc_md=__doc__,
)
def new_deliveries() -> None:
    """Deliveries that no run has taken up → one run of follow_up_submissions each."""

    @task
    def not_taken_up(ti: Any = None) -> list[dict[str, Any]]:
        def state_of(run_id: str) -> str | None:
            known = ti.get_dr_count(INTAKE, run_ids=[run_id])
            return str(ti.get_dagrun_state(INTAKE, run_id)) if known else None

        return [
            {"trigger_run_id": new.name, "conf": {"partition_key": new.period, "site_id": new.site_id}}
            for new in pipeline.new_deliveries(Settings(), today(), state_of)
        ]

    TriggerDagRunOperator.partial(
        task_id="take_in",
        trigger_dag_id=INTAKE,
        logical_date=None,
        skip_when_already_exists=True,
        max_active_tis_per_dag=4,
        map_index_template="{{ task.trigger_run_id }}",
    ).expand_kwargs(not_taken_up())


new_deliveries()
