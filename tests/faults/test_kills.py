"""Acknowledged means kept, and counted once: the server is killed at any moment, fifty times.

Some writers post batches and repeat each until it is acknowledged; some of the events are sent by several of
them. One kill in three comes before the server is up, so that what a killed server left is left again by one that
was killed while it mended it.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
import zlib
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from tests.conftest import ON_SERVER
from tests.processes import Command

from turnout.serving import _free_port

#: A start on a server's store takes longer.
KILLS = 20 if ON_SERVER else 50
WRITERS = 4
SEED = 20261121
KEY = {"Authorization": "Bearer test-api-key"}


@dataclass
class Server:
    """One address and one directory; the process behind them dies and is started again."""

    data: Path
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    process: Command | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = Command(
            ["serve", "--data", str(self.data), "--port", str(self.port), "--log-level", "error"],
            {**os.environ, "TURNOUT_API_KEY": "test-api-key", **self.environment},
        )

    def kill(self) -> None:
        assert self.process is not None
        assert self.process.poll() is None, "it ended by itself"
        self.process.close()

    def close(self) -> None:
        if self.process is not None:
            self.process.close()


@dataclass
class Senders:
    """Threads that post batches, each again and again until the server says that it has them."""

    url: str
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    acknowledged: dict[str, dict[str, object]] = field(default_factory=dict)
    batches: int = 0
    repeated: int = 0
    accepted: int = 0
    surprises: list[str] = field(default_factory=list)

    def start(self) -> list[threading.Thread]:
        threads = [threading.Thread(target=self.send_until_stopped, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        return threads

    def send_until_stopped(self, writer: int) -> None:
        chance = random.Random(SEED * 100 + writer)
        number = 0
        with httpx.Client(headers=KEY, timeout=30) as client:
            while not self.stopping.is_set():
                size = chance.choice((1, 1, 10, 600 if number < 3000 else 20))
                own = [event(f"{writer}-{number + index}") for index in range(size)]
                # Everybody sends the same few of these, at about the same time.
                self.send(client, [*own, event(f"all-{self.batches // 4}"), event(f"all-{self.batches // 40}")])
                number += size

    def send(self, client: httpx.Client, batch: list[dict[str, object]]) -> None:
        while True:
            try:
                answer = client.post(f"{self.url}/v1/events", json=batch)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200:
                break
            with self.lock:
                self.repeated += 1
                if answer is not None and answer.status_code != 503:
                    self.surprises.append(answer.text)
            time.sleep(0.02)
        receipt = answer.json()
        with self.lock:
            self.batches += 1
            self.accepted += receipt["accepted"]
            self.acknowledged.update({str(one["id"]): one for one in batch})
            if receipt["rejected"] or receipt["accepted"] + receipt["duplicates"] != len(batch):
                self.surprises.append(answer.text)


def event(identity: str) -> dict[str, object]:
    """One of a recipient of its own; the same identity is the same event."""
    number = zlib.crc32(identity.encode())
    return {
        "type": "sent",
        "id": identity,
        "recipient": f"r{identity}",
        "campaign": ("spring", "summer", "autumn")[number % 3],
        "time": f"2026-10-0{1 + number % 9}T1{number % 10}:{10 + number % 50}:07Z",
    }


def kill_again_and_again(server: Server, senders: Senders) -> None:
    chance = random.Random(SEED)
    for _ in range(KILLS):
        server.start()
        if chance.random() < 1 / 3:
            time.sleep(chance.uniform(0.3, 1.2))
        else:
            before, end = senders.batches, time.monotonic() + 60
            while senders.batches == before and time.monotonic() < end:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.3))
        server.kill()


def test_killed_at_any_moment_it_loses_nothing_and_counts_nothing_twice(tmp_path, store_of):
    with closing(Server(tmp_path, _free_port("127.0.0.1"), store_of(tmp_path))) as server:
        senders = Senders(server.url)
        threads = senders.start()
        kill_again_and_again(server, senders)
        server.start()
        senders.stopping.set()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
        assert senders.surprises == []
        assert senders.repeated >= KILLS, "no request was under way when the server died"
        sent = senders.acknowledged
        assert len(sent) > 40 * KILLS
        # A receipt that got lost with its server accepted, too; so no more than this was ever accepted.
        assert senders.accepted <= len(sent)
        assert_counted_once(server.url, sent)


def assert_counted_once(url: str, sent: dict[str, dict[str, object]]) -> None:
    with httpx.Client(base_url=url, headers=KEY, timeout=60) as client:
        asked = client.get("/v1/stats", params={"metrics": "sent,unique_sent", "dimensions": "campaign"}).json()
        assert asked["totals"] == {"sent": len(sent), "unique_sent": len(sent)}
        by_campaign = Counter(one["campaign"] for one in sent.values())
        assert {row["campaign"]: (row["sent"], row["unique_sent"]) for row in asked["rows"]} == {
            name: (count, count) for name, count in by_campaign.items()
        }
        stored = Counter(json.loads(line)["recipient"] for line in client.get("/v1/events").text.splitlines())
        assert stored == Counter(str(one["recipient"]) for one in sent.values())
        checked = client.post("/v1/check", json={}).json()
        assert checked["differences"] == []
        assert checked["events"] == len(sent)
