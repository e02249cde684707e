"""The server that takes e-mails, as Airflow's connection `smtp_default` names it."""

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from dashboards.mail import MailServer

_SSL_PORT, _STARTTLS_PORT = 465, 587


def mail_server() -> MailServer | None:
    """The server; None without the connection. Its extra fields are those of Airflow's own SMTP connections.

    Raises:
        AirflowFailException: the connection does not say from whom its e-mails come.
    """
    try:
        connection = Connection.get("smtp_default")
    except AirflowNotFoundException:
        return None
    extra = connection.extra_dejson
    sender = extra.get("from_email")
    if not sender:
        raise AirflowFailException(
            "the connection smtp_default does not say from whom e-mails come: add the field from_email to its extra "
            'fields, such as {"from_email": "registry@clinic.example"}, and run the task again'
        )
    is_ssl = not extra.get("disable_ssl", False)
    return MailServer(
        host=connection.host or "localhost",
        port=connection.port or (_SSL_PORT if is_ssl else _STARTTLS_PORT),
        sender=sender,
        login=connection.login,
        password=connection.password,
        is_ssl=is_ssl,
        is_starttls=not extra.get("disable_tls", False),
    )
