"""What is under way, and how much of it there may be: requests, and the bytes of their bodies.

A request's `receive` goes in, and one that counts, waits no longer than it may, and refuses before it reads comes
out. How many connections there may be is the server's to say (`app.serving`).
"""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive, Scope

from turnout.errors import BodyTimeout, Overloaded
from turnout.settings import Settings

#: A request that was refused for what others have under way may try again then.
_RETRY_AFTER_S = 1


class Admission:
    """Requests under way (`requests`) and the bytes of bodies that are read or worked on (`body_bytes`).

    For one thread (the event loop's).
    """

    def __init__(self, settings: Settings) -> None:
        self.requests = 0
        self.body_bytes = 0
        self.body_timeout_s = settings.body_timeout_s
        self._limit_requests = settings.inflight_limit_requests
        self._limit_bytes = settings.inflight_limit_bytes
        #: A body that says it is longer is refused by its length, or cut off there.
        self.body_limit_bytes = settings.body_limit_bytes

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


class BodyReader:
    """The `receive` of one request. Room for its body is made before its first byte is read."""

    __slots__ = ("_admission", "_read_bytes", "_receive", "_reserved_bytes", "_scope", "_until_s")

    def __init__(self, receive: Receive, admission: Admission, scope: Scope) -> None:
        self._receive = receive
        self._admission = admission
        self._scope = scope
        self._reserved_bytes = 0
        self._read_bytes = 0
        self._until_s = 0.0

    async def __call__(self) -> Message:
        """The next message. Overloaded if there is no room for the body, BodyTimeout if it doesn't come in time."""
        loop = asyncio.get_running_loop()
        if not self._until_s:
            self._until_s = loop.time() + self._admission.body_timeout_s
            self._reserve(min(_declared_bytes(self._scope), self._admission.body_limit_bytes))
        try:
            async with asyncio.timeout_at(self._until_s):
                message = await self._receive()
        except TimeoutError:
            raise BodyTimeout(
                f"the body did not come within {self._admission.body_timeout_s} seconds",
                field="body",
                hint="send it faster, or in smaller parts",
            ) from None
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


def _declared_bytes(scope: Scope) -> int:
    """The length that a body says it has; 0 where it says none."""
    text = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(text) if text.isdigit() else 0
