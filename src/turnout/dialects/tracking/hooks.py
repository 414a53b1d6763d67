"""POST /hooks/{provider}/{token}: a provider's request becomes a delivery, and its outcome an answer; GET is for those
that make sure of an address first.

An unknown provider, an unknown token and a revoked one get the same answer. The token is in no log.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from dataclasses import dataclass, field

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from turnout import errors
from turnout.capture import body as bodies
from turnout.capture.address import client_address
from turnout.capture.links import public_base
from turnout.capture.webhooks import contract
from turnout.capture.webhooks.contract import Provider
from turnout.capture.webhooks.receiver import Outcome
from turnout.capture.webhooks.receiver import receive as take
from turnout.capture.webhooks.registry import PROVIDERS
from turnout.dialects.contract import Call
from turnout.dialects.kept import PerHouse
from turnout.model import Hook, Workspace
from turnout.store.deliveries import ERROR_LIMIT_CHARS, Delivery

log = logging.getLogger(__name__)

#: Who has no hook of its own comes with an API key that may do this.
_SCOPES = frozenset({"ingest", "admin"})

_STATUS: dict[type[errors.TurnoutError], int] = {
    errors.BodyTimeout: 408,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.TooLarge: 413,
    errors.UnsupportedFormat: 415,
    errors.RateLimited: 429,
    errors.Overloaded: 503,
}

#: When a provider may try again what the store could not do.
_RETRY_AFTER_S = 5


#: Bodies that were expanded and are not done with. What admission counts of them is what they were on the way.
EXPANDED_LIMIT = 2


class Answer(msgspec.Struct, frozen=True):
    """What became of a request: events accepted and known already, what has no statistic, and dead letters."""

    accepted: int
    duplicates: int
    ignored: int
    quarantined: int


@dataclass(frozen=True)
class _Door:
    """Which hook a request came to."""

    provider: Provider
    hook: Hook
    workspace: Workspace
    #: What its rates are counted for: the hook, or the key.
    name: str


@dataclass
class _State:
    """Who may expand a body next."""

    expanding: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(EXPANDED_LIMIT))


_states = PerHouse(_State)


async def receive(call: Call) -> Response:
    """Take a provider's webhook; the answer is given once all of it is on disk."""
    door = await _door(call)
    telemetry, name = call.services.telemetry, door.provider.name
    try:
        if call.rates is not None:
            call.rates.request(door.name)
        raw, encoding = await _body(call), call.request.headers.get("content-encoding", "")
        async with _states.of(call.services).expanding if encoding else nullcontext():
            delivery = _delivery(call, door, await _expanded(call, raw, encoding))
            outcome = await take(
                door.provider, delivery, door.workspace, call.services, lambda count: _admit(call, door, count)
            )
    except errors.TurnoutError as error:
        telemetry.webhooks_refused.labels(name, error.code).inc()
        _note(call, door, status_of(error), error=error.message)
        if isinstance(error, errors.Unauthenticated):
            _failed(call)
            log.warning("a request of %s to hook %s was refused: %s", name, door.name, error.message)
        raise
    except Exception:
        _note(call, door, 500, error="something went wrong here; it is in the server's log")
        raise
    _note(call, door, 200, outcome)
    telemetry.count_webhook(
        name,
        accepted=outcome.accepted,
        duplicates=outcome.duplicates,
        ignored=outcome.ignored,
        quarantined=outcome.quarantined,
    )
    return _answer(outcome)


async def greet(call: Call) -> Response:
    """Answer a provider that makes sure of an address."""
    door = await _door(call)
    if door.provider.greet is None:
        return Response(f"This is a hook for {door.provider.title}: it takes POST.\n", media_type="text/plain")
    try:
        answer = door.provider.greet(_delivery(call, door, b""))
    except errors.Unauthenticated:
        _failed(call)
        raise
    return Response(answer, media_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})


def refusal(error: errors.TurnoutError) -> Response:
    """What a provider is told: a line for whoever reads its log, and a status by which it tries again or not."""
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, errors.Unauthenticated):
        # Some clients send the credentials of an address only when they are asked for them.
        headers["WWW-Authenticate"] = 'Basic realm="hooks"'
    elif isinstance(error, errors.StoreError):
        headers["Retry-After"] = str(_RETRY_AFTER_S)
    return Response(f"{error.message}\n", status_of(error), headers, "text/plain")


def status_of(error: errors.TurnoutError) -> int:
    """The status by which a provider tries again or not."""
    if isinstance(error, errors.StoreError):
        return 503
    return _STATUS.get(type(error), 400 if isinstance(error, errors.InvalidInput) else 500)


async def _door(call: Call) -> _Door:
    """The hook of the address, or an API key in its place. NotFound whatever is wrong with it; RateLimited for who
    guesses."""
    services, attempts = call.services, call.attempts
    provider = PROVIDERS.get(call.request.path_params["provider"])
    token = call.request.path_params["token"]
    address = client_address(call.request.scope, services.settings.proxy_hops)
    wait_s = attempts.wait_s(address) if attempts is not None else 0
    catalog = services.catalog
    found = await services.sought(lambda: catalog.hooks.of_token(token) or catalog.key_of(token))
    hook, key = (found, None) if isinstance(found, Hook) else (None, found)
    if key is not None and _SCOPES.intersection(key.scopes) and provider is not None:
        hook = Hook(id="", workspace=key.workspace, provider=provider.name, digest="", created_at=key.created_at)
    name = key.id if key is not None else hook.id if hook is not None else ""
    if wait_s and not (attempts is not None and name and attempts.knows(address, name)):
        raise errors.RateLimited("too many requests to hooks that there are not", retry_after_s=wait_s)
    if provider is None or hook is None or hook.provider != provider.name:
        _failed(call)
        raise errors.NotFound("there is no such hook")
    if attempts is not None:
        attempts.succeeded(address, name)
    return _Door(provider, hook, services.catalog.workspace(hook.workspace), name)


def _failed(call: Call) -> None:
    call.services.telemetry.unauthenticated.labels("tracking").inc()
    if call.attempts is not None:
        call.attempts.failed(client_address(call.request.scope, call.services.settings.proxy_hops))


def _note(call: Call, door: _Door, status: int, outcome: Outcome | None = None, *, error: str = "") -> None:
    """Remember what came to a hook, for whoever set it up; what it said is not kept."""
    now = call.services.now()
    if not door.hook.id:
        call.services.keys_used[door.name] = now
        return
    found = outcome if outcome is not None else Outcome(0, 0, 0, 0)
    call.services.catalog.deliveries.note(
        door.hook,
        Delivery(
            at=now,
            status=status,
            accepted=found.accepted,
            duplicates=found.duplicates,
            ignored=found.ignored,
            quarantined=found.quarantined,
            error=error[:ERROR_LIMIT_CHARS],
        ),
    )


def _admit(call: Call, door: _Door, count: int) -> None:
    if call.rates is not None:
        call.rates.events(door.name, count)


async def _body(call: Call) -> bytes:
    """The whole body, as it came."""
    request, settings = call.request, call.services.settings
    declared = request.headers.get("content-length", "")
    try:
        return await bodies.read(
            request.stream(), settings.body_limit_bytes, int(declared) if declared.isdigit() else None
        )
    except ClientDisconnect:
        raise errors.InvalidInput("the body ended before it was complete", field="body") from None


async def _expanded(call: Call, raw: bytes, encoding: str) -> bytes:
    """What a provider signed: what it wrote, before it was compressed on the way."""
    if not encoding:
        return raw
    limit_bytes = call.services.settings.expanded_limit_bytes
    return await call.services.unpack(lambda: bodies.expand(raw, encoding, limit_bytes))


def _delivery(call: Call, door: _Door, body: bytes) -> contract.Delivery:
    request = call.request
    return contract.Delivery(
        hook=door.hook,
        body=body,
        headers={name.lower(): value for name, value in request.headers.items()},
        query=dict(request.query_params),
        url=_called(call),
        now=call.services.now(),
    )


def _called(call: Call) -> str:
    """The address as the provider called it; its path alone where the request doesn't say where it was sent."""
    scope = call.request.scope
    try:
        base = public_base(call.request, call.services.settings)
    except errors.InvalidInput:
        base = ""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return base + path.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")


def _answer(outcome: Outcome) -> Response:
    if outcome.answer:
        return Response(outcome.answer, media_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})
    said = Answer(outcome.accepted, outcome.duplicates, outcome.ignored, outcome.quarantined)
    return Response(msgspec.json.encode(said), media_type="application/json")
