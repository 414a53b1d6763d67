"""What rooms remember: bodies of one version, bounded by bytes, and one memory for each opened store."""

from __future__ import annotations

import asyncio
import gc
import secrets
from dataclasses import replace

from turnout.app import House
from turnout.dialects.kept import Bodies, PerHouse, answer
from turnout.stats.run import Statistics
from turnout.stats.versions import Versions
from turnout.store.fleet import Single


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


def test_where_others_write_a_body_is_kept_under_the_version_that_the_store_says(house: House) -> None:
    class Fleet(Single):
        is_shared = True
        version = 2

    fleet = Fleet()
    workspace = f"w{secrets.token_hex(6)}"
    statistics = Statistics(house.services.engine, versions=Versions(house.services.engine, fleet))  # type: ignore[arg-type]
    services = replace(house.services, statistics=statistics)
    bodies, made = Bodies(), iter(range(100))

    async def ask() -> bytes:
        return await answer(bodies, services, workspace, "all", lambda: str(next(made)).encode())

    async def asked() -> list[bytes]:
        found = [await ask(), await ask()]
        fleet.version = 3  # somebody changes rows
        found += [await ask(), await ask()]
        fleet.version = 4
        found += [await ask(), await ask()]
        statistics.changed([workspace])
        return [*found, await ask()]

    try:
        assert asyncio.run(asked()) == [b"0", b"0", b"1", b"2", b"3", b"3", b"4"]
    finally:
        statistics.close()
