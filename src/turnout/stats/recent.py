"""Answers that may be some seconds old, for pages over many events, which say how old they are.

A question enters, its answer leaves, with the moment that it is of. Whoever has sent an event sees it counted by the
API at once. A page that many people look at, while events come in all the time, would count millions of events anew for
each of them: here a question that took long is answered as it was answered last, and asked again behind that.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from turnout.errors import TurnoutError
from turnout.stats.answer import Answer
from turnout.stats.question import Question
from turnout.stats.run import Statistics

#: What is about fewer events is always answered as of the moment.
FROM_EVENTS = 1_000_000

#: A question that took no longer is asked anew.
FROM_S = 0.05

#: No answer is older.
AGE_LIMIT_S = 120.0

#: Of the time, at most this part goes into asking one question again and again.
SHARE = 0.1

#: Answers that are remembered, and their rows together.
LIMIT_ANSWERS = 500
LIMIT_ROWS = 200_000


@dataclass
class _Known:
    """An answer, when it was asked for, by the clock and by the stopwatch, and how long that took."""

    answer: Answer
    moment: datetime
    at_s: float
    took_s: float
    is_renewed: bool = False


class Recent:
    """Remembers answers that took long. For any thread."""

    def __init__(
        self, statistics: Statistics, now: Callable[[], datetime], stopwatch: Callable[[], float] = time.monotonic
    ) -> None:
        self._statistics = statistics
        self._now = now
        self._stopwatch = stopwatch
        self._known: OrderedDict[Question, _Known] = OrderedDict()
        self._rows = 0
        self._lock = threading.Lock()
        #: One thread: what nobody waits for is asked one after the other.
        self._behind = ThreadPoolExecutor(max_workers=1, thread_name_prefix="turnout-recent")

    def ask(self, question: Question) -> tuple[Answer, datetime | None]:
        """The answer, and the moment that it is of; None for one that is of now. Blocks where it has to be made."""
        fresh = self._statistics.current(question)
        if fresh is not None:
            return fresh, None
        now_s = self._stopwatch()
        with self._lock:
            known = self._known.get(question)
            if known is not None:
                self._known.move_to_end(question)
        if known is None or now_s - known.at_s > AGE_LIMIT_S:
            return self._make(question), None
        if now_s - known.at_s >= known.took_s / SHARE and not known.is_renewed:
            known.is_renewed = True
            with contextlib.suppress(RuntimeError):
                # It is no more than a convenience, also when the server stops.
                self._behind.submit(self._renew, question, known)
        return known.answer, known.moment

    def close(self) -> None:
        """Ask nothing more behind anybody."""
        self._behind.shutdown(cancel_futures=True)

    def _renew(self, question: Question, known: _Known) -> None:
        try:
            self._make(question)
        except TurnoutError:
            # Whoever asks once the answer is too old is told what is wrong.
            known.is_renewed = False

    def _make(self, question: Question) -> Answer:
        moment, started_s = self._now(), self._stopwatch()
        answer = self._statistics.ask(question)
        took_s = self._stopwatch() - started_s
        with self._lock:
            replaced = self._known.pop(question, None)
            if replaced is not None:
                self._rows -= len(replaced.answer.rows)
            if took_s >= FROM_S:
                self._known[question] = _Known(answer, moment, started_s, took_s)
                self._rows += len(answer.rows)
            while len(self._known) > LIMIT_ANSWERS or self._rows > LIMIT_ROWS:
                _, dropped = self._known.popitem(last=False)
                self._rows -= len(dropped.answer.rows)
        return answer


@dataclass
class Looking:
    """How one page asks about so many `events`. Afterwards `as_of` is the moment of its oldest answer; None if all of
    them are of now."""

    recent: Recent
    statistics: Statistics
    events: int
    as_of: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, question: Question) -> Answer:
        """Ask. Blocks."""
        if self.events < FROM_EVENTS:
            return self.statistics.ask(question)
        answer, moment = self.recent.ask(question)
        if moment is not None:
            with self._lock:
                self.as_of = min(moment, self.as_of or moment)
        return answer
