"""Reports: one now, and those that are written or sent by the clock."""

from __future__ import annotations

from starlette.responses import Response

from turnout.dialects.contract import Call
from turnout.errors import NotFound


async def reports(call: Call) -> Response:
    """The scheduled reports."""
    raise NotFound("this page is not there yet")


async def change(call: Call) -> Response:
    """Add, run or end a scheduled report."""
    raise NotFound("this page is not there yet")


async def report(call: Call) -> Response:
    """One campaign's report, as HTML or PDF."""
    raise NotFound("this page is not there yet")
