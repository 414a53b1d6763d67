"""How a process hears of what others have changed in the registry: it asks, again and again, and at once where it must.

A thread asks every `interval_s`. Who finds nothing here that may have been made elsewhere a moment ago (a key, a link)
waits for a look that begins after that; however many wait, there are no more than a few looks a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from turnout.errors import TurnoutError

log = logging.getLogger(__name__)

#: Looks begin at least so far apart: whoever guesses keys has the store asked no more often.
LEAST_INTERVAL_S = 0.2

#: Nobody waits longer for one. Then what is known here counts.
LOOK_TIMEOUT_S = 1.0

#: Every so many looks go back so many versions, for what a lagging replica showed late or two processes wrote as one.
_AGAIN_EVERY = 30
_AGAIN_VERSIONS = 1000


@dataclass(frozen=True)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[bool]


class Following:
    """Calls `look(again)` (the versions to be looked at once more); it says whether anything was new."""

    def __init__(
        self,
        look: Callable[[int], bool],
        *,
        interval_s: float,
        least_interval_s: float = LEAST_INTERVAL_S,
        look_timeout_s: float = LOOK_TIMEOUT_S,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._interval_s = interval_s
        self._least_interval_s = min(interval_s, least_interval_s)
        self._look_timeout_s = look_timeout_s
        self._stopwatch = stopwatch
        self._changed = threading.Condition()
        self._waiters: list[_Waiter] = []
        self._closing = False
        self._fails = False
        self._thread = threading.Thread(target=self._run, name="turnout-following", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    async def looked(self) -> bool:
        """Wait for a look that begins after this, within a bound; whether it found anything new."""
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop, loop.create_future())
        with self._changed:
            # While the store does not answer nobody is made to wait for that.
            if self._closing or self._fails:
                return False
            self._waiters.append(waiter)
            self._changed.notify()
        try:
            return await asyncio.wait_for(waiter.future, self._look_timeout_s)
        except TimeoutError:
            return False
        finally:
            with self._changed, contextlib.suppress(ValueError):
                self._waiters.remove(waiter)

    def _run(self) -> None:
        looks = 0
        while True:
            began = self._stopwatch()
            with self._changed:
                # Who comes while this look is under way waits for the next one.
                waiters, self._waiters = self._waiters, []
            looks += 1
            is_new = self._guarded(_AGAIN_VERSIONS if looks % _AGAIN_EVERY == 0 else 0)
            for waiter in waiters:
                with contextlib.suppress(RuntimeError):  # its loop has ended
                    waiter.loop.call_soon_threadsafe(_tell, waiter.future, is_new)
            with self._changed:
                self._changed.wait_for(lambda: self._closing, began + self._least_interval_s - self._stopwatch())
                self._changed.wait_for(
                    lambda: self._closing or bool(self._waiters), began + self._interval_s - self._stopwatch()
                )
                if self._closing:
                    return

    def _guarded(self, again: int) -> bool:
        try:
            is_new = self._look(again)
        except TurnoutError as error:
            if not self._fails:
                log.warning("changes of other processes can't be seen just now: %s", error.message)
            self._fails = True
            return False
        except Exception:
            log.exception("changes of other processes could not be looked for")
            self._fails = True
            return False
        self._fails = False
        return is_new


def _tell(future: asyncio.Future[bool], is_new: bool) -> None:
    if not future.done():
        future.set_result(is_new)
