"""Specifications to pictures: Vega-Lite to SVG, PNG and PDF, and documents to PDF, in processes of their own.

A specification enters, bytes leave. What was drawn is remembered, bounded by bytes; a page that nothing has changed on
costs no drawing. A process that takes too long, or dies, is replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import queue
import re
import selectors
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec

from turnout.charts.theme import CONFIG, Look, Spec, distinct, recolour, worded
from turnout.charts.worker import LENGTH
from turnout.errors import NotDrawn, Overloaded, TooLarge

log = logging.getLogger(__name__)

#: A chart of the most rows that a panel may have is drawn well within it, on a busy machine and in a new process.
TIMEOUT_S = 20

#: A specification with its data; what comes out of one; and all drawings that are remembered together.
SPEC_LIMIT_BYTES = 4 << 20
DRAWING_LIMIT_BYTES = 64 << 20
KEPT_LIMIT_BYTES = 32 << 20

#: The engine's memory grows a little with each drawing.
DRAWINGS_A_PROCESS = 2000

#: Who waits for a free process; the others are told to come back.
WAITING_LIMIT = 64

Form = Literal["svg", "png", "pdf"]

MEDIA_TYPES: dict[Form, str] = {"svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf"}


class Renderer:
    """Draws. For any thread; each call blocks until its drawing is there.

    `observe` is told of each drawing that was tried: its kind, the seconds it took and whether it failed.
    """

    def __init__(
        self,
        processes: int = 1,
        *,
        timeout_s: float = TIMEOUT_S,
        observe: Callable[[str, float, bool], None] = lambda kind, seconds, failed: None,
    ) -> None:
        self._timeout_s = timeout_s
        self._observe = observe
        self._idle: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        for _ in range(processes):
            self._idle.put(None)
        self._waiting = threading.BoundedSemaphore(WAITING_LIMIT)
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._lock = threading.Lock()
        self._closed = False

    def svg(self, spec: Spec, look: Look = "page") -> str:
        """The chart as SVG; for a `page`, its colours are CSS variables. NotDrawn, TooLarge or Overloaded."""
        text = _UNDRAWABLE.sub(
            lambda found: found[1] or "\N{REPLACEMENT CHARACTER}", _encode({"config": CONFIG, **spec}).decode()
        )
        drawn = worded(recolour(self._drawn({"make": "svg", "spec": text}).decode(), look))
        return distinct(drawn, f"c{hashlib.sha256(text.encode()).hexdigest()[:8]}-") if look == "page" else drawn

    def picture(self, spec: Spec, form: Form, look: Look = "light", *, scale: float = 2.0) -> bytes:
        """The chart as a file of its own, on its own ground. NotDrawn, TooLarge or Overloaded."""
        ground = recolour('<g fill="#fffffe">', look).removeprefix('<g fill="').removesuffix('">')
        svg = self.svg({**spec, "background": ground}, look)
        if form == "svg":
            return svg.encode()
        return self._drawn({"make": form, "svg": svg, "scale": scale})

    def document(self, template: str, data: dict[str, Any]) -> bytes:
        """A PDF of a Typst template, which finds `data` as JSON in `sys.inputs.data`. Raises what `picture` does."""
        return self._drawn({"make": "document", "template": template, "data": data}, keep=False)

    def close(self) -> None:
        """End every process; whoever still waits gets NotDrawn."""
        self._closed = True
        taken = []
        with contextlib.suppress(queue.Empty):
            while True:
                taken.append(self._idle.get_nowait())
        for process in taken:
            if process is not None:
                process.end()
            # Who waits for one is told at once that there is none any more.
            self._idle.put(None)

    def _drawn(self, asked: dict[str, Any], *, keep: bool = True) -> bytes:
        frame = _encode(asked)
        if len(frame) > SPEC_LIMIT_BYTES:
            raise TooLarge(f"a drawing may be asked for with at most {SPEC_LIMIT_BYTES} bytes")
        name = hashlib.sha256(frame).digest()
        with self._lock:
            found = self._kept.get(name)
            if found is not None:
                self._kept.move_to_end(name)
                return found
        started, failed = time.monotonic(), True
        try:
            made = self._make(frame)
            failed = False
        finally:
            self._observe(asked["make"], time.monotonic() - started, failed)
        if keep:
            self._keep(name, made)
        return made

    def _make(self, frame: bytes) -> bytes:
        ends_s = time.monotonic() + self._timeout_s
        with self._process(ends_s) as process:
            answer = process.ask(frame, ends_s)
        if answer[:1] != b"+":
            log.warning("a drawing failed: %s", answer[1:].decode(errors="replace"))
            raise NotDrawn("this could not be drawn; why is in the server's log")
        return answer[1:]

    @contextlib.contextmanager
    def _process(self, ends_s: float) -> Iterator[_Process]:
        """A process for one drawing; one that fails is ended, and another takes its place."""
        if not self._waiting.acquire(blocking=False):
            raise Overloaded("too many drawings are waited for")
        try:
            try:
                process = self._idle.get(timeout=max(0.0, ends_s - time.monotonic()))
            except queue.Empty:
                raise Overloaded("other drawings take their time") from None
        finally:
            self._waiting.release()
        try:
            if self._closed:
                raise NotDrawn("the server is stopping")
            if process is not None and process.has_ended:
                process.end()
                process = None
            if process is None:
                process = _begun()
            yield process
        except BaseException:
            if process is not None:
                process.end()
            process = None
            raise
        finally:
            if process is not None and (process.drawings >= DRAWINGS_A_PROCESS or self._closed):
                process.end()
                process = None
            self._idle.put(process)

    def _keep(self, name: bytes, made: bytes) -> None:
        with self._lock:
            if name in self._kept or len(made) > KEPT_LIMIT_BYTES // 4:
                return
            self._kept[name] = made
            self._kept_bytes += len(made)
            while self._kept_bytes > KEPT_LIMIT_BYTES:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= len(dropped)


_encode = msgspec.json.Encoder(decimal_format="number").encode

#: What may be in JSON, escaped or not, and never in XML: with one of these in a title the engine dies. Every
#: other escape is kept as it is (https://www.w3.org/TR/xml/#charsets).
_UNDRAWABLE = re.compile(r"\\(?:u00(?:0[0-8bcef]|1[0-9a-f])|[bf])|(\\.)|[\ufffe\uffff]")


def _begun() -> _Process:
    """A new process. NotDrawn where the machine has no room for one."""
    try:
        return _Process()
    except OSError as error:
        log.warning("no process could be started to draw: %s", error.strerror or type(error).__name__)
        raise NotDrawn("this could not be drawn; why is in the server's log") from None


class _Process:
    """One `worker`."""

    def __init__(self) -> None:
        self.drawings = 0
        command = [sys.executable, "-P", "-m", "turnout.charts.worker"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)

    @property
    def has_ended(self) -> bool:
        """Whether something else has ended it, while nobody was looking."""
        return self._process.poll() is not None

    def ask(self, frame: bytes, ends_s: float) -> bytes:
        """Send a frame and read the answer; NotDrawn if it isn't there by then."""
        self.drawings += 1
        self._write(LENGTH.pack(len(frame)) + frame, ends_s)
        (length,) = LENGTH.unpack(self._read(LENGTH.size, ends_s))
        if length > DRAWING_LIMIT_BYTES:
            raise NotDrawn("the drawing is too large")
        return self._read(length, ends_s)

    def end(self) -> None:
        """Kill it, and wait until it is gone."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.wait()

    def _write(self, data: bytes, ends_s: float) -> None:
        rest = memoryview(data)
        while rest:
            self._wait(self._in, selectors.EVENT_WRITE, ends_s)
            try:
                rest = rest[os.write(self._in, rest) :]
            except BlockingIOError:
                continue
            except OSError:
                raise NotDrawn("what draws has ended") from None

    def _read(self, size: int, ends_s: float) -> bytes:
        found = bytearray()
        while len(found) < size:
            self._wait(self._out, selectors.EVENT_READ, ends_s)
            part = os.read(self._out, min(size - len(found), 1 << 20))
            if not part:
                raise NotDrawn("what draws has ended")
            found += part
        return bytes(found)

    @staticmethod
    def _wait(end: int, event: int, ends_s: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(end, event)
            if not selector.select(max(0.0, ends_s - time.monotonic())):
                raise NotDrawn("the drawing took too long")
