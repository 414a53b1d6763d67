"""Tracked links."""

from __future__ import annotations

from starlette.responses import Response

from turnout.dialects.contract import Call
from turnout.errors import NotFound


async def links(call: Call) -> Response:
    """The tracked links of the workspace."""
    raise NotFound("this page is not there yet")


async def change(call: Call) -> Response:
    """Add, change or end a link."""
    raise NotFound("this page is not there yet")
