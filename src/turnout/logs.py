"""What a log line says. Records go in; lines for a person, or JSON objects for a machine, come out.

Every line of a request names it: `request_id` is set where the request comes in, and goes with the work that
is done for it. A record's own fields come as `extra={"fields": {…}}`. No field ever holds a secret: requests are
logged by their route's template, since a query can have a key in it.
"""

from __future__ import annotations

import itertools
import json
import logging
import re
import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from turnout.errors import UnknownName

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")

#: The request that this is done for; empty outside of one.
request_id: ContextVar[str] = ContextVar("request_id", default="")

#: What another program may call a request. Anything else would let it write lines of its own into the log.
_SANE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")

#: https://www.w3.org/TR/trace-context/: version, trace, parent, flags.
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")

#: Ids that are made here: one random part a process, then a count.
_PROCESS = secrets.token_hex(6)
_count = itertools.count(1)


def identify(headers: Mapping[bytes, bytes]) -> str:
    """Its X-Request-ID, else its trace (`traceparent`), else a new one. ASCII, at most 128 long."""
    given = headers.get(b"x-request-id")
    if given is not None and _SANE.fullmatch(given):
        return given.decode()
    traced = headers.get(b"traceparent")
    if traced is not None and (found := _TRACEPARENT.fullmatch(traced)):
        return found[1].decode()
    return f"{_PROCESS}-{next(_count):x}"


class JsonFormatter(logging.Formatter):
    """One object a line: time (UTC), level, logger, message, request_id if there is one, the record's own fields,
    and `exception` with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if name := request_id.get():
            line["request_id"] = name
        line.update({name: value for name, value in _fields(record).items() if name not in line})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return msgspec.json.encode(line, enc_hook=repr).decode()
        except UnicodeEncodeError:
            # Half a surrogate pair, of a path that is no UTF-8; here it is escaped.
            return json.dumps(line, default=repr)


class TextFormatter(logging.Formatter):
    """`time LEVEL logger [request id] message name=value …`, and the traceback on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        name = request_id.get()
        head = f"{_time(record)} {record.levelname} {record.name}"
        words = [f"{head} [{name}]:" if name else f"{head}:", _one_line(record.getMessage())]
        words += [f"{name}={_one_line(str(value))}" for name, value in _fields(record).items()]
        line = " ".join(words)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def set_up(level: str, form: str, stream: TextIO) -> None:
    """Log from `level` up to `stream`. UnknownName if there is no such level or format."""
    if level.lower() not in LEVELS:
        raise UnknownName("log level", level, LEVELS, field="--log-level")
    if form.lower() not in FORMATS:
        raise UnknownName("log format", form, FORMATS, field="--log-format")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form.lower() == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # One line for every request that a command makes is of no use to anybody.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    found = getattr(record, "fields", None)
    return found if isinstance(found, Mapping) else {}


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(text: str) -> str:
    """What others wrote can't begin a line of its own."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()
