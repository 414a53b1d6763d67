"""Braze's routes, its keys and permissions, its rate limits and the one shape of its errors."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from turnout import errors
from turnout.dialects.braze import parse, render
from turnout.dialects.braze.arms import is_uuid
from turnout.dialects.braze.compatibility import COMPATIBILITY
from turnout.dialects.braze.limits import limit_of
from turnout.dialects.braze.series import series
from turnout.dialects.contract import Call, Caller, Room, Route
from turnout.dialects.kept import Bodies, PerHouse
from turnout.dialects.limits import Limiter, Rate
from turnout.model import Campaign
from turnout.services import Services
from turnout.stats import calendar

#: Campaigns of one page of the list.
PAGE_SIZE = 100

#: A longer query is answered, but its answer isn't kept: the query is part of what is kept.
KEPT_QUERY_LIMIT_BYTES = 512

_JSON = "application/json"


@dataclass(frozen=True)
class _State:
    """What the room remembers between requests."""

    limiter: Limiter = field(default_factory=Limiter)
    bodies: Bodies = field(default_factory=Bodies)


_states = PerHouse(_State)


# ---- handlers ---------------------------------------------------------------------------------------


async def data_series(call: Call) -> Response:
    """A campaign's numbers, day by day."""
    services, workspace, now = call.services, call.workspace, call.services.now()
    bodies, version = _states.of(services).bodies, services.statistics.version(workspace.id)
    # The version stands for the events, the campaigns and the zone; today for a query that names no end.
    query: bytes = call.request.scope["query_string"]
    key = (workspace.id, query, now.astimezone(calendar.zone(workspace.timezone)).date())
    body = bodies.get(key, version)
    if body is None:
        asked = call.request.query_params
        campaign = _campaign(call, asked.get("campaign_id", ""))
        window = parse.window(parse.length(asked.get("length")), asked.get("ending_at", ""), workspace.timezone, now)
        body = await services.run(
            lambda: render.series(series(services.statistics, services.engine, workspace, campaign, window))
        )
        if services.statistics.keeps_answers and len(query) <= KEPT_QUERY_LIMIT_BYTES:
            bodies.put(key, version, body)
    return Response(body, media_type=_JSON)


async def campaigns(call: Call) -> Response:
    """A page of the campaigns, in the order of their creation; past the end it is empty."""
    asked = parse.campaigns(dict(call.request.query_params))
    found = [
        one
        for one in call.services.catalog.campaigns(call.workspace.id)
        if (asked.include_archived or not one.archived)
        and (asked.edited_after is None or one.updated_at > asked.edited_after)
    ]
    if asked.descending:
        found.reverse()
    start = asked.page * PAGE_SIZE
    return Response(render.campaigns(found[start : start + PAGE_SIZE]), media_type=_JSON)


def _campaign(call: Call, name: str) -> Campaign:
    find = call.services.catalog.find
    found = find(call.workspace.id, "uuid", name) or find(call.workspace.id, "uuid", name.lower())
    if found is not None:
        return found
    if is_uuid(name):
        raise errors.InvalidInput("Campaign does not exist", field="campaign_id")
    raise errors.InvalidInput("campaign_id must be a string of the campaign api identifier", field="campaign_id")


# ---- who asks, how often, and how no is said --------------------------------------------------------


def authenticate(request: Request, services: Services) -> Caller:
    """The workspace of the Bearer key, or of the older `api_key` of the query; the request is counted for it."""
    key = services.catalog.key_of(_secret(request))
    if key is None:
        raise errors.Unauthenticated("this API key is not known")
    workspace = services.catalog.workspace(key.workspace)
    now = services.now()
    rate = _states.of(services).limiter.count(workspace.id, limit_of(request.scope["path"]), now)
    request.state.braze_rate = rate
    if rate.exceeded:
        raise errors.RateLimited("Rate limit exceeded", retry_after_s=max(1, rate.reset_s - int(now.timestamp())))
    return Caller(workspace, key)


def _secret(request: Request) -> str:
    """The key as it was sent, empty if none was."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return secret.strip()
    return request.query_params.get("api_key", "")


_STATUS: dict[type[errors.TurnoutError], int] = {
    errors.InvalidInput: 400,
    errors.UnknownName: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 404,
    errors.RateLimited: 429,
    errors.TooLarge: 503,
    errors.Overloaded: 503,
    errors.StoreError: 503,
}


def render_error(error: errors.TurnoutError, request: Request) -> Response:
    """`{"message": …}` in Braze's words where they are known."""
    status = _STATUS.get(type(error), 500)
    message = error.message
    if status == 401:
        message = f"Invalid API key: {_secret(request)}"
    elif status == 403:
        message = "You do not have permission to access this resource"
    elif status == 404:
        message = "Invalid URL"
    headers = {"Cache-Control": "no-cache", **_rate_headers(request)}
    return Response(render.error(message), status, headers, _JSON)


def _rate_headers(request: Request) -> dict[str, str]:
    """Present on every response; empty where no workspace is known."""
    rate: Rate | None = request.scope.get("state", {}).get("braze_rate")
    values = (str(rate.limit), str(rate.remaining), str(rate.reset_s)) if rate else ("", "", "")
    return dict(zip(("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"), values, strict=True))


def decorate(call: Call, response: Response) -> None:
    """The rate headers; `render_error` has set them already, for paths that no route has too."""
    if response.status_code == 200:
        headers = _rate_headers(call.request)
        response.raw_headers += [(name.encode(), value.encode()) for name, value in headers.items()]


ROUTES: tuple[Route, ...] = (
    Route("GET", "/campaigns/data_series", data_series, "A campaign day by day", ("campaigns.data_series", "read")),
    Route("GET", "/campaigns/list", campaigns, "The list of campaigns", ("campaigns.list", "read")),
)

ROOM = Room("braze", ROUTES, authenticate, render_error, decorate, COMPATIBILITY)
