"""What is remembered of viewers: bounded, whatever they say, and never so that something seems to be known."""

from __future__ import annotations

import tracemalloc

from turnout.capture.coverage import SESSIONS_LIMIT, SPANS_LIMIT, Coverage
from turnout.capture.viewers import Show, Viewers

SHOW = Show("default", "show")
NOW_MS = 1_800_000_000_000


def restless(number: int) -> Coverage:
    """One who watched every other millisecond, on as many pages as are remembered."""
    coverage = Coverage(NOW_MS)
    coverage.watched([(NOW_MS + 2 * at, NOW_MS + 2 * at + 1) for at in range(SPANS_LIMIT)], 0)
    for page in range(SESSIONS_LIMIT):
        coverage.begins_at_ms(f"{number}-{page:060}", NOW_MS, 0)
    return coverage


def test_viewers_take_no_more_memory_than_they_may():
    tracemalloc.start()
    try:
        viewers = Viewers(limit_bytes=4 << 20)
        for number in range(400):
            viewers.keep(SHOW, "\U0001f600" * 500 + str(number), restless(number))
        assert tracemalloc.get_traced_memory()[0] < 5 << 20
    finally:
        tracemalloc.stop()
    last, first = (viewers.remembered(SHOW, "\U0001f600" * 500 + name, NOW_MS) for name in ("399", "0"))
    assert len(last.spans) == SPANS_LIMIT
    # Of who was forgotten the store has to be asked.
    assert not first.spans
    assert first.known_from_ms >= NOW_MS + 2 * SPANS_LIMIT - 1


def test_who_is_kept_again_is_counted_once():
    viewers = Viewers(limit_bytes=1 << 20)
    viewers.keep(SHOW, "first", restless(0))
    for _ in range(200):
        viewers.keep(SHOW, "anna", restless(1))
    assert viewers.remembered(SHOW, "first", NOW_MS).spans
