"""A stand-in for a ClickHouse server: its HTTP protocol in front of chDB, in a process of its own.

`python tests/standin/server.py DIRECTORY` serves the store in DIRECTORY and prints its address. The
engine and the socket are real. What is checked as a server checks it: user and password, database,
settings, the length of the URI and of form fields, statuses, headers, and how a stream fails midway.

It ends with the process that started it, and by itself, saying why, where one statement takes too long: whoever waits
for it then fails, and does not wait for ever.
"""

from __future__ import annotations

import base64
import email.parser
import email.policy
import io
import os
import re
import socket
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlsplit

import pyarrow as pa
from chdb.state.sqlitelike import Connection
from connections import Connections

USER, PASSWORD = "turnout", "s3cret p@ss/wörd"

FIELD_LIMIT_BYTES = 128 * 1024  # http_max_field_value_size
URI_LIMIT_BYTES = 1024 * 1024  # http_max_uri_size

#: No statement of a test takes as long; the engine hangs.
STATEMENT_TIMEOUT_S = 100

INSERT = re.compile(rb"\s*(INSERT\s+INTO\s+(?:TABLE\s+)?[^;]*?)\s+FORMAT\s+(\w+)[ \t]*(?:\r?\n|;|$)", re.I | re.S)

#: Formats whose chunks can be sent as they are cut.
BY_ROWS = {"JSONEachRow", "JSONCompactEachRow", "TabSeparated", "TSV", "CSV", "RowBinary", "Native"}


class Refused(Exception):
    """The engine's or the protocol's no, as text with its code."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words
        found = re.search(r"Code: (\d+)", words)
        self.code = int(found[1]) if found else 1002

    @property
    def status(self) -> int:
        """The status a ClickHouse server gives this code."""
        if self.code in (192, 193, 194, 497, 516):
            return 403
        if self.code in (60, 81, 46):
            return 404
        if self.code in (6, 26, 27, 36, 42, 43, 47, 53, 62, 70, 72, 130, 131, 457, 456):
            return 400
        return {159: 408, 209: 503, 439: 503}.get(self.code, 500)


def engine_words(error: Exception) -> str:
    """The engine's words, which chDB's binding can't always read."""
    return error.object.decode(errors="replace") if isinstance(error, UnicodeDecodeError) else str(error)


class Handler(BaseHTTPRequestHandler):
    """One connection's requests."""

    protocol_version = "HTTP/1.1"
    #: Requests that a test asked to break: (part of the SQL, when).
    broken: list[tuple[str, str]] = []  # noqa: RUF012
    lock = threading.Lock()
    #: Statements that run, by the id that the client gave them.
    running: dict[str, threading.Event] = {}  # noqa: RUF012
    #: When each thread's statement began, and how it begins.
    begun: dict[int, tuple[float, bytes]] = {}  # noqa: RUF012
    connections: Connections
    # Answers are small and asked for one at a time: each is one packet, which waits for no other.
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *arguments: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        """Ping, or a query in the URL."""
        if urlsplit(self.path).path == "/ping":
            self._answer(200, b"Ok.\n")
        else:
            self._run(read_only=True)

    def do_POST(self) -> None:
        """A query in the URL, the body or a form; or data to insert."""
        if urlsplit(self.path).path == "/break":
            asked = dict(parse_qsl(urlsplit(self.path).query))
            with self.lock:
                self.broken.append((asked["sql"], asked["when"]))
            self._answer(200, b"")
        else:
            self._run(read_only=False)

    def _run(self, *, read_only: bool) -> None:
        body = self._body()
        self._sent = False
        try:
            if len(self.path) > URI_LIMIT_BYTES:
                raise Refused("Code: 1000. DB::Exception: Poco::Exception. URI Too Long")
            parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            if self.headers.get("Content-Type", "").startswith("multipart/form-data"):
                parameters.update(self._form(body))
                body = b""
            self._authenticate(parameters)
            statement = parameters.get("query", "").encode()
            statement = statement + b"\n" + body if statement else body
            self._maybe_break(statement, "before")
            if statement.startswith(b"KILL QUERY"):
                self._wait_for(parameters)
            done = self.running[parameters.get("query_id", "")] = threading.Event()
            self.begun[threading.get_ident()] = time.monotonic(), statement[:200]
            try:
                if self._asked_to_break(statement, "meanwhile"):
                    # The client is gone, and the statement goes on.
                    self.connection.shutdown(socket.SHUT_RDWR)
                    time.sleep(1)
                self._with_connection(statement, parameters, read_only)
            finally:
                self.running.pop(parameters.get("query_id", ""), None)
                del self.begun[threading.get_ident()]
                done.set()
        except Refused as refused:
            self._refuse(refused)
        except (ConnectionError, Broken):
            self.close_connection = True

    def _with_connection(self, statement: bytes, parameters: dict[str, str], read_only: bool) -> None:
        try:
            lent = self.connections.lend(parameters, read_only)
        except Exception as error:
            raise Refused(engine_words(error)) from error
        try:
            self._execute(lent.connection, statement, parameters)
        except BaseException:
            # What chDB has written of an answer that failed, it puts in front of the connection's next one.
            lent.connection.close()
            raise
        self.connections.take_back(lent, statement)

    def _wait_for(self, parameters: dict[str, str]) -> None:
        """KILL … SYNC returns when the statements have ended; here they may end well, as they may there."""
        name, prefix = parameters.get("param_id"), parameters.get("param_prefix")
        for query_id, done in list(self.running.items()):
            if query_id == name or (prefix and query_id.startswith(prefix)):
                done.wait(10)

    def _execute(self, connection: Connection, statement: bytes, parameters: dict[str, str]) -> None:
        bound = {name.removeprefix("param_"): text for name, text in parameters.items() if name.startswith("param_")}
        insert = INSERT.match(statement)
        try:
            if insert:
                insert_data(connection, insert[1].decode(), insert[2].decode(), statement[insert.end() :])
                self._maybe_break(statement, "after")
                self._answer(200, b"", {"X-ClickHouse-Summary": "{}"})
                return
            sql = statement.decode()
            form = parameters.get("default_format", "TabSeparated")
            named = re.search(r"\sFORMAT\s+(\w+)\s*;?\s*$", sql)
            form = named[1] if named else form
            if parameters.get("wait_end_of_query") == "1" or form not in {*BY_ROWS, "ArrowStream"}:
                found = connection.query(sql, form, params=bound)
                self._maybe_break(statement, "after")
                self._answer(200, found.bytes(), {"X-ClickHouse-Format": form})
                return
            with connection.send_query(sql, form, params=bound) as chunks:
                pieces = (chunk.bytes() for chunk in chunks)
                if form == "ArrowStream":
                    pieces = one_arrow_stream(pieces, lambda: connection.query(sql, form, params=bound).bytes())
                self._stream(pieces, statement)
        except (RuntimeError, UnicodeDecodeError) as error:
            raise Refused(engine_words(error)) from error
        except Exception as error:
            if type(error).__module__.startswith("chdb"):
                raise Refused(engine_words(error)) from error
            raise

    def _stream(self, pieces: Iterator[bytes], statement: bytes) -> None:
        """Chunked. The status waits for the first piece; a later failure is told in a server's way."""
        first = next(pieces, b"")
        tag = uuid.uuid4().hex[:16]
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("X-ClickHouse-Exception-Tag", tag)
        self.end_headers()
        self._sent = True
        try:
            self._chunk(first)
            self.wfile.flush()
            self._maybe_break(statement, "midway")
            for piece in pieces:
                self._chunk(piece)
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()
        except Exception as error:
            if isinstance(error, (ConnectionError, Broken)):
                raise
            words = engine_words(error)
            self._chunk(f"\r\n__exception__\r\n{tag}\r\n{words}\n{len(words) + 1} {tag}\r\n__exception__\r\n".encode())
            self.wfile.flush()
            self.close_connection = True
            raise Broken from error

    def _chunk(self, piece: bytes) -> None:
        if piece:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    def _maybe_break(self, statement: bytes, when: str) -> None:
        if self._asked_to_break(statement, when):
            raise Broken

    def _asked_to_break(self, statement: bytes, when: str) -> bool:
        with self.lock:
            for asked in self.broken:
                if asked[1] == when and asked[0].encode() in statement:
                    self.broken.remove(asked)
                    return True
            return False

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _form(self, body: bytes) -> dict[str, str]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        found = {}
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            value = part.get_payload(decode=True)
            if len(value) > FIELD_LIMIT_BYTES + 1:
                raise Refused("Code: 1000. DB::Exception: HTML Form Exception: Field value too long")
            found[str(name)] = value.decode()
        return found

    def _authenticate(self, parameters: dict[str, str]) -> None:
        given = self.headers.get("X-ClickHouse-User"), self.headers.get("X-ClickHouse-Key", "")
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            user, _, password = base64.b64decode(token).decode().partition(":")
            given = user, password
        if "user" in parameters:
            given = parameters["user"], parameters.get("password", "")
        if given != (USER, PASSWORD):
            raise Refused(
                f"Code: 516. DB::Exception: {given[0] or 'default'}: Authentication failed: password is incorrect, "
                "or there is no user with such name. (AUTHENTICATION_FAILED)"
            )

    def _refuse(self, refused: Refused) -> None:
        if self._sent:
            self.close_connection = True
            return
        self._answer(refused.status, refused.words.encode() + b"\n", {"X-ClickHouse-Exception-Code": str(refused.code)})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"X-ClickHouse-Timezone": "UTC", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class Broken(Exception):
    """The connection is to break here, without a word."""


def insert_data(connection: Connection, statement: str, form: str, data: bytes) -> None:
    """Run `INSERT INTO table (columns)` on the data. chDB's send_insert would hide failures."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        connection.query(f"{statement} FROM INFILE '{file.name}' FORMAT {form}", "Null")


def one_arrow_stream(pieces: Iterator[bytes], of_nothing: Callable[[], bytes]) -> Iterator[bytes]:
    """chDB cuts a result into many Arrow streams, none for no rows; a server always sends one."""
    sink = io.BytesIO()
    writer = None
    for piece in pieces:
        reader = pa.ipc.open_stream(piece)
        writer = writer or pa.ipc.new_stream(sink, reader.schema)
        for batch in reader:
            writer.write_batch(batch)
        yield sink.getvalue()
        sink.seek(0)
        sink.truncate()
    if writer is not None:
        writer.close()
        yield sink.getvalue()
    else:
        yield of_nothing()


class Server(ThreadingHTTPServer):
    """A thread a connection; looks twice a second whether there is a reason to end."""

    daemon_threads = True
    parent = os.getppid()

    def service_actions(self) -> None:
        """End where nobody is left to serve, or a statement does not end."""
        if os.getppid() != self.parent:
            os._exit(0)
        for since, statement in list(Handler.begun.values()):
            if time.monotonic() - since > STATEMENT_TIMEOUT_S:
                words = statement.decode(errors="replace")
                print(f"a statement ran for over {STATEMENT_TIMEOUT_S} s: {words}", file=sys.stderr, flush=True)  # noqa: T201
                os._exit(1)


def main() -> None:
    """Serve until the process ends."""
    Handler.connections = Connections(sys.argv[1])
    server = Server(("127.0.0.1", 0), Handler)
    address = f"127.0.0.1:{server.server_address[1]}"
    print(f"clickhouse://{USER}:{quote(PASSWORD, safe='')}@{address}", flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main()
