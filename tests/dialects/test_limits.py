"""How often a caller may ask: windows that begin on the clock, one number per caller and limit."""

from __future__ import annotations

import datetime as dt

from turnout.dialects.limits import Limit, Limiter

FAST = Limit("fast", requests=2, window_s=60)
SHARED = Limit("shared", requests=3, window_s=3600)


def at(time: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2020-06-17T{time}+00:00")


def test_windows_begin_on_the_clock() -> None:
    limiter = Limiter()
    first = limiter.count("w", FAST, at("20:10:59"))
    assert (first.limit, first.remaining, first.exceeded) == (2, 1, False)
    assert first.reset_s == at("20:11:00").timestamp()
    assert not limiter.count("w", FAST, at("20:10:59.999")).exceeded
    for _ in range(3):
        over = limiter.count("w", FAST, at("20:10:59.999"))
        assert (over.remaining, over.exceeded) == (0, True)
    fresh = limiter.count("w", FAST, at("20:11:00"))
    assert (fresh.remaining, fresh.exceeded) == (1, False)
    assert fresh.reset_s == at("20:12:00").timestamp()


def test_a_window_of_an_hour_ends_with_the_hour() -> None:
    assert Limiter().count("w", SHARED, at("20:00:00")).reset_s == at("21:00:00").timestamp()
    assert Limiter().count("w", SHARED, at("20:59:59")).reset_s == at("21:00:00").timestamp()


def test_limits_of_one_name_are_one_and_others_are_apart() -> None:
    limiter = Limiter()
    same = Limit("shared", requests=3, window_s=3600)
    asked = [limiter.count("w", one, at("20:10:00")).exceeded for one in (SHARED, same, SHARED, same)]
    assert asked == [False, False, False, True]
    assert not limiter.count("w", FAST, at("20:10:00")).exceeded


def test_callers_are_apart() -> None:
    limiter = Limiter()
    for _ in range(4):
        mine = limiter.count("mine", SHARED, at("20:10:00"))
    assert mine.exceeded
    assert limiter.count("theirs", SHARED, at("20:10:00")).remaining == 2


def test_a_clock_that_is_set_back_opens_no_window_twice() -> None:
    """The window before is another one, so its count begins anew, and the later one's is forgotten: never negative."""
    limiter = Limiter()
    for time in ("20:11:00", "20:10:59", "20:11:01", "20:11:02", "20:11:03"):
        rate = limiter.count("w", FAST, at(time))
        assert 0 <= rate.remaining <= FAST.requests
    assert rate.exceeded
