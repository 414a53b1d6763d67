"""Charts of a campaign, as files."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from turnout.charts.renderer import MEDIA_TYPES, Form
from turnout.dialects.contract import Call
from turnout.dialects.native import parse, wire
from turnout.errors import InvalidInput, NotFound
from turnout.panels import view
from turnout.panels.picture import picture
from turnout.panels.registry import panel


async def chart(call: Call) -> Response:
    """One panel of a campaign, drawn. 404 where there is nothing to draw."""
    asked, _ = parse.query(wire.ChartQuery, call.request.query_params.multi_items())
    form = _form(call.request.path_params["form"])
    campaign = call.services.catalog.campaign(call.workspace.id, call.request.path_params["id"])
    chosen = panel(asked.panel)
    if not 0.5 <= asked.scale <= 4:
        raise InvalidInput("scale must be between 0.5 and 4", field="scale")
    given = msgspec.to_builtins(asked)

    def draw() -> bytes:
        seen = view.read(call.services, call.workspace, campaign, {name: given[name] for name in view.NAMES})
        return picture(call.services, seen, chosen, form, asked.look, scale=asked.scale)

    return Response(await call.services.draw(draw), media_type=MEDIA_TYPES[form])


def _form(text: str) -> Form:
    for form in MEDIA_TYPES:
        if form == text:
            return form
    raise NotFound(f"there is no chart.{text[:20]}", hint=f"there are {', '.join(MEDIA_TYPES)}")
