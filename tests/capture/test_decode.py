"""The three forms of a body, and what is said of an event that can't be one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.capture.decode import decode
from turnout.errors import InvalidInput, TooLarge

GOOD = {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "c", "recipient": "r"}


def lines(*values: object) -> bytes:
    return b"\n".join(json.dumps(value).encode() for value in values)


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (json.dumps(GOOD), 1),
        (json.dumps(GOOD, indent=2), 1),
        (json.dumps([GOOD, GOOD]), 2),
        ("  " + json.dumps([GOOD], indent=1) + "\n", 1),
        ("[]", 0),
        ("\n".join([json.dumps(GOOD)] * 3), 3),
        ("\n".join([json.dumps(GOOD)] * 3) + "\n", 3),
        ("\r\n".join([json.dumps(GOOD)] * 3) + "\r\n", 3),
        (f"{json.dumps(GOOD)}\n\n{json.dumps(GOOD)}\n  \n", 2),
        ("\ufeff" + json.dumps(GOOD), 1),
    ],
)
def test_forms(body, count):
    decoded = decode(body.encode(), 100)
    assert len(decoded.events) == count
    assert not decoded.rejected
    assert [index for index, _ in decoded.events] == list(range(count))


@pytest.mark.parametrize("body", [b"", b"   \n ", b"[", b'[{"type":', b"[1,2", b"[}]"])
def test_a_body_of_no_form(body):
    with pytest.raises(InvalidInput):
        decode(body, 100)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"type": "opend"}, "type", "opend"),
        ({"type": 3}, "type", ""),
        ({"type": None}, "type", ""),
        ({"time": "yesterday"}, "time", "ISO 8601"),
        ({"time": None}, "time", "ISO 8601"),
        ({"time": True}, "time", "ISO 8601"),
        ({"time": "2026-02-30"}, "time", "ISO 8601"),
        ({"campaign": 7}, "campaign", "str"),
        ({"campaign": "x" * 257}, "campaign", "256"),
        ({"recipient": ["a"]}, "recipient", "str"),
        ({"campagne": "x"}, "campagne", "unknown field"),
        ({"goal": 4}, "goal", ""),
        ({"goal": -1}, "goal", ""),
        ({"quantity": 10**30}, "quantity", ""),
        ({"quantity": 1.5}, "quantity", ""),
        ({"duration_s": -1}, "duration_s", ""),
        ({"amount": "much"}, "amount", ""),
        ({"currency": "euro"}, "currency", ""),
        ({"currency": "EUR\n"}, "currency", ""),
        ({"country": "Germany"}, "country", ""),
        ({"country": "\n"}, "country", ""),
        ({"traffic": "robot"}, "traffic", "robot"),
        ({"bounce": "medium"}, "bounce", "medium"),
        ({"properties": [1]}, "properties", ""),
        ({"recipient": "a\0b"}, "recipient", "NUL"),
        ({"properties": {"deep": ["a\0b"]}}, "properties", "NUL"),
        ({f"x{n}": n for n in range(10_000)}, "x0", "unknown field"),
    ],
)
def test_the_bad_one_is_named_and_its_neighbours_stay(change, field, words):
    decoded = decode(lines(GOOD, {**GOOD, **change}, GOOD), 100)
    assert [index for index, _ in decoded.events] == [0, 2]
    (refused,) = decoded.rejected
    assert (refused.index, refused.field) == (1, field)
    assert words in refused.error
    assert len(refused.error) <= 500


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{not json}", "bad_json"),
        (b'{"type":"sent"', "bad_json"),
        (b"7", "bad_value"),
        (b'"sent"', "bad_value"),
        (b"[]", "bad_value"),
        (b'{"type":"sent","time":1790000000,"campaign":"\xff\xfe"}', "bad_utf8"),
        (b'{"type":"sent","time":1790000000,"campaign":"\\ud800"}', "bad_json"),
        (b'{"type":"sent","time":1790000000,"campaign":"a\\u0000"}', "nul_character"),
        (b'{"time":1790000000}', "missing_field"),
        (b"[" * 5000, "bad_value"),
        (b'{"properties":' * 3000 + b"1" + b"}" * 3000, "bad_json"),
    ],
)
def test_lines_that_are_no_event(line, reason):
    decoded = decode(lines(GOOD) + b"\n" + line + b"\n" + lines(GOOD), 100)
    assert [index for index, _ in decoded.events] == [0, 2]
    (refused,) = decoded.rejected
    assert (refused.index, refused.reason) == (1, reason)


@pytest.mark.parametrize(
    "time", ["2026-10-05", "2026-10-05T10:00Z", "20261005T100000Z", "2026-W41-1", "2026-10-05T10+02"]
)
def test_any_iso_8601_time_will_do(time):
    decoded = decode(lines({**GOOD, "time": time}), 100)
    assert len(decoded.events) == 1


def test_an_escaped_backslash_is_no_nul():
    decoded = decode(rb'{"type":"sent","time":1790000000,"campaign":"C:\\u0000"}', 100)
    assert decoded.events[0][1].campaign == r"C:\u0000"


def test_too_many_events():
    with pytest.raises(TooLarge):
        decode(lines(*[GOOD] * 11), 10)
    with pytest.raises(TooLarge):
        decode(lines(*[GOOD] * 10, {"bad": 1}), 10)


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_bytes_break_it(body):
    try:
        decoded = decode(body, 100)
    except InvalidInput:
        return
    assert all(refused.error for refused in decoded.rejected)
