"""The registry of campaigns."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.responses import Response

from turnout.capture import body as bodies
from turnout.dialects.contract import Call
from turnout.dialects.native import parse, render, wire
from turnout.errors import InvalidInput
from turnout.model import Campaign, CampaignFields

T = TypeVar("T")

_BODY_LIMIT_BYTES = 1 << 20
_NAME_LIMIT = 256


async def listing(call: Call) -> Response:
    """A page of campaigns."""
    asked, _ = parse.query(wire.CampaignsQuery, call.request.query_params.multi_items())
    found = [one for one in call.services.catalog.campaigns(call.workspace.id) if _matches(one, asked)]
    page = found[asked.offset : asked.offset + asked.limit]
    names = [one.id for one in page]
    spans = await call.services.run(call.services.events.spans, call.workspace.id, names) if names else {}
    answer = wire.CampaignsAnswer([render.campaign(one, spans.get(one.id)) for one in page], len(found))
    return Response(render.encode(answer), media_type="application/json")


async def get(call: Call) -> Response:
    """One campaign."""
    campaign = call.services.catalog.campaign(call.workspace.id, call.request.path_params["id"])
    return await _answer(call, campaign, 200)


async def put(call: Call) -> Response:
    """Create a campaign, or set it anew."""
    name = call.request.path_params["id"]
    if not name or len(name) > _NAME_LIMIT or "\0" in name:
        raise InvalidInput(f"a campaign id has 1 to {_NAME_LIMIT} characters and no NUL", field="id")
    fields = await read_body(call, CampaignFields)
    if fields.id not in ("", name):
        raise InvalidInput("the id in the body is not the one in the path", field="id")
    known = call.services.catalog.has_campaign(call.workspace.id, name)
    campaign = await call.services.run(call.services.catalog.put_campaign, call.workspace.id, name, fields)
    call.services.statistics.changed([call.workspace.id])
    return await _answer(call, campaign, 200 if known else 201)


async def delete(call: Call) -> Response:
    """Forget a campaign's entry; its events stay."""
    name = call.request.path_params["id"]
    await call.services.run(call.services.catalog.delete_campaign, call.workspace.id, name)
    call.services.statistics.changed([call.workspace.id])
    return Response(status_code=204)


async def read_body(call: Call, kind: type[T]) -> T:
    """A small JSON body as `kind`; an empty one is `{}`."""
    raw = await bodies.read(call.request.stream(), _BODY_LIMIT_BYTES)
    if b"\0" in raw or rb"\u0000" in raw:
        raise InvalidInput("a NUL character can't be kept", field="body")
    try:
        return msgspec.json.decode(raw or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        text, _, path = str(error).partition(" - at ")
        raise InvalidInput(text[:300], field=path.strip("`").removeprefix("$.") or "body") from None


async def _answer(call: Call, campaign: Campaign, status: int) -> Response:
    spans = await call.services.run(call.services.events.spans, call.workspace.id, [campaign.id])
    body = render.encode(render.campaign(campaign, spans.get(campaign.id)))
    return Response(body, status, media_type="application/json")


def _matches(campaign: Campaign, asked: wire.CampaignsQuery) -> bool:
    words = asked.search.casefold()
    return (
        (not words or words in campaign.id.casefold() or words in campaign.title.casefold())
        and (not asked.tag or asked.tag in campaign.tags)
        and (not asked.channel or asked.channel in campaign.channels)
        and (asked.archived or not campaign.archived)
    )
