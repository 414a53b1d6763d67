"""Nobody waits longer than is said for what they did to be recorded, and what the writer refuses is tried again."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from starlette.requests import Request

from turnout.app import House
from turnout.capture import recording
from turnout.capture.recording import context_of, record
from turnout.errors import Overloaded
from turnout.ingest.steps import Batch, prepare
from turnout.model import Event, Receipt, Workspace
from turnout.services import Services

NOW = dt.datetime(2026, 10, 5, 10, tzinfo=dt.UTC)


@dataclass
class Trouble:
    """The house's writer behind one that is late, or refuses so many times."""

    writer: Any
    late_s: float = 0.0
    refusals: int = 0
    #: Whether it refuses at once, or later.
    at_once: bool = True
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def hand_in(self, batch: Batch) -> asyncio.Future[Receipt]:
        if self.refusals and self.at_once:
            self.refusals -= 1
            raise Overloaded("too much")
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self.tasks.append(asyncio.get_running_loop().create_task(self._later(batch, receipt)))
        return receipt

    async def _later(self, batch: Batch, receipt: asyncio.Future[Receipt]) -> None:
        await asyncio.sleep(self.late_s)
        if self.refusals:
            self.refusals -= 1
            receipt.set_exception(Overloaded("too much"))
        else:
            receipt.set_result(await self.writer.accept(batch))

    def submit(self, batch: Batch) -> Future[Receipt]:
        found: Future[Receipt] = self.writer.submit(batch)
        return found

    async def accept(self, batch: Batch) -> Receipt:
        return await self.hand_in(batch)


@pytest.fixture
def run(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[float, int, float, float]]:
    """Records a click past some trouble: seconds that it took, clicks that were counted in the end, how many were
    told to be late, and lost."""
    monkeypatch.setattr(recording, "_TRIES_AFTER_S", (0.01, 0.01))

    def run(**trouble: Any) -> tuple[float, int, float, float]:
        services = house.services
        workspace = services.catalog.add_workspace(f"t{uuid.uuid4().hex[:12]}")
        before = _counted(services)
        seconds = asyncio.run(_record(services, workspace, Trouble(services.writer, **trouble)))
        services.writer.settle(workspace.id)
        spans = services.events.spans(workspace.id, ["c"])
        late, lost = (after - then for after, then in zip(_counted(services), before, strict=True))
        return seconds, spans["c"].events if "c" in spans else 0, late, lost

    return run


async def _record(services: Services, workspace: Workspace, trouble: Trouble) -> float:
    settings = replace(services.settings, tracking_timeout_ms=100)
    started = time.monotonic()
    event = Event(type="clicked", time=NOW, campaign="c", id=uuid.uuid4().hex)
    await record(replace(services, settings=settings, writer=trouble), workspace, event, "click")  # type: ignore[arg-type]
    seconds = time.monotonic() - started
    await asyncio.gather(*trouble.tasks)
    await asyncio.sleep(0)
    while recording._trying:
        await asyncio.gather(*recording._trying)
    return seconds


def _counted(services: Services) -> tuple[float, float]:
    telemetry = services.telemetry
    return tuple(  # type: ignore[return-value]
        counter.labels("click")._value.get() for counter in (telemetry.tracked_late, telemetry.tracked_lost)
    )


def test_usually_it_is_on_disk_before(run):
    _, clicks, late, lost = run()
    assert (clicks, late, lost) == (1, 0, 0)


def test_a_late_one_is_recorded_and_nobody_waits(run):
    seconds, clicks, late, lost = run(late_s=0.6)
    assert 0.09 < seconds < 0.5
    assert (clicks, late, lost) == (1, 1, 0)


@pytest.mark.parametrize("trouble", [{}, {"at_once": False}, {"at_once": False, "late_s": 0.2}])
def test_a_refused_one_is_tried_again(run, trouble):
    seconds, clicks, late, lost = run(refusals=2, **trouble)
    assert seconds < 0.5
    assert (clicks, lost) == (1, 0)
    assert late >= 1


@pytest.mark.parametrize("trouble", [{}, {"at_once": False}])
def test_what_waits_for_its_next_try_is_written_when_the_server_stops(house, monkeypatch, trouble):
    monkeypatch.setattr(recording, "_TRIES_AFTER_S", (60,))
    services = house.services
    workspace = services.catalog.add_workspace(f"t{uuid.uuid4().hex[:12]}")
    _, lost = _counted(services)
    event = Event(type="clicked", time=NOW, campaign="c", id=uuid.uuid4().hex)

    async def answered() -> None:
        stumbling = replace(services, writer=Trouble(services.writer, refusals=1, **trouble))  # type: ignore[arg-type]
        await record(stumbling, workspace, event, "click")
        await asyncio.sleep(0.05)

    # At its end every task that is left is cancelled.
    asyncio.run(answered())
    # Whoever comes next is answered after it.
    after = Event(type="clicked", time=NOW, campaign="c", id="after")
    services.writer.submit(prepare(workspace.id, ((0, after),), NOW)).result(10)
    services.writer.settle(workspace.id)
    assert services.events.spans(workspace.id, ["c"])["c"].events == 2
    assert _counted(services)[1] == lost


def test_in_the_end_it_is_given_up(run):
    assert run(refusals=9)[1:] == (0, 1, 1)


def test_only_so_many_are_tried_again(run, monkeypatch):
    monkeypatch.setattr(recording, "_LIMIT_TRYING", 0)
    assert run(refusals=1)[1:] == (0, 0, 1)


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ([], ("10.0.0.1", "", False)),
        ([(b"user-agent", b"Mozilla/5.0 \xc3\xbc\xff")], ("10.0.0.1", "Mozilla/5.0 ü\ufffd", False)),
        ([(b"user-agent", b"a" * 9000)], ("10.0.0.1", "a" * 2048, False)),
        ([(b"purpose", b"prefetch")], ("10.0.0.1", "", True)),
        ([(b"sec-purpose", b"prefetch;prerender"), (b"x-moz", b"no")], ("10.0.0.1", "", True)),
        ([(b"x-purpose", b"preview")], ("10.0.0.1", "", True)),
        ([(b"purpose", b"")], ("10.0.0.1", "", False)),
        ([(b"x-forwarded-for", b"192.0.2.1, 192.0.2.7")], ("192.0.2.7", "", False)),
    ],
)
def test_what_is_known_of_a_request(headers, wanted):
    request = Request({"type": "http", "headers": headers, "client": ("10.0.0.1", 1)})
    assert context_of(request, 1) == wanted
