"""A ClickHouse cluster in miniature: two shards, each a process, that know each other.

A directory goes in; out comes `Cluster`, with URLs for TURNOUT_STORE. Each node is a whole server (HTTP and the native
protocol) and may be asked; planning, sharding and merging are the engine's own, and run over real sockets. There is
one replica a shard and no Keeper: see replicated.py for what is made up.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

import httpx
import pytest

SHARD = Path(__file__).parent / "shard.py"

NAME = "main"
SHARDS = 2

USER, PASSWORD = "turnout", "s3cret p@ss/wörd"

START_TIMEOUT_S = 60
ANSWER_TIMEOUT_S = 60


@dataclass(frozen=True)
class Cluster:
    """A running cluster. `addresses` are its nodes' HTTP addresses (host:port), one node a shard."""

    processes: tuple[subprocess.Popen[str], ...]
    addresses: tuple[str, ...]
    said: Path

    def url(self, database: str = "default", *, node: int = 0, options: str = "") -> str:
        """What TURNOUT_STORE is set to, to speak to a node."""
        return (
            f"clickhouse://{USER}:{quote(PASSWORD, safe='')}@{self.addresses[node]}/{database}?cluster={NAME}{options}"
        )

    def new_database(self) -> str:
        """The name of a fresh database, which every node has."""
        name = f"d{uuid.uuid4().hex[:12]}"
        for node in range(SHARDS):
            self.ask(f"CREATE DATABASE {name}", node=node)
        return name

    def ask(self, sql: str, *, node: int = 0, database: str = "default", **settings: str | int) -> str:
        """What a node answers, as tab-separated text."""
        self.must_run()
        answer = httpx.post(
            f"http://{self.addresses[node]}/",
            params={"wait_end_of_query": "1", "database": database, **settings},
            content=sql,
            auth=(USER, PASSWORD),
            timeout=ANSWER_TIMEOUT_S,
        )
        assert answer.status_code == 200, answer.text
        return answer.text

    def refuse_next(self, sql: str, *, node: int) -> None:
        """Have a shard refuse the next statement of an initiator that has `sql` in it."""
        httpx.post(f"http://{self.addresses[node]}/refuse", params={"sql": sql}).raise_for_status()

    def heard(self) -> list[tuple[str, int]]:
        """What initiators asked of all shards since the last time, and the bytes of the tables they sent along."""
        answers = [httpx.post(f"http://{address}/heard").raise_for_status() for address in self.addresses]
        return [(str(text), int(size)) for answer in answers for text, size in answer.json()]

    def break_next(self, sql: str, when: str, *, node: int = 0) -> None:
        """Break the next connection to a node that asks something with `sql` in it (see `StandIn.break_next`)."""
        asked = {"sql": sql, "when": when}
        httpx.post(f"http://{self.addresses[node]}/break", params=asked).raise_for_status()

    def must_run(self) -> None:
        """Fail the test where a node has ended, with the last words."""
        if any(process.poll() is not None for process in self.processes):
            pytest.fail(f"a shard's stand-in ended: {self.said.read_text(errors='replace')[-2000:]}", False)

    def end(self) -> None:
        """Kill it, and let go of it."""
        for process in self.processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def start(directory: Path) -> Cluster:
    """A cluster over empty stores in a directory, once all its nodes listen."""
    bound = [[socket.create_server(("127.0.0.1", 0)) for _ in range(SHARDS)] for _ in ("native", "http")]
    ports = [[one.getsockname()[1] for one in sockets] for sockets in bound]
    said = directory / "said"
    processes = []
    with said.open("w") as log:
        for place in range(SHARDS):
            config = directory / f"node{place}.xml"
            config.write_text(_config(place, ports[0]))
            given = {
                "directory": str(directory / f"node{place}"),
                "config": str(config),
                "place": place,
                "peers": [f"http://127.0.0.1:{port}/" for port in ports[1]],
                "native": bound[0][place].fileno(),
                "http": bound[1][place].fileno(),
            }
            processes.append(
                subprocess.Popen(
                    [sys.executable, str(SHARD), json.dumps(given)],
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    pass_fds=[given["native"], given["http"]],
                )
            )
    for one in (*bound[0], *bound[1]):
        one.close()
    found = Cluster(tuple(processes), tuple(f"127.0.0.1:{port}" for port in ports[1]), said)
    for process in processes:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
        if not ready or process.stdout.readline().strip() != "serving":
            found.end()
            pytest.fail(f"a shard's stand-in did not start: {said.read_text(errors='replace')[-2000:]}", False)
    return found


def _config(place: int, ports: list[int]) -> str:
    shards = "".join(
        "<shard><internal_replication>true</internal_replication><replica>"
        f"<host>127.0.0.1</host><port>{port}</port><compression>false</compression>"
        f"<user>{USER}</user><password>{escape(PASSWORD)}</password></replica></shard>"
        for port in ports
    )
    return (
        f"<clickhouse><backups><allowed_disk>default</allowed_disk></backups>"
        f"<remote_servers><{NAME}>{shards}</{NAME}></remote_servers>"
        f"<macros><shard>{place + 1}</shard><replica>node{place + 1}</replica></macros></clickhouse>"
    )
