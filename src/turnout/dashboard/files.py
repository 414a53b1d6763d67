"""What a page shows, as a file."""

from __future__ import annotations

from starlette.responses import Response

from turnout.dialects.contract import Call
from turnout.errors import NotFound


async def panel(call: Call) -> Response:
    """A panel as CSV, Parquet, PNG, SVG or PDF."""
    raise NotFound("this page is not there yet")
