"""Beacons by a clock of the test's own: late, early, lost, refused, and many at once."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from dataclasses import replace

import pytest

from turnout.capture.beacon import Beacon, Sender
from turnout.capture.live import take
from turnout.capture.viewers import Viewers
from turnout.errors import Overloaded

START = dt.datetime(2026, 10, 5, 10, tzinfo=dt.UTC)


class Show:
    """A server whose clock stands at `at_s` seconds of the show."""

    def __init__(self, house, tenant):
        self.at_s = 0.0
        self.tenant = tenant
        self.services = replace(house.services, now=lambda: START + dt.timedelta(seconds=self.at_s))
        self.viewers = Viewers()
        self.sender = Sender(tenant.workspace, "show")

    async def arrives(self, at_s, beacon):
        self.at_s = at_s
        return await take(self.services, self.viewers, self.sender, beacon)

    def watched_s(self):
        return self.tenant.stats("viewing_time_s", campaign="show")["totals"]["viewing_time_s"]

    def peak(self):
        return self.tenant.stats("peak_concurrent_viewers", campaign="show")["totals"]["peak_concurrent_viewers"]


@pytest.fixture
def show(house, tenant):
    return Show(house, tenant)


def beat(clock_s, *slots, viewer="guest-a", session="session-a"):
    return Beacon(viewer=viewer, guest=True, session=session, clock_ms=round(clock_s * 1000), slots=list(slots))


def slot(number, lap=1, length_ms=10_000):
    return (lap, number, (number + 1) * length_ms, length_ms)


def test_however_long_heartbeats_are_under_way_nothing_is_lost_between_them(show):
    """Each takes up to three seconds, as on a bad network; the slots of a page follow one another all the same."""
    chance = random.Random(1)

    async def play():
        for number in range(60):
            sent_s = (number + 1) * 10
            await show.arrives(sent_s + chance.uniform(0.02, 0.9), beat(sent_s, slot(number)))

    asyncio.run(play())
    assert show.watched_s() == 600


def test_beacons_that_are_lost_repeated_and_out_of_order_count_as_what_happened(show):
    """Every beacon has a third of the slots missing, repeats others, and may come a minute late."""
    chance = random.Random(2)
    beacons = []
    for number in range(60):
        sent_s = (number + 1) * 10
        slots = [slot(at) for at in range(max(0, number - 8), number + 1) if chance.random() < 0.66]
        beacons.append((sent_s + chance.choice((0.1, 0.2, 45)), beat(sent_s, *slots)))
    beacons.append((700, beat(700, *map(slot, range(60)))))

    async def play():
        for at_s, beacon in sorted(beacons, key=lambda one: one[0]):
            await show.arrives(at_s, beacon)

    asyncio.run(play())
    assert show.watched_s() == 600
    assert show.peak() == 1


def test_the_same_beacon_many_times_at_once_counts_once(show):
    async def play():
        show.at_s = 20.1
        said = beat(20, slot(0), slot(1))
        return await asyncio.gather(*(take(show.services, show.viewers, show.sender, said) for _ in range(8)))

    receipts = asyncio.run(play())
    assert sum(receipt.accepted for receipt in receipts) == 2
    assert sum(receipt.duplicates for receipt in receipts) == 14
    assert show.watched_s() == 20


def test_what_could_not_be_written_is_taken_the_next_time(show, monkeypatch):
    async def refuse(batch):
        raise Overloaded("not now")

    async def play():
        with monkeypatch.context() as patch:
            patch.setattr(show.services.writer, "accept", refuse)
            with pytest.raises(Overloaded):
                await show.arrives(10, beat(10, slot(0)))
        return await show.arrives(11, beat(11, slot(0)))

    assert asyncio.run(play()).accepted == 1
    assert show.watched_s() == 10


def test_after_a_restart_the_store_says_what_was_watched(show):
    """Repeats are known, another tab's overlap is left out, and the page goes on where it was."""

    async def before():
        for number in range(3):
            await show.arrives((number + 1) * 10, beat((number + 1) * 10, slot(number)))

    async def after():
        show.viewers = Viewers()
        receipts = [
            await show.arrives(31, beat(31, slot(2))),
            await show.arrives(32, beat(8, (1, 0, 8_000, 8_000), session="other-tab")),
            await show.arrives(40, beat(40, slot(3))),
        ]
        return [(receipt.accepted, receipt.duplicates) for receipt in receipts]

    asyncio.run(before())
    assert asyncio.run(after()) == [(0, 1), (1, 0), (1, 0)]
    # The other tab saw two seconds more than this one, until 32; and then from 32 to 40.
    assert show.watched_s() == 40


def test_many_tabs_at_once_watch_the_same_seconds(show):
    async def play():
        show.at_s = 10
        tabs = [beat(10, slot(0), session=f"session-{number}") for number in range(6)]
        return await asyncio.gather(*(take(show.services, show.viewers, show.sender, one) for one in tabs))

    receipts = asyncio.run(play())
    assert sum(receipt.accepted for receipt in receipts) == 1
    assert show.watched_s() == 10


def test_what_is_new_beside_a_repeat_is_remembered_too(show):
    """After a restart a repeat lands a little later than it did; the slot beside it is new, and counts once."""

    async def play():
        await show.arrives(10, beat(10, slot(0)))
        show.viewers = Viewers()
        late = await show.arrives(20.9, beat(20, slot(0), slot(1)))
        other = await show.arrives(21, beat(10, slot(0), session="other-tab"))
        return [(receipt.accepted, receipt.duplicates) for receipt in (late, other)]

    assert asyncio.run(play()) == [(1, 1), (1, 0)]
    # Until 10, from 10.9 until 20.9, and a tenth of a second of the other tab.
    assert show.watched_s() == 20.1


def test_two_viewers_at_once_are_two(show):
    async def play():
        await show.arrives(10, beat(10, slot(0)))
        await show.arrives(10, beat(10, slot(0), viewer="guest-b"))

    asyncio.run(play())
    assert show.watched_s() == 20
    assert show.peak() == 2


def test_a_machine_that_slept_goes_on_at_its_new_time(show):
    async def play():
        await show.arrives(10, beat(10, slot(0)))
        return await show.arrives(3610, beat(20, slot(1)))

    assert asyncio.run(play()).accepted == 1
    rows = show.tenant.stats("viewing_time_s", campaign="show", dimensions="hour")["rows"]
    assert [row["viewing_time_s"] for row in rows if row["viewing_time_s"]] == [10, 10]


def test_many_that_must_be_looked_up_are_looked_up_together(show, monkeypatch):
    asked = []
    run = type(show.services).run

    async def counted(services, work, *arguments):
        asked.append(arguments[0])
        return await run(services, work, *arguments)

    async def play():
        show.at_s = 5
        # The server began in the middle of these slots.
        monkeypatch.setattr(type(show.services), "run", counted)
        said = [beat(10, slot(0), viewer=f"guest-{n}", session=f"session-{n}") for n in range(40)]
        await asyncio.gather(*(take(show.services, show.viewers, show.sender, one) for one in said))

    asyncio.run(play())
    assert sum(map(len, asked)) == 40
    assert len(asked) <= 3
    assert show.watched_s() == 400
