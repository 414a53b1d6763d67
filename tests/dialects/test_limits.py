"""How often a caller may ask: windows that begin on the clock, the rates of keys, and failed attempts."""

from __future__ import annotations

import datetime as dt

import pytest

from turnout.dialects.limits import BURST_S, REMEMBERED_LIMIT, Attempts, KeyRates, Limit, Limiter, Rates
from turnout.errors import RateLimited

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


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_rate_lets_a_burst_pass_and_then_keeps_its_average() -> None:
    clock = Clock()
    rates = Rates(10, clock)
    assert [rates.take("a") for _ in range(10 * BURST_S)] == [0] * 10 * BURST_S
    assert rates.take("a") == 1
    assert rates.take("b") == 0
    clock.now_s += 0.1
    assert [rates.take("a"), rates.take("a")] == [0, 1]
    clock.now_s += 3600
    assert [rates.take("a") for _ in range(10 * BURST_S + 1)][-2:] == [0, 1]


def test_what_is_refused_is_taken_when_it_was_said() -> None:
    clock = Clock()
    rates = Rates(10, clock)
    assert rates.take("a", 45) == 0
    wait_s = rates.take("a", 30)
    assert wait_s == 3
    clock.now_s += wait_s - 1
    assert rates.take("a", 30) == 1
    clock.now_s += 1
    assert rates.take("a", 30) == 0


def test_more_than_a_burst_waits_its_turn_and_is_paid_back() -> None:
    clock = Clock()
    rates = Rates(10, clock)
    assert rates.take("a", 200) == 0
    assert rates.take("a") == 16
    clock.now_s += 15.0
    assert rates.take("a", 200) == BURST_S
    clock.now_s += BURST_S
    assert rates.take("a", 200) == 0


def test_a_rate_remembers_a_bounded_number_of_callers() -> None:
    rates = Rates(1, Clock())
    for number in range(REMEMBERED_LIMIT + 5):
        rates.take(str(number))
    assert len(rates._buckets) == REMEMBERED_LIMIT


def test_a_key_has_both_rates_or_none() -> None:
    free = KeyRates(0, 0, Clock())
    for _ in range(1000):
        free.request("k")
        free.events("k", 1_000_000)
    bound = KeyRates(1, 2, Clock())
    bound.events("k", 2 * BURST_S)
    with pytest.raises(RateLimited, match="2 events a second") as refused:
        bound.events("k", 3)
    assert refused.value.retry_after_s == 2
    for _ in range(BURST_S):
        bound.request("k")
    with pytest.raises(RateLimited, match="1 times a second"):
        bound.request("k")


def test_an_address_that_guesses_is_shut_out_and_its_neighbours_are_not() -> None:
    clock = Clock()
    attempts = Attempts(3, clock)
    for number in range(3):
        assert attempts.wait_s("203.0.113.7") == 0, number
        attempts.failed("203.0.113.7")
    assert attempts.wait_s("203.0.113.7") == 60
    assert attempts.wait_s("203.0.113.8") == 0
    clock.now_s += 60
    assert attempts.wait_s("203.0.113.7") == 0
    attempts.failed("203.0.113.7")
    assert attempts.wait_s("203.0.113.7") == 0


def test_credentials_that_were_good_from_there_stay_good() -> None:
    attempts = Attempts(1, Clock())
    attempts.succeeded("203.0.113.7", "key")
    attempts.failed("203.0.113.7")
    assert attempts.knows("203.0.113.7", "key")
    assert not attempts.knows("203.0.113.7", "other")
    assert not attempts.knows("203.0.113.8", "key")
    for number in range(REMEMBERED_LIMIT):
        attempts.succeeded("203.0.113.9", str(number))
    assert not attempts.knows("203.0.113.7", "key")
    assert len(attempts._known) == REMEMBERED_LIMIT


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1", "", "unix"])
def test_this_machine_is_never_shut_out(address: str) -> None:
    attempts = Attempts(1, Clock())
    attempts.failed(address)
    attempts.failed(address)
    assert attempts.wait_s(address) == 0


def test_a_network_of_ipv6_is_one_client_and_a_mapped_address_is_the_one_it_maps() -> None:
    attempts = Attempts(2, Clock())
    attempts.failed("2001:db8:0:1::1")
    attempts.failed("2001:db8:0:1:ffff::2")
    assert attempts.wait_s("2001:db8:0:1::3") == 60
    assert attempts.wait_s("2001:db8:0:2::1") == 0
    attempts.failed("203.0.113.7")
    attempts.failed("::ffff:203.0.113.7")
    assert attempts.wait_s("203.0.113.7") == 60


def test_failures_are_counted_of_a_bounded_number_of_addresses() -> None:
    attempts = Attempts(1, Clock())
    for number in range(REMEMBERED_LIMIT + 5):
        attempts.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(attempts._failures) == REMEMBERED_LIMIT


def test_any_number_of_failures_is_a_setting() -> None:
    attempts = Attempts(0, Clock())
    for _ in range(1000):
        attempts.failed("203.0.113.7")
    assert attempts.wait_s("203.0.113.7") == 0
