"""Sending one e-mail, at most once."""

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path

_SECONDS = 30


@dataclass(frozen=True)
class MailServer:
    """A server that takes e-mails (SMTP), and from whom they come.

    Encrypted from the first byte (`is_ssl`), or from STARTTLS on; the server's certificate is checked.
    """

    host: str
    port: int
    sender: str
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    is_ssl: bool = True
    is_starttls: bool = True


def send(server: MailServer, message: EmailMessage, addresses: Sequence[str], marker: Path) -> None:
    """Send a message to each address, none of which the others see.

    Args:
        server: which takes it.
        message: without sender, recipients and date.
        addresses: to whom.
        marker: a file that is made just before the message leaves. It is taken away when the server refuses the message
            to everybody, and stays when nobody can tell what became of it.

    Raises:
        FileExistsError: the marker is there.
        OSError: the server cannot be reached, or has refused the message.
    """
    message["From"], message["To"] = server.sender, "undisclosed-recipients:;"
    message["Date"] = formatdate()
    with _connected(server) as client:
        marker.touch(exist_ok=False)
        try:
            client.send_message(message, server.sender, addresses)
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused):
            marker.unlink()
            raise


def _connected(server: MailServer) -> smtplib.SMTP:
    if server.is_ssl:
        context = ssl.create_default_context()
        client: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=_SECONDS, context=context)
    else:
        client = smtplib.SMTP(server.host, server.port, timeout=_SECONDS)
        if server.is_starttls:
            client.starttls(context=ssl.create_default_context())
    if server.login and server.password:
        client.login(server.login, server.password)
    return client
