"""Keeps links that are keys out of every log.

Whoever reads `/v/<token>/` in a log can open that patient's pages. Django and the web
server log addresses by themselves, each with handlers of its own, so masking happens where a record is
made and not in a handler.
"""

import logging
import logging.config
import re
import traceback
from typing import Any

_LINK = re.compile(
    r"""(?:(?<![A-Za-z0-9])|(?<=%2F))  # not the end of a longer word
        ((?:v|feed|reset/key|reset%2Fkey)(?:/|%2F))
        [^/\s"'?\#<>&]+""",
    re.VERBOSE | re.IGNORECASE,
)
_make_record = logging.LogRecord


def mask(text: str) -> str:
    """Replace the token in links of patients, of feeds and of password resets by three stars.

    `/v/<token>`, `/feed/<token>` and `/reset/key/<token>`, plain or percent-encoded.
    """
    return _LINK.sub(r"\1***", text)


def masked_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """Make a log record whose message and traceback carry no token."""
    record = _make_record(*args, **kwargs)
    _mask_message(record)
    if record.exc_info and record.exc_info[0] is not None:
        # Formatters print this text where there is one, instead of formatting the exception again.
        record.exc_text = mask("".join(traceback.format_exception(*record.exc_info)).rstrip())
    return record


def _mask_message(record: logging.LogRecord) -> None:
    try:
        message = record.getMessage()
    except Exception:
        # Arguments that do not fit the message are for logging to report, not for masking to hide.
        record.msg, record.args = mask(f"{record.msg} {record.args!r}"), None
        return
    masked = mask(message)
    if masked != message:
        record.msg, record.args = masked, None


def configure(config: dict[str, Any]) -> None:
    """Mask from now on, then apply the LOGGING settings."""
    logging.setLogRecordFactory(masked_record)
    logging.config.dictConfig(config)
