"""Send every site's digest after a release that changed something for it: one task a site, and no digest twice."""

from _mail import mail_server
from _sites import AFTER_RELEASE, EACH_SITE, sites
from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowSkipException

from outcomes.settings import Settings


@dag(**AFTER_RELEASE, doc_md=__doc__)
def outcome_digest() -> None:
    """The sites of the current release → one digest each: written, and sent where there are a server and addresses."""

    @task(**EACH_SITE)
    def digest(site_id: str) -> bool:
        from dashboards.digests import send_digest, write_digest

        made = write_digest(Settings(), site_id)
        if made is None:
            raise AirflowSkipException("nothing has changed since the release before")
        server = mail_server()
        return server is not None and send_digest(Settings(), made, server)

    digest.expand(site_id=sites())


outcome_digest()
