from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.store.seen import Seen, fill

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


def test_far_past_its_capacity_it_doubts_but_is_never_wrong():
    seen = Seen(1)
    ids = random_ids(20_000, 1)
    seen.add(ids)
    assert seen.added > seen.capacity_ids
    assert seen.maybe(ids).all()


@pytest.mark.parametrize("wanted", [1, 5_000, 100_000])
def test_at_capacity_under_one_new_id_in_a_hundred_is_doubted(wanted):
    seen = Seen(wanted)
    seen.add(random_ids(seen.capacity_ids, 2))
    strangers = 50_000
    assert seen.maybe(random_ids(strangers, 3)).sum() < strangers / 100


def test_ids_that_differ_little_are_told_apart():
    """Exported identities and foreign hashes need not look random."""
    seen = Seen(10_000)
    seen.add(b"".join(number.to_bytes(16, "little") for number in range(4000)))
    others = b"".join(number.to_bytes(16, "little") for number in range(4000, 14_000))
    assert seen.maybe(others).sum() < 100


@pytest.mark.parametrize("wanted", [0, 1, 4095, 4096, 4097, 1_000_000, 4_194_304, 4_194_305])
def test_it_holds_at_least_what_was_asked(wanted):
    assert wanted <= Seen(wanted).capacity_ids <= max(4096, 2 * wanted)


def test_nothing_is_nothing():
    seen = Seen(10)
    seen.add(b"")
    assert seen.added == 0
    assert seen.maybe(b"").tolist() == []
    fill(seen, [b"", random_ids(3, 4), b""])
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
