"""Answers of a moment ago: of questions that took long, not older than they may be, renewed behind whoever asks."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import dataclass, field

import pytest

from turnout.errors import StoreError
from turnout.stats.answer import Answer
from turnout.stats.question import Question
from turnout.stats.recent import AGE_LIMIT_S, FROM_EVENTS, FROM_S, LIMIT_ANSWERS, SHARE, Looking, Recent

START = dt.datetime(2026, 10, 5, 10, tzinfo=dt.UTC)


def question(number: int = 0) -> Question:
    return Question(f"w{number}", ("sent",))


@dataclass
class Store:
    """Stands in for the statistics: every answer is a new one, and takes as long as it is told to."""

    took_s: float = 2.0
    now_s: float = 0.0
    made: int = 0
    fails: bool = False
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    fresh: dict[Question, Answer] = field(default_factory=dict)

    def current(self, asked: Question) -> Answer | None:
        return self.fresh.get(asked)

    def ask(self, asked: Question) -> Answer:
        try:
            if self.fails:
                raise StoreError("no")
            self.made += 1
            self.now_s += self.took_s
            return Answer(asked, [], {"sent": self.made}, 0)
        finally:
            self.asked.release()

    def now(self) -> dt.datetime:
        return START + dt.timedelta(seconds=self.now_s)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def recent(store):
    made = Recent(store, store.now, lambda: store.now_s)
    yield made
    made.close()


def settle(recent: Recent) -> None:
    recent._behind.submit(lambda: None).result(timeout=10)


def test_what_took_long_is_answered_as_it_was_and_says_of_when(store, recent):
    first, moment = recent.ask(question())
    assert (first.totals["sent"], moment) == (1, None)
    store.now_s += 5
    assert recent.ask(question()) == (first, START)
    assert store.made == 1


def test_it_is_renewed_behind_whoever_asks_for_a_part_of_the_time(store, recent):
    recent.ask(question())
    store.now_s = store.took_s / SHARE
    old, moment = recent.ask(question())
    assert (old.totals["sent"], moment) == (1, START)
    settle(recent)
    renewed, moment = recent.ask(question())
    assert (renewed.totals["sent"], moment) == (2, START + dt.timedelta(seconds=store.took_s / SHARE))


def test_nothing_older_than_its_limit_is_shown(store, recent):
    recent.ask(question())
    store.now_s = AGE_LIMIT_S + 1
    found, moment = recent.ask(question())
    assert (found.totals["sent"], moment) == (2, None)


def test_what_is_quick_or_unchanged_is_always_of_now(store, recent):
    store.took_s = FROM_S / 2
    assert [recent.ask(question())[0].totals["sent"] for _ in range(3)] == [1, 2, 3]
    store.took_s = 2.0
    recent.ask(question())
    store.fresh[question()] = same = Answer(question(), [], {"sent": 99}, 0)
    assert recent.ask(question()) == (same, None)


def test_a_renewal_that_fails_is_told_to_whom_it_keeps_waiting(store, recent):
    recent.ask(question())
    store.now_s, store.fails = store.took_s / SHARE, True
    assert recent.ask(question())[0].totals["sent"] == 1
    settle(recent)
    store.now_s = AGE_LIMIT_S + 1
    with pytest.raises(StoreError):
        recent.ask(question())


def test_only_so_many_are_remembered(store, recent):
    for number in range(LIMIT_ANSWERS + 1):
        recent.ask(question(number))
    store.now_s += 1
    assert len(recent._known) == LIMIT_ANSWERS
    assert recent.ask(question(0))[1] is None, "the oldest had to go"


def test_a_page_about_few_events_is_always_of_now(store, recent):
    few = Looking(recent, store, FROM_EVENTS - 1)
    assert [few(question()).totals["sent"] for _ in range(2)] == [1, 2]
    assert few.as_of is None
    many = Looking(recent, store, FROM_EVENTS)
    first = store.now()
    assert [many(question()).totals["sent"] for _ in range(2)] == [3, 3]
    assert many.as_of == first
