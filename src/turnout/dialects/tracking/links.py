"""GET /r/{code}."""

from __future__ import annotations

from starlette.responses import Response

from turnout import errors
from turnout.dialects.contract import Call


async def follow(call: Call) -> Response:
    """Send whoever follows a link to where it leads."""
    raise errors.NotFound("there is no such link")


def page(error: errors.TurnoutError) -> Response:
    """What a person sees whose link leads nowhere."""
    return Response(error.message, 404, media_type="text/plain")
