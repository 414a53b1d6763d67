"""The workspace: its zone, keys, webhooks and traffic rules."""

from __future__ import annotations

from starlette.responses import Response

from turnout.dialects.contract import Call
from turnout.errors import NotFound


async def settings(call: Call) -> Response:
    """What the workspace is set to."""
    raise NotFound("this page is not there yet")


async def change(call: Call) -> Response:
    """Change one thing of it."""
    raise NotFound("this page is not there yet")
