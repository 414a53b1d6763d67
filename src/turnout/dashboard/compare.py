"""Several campaigns beside one another, aligned at their sends."""

from __future__ import annotations

from starlette.responses import Response

from turnout.dialects.contract import Call
from turnout.errors import NotFound


async def compare(call: Call) -> Response:
    """Several campaigns over the hours since each was sent."""
    raise NotFound("this page is not there yet")
