"""What is under way, and how much of it there may be: requests, and the bytes of their bodies.

A request's `receive` goes in, and one that counts, waits no longer than it may, and refuses before it reads comes
out. How many connections there may be is the server's to say (`serving`).
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Message, Receive

from turnout.errors import BodyTimeout, Overloaded
from turnout.settings import Settings

#: A request that was refused for what others have under way may try again then.
_RETRY_AFTER_S = 1

#: How often it is looked for bodies that are late. A timer for each of them would cost a third of a small request.
_SWEEP_S = 0.5


class Admission:
    """Requests under way (`requests`) and the bytes of bodies that are read or worked on (`body_bytes`).

    For one thread (the event loop's).
    """

    def __init__(self, settings: Settings) -> None:
        self.requests = 0
        self.body_bytes = 0
        #: A body that says it is longer is refused by its length, or cut off there.
        self.body_limit_bytes = settings.body_limit_bytes
        self.body_timeout_s = settings.body_timeout_s
        self._limit_requests = settings.inflight_limit_requests
        self._limit_bytes = settings.inflight_limit_bytes
        #: Who waits for a part of a body, with the tasks to be woken.
        self._waiting: dict[BodyReader, asyncio.Task[Any]] = {}
        self._sweeping = False

    def check(self) -> None:
        """Overloaded if too many requests are under way, this one among them."""
        if self.requests > self._limit_requests:
            raise Overloaded("too many requests are under way", retry_after_s=_RETRY_AFTER_S)

    def reserve(self, count_bytes: int, held_bytes: int) -> None:
        """Make room for so much more of a body that holds `held_bytes`, or raise Overloaded. One that is alone always
        has room."""
        if self.body_bytes > held_bytes and self.body_bytes + count_bytes > self._limit_bytes:
            raise Overloaded("too many bytes of bodies are under way", retry_after_s=_RETRY_AFTER_S)
        self.body_bytes += count_bytes

    async def wait(self, reader: BodyReader, receive: Receive) -> Message:
        """The next part of a body; BodyTimeout once its reader is late."""
        task = asyncio.current_task()
        assert task is not None
        self._waiting[reader] = task
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)
        try:
            return await receive()
        except asyncio.CancelledError:
            if reader.is_late and not task.uncancel():
                raise BodyTimeout(
                    f"the body did not come within {self.body_timeout_s} seconds",
                    field="body",
                    hint="send it faster, or in smaller parts",
                ) from None
            raise
        finally:
            del self._waiting[reader]

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        for reader, task in self._waiting.items():
            if reader.until_s <= now_s and not reader.is_late:
                reader.is_late = True
                task.cancel()
        self._sweeping = bool(self._waiting)
        if self._sweeping:
            loop.call_later(_SWEEP_S, self._sweep)


class BodyReader:
    """The `receive` of one request. Room for its body is made before its first byte is read.

    `declared` is what it says of its length, if anything.
    """

    __slots__ = ("_admission", "_declared", "_read_bytes", "_receive", "_reserved_bytes", "is_late", "until_s")

    def __init__(self, receive: Receive, admission: Admission, declared: bytes | None) -> None:
        self._receive = receive
        self._admission = admission
        self._declared = declared
        self._reserved_bytes = 0
        self._read_bytes = 0
        #: When the whole body must be there, by the event loop's clock; 0 until it is asked for.
        self.until_s = 0.0
        self.is_late = False

    async def __call__(self) -> Message:
        """The next message. Overloaded if there is no room for the body, BodyTimeout if it doesn't come in time."""
        admission = self._admission
        if not self.until_s:
            self.until_s = asyncio.get_running_loop().time() + admission.body_timeout_s
            if self._declared is not None and self._declared.isdigit():
                self._reserve(min(int(self._declared), admission.body_limit_bytes))
        message = await admission.wait(self, self._receive)
        self._read_bytes += len(message.get("body", b""))
        if self._read_bytes > self._reserved_bytes:
            self._reserve(self._read_bytes - self._reserved_bytes)
        return message

    def _reserve(self, count_bytes: int) -> None:
        self._admission.reserve(count_bytes, self._reserved_bytes)
        self._reserved_bytes += count_bytes

    def release(self) -> None:
        """The body is done with."""
        self._admission.body_bytes -= self._reserved_bytes
        self._reserved_bytes = 0
