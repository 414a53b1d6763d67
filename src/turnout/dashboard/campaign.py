"""One campaign: its panels, a section of them at a time."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup
from starlette.responses import Response

from turnout.dashboard import pages
from turnout.dialects.contract import Call
from turnout.errors import NotDrawn, Overloaded, TooLarge
from turnout.panels import view
from turnout.panels.contract import Panel, Shown, View
from turnout.panels.registry import PANELS
from turnout.services import Services


@dataclass(frozen=True)
class Drawn:
    """A panel with what it shows, and its chart as SVG; none where there is nothing to draw, or it could not be."""

    panel: Panel
    shown: Shown
    svg: Markup | None


async def campaign(call: Call) -> Response:
    """A section of a campaign."""
    query = dict(call.request.query_params)
    found = call.services.catalog.campaign(call.workspace.id, query.get("id", ""))
    section = query.get("section", "summary")

    def make() -> tuple[View, list[Drawn]]:
        seen = view.read(call.services, call.workspace, found, query)
        return seen, [draw(call.services, seen, one) for one in PANELS.values() if one.section == section]

    seen, drawn = await call.services.run(make)
    return pages.page(call, "campaign.html", found.title, campaign=found, view=seen, panels=drawn, section=section)


def draw(services: Services, seen: View, panel: Panel) -> Drawn:
    """A panel, with its chart drawn; without it where that fails, since the table says the same. Blocks."""
    shown = panel.draw(seen, services.statistics.ask)
    if shown.spec is None:
        return Drawn(panel, shown, None)
    try:
        return Drawn(panel, shown, pages.drawing(services.renderer.svg(shown.spec)))
    except (NotDrawn, Overloaded, TooLarge):
        return Drawn(panel, shown, None)
