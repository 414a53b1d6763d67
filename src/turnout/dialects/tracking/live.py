"""POST /v1/live/{campaign} and the script that sends it, /turnout.js.

Any page may send, so every answer says so (CORS), refusals too. Cookies are neither set nor read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib.resources import files

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from turnout import errors
from turnout.capture import beacon as beacons
from turnout.capture import body as bodies
from turnout.capture import live
from turnout.capture.address import client_address
from turnout.capture.viewers import Viewers
from turnout.dialects.contract import Call, Caller, bearer
from turnout.dialects.kept import PerHouse
from turnout.dialects.limits import Rates, network
from turnout.model import Workspace
from turnout.services import Services

#: Browsers let a page that is left send no more than this.
PAGE_LIMIT_BYTES = 65_536
PAGE_LIMIT_EVENTS = 500

#: What a server with an API key may send at once; /v1/events takes more.
KEY_LIMIT_BYTES = 1_048_576
KEY_LIMIT_EVENTS = 10_000

#: How long a browser keeps the script before it asks whether it is still the same, and what it was told of CORS.
SCRIPT_AGE_S = 3_600
PREFLIGHT_AGE_S = 86_400

_CAMPAIGN_LIMIT_CHARACTERS = 256

#: What a body may call itself. Only text/plain spares a page the preflight.
_MEDIA_TYPES = frozenset(
    {
        "",
        "text/plain",
        "application/json",
        "application/x-ndjson",
        "application/ndjson",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
    }
)

_STATUS: dict[type[errors.TurnoutError], int] = {
    errors.InvalidInput: 400,
    errors.UnknownName: 400,
    errors.BodyTimeout: 408,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.TooLarge: 413,
    errors.UnsupportedFormat: 415,
    errors.RateLimited: 429,
    errors.Overloaded: 503,
    errors.StoreError: 503,
}

_ANYBODY = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Retry-After",
    "Cache-Control": "no-store",
}
_PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type, Authorization",
    "Access-Control-Max-Age": str(PREFLIGHT_AGE_S),
}

_SCRIPT = (files("turnout.capture") / "static" / "turnout.js").read_bytes()
_SCRIPT_HEADERS = {
    "ETag": f'"{hashlib.sha256(_SCRIPT).hexdigest()[:32]}"',
    "Cache-Control": f"public, max-age={SCRIPT_AGE_S}",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


class BeaconQuery(msgspec.Struct, frozen=True):
    """Whose show it is: the workspace's access key, by either name, unless an API key says it."""

    key: str = ""
    access_key: str = ""


@dataclass
class _State:
    """What is remembered between beacons: who watches, and how often each address sends."""

    viewers: Viewers = field(default_factory=Viewers)
    #: By how many a second are let in; a house lets in one number.
    rates: dict[int, Rates] = field(default_factory=dict)


_states = PerHouse(_State)


async def beacon(call: Call) -> Response:
    """Take what viewers did, and say what became of it once it is durable."""
    services, request = call.services, call.request
    state = _states.of(services)
    address = client_address(request.scope, services.settings.proxy_hops)
    _admit(state, services.settings.live_limit_requests_per_s, address)
    caller = await _caller(call)
    said = beacons.read(
        await _body(request, services, caller), PAGE_LIMIT_EVENTS if caller is None else KEY_LIMIT_EVENTS
    )
    workspace = (
        caller.workspace
        if caller is not None
        else await services.sought(lambda: _workspace(request, services, said.key))
    )
    name = request.path_params["campaign"]
    campaign = await services.sought(lambda: _campaign(services, workspace, name, caller is not None))
    sender = beacons.Sender(
        workspace,
        campaign,
        by_key=caller is not None,
        ip=address,
        user_agent=request.headers.get("user-agent", ""),
    )

    def admit(count: int) -> None:
        if caller is not None and call.rates is not None:
            call.rates.events(caller.name, count)

    receipt = await live.take(services, state.viewers, sender, said, admit)
    return Response(msgspec.json.encode(receipt), 200, _ANYBODY, "application/json")


async def preflight(call: Call) -> Response:
    """A page of any origin may send, without credentials."""
    return Response(status_code=204, headers=_PREFLIGHT)


async def script(call: Call) -> Response:
    """The script; 304 for a browser that has it."""
    known = call.request.headers.get("if-none-match", "")
    if _SCRIPT_HEADERS["ETag"] in known:
        return Response(status_code=304, headers=_SCRIPT_HEADERS)
    return Response(_SCRIPT, 200, _SCRIPT_HEADERS, "text/javascript")


def refusal(error: errors.TurnoutError, request: Request) -> Response:
    """A beacon that is not taken: `{"error": {"code", "message", "field", "hint"}}`, for pages of any origin."""
    told = {"code": error.code, "message": error.message, "field": error.field, "hint": error.hint}
    headers = dict(_ANYBODY)
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        msgspec.json.encode({"error": told}), _STATUS.get(type(error), 500), headers, media_type="application/json"
    )


def _admit(state: _State, limit_per_s: int, address: str) -> None:
    """Count a beacon of this address; RateLimited if it is one too many. This machine's own aren't counted."""
    counted = network(address)
    if limit_per_s and counted:
        rates = state.rates.setdefault(limit_per_s, Rates(limit_per_s))
        if wait_s := rates.take(counted):
            raise errors.RateLimited(f"one address may send {limit_per_s} beacons a second", retry_after_s=wait_s)


async def _caller(call: Call) -> Caller | None:
    """The server that has an API key, if it isn't a page."""
    secret = bearer(call.request)
    if not secret:
        return None
    address = client_address(call.request.scope, call.services.settings.proxy_hops)
    attempts, key = call.attempts, await call.services.sought(lambda: call.services.catalog.key_of(secret))
    wait_s = attempts.wait_s(address) if attempts is not None else 0
    if wait_s and not (attempts is not None and key is not None and attempts.knows(address, key.id)):
        raise errors.RateLimited("too many requests with wrong credentials", retry_after_s=wait_s)
    if key is None:
        if attempts is not None:
            attempts.failed(address)
        raise errors.Unauthenticated("this API key is not known")
    if attempts is not None:
        attempts.succeeded(address, key.id)
    caller = Caller(call.services.catalog.workspace(key.workspace), key)
    caller.allow("ingest")
    if call.rates is not None:
        call.rates.request(caller.name)
    return caller


async def _body(request: Request, services: Services, caller: Caller | None) -> bytes:
    """The body, expanded and bounded."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        raise errors.UnsupportedFormat(
            f"content type '{media_type[:100]}' is not spoken",
            field="Content-Type",
            hint="send text/plain, application/json or application/x-ndjson",
        )
    limit_bytes = PAGE_LIMIT_BYTES if caller is None else KEY_LIMIT_BYTES
    declared = request.headers.get("content-length", "")
    try:
        raw = await bodies.read(request.stream(), limit_bytes, int(declared) if declared.isdigit() else None)
    except ClientDisconnect:
        raise errors.InvalidInput("the body ended before it was complete", field="body") from None
    return bodies.expand(raw, request.headers.get("content-encoding", ""), limit_bytes)


def _workspace(request: Request, services: Services, told: str) -> Workspace:
    """The workspace whose access key the query or the body tells."""
    query = request.query_params
    access_key = query.get("key", "") or query.get("access_key", "") or told
    if not access_key:
        raise errors.Unauthenticated(
            "whose show is it?", field="key", hint="send the workspace's access key as ?key=, or an API key as Bearer"
        )
    found = services.catalog.workspace_by_access_key(access_key)
    if found is None:
        raise errors.Unauthenticated("this access key is not known", field="key")
    return found


def _campaign(services: Services, workspace: Workspace, name: str, may_be_new: bool) -> str:
    """The id of the campaign called `name`, by its id or its key. Pages make no campaigns."""
    catalog = services.catalog
    if catalog.has_campaign(workspace.id, name):
        return name
    found = catalog.find(workspace.id, "key", name)
    if found is not None:
        return found.id
    if not may_be_new:
        raise errors.NotFound("there is no such show", field="campaign", hint="make the campaign first")
    if not name.strip() or len(name) > _CAMPAIGN_LIMIT_CHARACTERS or "\0" in name:
        raise errors.InvalidInput("a campaign's id has 1 to 256 characters", field="campaign")
    return name
