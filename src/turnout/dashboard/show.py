"""A live show while it goes on."""

from __future__ import annotations

from starlette.responses import Response

from turnout.dialects.contract import Call
from turnout.errors import NotFound


async def show(call: Call) -> Response:
    """Viewers now, the curve of the show, what they do."""
    raise NotFound("this page is not there yet")


async def now(call: Call) -> Response:
    """The part of the page that changes."""
    raise NotFound("this page is not there yet")
