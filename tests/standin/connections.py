"""chDB's connections, lent to the requests of a stand-in.

The parameters of a request go in, a connection with that database and those settings comes out. What a request leaves
behind, no other one sees: over HTTP a server has no session to keep it in.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from chdb.state.sqlitelike import Connection

#: Connections that lie idle, to be used again.
IDLE_LIMIT = 12

#: Parameters of the protocol; every other one is a setting.
RESERVED = {"query", "database", "default_format", "user", "password", "query_id", "session_id", "session_timeout"}
RESERVED |= {"session_check", "wait_end_of_query", "buffer_size", "compress", "decompress", "quota_key", "role"}
RESERVED |= {"client_protocol_version", "stacktrace", "close_session"}

#: What leaves something behind in a connection, or in the other ones.
LEAVES_TRACES = re.compile(rb"^\s*(SET|USE)\b|\bTEMPORARY\b|\bDATABASE\b", re.I)


@dataclass
class Lent:
    """A connection with its database and the settings that it has been given."""

    connection: Connection
    database: str
    is_read_only: bool
    settings: dict[str, str]


class Connections:
    """chDB's connections. To open one and to give it all its settings takes longer than most statements, so an idle one
    is lent again: the one that differs least from what a request brings along, and what differs is set."""

    def __init__(self, directory: str, options: str = "backups.allowed_disk=default") -> None:
        self._path = f"{directory}?{options}"
        self._hold = Connection(self._path)  # keeps the engine open while all others are closed
        self._idle: list[Lent] = []
        self._lock = threading.Lock()

    def lend(self, parameters: dict[str, str], is_read_only: bool) -> Lent:
        """One with the database and the settings of a request."""
        wanted = {name: text for name, text in parameters.items() if name not in RESERVED and name[:6] != "param_"}
        database = parameters.get("database") or "default"
        lent = self._find(database, is_read_only, wanted) or Lent(Connection(self._path), "", False, {})
        try:
            _prepare(lent, database, is_read_only, wanted)
        except BaseException:
            lent.connection.close()
            raise
        return lent

    def take_back(self, lent: Lent, statement: bytes) -> None:
        """Keep it for others, unless what it was asked leaves traces."""
        dropped = [lent]
        with self._lock:
            if LEAVES_TRACES.search(statement):
                dropped += self._idle
                self._idle = []
            else:
                self._idle.append(lent)
                dropped = self._idle[:-IDLE_LIMIT]
                del self._idle[:-IDLE_LIMIT]
        for one in dropped:
            one.connection.close()

    def _find(self, database: str, is_read_only: bool, wanted: dict[str, str]) -> Lent | None:
        with self._lock:
            # `readonly` can't be taken back, and a database may be gone: only like for like.
            alike = [one for one in self._idle if (one.database, one.is_read_only) == (database, is_read_only)]
            if not alike:
                return None
            found = min(alike, key=lambda one: len(one.settings.items() ^ wanted.items()))
            self._idle.remove(found)
            return found


def _prepare(lent: Lent, database: str, is_read_only: bool, wanted: dict[str, str]) -> None:
    if lent.database != database:
        lent.connection.query(f"USE `{database}`")
        lent.database = database
    for name in lent.settings.keys() - wanted.keys():
        lent.connection.query(f"SET {name} = DEFAULT")
    for name, value in wanted.items():
        if lent.settings.get(name) != value:
            quoted = value.replace("\\", "\\\\").replace("'", "\\'")
            lent.connection.query(f"SET {name} = '{quoted}'")
    lent.settings = wanted
    if is_read_only and not lent.is_read_only:
        lent.connection.query("SET readonly = 2")
        lent.is_read_only = True
