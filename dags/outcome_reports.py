"""Write every site's report after a release: one HTML file a site, one task a site, so that none waits for another."""

from _sites import AFTER_RELEASE, EACH_SITE, sites
from airflow.sdk import dag, task

from outcomes.settings import Settings


@dag(**AFTER_RELEASE, doc_md=__doc__)
def outcome_reports() -> None:
    """The sites of the current release → one report each."""

    @task(**EACH_SITE)
    def report(site_id: str) -> str:
        from dashboards.reports import write_report

        return str(write_report(Settings(), site_id))

    report.expand(site_id=sites())


outcome_reports()
