"""What all DAGs share: whose they are, which failures are tried again, and how long a task may take."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowFailException

from outcomes.errors import OutcomesError

LAKE = Asset("lake")
RELEASE = Asset("release")
START = datetime(2000, 1, 1)

DEFAULTS = {
    "owner": "registry",
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    # A full disk, a lost mount, a lock that was held too long may pass. A mistake that has a name stays one.
    "retry_policy": ExceptionRetryPolicy(rules=[RetryRule(OutcomesError, RetryAction.FAIL)]),
    "execution_timeout": timedelta(hours=2),
}


def period_of(dag_run: Any) -> str:
    """The month that a run is about: its partition key, or that of its conf when it was triggered without one."""
    period = dag_run.partition_key or (dag_run.conf or {}).get("partition_key")
    if not period:
        raise AirflowFailException('the run has no partition key; trigger it with {"partition_key": "YYYY-MM"}')
    return str(period)


def site_of(dag_run: Any) -> str | None:
    """The one site that a run is about, if it is about one."""
    return (dag_run.conf or {}).get("site_id")


def today() -> date:
    """The day in UTC, as the schedules count."""
    return datetime.now(UTC).date()
