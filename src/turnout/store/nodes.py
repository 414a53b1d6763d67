"""The connections to a store's nodes: one of them is spoken to, and the next one where it stops answering.

An address goes in; the `Node` that is spoken to comes out. Each has a client for questions and one for what writes;
neither has a session, so that every thread may use it. Nothing is sent twice from here.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.httputil import get_pool_manager

from turnout.store.address import Address, Host

log = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S = 10

#: A read whose connection was closed while it lay idle is asked once more.
_READ_RETRIES = 1


@dataclass(frozen=True)
class Node:
    """One server, as it is spoken to."""

    host: Host
    reader: Client
    writer: Client


class Nodes:
    """The nodes of an address. Safe to call from any thread.

    The first one that answers is spoken to until somebody leaves it; then the one after it that answers.
    ClickHouseError where none does. Timeouts are those of the sockets, in seconds.
    """

    def __init__(self, address: Address, *, connections: int, read_timeout_s: int, write_timeout_s: int) -> None:
        self._address = address
        self._read_timeout_s = read_timeout_s
        self._write_timeout_s = write_timeout_s
        self._pool = get_pool_manager(verify=address.verify, ca_cert=address.ca_cert or None, maxsize=connections)
        self._choosing = threading.Lock()
        self._next = 0
        self._node: Node | None = None
        try:
            self._node = self._first_that_answers()
        except BaseException:
            self._pool.clear()
            raise

    def __len__(self) -> int:
        return len(self._address.hosts)

    def current(self) -> Node:
        """The node to speak to."""
        node = self._node
        if node is not None:
            return node
        with self._choosing:
            if self._node is None:
                self._node = self._first_that_answers()
                log.warning("speaking to ClickHouse at %s from now on", self._node.host)
            return self._node

    def leave(self, node: Node) -> None:
        """This node has stopped answering. Of a single one it is hoped that it comes back."""
        with self._choosing:
            if self._node is node and len(self) > 1:
                self._node = None
                self._next = self._address.hosts.index(node.host) + 1

    def close(self) -> None:
        """Let go of every connection."""
        self._pool.clear()

    def _first_that_answers(self) -> Node:
        hosts = self._address.hosts
        failed: list[ClickHouseError] = []
        for step in range(len(hosts)):
            host = hosts[(self._next + step) % len(hosts)]
            try:
                return Node(host, self._client(host, self._read_timeout_s), self._client(host, self._write_timeout_s))
            except ClickHouseError as error:
                log.info("ClickHouse at %s does not answer, or refuses", host)
                failed.append(error)
        # One that answered, and refused, says more than one that is not there.
        raise next((error for error in failed if getattr(error, "code", None)), failed[-1])

    def _client(self, host: Host, socket_timeout_s: int) -> Client:
        address = self._address
        return clickhouse_connect.get_client(
            interface="https" if address.secure else "http",
            host=host.name,
            port=host.port,
            username=address.user,
            password=address.password,
            database=address.database,
            compress=False,
            query_retries=_READ_RETRIES,
            connect_timeout=_CONNECT_TIMEOUT_S,
            send_receive_timeout=socket_timeout_s,
            # Without a session, one client may be used by every thread.
            autogenerate_session_id=False,
            client_name="turnout",
            pool_mgr=self._pool,
        )
