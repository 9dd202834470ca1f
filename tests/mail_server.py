"""A scripted mail server: accepts, refuses, stalls and drops as a test tells it, on a port of its own."""

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

# The library notes every line that is said.
logging.getLogger("mail.log").setLevel(logging.WARNING)

Answer = str | None
"""What the server says; None drops the connection without a word."""


@dataclass
class Script:
    """What is said to the sender, and answers by recipient; whoever is not named is accepted.

    ``received`` are the mails taken, in order.
    """

    sender: str = ""
    rcpt: dict[str, str] = field(default_factory=dict)
    data: Callable[[Envelope], Answer] = lambda envelope: "250 taken"
    drop_after_data: set[str] = field(default_factory=set)
    stall_seconds: float = 0
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.sender:
            return self.sender
        envelope.mail_from = address
        return "250 go on"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.rcpt:
            return self.rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 go on"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.stall_seconds:
            await asyncio.sleep(self.stall_seconds)
        answer = self.data(envelope)
        if answer is None:
            _hang_up(server)
            return "421 gone"
        if answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            mail = BytesParser(policy=default).parsebytes(content)
            assert isinstance(mail, EmailMessage)
            self.received.append(mail)
            self.recipients += envelope.rcpt_tos
            if self.drop_after_data & set(envelope.rcpt_tos):
                self.drop_after_data -= set(envelope.rcpt_tos)
                _hang_up(server)
        return answer


def _hang_up(server: Any) -> None:
    server.transport.abort()


@dataclass
class MailServer:
    """The server and its script; ``settings`` are what Django needs to reach it."""

    script: Script
    port: int
    controller: Controller

    @classmethod
    def start(cls) -> "MailServer":
        port = free_port()
        script = Script()
        controller = Controller(script, hostname="127.0.0.1", port=port)
        controller.start()
        return cls(script, port, controller)

    def stop(self) -> None:
        self.controller.stop()


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
