"""What ON CLUSTER and replication do, without a Keeper: one node of a miniature cluster, over HTTP.

A statement goes in as a client sends it to any node. ON CLUSTER runs on every node. A table whose Replicated engine has
one path for all shards is everywhere: what is written into it on one node is written on every node, in one order, which
the first node keeps, as the Keeper would. All else is this node's own. The engine below is one without replication, so
that `Replicated…MergeTree(path, replica, …)` becomes `…MergeTree(…)` that knows deduplication tokens. That a replica
lags, fails or is missing can't be shown here.
"""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from urllib.parse import parse_qsl, urlsplit

import httpx
from chdb.state.sqlitelike import Connection
from server import INSERT as WITH_DATA
from server import PASSWORD, USER, Handler, Refused, engine_words

ON_CLUSTER = re.compile(r"\s+ON\s+CLUSTER\s+(?:'[^']*'|`[^`]*`|\w+)", re.I)

ENGINE = re.compile(
    r"Replicated(?P<kind>\w*MergeTree)\(\s*'(?P<path>[^']*)'\s*,\s*'[^']*'\s*(?:,\s*(?P<rest>[^()]*))?\)"
)

CREATED = re.compile(r"\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<table>[\w.`]+)", re.I)

WRITTEN = re.compile(
    r"\s*(?:INSERT\s+INTO(?:\s+TABLE)?|ALTER\s+TABLE|DELETE\s+FROM|TRUNCATE\s+TABLE(?:\s+IF\s+EXISTS)?|OPTIMIZE\s+TABLE)"
    r"\s+(?P<table>[\w.`]+)",
    re.I,
)

#: Rows that one node makes, maybe of tables that only it has.
MADE = re.compile(
    r"\s*(?P<into>INSERT\s+INTO\s+[\w.`]+\s*(?:\([^()]*\)\s*)?)(?P<select>(?:SELECT|WITH)\b.*)", re.I | re.S
)

#: Waits for other replicas. There are none.
SYNC = re.compile(r"\s*SYSTEM\s+SYNC\s+REPLICA\b", re.I)

#: Settings of a table that only a replicated one has.
OF_REPLICAS = re.compile(
    r"(?:,\s*)?\b(?:replicated_deduplication_window_seconds|min_compressed_bytes_to_fsync_after_fetch)\b\s*=\s*\d+"
)

#: A replicated table remembers this many inserts by itself; in an engine without replication it has to be asked for.
WINDOW = 10_000

PEER_TIMEOUT_S = 60


def without_replicas(statement: str) -> str:
    """The statement for an engine that has no replicas, to be run on each node."""
    plain = ON_CLUSTER.sub("", statement, count=1)
    plain = re.sub(r"\b(SETTINGS?)\s*,", r"\1 ", OF_REPLICAS.sub("", plain))
    plain = re.sub(r"(?<!non_)\breplicated_deduplication_window\b", "non_replicated_deduplication_window", plain)
    found = ENGINE.search(plain)
    if not found:
        return plain
    plain = f"{plain[: found.start()]}{found['kind']}({found['rest'] or ''}){plain[found.end() :]}"
    plain = re.sub(r"\bSETTINGS\s*$", "", plain.rstrip(" ;\n"))
    if "non_replicated_deduplication_window" in plain:
        return plain
    window = f"non_replicated_deduplication_window = {WINDOW}"
    found_settings, already = re.subn(r"\bSETTINGS\s", f"SETTINGS {window}, ", plain, count=1)
    return found_settings if already else f"{plain} SETTINGS {window}"


class Node(Handler):
    """One node's requests. `peers` are the addresses of all nodes, the first of which orders what concerns them all."""

    peers: tuple[str, ...] = ()
    place = 0
    #: Tables that are everywhere, as (database, table).
    everywhere: set[tuple[str, str]] = set()  # noqa: RUF012
    #: Parts of statements over the native protocol that are refused once, each.
    refused: list[str] = []  # noqa: RUF012
    #: What initiators asked over the native protocol, the last of it, and the bytes of the tables they sent along.
    heard: deque[tuple[str, int]] = deque(maxlen=2000)  # noqa: RUF012
    order = threading.Lock()
    # No certificates to read, which takes longer than what is asked.
    client = httpx.Client(verify=False, timeout=PEER_TIMEOUT_S)

    def do_POST(self) -> None:  # noqa: N802
        """A request as to any server; or a test's: that this shard refuse something once, or say what it has heard."""
        if urlsplit(self.path).path == "/heard":
            with self.lock:
                heard = json.dumps(list(self.heard)).encode()
                self.heard.clear()
            self._answer(200, heard)
        elif urlsplit(self.path).path == "/refuse":
            with self.lock:
                self.refused.append(dict(parse_qsl(urlsplit(self.path).query))["sql"])
            self._answer(200, b"")
        else:
            super().do_POST()

    def _with_connection(self, statement: bytes, parameters: dict[str, str], read_only: bool) -> None:
        # Here and, told by this node, on the shards: half the work, where there is so little to share.
        super()._with_connection(statement, {"max_threads": "1", **parameters}, read_only)

    def _execute(self, connection: Connection, statement: bytes, parameters: dict[str, str]) -> None:
        head = statement[:100_000].decode(errors="replace")
        database = parameters.get("database") or "default"
        if SYNC.match(head):
            self._answer(200, b"")
        elif self.headers.get("X-From-Peer"):
            self._note(head, database)
            super()._execute(connection, self._plain(statement, head), parameters)
        elif not ON_CLUSTER.search(head.split("\n\n")[0]) and not self._is_everywhere(head, database):
            super()._execute(connection, statement, parameters)
        elif made := MADE.fullmatch(statement.decode()) if not WITH_DATA.match(statement) else None:
            self._make(connection, made, parameters)
        elif self.place:
            self._ask(self.peers[0], statement, parameters, ordered=False)
            self._answer(200, b"")
        else:
            with self.order:
                self._maybe_break(statement, "before")
                for peer in self.peers:
                    self._ask(peer, statement, parameters, ordered=True)
            self._maybe_break(statement, "after")
            self._answer(200, b"")

    def _make(self, connection: Connection, made: re.Match[str], parameters: dict[str, str]) -> None:
        """Make rows here, and write these on every node: a replica gets parts, and not what they were made of."""
        bound = {name.removeprefix("param_"): text for name, text in parameters.items() if name.startswith("param_")}
        try:
            found = connection.query(made["select"], "TabSeparated", params=bound).bytes()
        except (RuntimeError, UnicodeDecodeError) as error:
            raise Refused(engine_words(error)) from error
        asked = {name: value for name, value in parameters.items() if not name.startswith("param_")}
        if found:
            self._execute(connection, f"{made['into']} FORMAT TabSeparated\n".encode() + found, asked)
        else:
            self._answer(200, b"")

    def _plain(self, statement: bytes, head: str) -> bytes:
        return statement if WITH_DATA.match(statement) else without_replicas(statement.decode()).encode()

    def _note(self, head: str, database: str) -> None:
        """Remember a table that is everywhere."""
        engine, created = ENGINE.search(head), CREATED.match(head)
        if engine and created and "{shard}" not in engine["path"]:
            self.everywhere.add(_named(created["table"], database))

    def _is_everywhere(self, head: str, database: str) -> bool:
        written = WRITTEN.match(head)
        return bool(written) and _named(written["table"], database) in self.everywhere

    def _ask(self, peer: str, statement: bytes, parameters: dict[str, str], *, ordered: bool) -> None:
        """Have a node run a statement; in the first node's order, or for the first node to put in order."""
        kept = {name: value for name, value in parameters.items() if name not in ("query", "user", "password")}
        bound = {name: (None, value) for name, value in kept.items() if name.startswith("param_")}
        asked = {name: value for name, value in kept.items() if name not in bound}
        answer = self.client.post(
            peer,
            params=asked,
            # Values of parameters can be longer than a URL.
            **({"files": {**bound, "query": (None, statement)}} if bound else {"content": statement}),
            auth=(USER, PASSWORD),
            headers={"X-From-Peer": "1"} if ordered else {},
        )
        if answer.status_code != 200:
            raise Refused(answer.text)


def _named(table: str, database: str) -> tuple[str, str]:
    first, dot, second = table.replace("`", "").partition(".")
    return (first, second) if dot else (database, first)
