"""A second look, some seconds later, at what has just come in."""

from __future__ import annotations

import datetime as dt
import threading
import time

import pytest

from turnout.errors import Overloaded
from turnout.ingest import review
from turnout.ingest.drain import Flush
from turnout.ingest.reclassify import MARGIN_MS, Report
from turnout.ingest.review import Reviewer
from turnout.store.events import Cells

NOW = dt.datetime(2026, 10, 5, 12, tzinfo=dt.UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DAY_MS = 86_400_000


class Looks:
    """Notes what it is asked to look at."""

    def __init__(self, missed=(), failures=0):
        self.asked = []
        self.missed = missed
        self.failures = failures
        self.came = threading.Condition()

    def run(self, workspace, cells, *, is_wanted):
        with self.came:
            self.asked.append(cells)
            self.came.notify_all()
        if self.failures:
            self.failures -= 1
            raise Overloaded("not now")
        return Report()

    def classified_since(self, workspace, since_ms, *, limit):
        return list(self.missed)

    def wait_for(self, count):
        with self.came:
            assert self.came.wait_for(lambda: len(self.asked) >= count, 10)
        return self.asked


@pytest.fixture
def reviewing(house, tenant):
    """Starts reviewers of the tenant's workspace alone."""
    started = []

    class Catalog:
        def workspaces(self):
            return [tenant.workspace]

        def workspace(self, name):
            return house.services.catalog.workspace(name)

    def start(looks, **options):
        reviewer = Reviewer(looks, Catalog(), lambda: NOW, **{"delay_s": 0.01, **options})
        started.append(reviewer)
        reviewer.start()
        return reviewer

    yield start
    for reviewer in started:
        reviewer.close()


def cells(tenant, *campaigns, first=-60_000, last=0):
    return Cells(tenant.workspace.id, campaigns, NOW_MS + first, NOW_MS + last)


def test_what_came_in_is_looked_at_with_its_neighbourhood(reviewing, tenant):
    looks = Looks()
    reviewing(looks).touched([cells(tenant, "spring"), cells(tenant, "spring", first=-90_000), cells(tenant, "summer")])
    assert looks.wait_for(1) == [
        Cells(tenant.workspace.id, ("spring", "summer"), NOW_MS - 90_000 - MARGIN_MS, NOW_MS + MARGIN_MS)
    ]


def test_history_is_left_alone(reviewing, tenant):
    looks = Looks()
    reviewer = reviewing(looks)
    reviewer.touched([cells(tenant, "old", first=-3 * DAY_MS, last=-DAY_MS)])
    assert reviewer.waiting == 0
    reviewer.touched([cells(tenant, "both", first=-3 * DAY_MS)])
    (asked,) = looks.wait_for(1)
    assert asked.from_ms == NOW_MS - DAY_MS - MARGIN_MS


def test_a_start_looks_at_what_the_last_run_may_have_missed(reviewing, tenant):
    looks = Looks(missed=["spring"])
    reviewing(looks)
    (asked,) = looks.wait_for(1)
    assert asked.campaigns == ("spring",)
    assert asked.from_ms == NOW_MS - 3_600_000 - MARGIN_MS


def test_one_that_has_no_turn_is_tried_again(reviewing, tenant):
    looks = Looks(failures=1)
    reviewing(looks).touched([cells(tenant, "spring")])
    first, second = looks.wait_for(2)
    assert first == second


def test_what_can_t_be_had_for_long_is_said_once(reviewing, tenant, caplog, monkeypatch):
    """A replica is away, say: it is tried again and again, and what waits is not forgotten."""
    monkeypatch.setattr(review, "_RETRY_LIMIT_S", 0.02)
    caplog.set_level("INFO", logger=review.__name__)
    looks = Looks(failures=5)
    reviewer = reviewing(looks)
    reviewer.touched([cells(tenant, "spring")])
    assert set(looks.wait_for(6)) == {
        Cells(tenant.workspace.id, ("spring",), NOW_MS - 60_000 - MARGIN_MS, NOW_MS + MARGIN_MS)
    }
    reviewer.close()
    assert reviewer.waiting == 0
    said = [record.message for record in caplog.records if record.name == review.__name__]
    assert said == [
        "events could not be classified a second time: not now",
        "events are classified a second time again",
    ]


def test_the_next_try_is_made_later_each_time(reviewing, tenant):
    looks = Looks(failures=100)
    began = time.monotonic()
    reviewing(looks, delay_s=0.05).touched([cells(tenant, "spring")])
    looks.wait_for(4)
    # 0.05 s until the first, and then 0.1, 0.2 and 0.4.
    assert time.monotonic() - began >= 0.75


def test_what_could_not_be_looked_at_for_a_day_is_history(reviewing, tenant):
    looks = Looks(failures=1)
    reviewer = reviewing(looks)
    # It was not history when it came in.
    with reviewer._changed:
        reviewer._remember(tenant.workspace.id, ["old"], review._Waiting(0.0, NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS - 1))
        reviewer._changed.notify()
    looks.wait_for(1)
    reviewer.close()
    assert reviewer.waiting == 0


def test_nothing_is_looked_at_before_its_time_or_while_questions_need_the_engine(reviewing, tenant):
    busy = [True]
    looks = Looks()
    reviewer = reviewing(looks, spare=lambda: not busy[0])
    reviewer.touched([cells(tenant, "spring")])
    patient = reviewing(Looks(), delay_s=3600)
    patient.touched([cells(tenant, "spring")])
    time.sleep(0.1)
    assert looks.asked == []
    assert (reviewer.waiting, patient.waiting) == (1, 1)
    busy[0] = False
    looks.wait_for(1)


def test_many_campaigns_wait_as_their_workspace(reviewing, tenant, monkeypatch):
    monkeypatch.setattr(review, "_WAITING_LIMIT", 50)
    looks = Looks()
    reviewer = reviewing(looks, delay_s=0.2)
    reviewer.touched([cells(tenant, *(f"c{n}" for n in range(40)))])
    assert reviewer.waiting == 40
    reviewer.touched([cells(tenant, *(f"d{n}" for n in range(40)), first=-99_000)])
    assert reviewer.waiting == 1
    reviewer.touched([cells(tenant, "e")])
    assert reviewer.waiting == 1
    (asked,) = looks.wait_for(1)
    assert asked == Cells(tenant.workspace.id, (), NOW_MS - 99_000 - MARGIN_MS, NOW_MS + MARGIN_MS)


def test_a_burst_is_seen_without_being_asked_for(house, tenant, reviewing, monkeypatch):
    """Through the real drain, store and rollup."""
    flushes: list[Flush] = []
    drain = house.services.writer._drain
    plain = drain._on_flush
    monkeypatch.setattr(drain, "_on_flush", lambda flush: (plain(flush), flushes.append(flush)))
    click = {
        "type": "clicked", "time": NOW.isoformat(), "campaign": "spring", "message": "m", "recipient": "ada",
        "ip": "203.0.113.7", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    }  # fmt: skip
    tenant.send({"type": "clicked", "time": NOW.isoformat(), "campaign": "quiet", "recipient": "bob", "link": "a"})
    # A question between the two, so that they are stored one after the other.
    assert tenant.stats("clicked")["totals"] == {"clicked": 1}
    tenant.send(*({**click, "link": link} for link in ("a", "b", "c")))
    assert tenant.stats("clicked", campaign="spring")["totals"] == {"clicked": 3}
    classified = [cells for flush in flushes for cells in flush.classified if cells.workspace == tenant.workspace.id]
    assert [one.campaigns for one in classified] == [("spring",)]

    reviewer = reviewing(house.services.reclassifier)
    reviewer.touched(classified)
    until = time.monotonic() + 10
    while reviewer.waiting and time.monotonic() < until:
        time.sleep(0.02)
    assert tenant.stats("clicked", campaign="spring")["totals"] == {"clicked": 0}
    assert tenant.stats("clicked", traffic="scanner")["totals"] == {"clicked": 3}
    assert tenant.client.post("/v1/check", json={}).json()["differences"] == []
