"""What rooms remember: bodies of one version, bounded by bytes, and one memory for each opened store."""

from __future__ import annotations

import gc
from dataclasses import replace

from turnout.app import House
from turnout.dialects.kept import Bodies, PerHouse
from turnout.stats.run import Statistics


def test_kept_bodies_are_bounded_and_of_their_version() -> None:
    bodies = Bodies(limit_bytes=10, body_limit_bytes=6)
    bodies.put("a", 1, b"aaaa")
    bodies.put("b", 1, b"bbbb")
    assert bodies.get("a", 1) == b"aaaa"
    assert bodies.get("a", 2) is None
    bodies.put("c", 1, b"cccc")  # the least recently used goes
    assert [bodies.get(key, 1) for key in "abc"] == [b"aaaa", None, b"cccc"]
    bodies.put("a", 2, b"aaaaaaa")  # too long to keep, and the old one is no longer right
    assert (bodies.get("a", 1), bodies.get("a", 2)) == (None, None)
    for number in range(100):
        bodies.put("d", number, b"dddd")
    assert bodies.get("d", 99) == b"dddd"
    assert bodies.get("c", 1) == b"cccc"


def test_a_key_that_was_never_kept() -> None:
    assert Bodies().get("a", 0) is None


def test_every_opened_store_has_a_memory_of_its_own(house: House) -> None:
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    memory = PerHouse(make)
    first = memory.of(house.services)
    assert memory.of(house.services) is first
    other = Statistics(house.services.engine)
    try:
        assert memory.of(replace(house.services, statistics=other)) is not first
        assert len(made) == 2
        assert len(memory._known) == 2
    finally:
        other.close()
    del other
    gc.collect()
    assert len(memory._known) == 1  # gone with its store
