"""Keeps mail as files, one each, for a demo and for looking at what would be sent."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class EmlBackend(BaseEmailBackend):
    """Writes every mail to EMAIL_FILE_PATH as `<number>-<random>.eml`, which mail programs open."""

    def __init__(self, fail_silently: bool = False, **kwargs: Any) -> None:
        """Make the folder when it is missing."""
        super().__init__(fail_silently=fail_silently)
        self.folder = Path(getattr(settings, "EMAIL_FILE_PATH"))  # noqa: B009 - only there with this backend
        self.folder.mkdir(parents=True, exist_ok=True)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the mails, each under its name only once it is whole; how many."""
        for mail in email_messages:
            target = self.folder / f"{uuid.uuid4().hex}.eml"
            draft = target.with_suffix(".part")
            draft.write_bytes(mail.message().as_bytes(linesep="\r\n"))
            draft.rename(target)
        return len(email_messages)
