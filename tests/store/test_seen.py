from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.store.seen import WIDTH, Seen, Table, hashes

DIGEST = st.binary(min_size=16, max_size=16)


def random_ids(count: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(16 * count)


@given(st.lists(DIGEST, max_size=300), st.lists(DIGEST, max_size=100))
@settings(max_examples=100, deadline=None)
def test_an_added_id_is_never_called_new(added, more):
    seen = Seen(100)
    seen.add(b"".join(added))
    assert seen.maybe(b"".join(added)).all()
    seen.add(b"".join(more))
    assert seen.maybe(b"".join(added + more)).all()
    assert seen.added == len(added) + len(more)


def test_when_it_is_full_another_table_joins(monkeypatch):
    monkeypatch.setattr("turnout.store.seen._SMALLEST_IDS", 1000)
    monkeypatch.setattr("turnout.store.seen._LARGEST_IDS", 4000)
    seen = Seen()
    ids = random_ids(20_000, 1)
    for at in range(0, len(ids), 16 * 700):
        seen.add(ids[at : at + 16 * 700])
    assert [table.capacity_ids // 1000 for table in seen.tables] == [1, 1, 2, 4, 4, 4, 4]
    assert all(table.added == table.capacity_ids for table in seen.tables[:-1])
    assert seen.added == 20_000 <= seen.capacity_ids
    assert seen.maybe(ids).all()
    assert seen.maybe(random_ids(50_000, 2)).sum() == 0


@pytest.mark.parametrize("wanted", [1, 5_000, 100_000])
def test_a_full_table_doubts_few_new_ids_and_no_old_one(wanted):
    table = Table.empty(wanted)
    ids = random_ids(table.capacity_ids, 2)
    table.add(hashes(ids))
    assert table.room_ids == 0
    assert table.maybe(hashes(ids)).all()
    # About one in a hundred million, so with these none.
    assert table.maybe(hashes(random_ids(1_000_000, 3))).sum() == 0


def test_a_table_far_past_its_capacity_is_still_never_wrong():
    table = Table.empty(1)
    ids = random_ids(WIDTH * table.buckets - 1, 4)
    table.add(hashes(ids))
    assert table.maybe(hashes(ids)).all()


def test_an_id_added_many_times_at_once_is_there():
    table = Table.empty(10_000)
    ids = random_ids(5, 5) * 40 + random_ids(300, 6)
    table.add(hashes(ids))
    assert table.maybe(hashes(ids)).all()


def test_ids_that_differ_little_are_told_apart():
    """Exported identities and foreign hashes need not look random."""
    seen = Seen(10_000)
    seen.add(b"".join(number.to_bytes(16, "little") for number in range(4000)))
    others = b"".join(number.to_bytes(16, "little") for number in range(4000, 14_000))
    assert seen.maybe(others).sum() == 0
    above = b"".join((number << 64).to_bytes(16, "little") for number in range(1, 10_000))
    assert seen.maybe(above).sum() == 0


@pytest.mark.parametrize("wanted", [1, 4095, 1_000_000, 4_194_305])
def test_a_table_holds_what_was_asked_and_takes_under_five_bytes_an_id(wanted):
    table = Table.empty(wanted)
    assert wanted <= table.capacity_ids <= wanted + 28
    size = sum(array.nbytes for array in (table.high, table.low, table.used))
    assert size <= 4.8 * wanted + 150


def test_nothing_is_nothing():
    seen = Seen(10)
    seen.add(b"")
    assert seen.added == 0
    assert seen.maybe(b"").tolist() == []
    seen.add(random_ids(3, 4))
    assert seen.added == 3
    assert seen.maybe(random_ids(3, 4)).tolist() == [True] * 3
    assert seen.maybe(random_ids(3, 5)).tolist() == [False] * 3


def test_threads_may_add_and_ask_at_once():
    seen = Seen(100_000)
    mine = [random_ids(10_000, seed) for seed in range(4)]
    missed = []

    def add_and_ask(ids: bytes) -> None:
        for at in range(0, len(ids), 1600):
            part = ids[at : at + 1600]
            seen.add(part)
            if not seen.maybe(part).all():
                missed.append(at)

    threads = [threading.Thread(target=add_and_ask, args=(ids,)) for ids in mine]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missed == []
    assert seen.maybe(b"".join(mine)).all()
    assert seen.added == 40_000
