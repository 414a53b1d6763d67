"""The routes that tell of campaigns, make them, change them and take them away."""

from __future__ import annotations

import secrets

from starlette.responses import Response

from turnout.capture import body as bodies
from turnout.dialects.batch import parse, payload, render
from turnout.dialects.batch.lookup import JSON, campaign_of
from turnout.dialects.batch.state import STATES
from turnout.dialects.contract import Call


async def listing(call: Call) -> Response:
    """A page of the campaigns, the newest first; past the end it is empty."""
    asked = parse.campaigns(call.request.query_params)
    found = [
        one
        for one in reversed(call.services.catalog.campaigns(call.workspace.id))
        if (asked.live is None or payload.is_live(one) == asked.live)
        and (asked.from_api is None or payload.from_api(one) == asked.from_api)
    ]
    return Response(render.campaigns(found[asked.offset : asked.offset + asked.limit]), media_type=JSON)


async def details(call: Call) -> Response:
    """One campaign, as it was made."""
    return Response(render.campaign(campaign_of(call)), media_type=JSON)


async def create(call: Call) -> Response:
    """Make a campaign. Its token is its id too, so that events can name it."""
    services, workspace = call.services, call.workspace.id
    fields = payload.created(await _body(call), secrets.token_hex(16), services.now())
    made = await services.run(services.catalog.put_campaign, workspace, fields.id, fields)
    services.statistics.changed([workspace])
    return Response(render.token(made), 201, media_type=JSON)


async def update(call: Call) -> Response:
    """Change what the body has of a campaign."""
    services, workspace = call.services, call.workspace.id
    campaign_of(call)
    sent, changing = await _body(call), STATES.of(services).changing

    def change() -> bytes:
        with changing:
            before = campaign_of(call)
            fields = payload.updated(before, sent, services.now())
            return render.token(services.catalog.put_campaign(workspace, before.id, fields))

    body = await services.run(change)
    services.statistics.changed([workspace])
    return Response(body, media_type=JSON)


async def delete(call: Call) -> Response:
    """Forget a campaign's entry; its events stay."""
    services, workspace = call.services, call.workspace.id
    campaign = campaign_of(call)
    await services.run(services.catalog.delete_campaign, workspace, campaign.id)
    services.statistics.changed([workspace])
    return Response(render.token(campaign), media_type=JSON)


async def _body(call: Call) -> payload.Payload:
    return payload.decode(await bodies.read(call.request.stream(), payload.BODY_LIMIT_BYTES))
