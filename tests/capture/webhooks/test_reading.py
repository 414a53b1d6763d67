"""What is the same for every provider: bodies in every wrapping, and values that fit an event or say nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from tests.capture.webhooks.deliveries import delivery

from turnout.capture.webhooks import mail, reading
from turnout.capture.webhooks.contract import Unreadable
from turnout.capture.webhooks.reading import Part, Unclear, Uncounted
from turnout.model import Hook

ONE, TWO = Part({"a": 1}, b'{"a": 1}'), Part({"b": [2]}, b'{"b": [2]}')
MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"a": 1}', [ONE]),
        (MARK + b' {"a": 1}\n', [ONE]),
        (b'[{"a": 1}, {"b": [2]}]', [ONE, TWO]),
        (b'{"a": 1}\n\n{"b": [2]}\r\n', [ONE, TWO]),
        (b'{"a": 1}\nnothing', [ONE, Part(None, b"nothing")]),
        (b'[{"a": 1}, 7, [], null]', [ONE, Part(None, b"7"), Part(None, b"[]"), Part(None, b"null")]),
        (b"[]", []),
    ],
)
def test_a_body_is_taken_apart_and_each_part_keeps_its_bytes(body, found):
    assert reading.parts(body) == found


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"), (MARK + b" \n", "empty"), (b"7", "neither"), (b'"a"', "neither"), (b"{]", "not JSON"),
        (b"[{]", "not JSON"), (b'{"a": "\xff"}', "not JSON"), (b"nothing\n{}", "not JSON"),
        (b'{"a":' * 100_000, "nested too deeply"), (b"[" * 100_000, "nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_no_body_says_why(body, words):
    with pytest.raises(Unreadable, match=words):
        reading.parts(body)


def test_a_body_has_a_limit_of_parts(monkeypatch):
    monkeypatch.setattr(reading, "PARTS_LIMIT", 2)
    assert len(reading.parts(b"[1, 2]")) == 2
    for body in (b"[1, 2, 3]", b"{}\n{}\n{}"):
        with pytest.raises(Unreadable, match="more than 2 parts"):
            reading.parts(body)
    with pytest.raises(Unreadable, match="more than 2 parts"):
        reading.batch(b'{"events": [1, 2, 3]}', "events")


def test_a_batch_is_the_array_of_that_name():
    assert reading.batch(b'{"events": [{"a": 1}, {"b": [2]}], "more": 1}', "events") == [ONE, TWO]
    assert reading.batch(b'{"events": []}', "events") == []
    assert reading.batch(b'[{"a": 1}, {"b": [2]}]', "events") == [ONE, TWO]
    assert reading.batch(b'{"a": 1}', "events") == [ONE]
    with pytest.raises(Unreadable, match="'events' is no array"):
        reading.batch(b'{"events": {}}', "events")


def test_a_part_is_read_or_kept_as_a_whole():
    def events(told):
        if "ignored" in told:
            raise Uncounted
        yield {"type": "sent"}
        if "bad" in told:
            raise Unclear("the second is bad")
        yield {"type": "opened"}

    parsed = reading.read(reading.parts(b'[{"a": 1}, {"bad": 1}, {"ignored": 1}, 7]'), events)
    assert [(said.event["type"], said.source) for said in parsed.said] == [("sent", ONE.source), ("opened", ONE.source)]
    assert [(unread.source, unread.error) for unread in parsed.unread] == [
        (b'{"bad": 1}', "the second is bad"), (b"7", "this part is not a JSON object"),
    ]  # fmt: skip
    assert parsed.ignored == 1


def test_a_form_is_its_names_and_values_in_order():
    assert reading.form(b"b=2&a=%C3%A9+1&b=&c") == [("b", "2"), ("a", "é 1"), ("b", ""), ("c", "")]
    for body in (b"a=\xff", b"a=%ff", b"a=1&" * reading.FORM_LIMIT_FIELDS * 2, b"a" * (reading.FORM_LIMIT_BYTES + 1)):
        with pytest.raises(Unreadable, match="form"):
            reading.form(body)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (" a ", "a"), ("", ""), (7, "7"), (0, "0"), (-(2**70), str(-(2**70))), (7.5, ""), (True, ""), (None, ""),
        ([], ""), ({"a": 1}, ""), ("x" * 300, "x" * 256),
    ],
)  # fmt: skip
def test_text_is_words_and_whole_numbers(value, found):
    assert reading.text(value) == found


def test_what_a_cut_would_make_another_s_is_not_cut():
    assert len(reading.person(None, "", "x" * 600)) == 600
    assert len(reading.campaign([], "x" * 600)) == reading.NAME_LIMIT + 1
    assert reading.first(7.5, " ", 7, "a") == "7"
    assert len(mail.address(f"Ada <{'x' * 600}>")) == 600
    for value in ("", None, "Ada <>", 7.5):
        with pytest.raises(Unclear, match="recipient"):
            mail.address(value)


NOON = dt.datetime(2026, 3, 17, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "value",
    [
        1773748800, 1773748800.0, 1773748800000, "1773748800", " 1773748800.0 ", "1773748800000",
        "2026-03-17T12:00:00Z", "2026-03-17 12:00:00", "2026-03-17T15:00:00.0000000+03:00",
    ],
)  # fmt: skip
def test_a_time_is_iso_8601_or_an_epoch(value):
    assert reading.moment(value, "at") == NOON


@pytest.mark.parametrize("value", [None, True, "", "soon", 1e300, 10**400, [], "0001-01-01T00:00:00+05:00", "9" * 20])
def test_what_is_no_time_is_unclear(value):
    with pytest.raises(Unclear, match="at is"):
        reading.moment(value, "at")


def test_a_request_says_what_fits_an_event():
    assert reading.request("192.0.2.7", "agent", "rs") == {"ip": "192.0.2.7", "user_agent": "agent", "country": "RS"}
    assert reading.request("x" * 65, None, "Serbia") == {}
    assert reading.request(None, "x" * 3000, "ß") == {"user_agent": "x" * reading.TEXT_LIMIT}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("https://a.example/b", "https://a.example/b"), ("mailto:a@b.example", "mailto:a@b.example"), ("a.example", ""),
        ("https://[a", ""), ("https://a.example/" + "x" * 8192, ""), (None, ""),
    ],
)  # fmt: skip
def test_a_link_leads_somewhere_or_nowhere(value, found):
    assert reading.web_address(value) == found


def test_the_first_of_the_sender_s_words_names_a_campaign():
    found = reading.variables({"campaign_id": 7, "message": ["m", "n"], "variation": "x" * 257}, {"campaign": "later"})
    assert found == {"campaign": "7", "message": "m"}
    named = mail.headers([{"name": "X-Campaign-Id", "value": "a"}, {"name": "Subject", "value": "b"}, 7, {"name": 7}])
    assert reading.variables(named) == {"campaign": "a"}


def test_a_tag_names_a_campaign_where_nobody_else_does():
    hook = Hook(id="h", workspace="w", provider="any", digest="", created_at=NOON)
    nobody = replace(delivery({}), hook=hook)
    assert mail.otherwise(nobody, "news") == {"campaign": "news"}
    assert mail.otherwise(nobody, []) == {}
    assert mail.otherwise(delivery({}), "news") == {}


def test_what_says_nothing_is_left_out():
    assert reading.filled({"a": "", "b": None, "c": [], "d": {}, "e": 0, "f": False, "g": "x"}) == {
        "e": 0, "f": False, "g": "x",
    }  # fmt: skip
    kept = reading.properties("p", "e", a=True, b=False, c=" x ", d=7, e=None, f="x" * 2000)
    assert kept == {"provider": "p", "provider_event": "e", "a": True, "c": "x", "d": "7", "f": "x" * 1024}
    assert [reading.is_true(value) for value in (True, " True ", "false", 1, None)] == [True, True, False, False, False]
    assert reading.keyword(" Stop! ", {"stop": "stop"}) == "stop"
    assert reading.canonical({"b": 1, "a": 2}) == reading.canonical({"a": 2, "b": 1})
