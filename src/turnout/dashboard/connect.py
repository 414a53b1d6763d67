"""How each vendor's client is pointed here."""

from __future__ import annotations

from starlette.responses import Response

from turnout.dialects.contract import Call
from turnout.errors import NotFound


async def connect(call: Call) -> Response:
    """The base URL and a working line for each vendor."""
    raise NotFound("this page is not there yet")
