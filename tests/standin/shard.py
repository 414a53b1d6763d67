"""A stand-in for one shard of a ClickHouse cluster: its native protocol and its HTTP protocol in front of one chDB.

`cluster.py` starts it, with two sockets and the cluster's configuration. A chDB that names the socket in its
`remote_servers` reads and inserts through its Distributed tables: the planner, the sharding and the merging are the
engine's own. What is not understood is refused, never answered wrongly.
"""

from __future__ import annotations

import json
import re
import socket
import socketserver
import sys
import tempfile
import threading
from contextlib import closing, suppress

from chdb.state.sqlitelike import Connection
from connections import Connections
from native import Block, Client, ProtocolError, Query, Reader, Stage, Writer
from partial import TOKEN, Partial, Unsaid, quoted
from replicated import Node
from server import PASSWORD, USER, Server, engine_words

#: An INSERT whose rows follow in blocks.
INSERT = re.compile(r"\s*INSERT\s+INTO\s+(?P<into>[\w.`]+\s*(?:\([^()]*\))?)\s*(?:FORMAT\s+Native|VALUES)\s*", re.I)

SCALAR = re.compile(r"__getScalar\('(\w+)'\)")

#: What can be answered block by block.
QUESTION = re.compile(r"\s*(?:SELECT|WITH)\b")

#: Settings that mean nothing here, or that the engine does not take in a SET.
NOT_SET = {"run_query_in_background", "interactive_delay", "queue_max_wait_ms", "send_logs_level"}

NOT_IMPLEMENTED = 48
UNEXPECTED_PACKET = 101


class Shard(socketserver.StreamRequestHandler):
    """One connection of an initiator."""

    disable_nagle_algorithm = True
    aggregates: frozenset[str] = frozenset()

    def handle(self) -> None:
        """Packets, until the initiator goes."""
        self._reader, self._writer = Reader(self.rfile), Writer(self.wfile)
        self._database = "default"
        with suppress(ConnectionError, EOFError):
            try:
                while (packet := self._reader.packet()) is not None:
                    self._answer(packet)
            except ProtocolError as error:
                self._writer.exception(UNEXPECTED_PACKET, f"the stand-in does not understand {error}")

    def _answer(self, packet: Client) -> None:
        if packet == Client.HELLO:
            hello = self._reader.hello()
            if (hello.user, hello.password) != (USER, PASSWORD):
                self._writer.exception(516, f"{hello.user}: Authentication failed")
                raise EOFError
            self._database = hello.database or "default"
            self._writer.hello("stand-in")
        elif packet == Client.PING:
            self._writer.pong()
        elif packet == Client.TABLES_STATUS:
            self._writer.tables(self._reader.tables())
        elif packet == Client.QUERY:
            self._query(self._reader.query())
        elif packet != Client.CANCEL:
            raise ProtocolError(packet.name)

    def _query(self, query: Query) -> None:
        brought = list(iter(self._block, None))
        with Node.lock:
            Node.heard.append((query.text, sum(len(block.native) for block in brought)))
        try:
            self._maybe_refuse(query.text)
            settings = {name: value for name, value in query.settings.items() if name not in NOT_SET}
            # A number in GROUP BY or ORDER BY is a number: what it might stand for, the initiator has put there.
            settings["enable_positional_arguments"] = "0"
            lent = Node.connections.lend({"database": self._database, **settings}, False)
            try:
                for block in brought:
                    self._make_table(lent.connection, block)
                if insert := INSERT.fullmatch(query.text):
                    self._insert(lent.connection, insert["into"])
                else:
                    self._select(lent.connection, query)
            except BaseException:
                lent.connection.close()
                raise
            for table in {block.table for block in brought}:
                lent.connection.query(f"DROP TABLE {quoted(table)}")
            Node.connections.take_back(lent, b"")
        except Unsaid as error:
            self._writer.exception(NOT_IMPLEMENTED, f"the stand-in can't make the state of this: {error}")
        except (RuntimeError, UnicodeDecodeError) as error:
            words = engine_words(error)
            code = re.search(r"Code: (\d+)", words)
            self._writer.exception(int(code[1]) if code else 1002, words)
        else:
            self._writer.end()

    def _block(self) -> Block | None:
        """The next block with columns; None at the end of data."""
        packet = self._reader.packet()
        if packet is None:
            raise EOFError
        if packet not in (Client.DATA, Client.SCALAR):
            raise ProtocolError(f"{packet.name} among data")
        block = self._reader.block()
        return block if block.names else None

    def _make_table(self, connection: Connection, block: Block) -> None:
        """A table that the initiator sends along, for a GLOBAL IN or JOIN."""
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in zip(block.names, block.types, strict=True))
        connection.query(f"CREATE TEMPORARY TABLE IF NOT EXISTS {quoted(block.table)} ({columns})")
        if block.rows:
            self._write(connection, quoted(block.table), [block])

    def _select(self, connection: Connection, query: Query) -> None:
        # A subquery's one row, which the initiator has sent along.
        text = SCALAR.sub(r"(SELECT * FROM `\1`)", query.text)
        if query.stage == Stage.FETCH_COLUMNS:
            raise Unsaid("columns only")
        if query.stage != Stage.COMPLETE:
            partial = Partial(lambda sql: asked(connection, sql), self.aggregates)
            partial.rename(SCALAR.findall(query.text))
            text = partial.statement(text, is_aggregated=query.stage != Stage.WITH_MERGEABLE_STATE)
        text = with_shard(text)
        if not QUESTION.match(text):
            # What says little, or nothing at all.
            if answer := connection.query(text, "Native").bytes():
                self._writer.data(answer)
            return
        with connection.send_query(text, "Native") as chunks:
            # Each is one block.
            for chunk in chunks:
                self._writer.data(chunk.bytes())

    def _insert(self, connection: Connection, into: str) -> None:
        """Say which columns are wanted, take blocks until the empty one, and write them as one."""
        table, _, columns = into.partition("(")
        described = connection.query(f"DESCRIBE (SELECT {columns.rstrip(') ') or '*'} FROM {table})", "JSONCompact")
        self._writer.header([(column[0], column[1]) for column in json.loads(described.bytes())["data"]])
        blocks = list(iter(self._block, None))
        if any(block.rows for block in blocks):
            self._write(connection, into, blocks)

    def _write(self, connection: Connection, into: str, blocks: list[Block]) -> None:
        with tempfile.NamedTemporaryFile() as file:
            for block in blocks:
                file.write(block.native)
            file.flush()
            connection.query(f"INSERT INTO {into} FROM INFILE '{file.name}' FORMAT Native", "Null")

    def _maybe_refuse(self, text: str) -> None:
        with Node.lock:
            for part in Node.refused:
                if part in text:
                    Node.refused.remove(part)
                    raise RuntimeError("Code: 252. DB::Exception: The shard was told to refuse this. (TOO_MANY_PARTS)")


def with_shard(text: str) -> str:
    """The statement with the shard's number where it asks for it, as the initiator has sent it."""
    tokens = TOKEN.findall(text)
    for place in range(len(tokens) - 2):
        if tokens[place : place + 3] == ["shardNum", "(", ")"]:
            tokens[place : place + 3] = ["(SELECT * FROM _shard_num)", "", ""]
    return "".join(tokens)


def asked(connection: Connection, sql: str) -> str:
    """The engine's answer as plain text."""
    found: bytes = connection.query(sql, "TSVRaw").bytes()
    return found.decode()


class Listener(socketserver.ThreadingTCPServer):
    """A thread a connection, at a socket that is bound already."""

    daemon_threads = True

    def __init__(self, bound: socket.socket) -> None:
        super().__init__(bound.getsockname(), Shard, bind_and_activate=False)
        self.socket.close()
        self.socket = bound
        self.server_activate()


class Http(Server):
    """The same over HTTP."""

    def __init__(self, bound: socket.socket) -> None:
        super().__init__(bound.getsockname(), Node, bind_and_activate=False)
        self.socket.close()
        self.socket = bound
        self.server_activate()


def main() -> None:
    """Serve until the process ends."""
    given = json.loads(sys.argv[1])
    Node.peers, Node.place = tuple(given["peers"]), given["place"]
    Node.connections = Connections(given["directory"], f"config-file={given['config']}")
    with closing(Connection(f"{given['directory']}?config-file={given['config']}")) as connection:
        names = asked(connection, "SELECT name FROM system.functions WHERE is_aggregate")
        Shard.aggregates = frozenset(names.split())
    native = Listener(socket.socket(fileno=given["native"]))
    http = Http(socket.socket(fileno=given["http"]))
    threading.Thread(target=native.serve_forever, daemon=True).start()
    print("serving", flush=True)  # noqa: T201
    http.serve_forever()


if __name__ == "__main__":
    main()
