"""Parts of a page, made side by side. Blocking works enter, what they made leaves, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

from turnout.services import Services

T = TypeVar("T")

#: Of one page: who asks for another at the same time finds threads left.
PARTS_AT_ONCE = 4


async def beside(services: Services, works: Iterable[Callable[[], T]]) -> list[T]:
    """Run the works, so many at once. Raises the first error that one of them does."""
    free = asyncio.Semaphore(PARTS_AT_ONCE)

    async def run(work: Callable[[], T]) -> T:
        async with free:
            return await services.draw(work)

    return await asyncio.gather(*map(run, works))
