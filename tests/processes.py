"""`turnout` in processes of its own, forked from one that has imported what each of them needs.

A command and its environment go in; something like `subprocess.Popen` comes out. To start the interpreter and
import everything takes most of a second, and the suite starts a server a hundred times. Only the engine is left to
be loaded by each, since it would not survive the fork; so what runs is the whole command.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TextIO

import pytest

# What is forked must find this module, wherever pytest has imported it from.
ROOT = str(Path(__file__).parents[1])
sys.path.append(ROOT)

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        "granian.server.embed",
        "uvloop",
        "turnout.asgi",
        "turnout.cli.root",
        "turnout.dialects.registry",
        "turnout.ingest.writer",
        "turnout.stats.run",
        "tests.warmed",
    ]
)


@functools.cache
def _start_the_first() -> None:
    """Start the process that is forked from, which looks for what it imports by the environment alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", ROOT)
        forkserver.ensure_running()


class Command:
    """A running `turnout ARGUMENTS…`; its output, errors included, is in `stdout`."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        _start_the_first()
        reader, writer = _context.Pipe(duplex=False)
        self._process = _context.Process(target=_run, args=(tuple(arguments), dict(environment), writer), daemon=True)
        self._process.start()
        writer.close()
        self.stdout: TextIO = os.fdopen(os.dup(reader.fileno()), encoding="utf-8", errors="replace")
        reader.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """What it ended with; minus the signal that ended it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self._process.exitcode is None:
            # It may end right after it was looked at.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill -9."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. TimeoutExpired if it doesn't come."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("turnout", timeout or 0)
        return self._process.exitcode

    def close(self) -> None:
        """Kill it if it still runs, and let go of it."""
        self.kill()
        self._process.join()
        self.stdout.close()


def _run(arguments: tuple[str, ...], environment: dict[str, str], output: Connection) -> None:
    """In the new process: become the command."""
    os.environ.clear()
    os.environ.update(environment)
    for descriptor in (1, 2):
        os.dup2(output.fileno(), descriptor)
    output.close()
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1, closefd=False)
    # Whoever runs the tests in the background may ignore these.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    sys.argv = ["turnout", *arguments]
    from turnout.cli.root import main

    main()
