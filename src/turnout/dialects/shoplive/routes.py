"""Shoplive's routes, the tokens that its clients sign, and the one shape of its errors."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from turnout import errors
from turnout.capture import body as bodies
from turnout.dialects import kept
from turnout.dialects.contract import Call, Caller, Room, Route
from turnout.dialects.kept import Bodies, PerHouse
from turnout.dialects.shoplive import parse, render, shows, tokens
from turnout.dialects.shoplive.compatibility import COMPATIBILITY
from turnout.dialects.shoplive.example import example
from turnout.dialects.shoplive.wire import CampaignBody
from turnout.model import DEFAULT_TRAFFIC, Campaign, CampaignFields, Workspace
from turnout.services import Services

_BODY_LIMIT_BYTES = 1 << 20

#: A longer path and query are answered, but their answer isn't kept: they are part of what is kept.
KEPT_QUERY_LIMIT_BYTES = 1024

_JSON = "application/json"


@dataclass(frozen=True)
class _State:
    """What the room remembers between requests, and the turn of those who change a campaign."""

    bodies: Bodies = field(default_factory=Bodies)
    verified: tokens.Verified = field(default_factory=tokens.Verified)
    changing: threading.Lock = field(default_factory=threading.Lock)


_states = PerHouse(_State)


# ---- statistics -------------------------------------------------------------------------------------


async def statistics(call: Call) -> Response:
    """Every show that something happened in within the range."""
    asked = call.request.query_params
    range_ = parse.window(asked)
    keys = parse.listed(asked.multi_items(), "campaignKeys")
    services, workspace = call.services, call.workspace

    def answer() -> bytes:
        named = None
        if keys is not None:
            with_keys = (services.catalog.find(workspace.id, "key", key) for key in keys)
            named = [one.id for one in with_keys if one is not None]
        rows = shows.figures(services.statistics, workspace.id, range_, named)
        known = [one for one in services.catalog.campaigns(workspace.id) if one.id in rows]
        found = shows.shows(services, workspace.id, known)
        return render.statistics([(one, rows[one.campaign.id]) for one in found], workspace.access_key)

    return Response(await _kept(call, answer), media_type=_JSON)


async def campaign_statistics(call: Call) -> Response:
    """One show, over its whole life; not found until it has viewers."""
    services, workspace = call.services, call.workspace
    campaign = _campaign(call)

    def answer() -> bytes:
        rows = shows.figures(services.statistics, workspace.id, None, (campaign.id,))
        if campaign.id not in rows:
            raise errors.NotFound("The campaign has no viewers yet", field="campaignKey")
        (show,) = shows.shows(services, workspace.id, [campaign])
        return render.element(show, rows[campaign.id], workspace.access_key)

    return Response(await _kept(call, answer), media_type=_JSON)


async def _kept(call: Call, make: Callable[[], bytes]) -> bytes:
    """The body of this path and query, made anew when events, campaigns or the workspace have changed."""
    services, workspace = call.services, call.workspace
    path, query = call.request.scope["path"], call.request.scope["query_string"]
    name, keep = (workspace.access_key, path, query), len(path) + len(query) <= KEPT_QUERY_LIMIT_BYTES
    return await kept.answer(_states.of(services).bodies, services, workspace.id, name, make, keep=keep)


# ---- campaigns --------------------------------------------------------------------------------------


async def search(call: Call) -> Response:
    """A page of the shows that are looked for."""
    asked = parse.search(call.request.query_params.multi_items())
    services, workspace, now = call.services, call.workspace, call.services.now()

    def answer() -> bytes:
        found = shows.find(services, workspace.id, asked, now)
        page = found[(asked.page - 1) * asked.count : asked.page * asked.count]
        described = shows.described(services.statistics, workspace.id, page, now)
        return render.search(described, len(found), workspace.access_key)

    return Response(await services.run(answer), media_type=_JSON)


async def get(call: Call) -> Response:
    """One show."""
    asked = call.request.query_params
    parse.flag(asked, "includeAuctionDetail")
    parse.whole(asked, "resolutionLevel", 1, 4, 1)
    return await _object(call, _campaign(call))


async def create(call: Call) -> Response:
    """Make a show, in the state READY."""
    asked = await _body(call)
    services, workspace = call.services, call.workspace
    meta = asked.campaign_meta
    key = secrets.token_hex(6)
    fields = CampaignFields(
        title=parse.title(meta.title), type="live", channels=("live",), key=key, scheduled_at=services.now()
    )
    fields = _changed(fields, asked)
    if asked.seller is not None:
        fields = msgspec.structs.replace(
            fields, properties={**fields.properties, "seller": msgspec.to_builtins(asked.seller)}
        )
    # Events name the show by its key.
    campaign = await services.run(services.catalog.put_campaign, workspace.id, key, fields)
    services.statistics.changed([workspace.id])
    return await _object(call, campaign)


async def update(call: Call) -> Response:
    """Set what the body has on a show; the rest stays."""
    asked = await _body(call)
    if asked.campaign_meta.title is not None:
        parse.title(asked.campaign_meta.title)
    services, workspace = call.services, call.workspace
    name = _campaign(call).id

    def change() -> Campaign:
        with _states.of(services).changing:
            before = services.catalog.campaign(workspace.id, name)
            same = {one: getattr(before, one) for one in CampaignFields.__struct_fields__}
            # Left out, these stay as they are, with what events add to them meanwhile.
            same.update(channels=(), messages=(), variations=())
            return services.catalog.put_campaign(workspace.id, name, _changed(CampaignFields(**same), asked))

    campaign = await services.run(change)
    services.statistics.changed([workspace.id])
    return await _object(call, campaign)


def _changed(fields: CampaignFields, asked: CampaignBody) -> CampaignFields:
    """The fields with what the body sets: in the core's own where it has one, else in the properties."""
    meta = asked.campaign_meta
    held: dict[str, object] = {}
    if meta.rehearsal_passcode is not None:
        held["rehearsalPasscode"] = str(meta.rehearsal_passcode)
    if meta.serve_replay is not None:
        held["serveReplay"] = meta.serve_replay
    if meta.brand is not None:
        held["brand"] = msgspec.to_builtins(meta.brand)
    if meta.scheduled_end_at is not None:
        held["scheduledEndAt"] = render.time(parse.moment(meta.scheduled_end_at, "scheduledEndAt"))
    before = fields.properties.get("campaignMeta")
    own = {
        "title": meta.title,
        "description": meta.description,
        "tags": None if meta.tags is None else parse.tags(meta.tags),
        "scheduled_at": (
            None if meta.scheduled_start_at is None else parse.moment(meta.scheduled_start_at, "scheduledStartAt")
        ),
        "properties": {**fields.properties, "campaignMeta": {**(before if isinstance(before, dict) else {}), **held}},
    }
    return msgspec.structs.replace(fields, **{name: value for name, value in own.items() if value is not None})


def _campaign(call: Call) -> Campaign:
    found = call.services.catalog.find(call.workspace.id, "key", call.request.path_params["campaignKey"])
    if found is None:
        raise errors.NotFound("Campaign does not exist", field="campaignKey")
    return found


async def _body(call: Call) -> CampaignBody:
    return parse.body(await bodies.read(call.request.stream(), _BODY_LIMIT_BYTES))


async def _object(call: Call, campaign: Campaign) -> Response:
    services, workspace, now = call.services, call.workspace, call.services.now()

    def answer() -> bytes:
        found = shows.shows(services, workspace.id, [campaign])
        (described,) = shows.described(services.statistics, workspace.id, found, now)
        return render.campaign(described, workspace.access_key)

    return Response(await services.run(answer), media_type=_JSON)


# ---- who asks, and how no is said -------------------------------------------------------------------


def authenticate(request: Request, services: Services) -> Caller:
    """The workspace of the path's access key, if its signing secret made the token and the token says so too."""
    token = tokens.of_header(request.headers.get("authorization", ""))
    if not token:
        raise errors.Unauthenticated("Needs to login")
    workspace = _workspace(services, request.path_params["accessKey"])
    claims = _states.of(services).verified.claims(token, workspace.signing_secret)
    if not claims.holds_at(services.now()):
        raise errors.Unauthenticated("Needs to login")
    if claims.access_key != workspace.access_key:
        raise _wrong_access_key()
    return Caller(workspace)


def _workspace(services: Services, access_key: str) -> Workspace:
    try:
        found = services.catalog.workspace_by_access_key(access_key)
    except UnicodeEncodeError:
        # Bytes of the path that are no UTF-8.
        found = None
    if found is None:
        raise _wrong_access_key()
    return found


def _wrong_access_key() -> errors.Unauthenticated:
    return errors.Unauthenticated("Please check the access key", field="accessKey")


#: Status and `_s`.
_CODES: dict[type[errors.TurnoutError], tuple[int, int]] = {
    errors.InvalidInput: (400, -510),
    errors.UnknownName: (400, -510),
    errors.Unauthenticated: (401, -102),
    errors.Forbidden: (403, -102),
    errors.NotFound: (404, -510),
    errors.MethodNotAllowed: (405, -510),
    errors.Conflict: (409, -510),
    errors.TooLarge: (400, -510),
    errors.UnsupportedFormat: (415, -510),
    errors.BodyTimeout: (400, -510),
    errors.RateLimited: (429, -1),
    errors.Overloaded: (503, -1),
    errors.StoreError: (503, -500),
}

#: The codes of what a field names, where it has one of its own.
_FIELD_CODES: dict[tuple[type[errors.TurnoutError], str], int] = {
    (errors.Unauthenticated, "accessKey"): -200,
    (errors.NotFound, "campaignKey"): -710,
    (errors.InvalidInput, "title"): -837,
}


def render_error(error: errors.TurnoutError, request: Request) -> Response:
    """`{"_s": code, "_e": message}`."""
    status, code = _CODES.get(type(error), (500, -500))
    code = _FIELD_CODES.get((type(error), error.field), code)
    headers = {}
    if isinstance(error, errors.Overloaded | errors.RateLimited):
        headers["Retry-After"] = str(error.retry_after_s)
    return Response(render.error(code, error.message), status, headers, _JSON)


_BASE = "/v2/{accessKey}/campaign"

#: The literal path stands before the one that would take "stats" for a key.
ROUTES: tuple[Route, ...] = (
    Route("GET", f"{_BASE}/stats", statistics, "Statistics of shows within a range", ("campaign.stats", "read")),
    Route(
        "GET", f"{_BASE}/{{campaignKey}}/stats", campaign_statistics, "Statistics of one show",
        ("campaign.stats", "read"),
    ),
    Route("GET", _BASE, search, "Search shows", ("campaign.search", "read")),
    Route("GET", f"{_BASE}/{{campaignKey}}", get, "One show", ("campaign.get", "read")),
    Route("POST", _BASE, create, "Create a show", ("campaign.create", "admin")),
    Route("PUT", f"{_BASE}/{{campaignKey}}", update, "Change a show", ("campaign.update", "admin")),
)  # fmt: skip

ROOM = Room(
    "shoplive", ROUTES, authenticate, render_error,
    compatibility=COMPATIBILITY, title="Shoplive", example=example, traffic=DEFAULT_TRAFFIC,
)  # fmt: skip
