from __future__ import annotations

import gzip

import pytest
from tests.capture.webhooks.deliveries import NOW, URL, delivery, endures, events, one

from turnout.capture.webhooks import batch_export
from turnout.capture.webhooks.batch_export import HEADER_LIMIT_CHARACTERS, PROVIDER
from turnout.capture.webhooks.contract import Parsed, Unreadable
from turnout.errors import InvalidInput, TooLarge, Unauthenticated

#: documented: doc.batch.com/developer/api/mep/export/create, the output of an export of ids
IDS = b"""install_id;custom_id;advertising_id;event_type
i1;u1;a1;push_sent
i1;u1;a1;push_opened
i2;;a2;push_error
"""

#: ours: an export of events; the name of its column of times is not documented
TIMED = IDS.replace(b"event_type", b"event_type;date").replace(b"_sent", b"_sent;2019-08-14T22:00:00")


def parse(body: bytes, query: str = "campaign=tok", **options: str) -> Parsed:
    return PROVIDER.parse(delivery(body, url=f"{URL}?{query}", **options))


def test_rows_are_events() -> None:
    sent, opened, refused = events(parse(IDS))
    assert [event.type for event in (sent, opened, refused)] == ["sent", "opened", "rejected"]
    assert {event.channel for event in (sent, opened, refused)} == {"push"}
    assert [event.recipient for event in (sent, opened, refused)] == ["u1", "u1", "i2"]
    assert sent.time == NOW
    assert sent.properties == {"provider": "batch", "provider_event": "push_sent", "install_id": "i1"}


def test_when_it_was() -> None:
    first = parse(TIMED).said[0].event
    assert str(first["time"]) == "2019-08-14 22:00:00+00:00"
    dated = events(parse(IDS, "campaign=tok&date=2019-08-14T22:00:00"))
    assert {str(event.time) for event in dated} == {"2019-08-14 22:00:00+00:00"}
    with pytest.raises(InvalidInput, match="the date in the address is no time"):
        parse(IDS, "date=soon")


def test_a_file_that_is_posted_again_counts_once() -> None:
    first = {event.id for event in events(parse(IDS))}
    assert len(first) == 3
    assert {event.id for event in events(parse(IDS, "campaign=tok&date=2019-08-14"))} == first
    assert {event.id for event in events(parse(gzip.compress(IDS.replace(b"\n", b"\r\n"))))} == first
    assert {event.id for event in events(parse(IDS.replace(b";", b",")))} == first
    assert not {event.id for event in events(parse(IDS, "campaign=other"))} & first
    # Two devices of a person are two messages.
    other = {event.id for event in events(parse(IDS.replace(b"i1;", b"i9;")))}
    assert len(other & first) == 1


def test_columns_may_be_fewer_and_the_campaign_one_of_them() -> None:
    event = one(parse(b"campaign_token,event_type,custom_id\nabc,inapp_displayed,u1"))
    assert (event.type, event.channel, event.campaign, event.recipient) == ("impression", "in_app", "abc", "u1")
    chosen = events(parse(IDS, recipient="Install_ID"))
    assert [event.recipient for event in chosen] == ["i1", "i1", "i2"]


def test_a_bad_row_costs_no_other_and_is_kept_with_its_line() -> None:
    rows = [b"i1;u1;a1;push_teleported", b"i1;u1;push_sent", b";;;push_sent", b'"i1;u1;a1;push_sent']
    parsed = parse(IDS + b"\n".join(rows))
    assert len(events(parsed)) == 3
    assert [unread.error for unread in parsed.unread] == [
        "line 5: the event_type 'push_teleported' is not known",
        "line 6: 3 cells where the header has 4",
        "line 7: no id of a person",
        "line 8: not CSV: unexpected end of data",
    ]
    mended = parsed.unread[0].source.replace(b"teleported", b"sent")
    assert one(parse(mended)).id == events(parse(IDS))[0].id


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"install_id;date\ni1;now",
        b"event_type;date\npush_sent;now",
        b"custom_id;event_type;event_type\nu;push_sent;push_sent",
        b'"custom_id;event_type\nu;push_sent',
        b"custom_id;event_type\n\xff\xfe",
        b"\x1f\x8bnot gzip",
        gzip.compress(IDS, mtime=0)[:-9],
        b"custom_id;event_type" + b";x" * HEADER_LIMIT_CHARACTERS,
        b'{"event_type": "push_sent"}',
    ],
)
def test_what_is_no_export(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(body)


def test_what_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_export, "ROWS_LIMIT", 3)
    assert len(events(parse(IDS))) == 3
    with pytest.raises(TooLarge, match="more than 3 rows"):
        parse(IDS + b"i3;u3;a3;push_sent\n")
    monkeypatch.setattr(batch_export, "EXPANDED_LIMIT_BYTES", len(IDS) - 1)
    with pytest.raises(TooLarge):
        parse(gzip.compress(IDS, mtime=0))


def test_nothing_of_a_file_makes_parsing_fail() -> None:
    for at in range(len(TIMED)):
        for wrong in (b"", b'"', b";", b"\n", b"\0", b"\x80", b"9" * 1000):
            endures(PROVIDER, delivery(TIMED[:at] + wrong + TIMED[at + 1 :], recipient="x"))


def test_whoever_posts_it_knows_the_secret() -> None:
    assert PROVIDER.verify is not None
    PROVIDER.verify(delivery(IDS, headers={"authorization": "Bearer t0ken"}, secret="t0ken"))
    with pytest.raises(Unauthenticated):
        PROVIDER.verify(delivery(IDS, secret="t0ken"))
