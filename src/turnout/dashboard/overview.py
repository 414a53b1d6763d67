"""All campaigns of the workspace."""

from __future__ import annotations

from starlette.responses import Response

from turnout.dashboard import pages
from turnout.dialects.contract import Call


async def overview(call: Call) -> Response:
    """A page of campaigns."""
    campaigns = call.services.catalog.campaigns(call.workspace.id)[:50]
    return pages.page(call, "overview.html", "Campaigns", campaigns=campaigns)
