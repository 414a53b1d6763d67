"""GET /o/{token}.gif."""

from __future__ import annotations

from starlette.responses import Response

from turnout.dialects.contract import Call


async def opened(call: Call) -> Response:
    """Note that a message was opened."""
    return picture()


def picture() -> Response:
    """A transparent point."""
    return Response(b"", media_type="image/gif")
