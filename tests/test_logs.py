"""What a log line says, in both formats, and what a request is called."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from turnout import logs
from turnout.errors import UnknownName

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def lines():
    """Makes a logger whose lines are read back: `lines("json")` is the logger and a way to read them."""
    made = []

    def make(form):
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logs.JsonFormatter() if form == "json" else logs.TextFormatter())
        logger = logging.getLogger(f"test.{form}")
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        made.append((logger, handler))
        return logger, lambda: stream.getvalue().splitlines()

    yield make
    for logger, handler in made:
        logger.removeHandler(handler)


def test_json_is_an_object_a_line_with_its_fields(lines):
    logger, read = lines("json")
    token = logs.request_id.set("r-1")
    try:
        logger.warning(
            "slow %s", "one\nline", extra={"fields": {"duration_ms": 1.5, "route": "/v1/é", "level": "mine"}}
        )
    finally:
        logs.request_id.reset(token)
    logger.info("outside of a request")
    first, second = map(json.loads, read())
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "warning", "logger": "test.json", "message": "slow one\nline", "request_id": "r-1",
        "duration_ms": 1.5, "route": "/v1/é",
    }  # fmt: skip
    assert "request_id" not in second


def test_json_has_a_traceback_and_stands_what_is_no_unicode():
    try:
        raise ValueError("\udce4")
    except ValueError:
        # Not by way of a logger: pytest would note the line, and can't write it down.
        record = logging.LogRecord("test", logging.ERROR, __file__, 1, "no %s", ("\udce4",), sys.exc_info())
    record.fields = {"odd": object}
    line = json.loads(logs.JsonFormatter().format(record))
    assert line["message"] == "no \udce4"
    assert "ValueError" in line["exception"]
    assert line["odd"]


def test_text_names_the_request_and_stays_on_its_line(lines):
    logger, read = lines("text")
    token = logs.request_id.set("r-2")
    try:
        logger.error("bad\n2026 INFO forged: %s", "x", extra={"fields": {"status": 500, "path": "a\nb"}})
    finally:
        logs.request_id.reset(token)
    (line,) = read()
    assert line.split(" ", 1)[1] == "ERROR test.text [r-2]: bad\\n2026 INFO forged: x status=500 path=a\\nb"


@pytest.mark.parametrize(
    ("headers", "called"),
    [
        ({b"x-request-id": b"abc-1.2:3/4=5+6@7"}, "abc-1.2:3/4=5+6@7"),
        ({b"x-request-id": b"a" * 128}, "a" * 128),
        ({b"x-request-id": b"mine", b"traceparent": b"00-" + TRACE + b"-00f067aa0ba902b7-01"}, "mine"),
        ({b"traceparent": b"00-" + TRACE + b"-00f067aa0ba902b7-01"}, TRACE.decode()),
        ({b"traceparent": b"01-" + TRACE + b"-00f067aa0ba902b7-01-more"}, TRACE.decode()),
    ],
)
def test_a_request_keeps_the_name_that_it_came_with(headers, called):
    assert logs.identify(headers) == called


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"x-request-id": b""},
        {b"x-request-id": b"a" * 129},
        {b"x-request-id": b"a\nb"},
        {b"x-request-id": b"a b"},
        {b"x-request-id": "é".encode()},
        {b"x-request-id": b'"}'},
        {b"traceparent": b"ff-" + TRACE + b"-00f067aa0ba902b7-01"},
        {b"traceparent": b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01"},
        {b"traceparent": b"00-" + TRACE[:-1] + b"-00f067aa0ba902b7-01"},
    ],
)
def test_otherwise_it_gets_one_of_its_own(headers):
    first, second = logs.identify(headers), logs.identify(headers)
    assert first != second
    assert first.replace("-", "").isalnum()


def test_what_is_no_level_or_format_is_said():
    with pytest.raises(UnknownName, match="log level 'loud'"):
        logs.set_up("loud", "text", io.StringIO())
    with pytest.raises(UnknownName, match="log format 'xml'"):
        logs.set_up("info", "xml", io.StringIO())
