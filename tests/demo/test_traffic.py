"""The benchmark's stream: exact in number and type, skewed as it says, and accepted by the server."""

import datetime as dt
from collections import Counter
from functools import cache
from itertools import pairwise

import msgspec
import pytest

from turnout.demo.traffic import SHARES, bodies, generate
from turnout.model import Event

END = dt.datetime(2026, 10, 25, 14, 0, tzinfo=dt.UTC)
COUNT = 120_000


@cache
def events() -> tuple[Event, ...]:
    decode = msgspec.json.Decoder(Event).decode
    return tuple(decode(line) for line in generate(COUNT, end=END))


@pytest.mark.parametrize("count", [0, 1, 10, 33, 34, 999, 55_001])
@pytest.mark.parametrize(("campaigns", "recipients", "days"), [(1, 1, 1), (200, 12, 90)])
def test_exactly_as_many_as_asked_for(count: int, campaigns: int, recipients: int, days: int) -> None:
    lines = list(generate(count, campaigns=campaigns, recipients=recipients, days=days, end=END))
    assert len(lines) == count
    assert len({line[7:39] for line in lines}) == count


def test_types_have_their_shares() -> None:
    types: Counter[str] = Counter(event.type for event in events())
    assert {name: types[name] for name in SHARES} == {name: COUNT * share // 10_000 for name, share in SHARES.items()}
    assert types["sent"] == COUNT * 45 // 100


def test_ids_are_unique() -> None:
    assert len({event.id for event in events()}) == COUNT


def test_campaigns_are_skewed() -> None:
    sizes = [size for _, size in Counter(event.campaign for event in events()).most_common()]
    assert len(sizes) == 200
    assert 0.10 < sizes[0] / COUNT < 0.30
    assert 0.40 < sum(sizes[:10]) / COUNT < 0.65


def test_sends_come_in_bursts() -> None:
    """The busiest hundredth of the minutes that passed holds most of the sends."""
    minutes = Counter(moment(event).replace(second=0, microsecond=0) for event in events() if event.type == "sent")
    busiest = sum(size for _, size in minutes.most_common(90 * 24 * 60 // 100))
    assert busiest > 0.5 * minutes.total()


def test_times_stay_inside_and_nearly_in_order() -> None:
    times = [moment(event) for event in events()]
    assert min(times) >= END - dt.timedelta(days=90)
    assert max(times) <= END
    assert sum(later < earlier for earlier, later in pairwise(times)) < COUNT / 1000


def test_opens_belong_to_deliveries_and_decay() -> None:
    delivered: dict[tuple[str, str, str], dt.datetime] = {}
    for event in events():
        if event.type == "delivered":
            delivered.setdefault((event.campaign, event.message, event.recipient), moment(event))
    opens = [event for event in events() if event.type == "opened"]
    lags = sorted(moment(event) - delivered[event.campaign, event.message, event.recipient] for event in opens)
    assert lags[len(lags) // 2] < dt.timedelta(hours=6)
    assert lags[len(lags) * 9 // 10] > dt.timedelta(hours=12)
    assert len({(event.campaign, event.message, event.recipient) for event in opens}) < len(opens)


def test_events_say_what_real_ones_say() -> None:
    clicks = [event for event in events() if event.type == "clicked"]
    assert all(event.link and event.url and event.target == "link" for event in clicks)
    assert all(event.country and event.device and event.browser for event in clicks if not event.traffic)
    traffic = Counter(event.traffic for event in events() if event.type == "opened")
    assert 0.1 < traffic["prefetch"] / traffic.total() < 0.25
    assert 0.05 < traffic["proxy"] / traffic.total() < 0.2
    assert all(event.bounce for event in events() if event.type == "bounced")
    assert all(event.amount for event in events() if event.type == "converted")
    assert {event.variation for event in events()} == {"", "a", "b"}
    assert {event.channel for event in events()} == {"email", "ios_push", "android_push"}


def test_a_recipient_is_sent_a_message_of_a_burst_once() -> None:
    lines = generate(2_000, campaigns=1, recipients=100_000, days=1, end=END)
    sent = [msgspec.json.decode(line, type=Event) for line in lines]
    to = Counter(event.recipient for event in sent if event.type == "sent")
    assert len(to) > 0.95 * to.total()


def test_the_seed_decides() -> None:
    first, again, other = (list(generate(2_000, end=END, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_bodies_hold_the_same_events() -> None:
    made = list(bodies(2_500, 1_000, end=END))
    assert [body.count(b"\n") for body in made] == [1_000, 1_000, 500]
    assert b"".join(made).splitlines() == list(generate(2_500, end=END))


def moment(event: Event) -> dt.datetime:
    assert isinstance(event.time, dt.datetime)
    return event.time
