"""A server that takes e-mails (SMTP) on the loopback address, and keeps what it got."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


@dataclass(frozen=True)
class Received:
    """A message, and to whom it was to go."""

    recipients: list[str]
    message: EmailMessage


@contextmanager
def receiving(answer: bytes | None = b"250 taken") -> Iterator[tuple[int, list[Received]]]:
    """Serve meanwhile; gives the port, and the list of what arrives.

    Args:
        answer: to a whole message; None closes the connection instead.
    """
    received: list[Received] = []

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say(b"220 ready")
            recipients: list[str] = []
            for line in self.rfile:
                command = line.strip().upper()
                if command.startswith(b"RCPT TO:"):
                    recipients.append(line.decode().partition("<")[2].partition(">")[0])
                if command == b"DATA":
                    self.say(b"354 go on")
                    self.take(recipients)
                    if answer is None:
                        return
                    self.say(answer)
                elif command == b"QUIT":
                    self.say(b"221 bye")
                    return
                else:
                    self.say(b"250 ok")

        def take(self, recipients: list[str]) -> None:
            lines = []
            for line in self.rfile:
                if line == b".\r\n":
                    break
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            message: Any = message_from_bytes(b"".join(lines), policy=policy.default)
            received.append(Received(list(recipients), message))

        def say(self, words: bytes) -> None:
            self.wfile.write(words + b"\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield int(server.server_address[1]), received
        finally:
            server.shutdown()
