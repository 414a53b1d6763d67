"""Dead letters on disk: each once, a bounded number of them, for a bounded time."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from turnout.errors import NotFound
from turnout.store.deadletters import DeadLetters, Letter, letter_id, place_of

START = dt.datetime(2026, 3, 17, 10, 0, tzinfo=dt.UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def workspace():
    return f"w{uuid.uuid4().hex[:12]}"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def dropped():
    return []


@pytest.fixture
def kept(house, clock, dropped):
    """On the engine of the running house, with limits of its own."""
    return DeadLetters(
        house.services.engine, clock, limit_rows=10, limit_bytes=1000, age_limit_days=3650, dropped=dropped.append
    )


def letter(workspace, number, *, body=b"", received=None, provider="postmark", reason="strange"):
    body = body or b"body %d" % number
    return Letter(
        id=letter_id(workspace, provider, body, {}, {}),
        received=received or START + dt.timedelta(seconds=number),
        provider=provider,
        hook="h",
        reason=reason,
        bytes=len(body),
        body=body,
        headers={"content-type": "x/y"},
        query={"campaign": "ünï"},
    )


def test_a_letter_comes_back_as_it_was(kept, workspace):
    one = letter(workspace, 1, body=bytes(range(256)))
    kept.keep(workspace, [one])
    assert kept.get(workspace, one.id) == one
    with pytest.raises(NotFound):
        kept.get("another", one.id)
    with pytest.raises(NotFound):
        kept.get(workspace, "0" * 32)


def test_the_same_letter_is_there_once_and_waits_again(kept, workspace):
    one = letter(workspace, 1)
    kept.keep(workspace, [one])
    kept.mark_replayed(workspace, [one.id])
    assert kept.listing(workspace, everything=False) == []
    assert kept.listing(workspace)[0].replayed == START
    again = letter(workspace, 1, received=START + dt.timedelta(hours=1))
    assert again.id == one.id
    kept.keep(workspace, [again])
    (waiting,) = kept.listing(workspace, everything=False)
    assert (waiting.received, waiting.replayed) == (again.received, None)
    assert kept.count(workspace) == (1, len(one.body))


def test_what_the_request_says_beside_its_body_makes_it_another_letter():
    ids = {
        letter_id("w", "p", b"b", {}, {}),
        letter_id("w", "p", b"b", {"ce-id": "1"}, {}),
        letter_id("w", "p", b"b", {}, {"campaign": "a"}),
        letter_id("w", "q", b"b", {}, {}),
        letter_id("v", "p", b"b", {}, {}),
        letter_id("w", "p", b"c", {}, {}),
    }
    assert len(ids) == 6


def test_letters_are_listed_by_page_and_by_what_they_are(kept, workspace):
    all_of_them = [
        letter(workspace, number, provider="sendgrid" if number % 2 else "postmark", reason=f"unknown 'Ä{number}'")
        for number in range(5)
    ]
    kept.keep(workspace, all_of_them)
    first = kept.listing(workspace, limit=3)
    rest = kept.listing(workspace, limit=3, after=place_of(first[-1]))
    assert [one.id for one in (*first, *rest)] == [one.id for one in all_of_them]
    assert len(kept.listing(workspace, provider="sendgrid")) == 2
    assert [one.reason for one in kept.listing(workspace, reason="'ä3'")] == ["unknown 'Ä3'"]
    assert len(kept.listing(workspace, ids=[all_of_them[0].id, "none"])) == 1
    assert len(kept.listing(workspace, after="no place")) == 5
    kept.drop(workspace, [all_of_them[0].id, "none"])
    assert len(kept.listing(workspace)) == 4


def test_the_oldest_go_when_they_are_too_many_or_too_long(kept, workspace, dropped, caplog):
    other = letter(f"{workspace}x", 1)
    kept.keep(f"{workspace}x", [other])
    kept.keep(workspace, [letter(workspace, number) for number in range(10)])
    assert dropped == []
    kept.keep(workspace, [letter(workspace, 10)])
    # Nine tenths stay, so that the next ones have room.
    assert [one.received.second for one in kept.listing(workspace)] == list(range(2, 11))
    assert dropped == [2]
    assert "too many dead letters" in caplog.text
    kept.keep(workspace, [letter(workspace, 30, body=b"x" * 800), letter(workspace, 31, body=b"y" * 250)])
    assert [one.received.second for one in kept.listing(workspace)] == [31]
    assert len(kept.listing(f"{workspace}x")) == 1


def test_old_ones_go(house, clock, workspace):
    kept = DeadLetters(house.services.engine, clock, limit_rows=10, limit_bytes=1000, age_limit_days=30)
    # Long ago by every clock of this run, so that no other test's letters are as old.
    clock.now = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    kept.keep(workspace, [letter(workspace, 1, received=clock.now)])
    clock.now += dt.timedelta(days=29)
    kept.keep(workspace, [letter(workspace, 2, received=clock.now)])
    assert len(kept.listing(workspace)) == 2
    clock.now += dt.timedelta(days=2)
    kept.keep(workspace, [letter(workspace, 3, received=clock.now)])
    assert [one.received.day for one in kept.listing(workspace)] == [30, 1]
