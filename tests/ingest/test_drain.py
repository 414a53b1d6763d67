"""From the spool into a store that other processes use: who is kept from it waits, and asks for nothing more."""

from __future__ import annotations

import contextlib

import pytest
from tests.ingest.test_writer import batch_of, counted, opened, store, workspace  # noqa: F401

from turnout.errors import Overloaded
from turnout.ingest import drain
from turnout.store.fleet import Single


class Crowded(Single):
    """A fleet in which others are alone: `refusals` times nobody may append, or be alone."""

    def __init__(self) -> None:
        self.refusals = 0
        self.times_alone = 0

    @contextlib.contextmanager
    def writing(self):
        self._refuse()
        yield

    @contextlib.contextmanager
    def alone(self):
        self._refuse()
        self.times_alone += 1
        yield

    def _refuse(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Overloaded("another process that shares the store is changing it")


@pytest.fixture
def crowded(house, store, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(drain, "_RETRY_AFTER_S", (0.01,))
    fleet = Crowded()
    writer = opened(house, store, tmp_path, fleet=fleet)
    fleet.times_alone = 0
    yield fleet, writer
    writer.close()


def test_who_is_kept_from_appending_has_nothing_to_mend(house, crowded, workspace):  # noqa: F811
    fleet, writer = crowded
    fleet.refusals = 3
    writer.submit(batch_of(workspace, range(10))).result(30)
    assert counted(house, writer, workspace)["sent"] == 10
    # Were each of many processes to be alone after one that was, they would keep one another from appending for ever.
    assert (fleet.refusals, fleet.times_alone) == (0, 0)


def test_who_could_not_be_alone_has_nothing_to_mend(house, crowded, workspace):  # noqa: F811
    fleet, writer = crowded
    fleet.refusals = 1
    with pytest.raises(Overloaded):
        writer.exclusively(lambda: None)
    writer.submit(batch_of(workspace, range(10))).result(30)
    assert counted(house, writer, workspace)["sent"] == 10
    assert fleet.times_alone == 0


def test_who_failed_while_alone_looks_at_what_it_left(house, crowded, workspace):  # noqa: F811
    fleet, writer = crowded
    with pytest.raises(ZeroDivisionError):
        writer.exclusively(lambda: 1 // 0)
    writer.submit(batch_of(workspace, range(10))).result(30)
    assert counted(house, writer, workspace)["sent"] == 10
    assert fleet.times_alone == 2


def test_who_failed_to_append_looks_at_what_it_left(house, crowded, store, workspace):  # noqa: F811
    fleet, writer = crowded
    store.failing = "after"
    writer.submit(batch_of(workspace, range(10))).result(30)
    while not fleet.times_alone:
        assert writer._drain._thread.is_alive()
    store.failing = ""
    assert counted(house, writer, workspace)["sent"] == 10


def test_what_may_be_under_way_is_sent_again_as_it_was(house, crowded, store, workspace, monkeypatch):  # noqa: F811
    _, writer = crowded
    sent = []
    events = writer._drain._events
    append = events.append

    def keep(batches, touched):
        sent.append([batch.num_rows for batch in batches])
        append(batches, touched)

    monkeypatch.setattr(events, "append", keep)
    store.failing = "before"
    writer.submit(batch_of(workspace, range(10))).result(30)
    while not sent:
        assert writer._drain._thread.is_alive()
    writer.submit(batch_of(workspace, range(10, 15))).result(30)
    while len(sent) < 4:
        assert writer._drain._thread.is_alive()
    store.failing = ""
    assert counted(house, writer, workspace)["sent"] == 15
    assert [sum(rows) for rows in sent] == [10] * (len(sent) - 1) + [5]
