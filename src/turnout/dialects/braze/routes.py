"""Braze's routes: what each reads of its query, asks and answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

from starlette.datastructures import QueryParams
from starlette.responses import Response

from turnout import errors
from turnout.dialects.braze import access, details, parse, render
from turnout.dialects.braze.arms import is_uuid, layout
from turnout.dialects.braze.canvas import canvas
from turnout.dialects.braze.compatibility import COMPATIBILITY
from turnout.dialects.braze.example import example
from turnout.dialects.braze.journey import is_canvas, is_only_canvas, journey
from turnout.dialects.braze.kpi import KPIS, kpi
from turnout.dialects.braze.life import Asker
from turnout.dialects.braze.series import series
from turnout.dialects.contract import Call, Handler, Room, Route
from turnout.dialects.kept import Bodies, PerHouse, answer
from turnout.model import DEFAULT_TRAFFIC, Campaign
from turnout.stats import calendar
from turnout.store.events import Span

#: Campaigns of one page of a list.
PAGE_SIZE = 100

#: A longer query is answered, but its answer isn't kept: the query is part of what is kept.
KEPT_QUERY_LIMIT_BYTES = 512

_NO_CAMPAIGN = "campaign_id must be a string of the campaign api identifier"
_NO_CANVAS = "canvas_id must be a string of the Canvas api identifier"
_NO_SEND = "send_id must be a string of the send api identifier"

#: What was sent; who was held back from it has entered all the same.
_SENDINGS = ("sent", "impression")
_ENTRIES = (*_SENDINGS, "enrolled")

_bodies = PerHouse(Bodies)


# ---- series -----------------------------------------------------------------------------------------


async def _kept(call: Call, read: Callable[[QueryParams, dt.datetime], Callable[[], bytes]]) -> Response:
    """The answer as it is remembered, else made anew: `read` the query, then do what it says off the loop."""
    services, workspace, now = call.services, call.workspace, call.services.now()
    query: bytes = call.request.scope["query_string"]
    # The data stand for the events, the campaigns and the zone; today for a query that names no end.
    name = (call.request.scope["path"], query, now.astimezone(calendar.zone(workspace.timezone)).date())
    return _json(
        await answer(
            _bodies.of(services), services, workspace.id, name,
            lambda: read(call.request.query_params, now)(), keep=len(query) <= KEPT_QUERY_LIMIT_BYTES,
        )
    )  # fmt: skip


async def data_series(call: Call) -> Response:
    """A campaign's numbers, day by day."""

    def read(asked: QueryParams, now: dt.datetime) -> Callable[[], bytes]:
        asker, window = _asker(call, _campaign(call)), _window(call, asked, now)
        return lambda: render.series(series(asker, window))

    return await _kept(call, read)


async def send_series(call: Call) -> Response:
    """The numbers of one send of a campaign, day by day."""

    def read(asked: QueryParams, now: dt.datetime) -> Callable[[], bytes]:
        asker = _asker(call, _campaign(call))
        send_id = parse.identifier(asked.get("send_id", ""), "send_id", _NO_SEND)
        window = _window(call, asked, now)
        return lambda: render.series(series(asker, window, send_id))

    return await _kept(call, read)


async def canvas_series(call: Call) -> Response:
    """A canvas' numbers, day by day."""

    def read(asked: QueryParams, now: dt.datetime) -> Callable[[], bytes]:
        asker = _asker(call, _canvas(call))
        query = parse.canvas(asked, call.workspace.timezone, now)
        return lambda: render.canvas_series(canvas(asker, query, by_day=True))

    return await _kept(call, read)


async def canvas_summary(call: Call) -> Response:
    """A canvas' numbers of a whole window."""

    def read(asked: QueryParams, now: dt.datetime) -> Callable[[], bytes]:
        asker = _asker(call, _canvas(call))
        query = parse.canvas(asked, call.workspace.timezone, now)
        return lambda: render.canvas_summary(canvas(asker, query, by_day=False))

    return await _kept(call, read)


def kpi_series(name: str) -> Handler:
    """The handler of one daily number of the workspace's apps."""

    async def handler(call: Call) -> Response:
        def read(asked: QueryParams, now: dt.datetime) -> Callable[[], bytes]:
            app = asked.get("app_id", "")
            if app:
                parse.identifier(app, "app_id", "app_id must be a string of the app api identifier")
            window = _window(call, asked, now, more_days=KPIS[name])
            return lambda: render.kpi(name, kpi(call.services.statistics, call.workspace, name, window, app))

        return await _kept(call, read)

    return handler


def _window(call: Call, asked: QueryParams, now: dt.datetime, more_days: int = 0) -> parse.Window:
    days = parse.length(asked.get("length")) + more_days
    return parse.window(days, asked.get("ending_at", ""), call.workspace.timezone, now)


# ---- lists and details ------------------------------------------------------------------------------


async def campaigns(call: Call) -> Response:
    """A page of the campaigns, in the order of their creation; past the end it is empty."""
    everyone = call.services.catalog.campaigns(call.workspace.id)
    return _json(render.campaigns(_page(call, (one for one in everyone if not is_only_canvas(one)))))


async def canvases(call: Call) -> Response:
    """A page of the canvases, likewise."""
    everyone = call.services.catalog.campaigns(call.workspace.id)
    return _json(render.canvases(_page(call, (one for one in everyone if is_canvas(one)))))


def _page(call: Call, everyone: Iterable[Campaign]) -> list[Campaign]:
    asked = parse.page(call.request.query_params)
    found = [
        one
        for one in everyone
        if (asked.include_archived or not one.archived)
        and (asked.edited_after is None or one.updated_at > asked.edited_after)
    ]
    if asked.descending:
        found.reverse()
    start = asked.page * PAGE_SIZE
    return found[start : start + PAGE_SIZE]


async def campaign_details(call: Call) -> Response:
    """What a campaign is, and when it was first and last sent."""
    asker, now = _asker(call, _campaign(call)), call.services.now()

    def work() -> bytes:
        found = layout(asker.campaign, asker.life().seen)
        return details.campaign(asker.campaign, found, _span(call, asker.campaign, _SENDINGS), now)

    return _json(await call.services.run(work))


async def canvas_details(call: Call) -> Response:
    """What a canvas is, its steps and variants, and when it was first and last entered."""
    asker, now = _asker(call, _canvas(call)), call.services.now()

    def work() -> bytes:
        found = journey(asker.campaign, asker.life().seen)
        return details.canvas(asker.campaign, found, _span(call, asker.campaign, _ENTRIES), now)

    return _json(await call.services.run(work))


def _span(call: Call, campaign: Campaign, types: tuple[str, ...]) -> Span | None:
    return call.services.events.spans(call.workspace.id, [campaign.id], types).get(campaign.id)


# ---- which campaign ---------------------------------------------------------------------------------


def _campaign(call: Call) -> Campaign:
    name = call.request.query_params.get("campaign_id", "")
    found = _find(call, name)
    if found is not None:
        return found
    raise errors.InvalidInput("Campaign does not exist" if is_uuid(name) else _NO_CAMPAIGN, field="campaign_id")


def _canvas(call: Call) -> Campaign:
    found = _find(call, call.request.query_params.get("canvas_id", ""))
    if found is None or not is_canvas(found):
        raise errors.InvalidInput(_NO_CANVAS, field="canvas_id")
    return found


def _find(call: Call, name: str) -> Campaign | None:
    """A UUID is the same in capitals, whichever of the two it was set in."""
    written = (name, name.lower(), name.upper())
    return next(filter(None, (call.services.catalog.find(call.workspace.id, "uuid", one) for one in written)), None)


def _asker(call: Call, campaign: Campaign) -> Asker:
    return Asker(call.services.statistics, call.workspace, campaign)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _route(path: str, handler: Handler, summary: str) -> Route:
    """A route whose permission is its path with dots."""
    return Route("GET", path, handler, summary, (path[1:].replace("/", "."), "read"))


ROUTES: tuple[Route, ...] = (
    _route("/campaigns/data_series", data_series, "A campaign day by day"),
    _route("/campaigns/list", campaigns, "The list of campaigns"),
    _route("/campaigns/details", campaign_details, "What a campaign is"),
    _route("/sends/data_series", send_series, "One send of a campaign day by day"),
    _route("/canvas/list", canvases, "The list of canvases"),
    _route("/canvas/details", canvas_details, "What a canvas is"),
    _route("/canvas/data_series", canvas_series, "A canvas day by day"),
    _route("/canvas/data_summary", canvas_summary, "A canvas in one"),
    *(_route(f"/kpi/{name}/data_series", kpi_series(name), f"{name} day by day") for name in KPIS),
)

ROOM = Room(
    "braze", ROUTES, access.authenticate, access.render_error, access.decorate, COMPATIBILITY, access.prepare,
    "Braze", example, DEFAULT_TRAFFIC,
)  # fmt: skip
