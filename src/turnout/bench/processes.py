"""The processes that are measured: started, awaited, and ended whatever happens.

A `Site` is a temporary directory and everything that runs on it. Leaving it ends every process, in the
reverse order of their starts, and removes the directory.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

from turnout.bench.load import Address, LoadFailed
from turnout.bench.worker import LENGTH_BYTES, Timing, message
from turnout.settings import ENVIRONMENT

API_KEY = "bench-key"

_START_LIMIT_S = 120.0
_STOP_LIMIT_S = 30.0
_SETTLE_LIMIT_S = 60.0
_REST_LIMIT_S = 900.0

#: Of one processor: what a server may use and still be idle.
_IDLE_SHARE = 0.1
_POLL_S = 0.005
_LOG_SHOWN_BYTES = 2000


@dataclass(frozen=True)
class Server:
    """A server that answers. `start_s` is the time from its start to its first answer."""

    address: Address
    process: subprocess.Popen[bytes]
    start_s: float

    def resident_bytes(self) -> int | None:
        """Memory that the process holds; None where the system doesn't say."""
        return resident_bytes(self.process.pid)


class Worker:
    """A `turnout.bench.worker` process."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def handle(self, bodies: Sequence[bytes]) -> Timing:
        """Let it handle the bodies one after another; the time is its own."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(message(list(bodies)))
            self._process.stdin.flush()
        except BrokenPipeError:
            raise LoadFailed(f"a worker ended: {_tail(self._log)}") from None
        head = self._process.stdout.read(LENGTH_BYTES)
        if not head:
            raise LoadFailed(f"a worker ended: {_tail(self._log)}")
        return msgspec.msgpack.decode(self._process.stdout.read(int.from_bytes(head, "big")), type=Timing)


class Site:
    """A place to measure in, below `parent` (the system's temporary directory if None)."""

    def __init__(self, parent: Path | None = None) -> None:
        if parent is not None:
            parent.mkdir(parents=True, exist_ok=True)
        self.directory = Path(tempfile.mkdtemp(prefix="turnout-bench-", dir=parent))

    def __enter__(self) -> Site:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def fresh(self, name: str) -> Path:
        """A new, empty directory."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory))

    @contextlib.contextmanager
    def turnout(self, data: Path, **settings: str) -> Iterator[Server]:
        """`turnout serve` on `data`; `settings` are variables such as TURNOUT_CACHE_ENTRIES.

        It takes no setting from the environment of this process, so that every run is alike.
        """
        port = _free_port()
        given = {"TURNOUT_API_KEY": API_KEY, **settings}
        command = ["env"]
        for name in ENVIRONMENT:
            command += ["-u", name]
        command += [f"{name}={value}" for name, value in given.items()]
        command += [sys.executable, "-m", "turnout", "serve", "--data", str(data), "--port", str(port)]
        with self._started(command, data) as (process, log):
            yield _await(process, port, "/readyz", log)

    @contextlib.contextmanager
    def reference(self, kind: str) -> Iterator[Server]:
        """A server of `turnout.bench.reference`."""
        port, directory = _free_port(), self.fresh(kind)
        with self._started([sys.executable, "-m", "turnout.bench.reference", kind, str(port)], directory) as started:
            yield _await(started[0], port, "/", started[1])

    @contextlib.contextmanager
    def worker(self, kind: str) -> Iterator[Worker]:
        """A worker of `turnout.bench.worker` on a fresh directory."""
        directory = self.fresh(kind)
        with self._started([sys.executable, "-m", "turnout.bench.worker", kind, str(directory)], directory) as started:
            yield Worker(*started)

    @contextlib.contextmanager
    def _started(self, command: list[str], directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        log = self.directory / f"{directory.name}.log"
        with log.open("ab") as sink:
            # A session of its own, so that what it starts can be ended with it.
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if "turnout.bench.worker" in command else sink,
                stderr=sink,
                cwd=directory,
                start_new_session=True,
            )
        try:
            yield process, log
        finally:
            _end(process)


def resident_bytes(pid: int) -> int | None:
    """Resident memory of a process; None where the system doesn't say."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
        return int(found[1]) * 1024 if found else None
    try:
        answer = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return int(answer.stdout) * 1024 if answer.stdout.strip() else None


def disk_bytes(directory: Path) -> int:
    """What the files below `directory` take on disk, hard links once, in whole blocks."""
    seen: dict[tuple[int, int], int] = {}
    for path in directory.rglob("*"):
        # The engine merges and removes parts while we look.
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(seen.values())


def settle(directory: Path, quiet_s: float = 2.0) -> None:
    """Wait until the engine has stopped merging: the size of the store stays for `quiet_s`."""
    deadline = time.perf_counter() + _SETTLE_LIMIT_S
    size, since = disk_bytes(directory), time.perf_counter()
    while (now := time.perf_counter()) < deadline and now - since < quiet_s:
        time.sleep(0.25)
        current = disk_bytes(directory)
        if current != size:
            size, since = current, time.perf_counter()


def rest(server: Server, quiet_s: float, limit_s: float = _REST_LIMIT_S) -> float:
    """Wait until the server has had next to nothing to do for `quiet_s`; returns the processor time it has used.

    Merges, and whatever else it does behind the requests, are done then. Where the system doesn't say what a
    process uses, this waits for `quiet_s`.
    """
    deadline = time.perf_counter() + limit_s
    used, since = processor_s(server.process.pid), time.perf_counter()
    while time.perf_counter() - since < quiet_s and time.perf_counter() < deadline:
        time.sleep(min(quiet_s, 0.25))
        current = processor_s(server.process.pid)
        if current - used > _IDLE_SHARE * (time.perf_counter() - since + 0.25):
            used, since = current, time.perf_counter()
    return processor_s(server.process.pid)


def processor_s(pid: int) -> float:
    """Processor time that a process has used; 0 where the system doesn't say."""
    try:
        # The name of the program may hold anything, but ends with the last bracket.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _await(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> Server:
    """The server, once it answers anything at all below 500; LoadFailed if it ends before."""
    started = time.perf_counter()
    while time.perf_counter() - started < _START_LIMIT_S:
        if process.poll() is not None:
            raise LoadFailed(f"a server ended before it answered: {_tail(log)}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_LIMIT_S)
        try:
            connection.request("GET", path)
            if connection.getresponse().status < 500:
                return Server(Address("127.0.0.1", port), process, time.perf_counter() - started)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(_POLL_S)
    raise LoadFailed(f"a server did not answer within {_START_LIMIT_S:.0f} s: {_tail(log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end; if it doesn't, end it and everything it started."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            _close(pipe)
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Its session bears its number; nobody else is in there.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _close(pipe: IO[bytes]) -> None:
    with contextlib.suppress(OSError):
        pipe.close()


def _tail(log: Path) -> str:
    return log.read_bytes()[-_LOG_SHOWN_BYTES:].decode(errors="replace").strip() or "(it said nothing)"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
