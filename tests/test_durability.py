"""Acknowledged means kept, and counted once: the server is killed at any moment, again and again."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

KILLS = 7
WRITERS = 4
KEY = {"Authorization": "Bearer test-api-key"}


@dataclass
class Senders:
    """Threads that post batches, each again and again until the server says that it has them."""

    url: str
    seed: int
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    acknowledged: list[dict[str, object]] = field(default_factory=list)
    repeated: int = 0
    surprises: list[str] = field(default_factory=list)

    def start(self) -> list[threading.Thread]:
        threads = [threading.Thread(target=self.send_until_stopped, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        return threads

    def send_until_stopped(self, writer: int) -> None:
        chance = random.Random(self.seed * 100 + writer)
        number = 0
        with httpx.Client(headers=KEY, timeout=30) as client:
            while not self.stopping.is_set():
                size = chance.choice((1, 1, 10, 500))
                self.send(client, [event(f"{writer}-{number + index}", chance) for index in range(size)])
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
            time.sleep(0.05)
        receipt = answer.json()
        with self.lock:
            self.acknowledged += batch
            if receipt["rejected"] or receipt["accepted"] + receipt["duplicates"] != len(batch):
                self.surprises.append(answer.text)


def event(identity: str, chance: random.Random) -> dict[str, object]:
    """One of a recipient of its own."""
    return {
        "type": "sent",
        "id": identity,
        "recipient": f"r{identity}",
        "campaign": chance.choice(("spring", "summer", "autumn")),
        "time": f"2026-10-0{chance.randint(1, 9)}T1{chance.randint(0, 9)}:{chance.randint(10, 59)}:07Z",
    }


def test_killed_at_any_moment_it_loses_nothing_and_counts_nothing_twice(turnout_process, tmp_path):
    seed = 20261121
    chance = random.Random(seed)
    server = turnout_process(tmp_path)
    senders = Senders(server.url, seed)
    threads = senders.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.05, 1.0))
        server.process.kill()
        server.process.wait()
        server = turnout_process(tmp_path)
        senders.url = server.url
    time.sleep(0.3)
    senders.stopping.set()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)

    assert senders.surprises == []
    assert senders.repeated >= KILLS, "no request was under way when the server died"
    sent = senders.acknowledged
    assert len(sent) > 500
    with server.client() as client:
        asked = client.get("/v1/stats", params={"metrics": "sent,unique_sent", "dimensions": "campaign"}).json()
        assert asked["totals"] == {"sent": len(sent), "unique_sent": len(sent)}
        by_campaign = Counter(event["campaign"] for event in sent)
        assert {row["campaign"]: (row["sent"], row["unique_sent"]) for row in asked["rows"]} == {
            name: (count, count) for name, count in by_campaign.items()
        }
        stored = Counter(json.loads(line)["recipient"] for line in client.get("/v1/events").text.splitlines())
        assert stored == Counter(event["recipient"] for event in sent)
        checked = client.post("/v1/check", json={}).json()
        assert checked["differences"] == []
        assert checked["events"] == len(sent)
