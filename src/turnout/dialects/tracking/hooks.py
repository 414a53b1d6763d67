"""POST /hooks/{provider}/{token}."""

from __future__ import annotations

from starlette.responses import Response

from turnout import errors
from turnout.dialects.contract import Call


async def receive(call: Call) -> Response:
    """Take a provider's webhook."""
    raise errors.NotFound("there is no such hook")


async def greet(call: Call) -> Response:
    """Answer a provider that makes sure of an address."""
    raise errors.NotFound("there is no such hook")


def refusal(error: errors.TurnoutError) -> Response:
    """What a provider is told."""
    return Response(error.message, 400, media_type="text/plain")
