"""POST /v1/live/{campaign} and the script that sends it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from turnout import errors
from turnout.dialects.contract import Call


async def beacon(call: Call) -> Response:
    """What a viewer did."""
    raise errors.NotFound("there is no such show")


async def preflight(call: Call) -> Response:
    """Whether a page may send."""
    return Response(status_code=204)


async def script(call: Call) -> Response:
    """The script."""
    return Response("", media_type="text/javascript")


def refusal(error: errors.TurnoutError, request: Request) -> Response:
    """A beacon that is not taken."""
    return Response(error.message, 400, media_type="text/plain")
