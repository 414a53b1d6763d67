"""Hooks, where providers' webhooks come in, and the dead letters of what was not understood."""

from __future__ import annotations

import base64

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from turnout import administration
from turnout.capture.links import public_base
from turnout.capture.webhooks.registry import PROVIDERS
from turnout.capture.webhooks.replay import replay as parse_again
from turnout.dialects.contract import Call
from turnout.dialects.native import parse, render, wire_hooks
from turnout.dialects.native.campaigns import read_body
from turnout.errors import InvalidInput, NotFound
from turnout.model import Hook
from turnout.store.deadletters import Described, place_of


async def listing(call: Call) -> Response:
    """The workspace's hooks, without tokens and secrets."""
    hooks = call.services.catalog.hooks.all(call.workspace.id)
    return _json(wire_hooks.HooksAnswer([_hook(call, hook) for hook in hooks]))


async def add(call: Call) -> Response:
    """Make a hook. Its token is in the address of this answer and nowhere else."""
    asked = await read_body(call, wire_hooks.NewHook)
    base = public_base(call.request, call.services.settings)
    hook, token = await call.services.run(administration.add_hook, call.services, call.workspace.id, asked)
    return _json(_hook(call, hook, administration.hook_address(base, hook, token), PROVIDERS[hook.provider].setup), 201)


async def revoke(call: Call) -> Response:
    """End a hook."""
    name = call.request.path_params["id"]
    return _json(_hook(call, await call.services.run(call.services.catalog.hooks.revoke, call.workspace.id, name)))


async def letters(call: Call) -> Response:
    """A page of dead letters."""
    asked, _ = parse.query(wire_hooks.DeadLettersQuery, call.request.query_params.multi_items())
    found = await _page(call, asked.provider, asked.reason, asked.after, asked.limit, everything=asked.replayed)
    total, total_bytes = await call.services.run(call.services.dead_letters.count, call.workspace.id)
    answer = wire_hooks.DeadLettersAnswer([_entry(one) for one in found], _next(found, asked.limit), total, total_bytes)
    return _json(answer)


async def letter(call: Call) -> Response:
    """One dead letter with its body."""
    name = call.request.path_params["id"]
    found = await call.services.run(call.services.dead_letters.get, call.workspace.id, name)
    try:
        body, encoding = found.body.decode(), "utf-8"
    except UnicodeDecodeError:
        body, encoding = base64.b64encode(found.body).decode(), "base64"
    known = msgspec.structs.asdict(found)
    return _json(wire_hooks.DeadLetterAnswer(**{**known, "body": body, "encoding": encoding}))


async def replay(call: Call) -> Response:
    """Parse dead letters again."""
    asked = await read_body(call, wire_hooks.Replay)
    found = await _page(call, asked.provider, asked.reason, asked.after, asked.limit, ids=asked.ids)
    if asked.ids and not found and not asked.after:
        raise NotFound("no dead letter with these ids waits to be understood", field="ids")
    done = await parse_again(call.services, call.workspace, found)
    answer = wire_hooks.ReplayAnswer(
        done.understood, done.still, done.accepted, done.duplicates, done.ignored, _next(found, asked.limit)
    )
    return _json(answer)


async def drop_letter(call: Call) -> Response:
    """Forget one dead letter."""
    name = call.request.path_params["id"]
    found = await call.services.run(call.services.dead_letters.get, call.workspace.id, name)
    await call.services.run(call.services.dead_letters.drop, call.workspace.id, [found.id])
    return Response(status_code=204)


async def drop_letters(call: Call) -> Response:
    """Forget dead letters."""
    asked, _ = parse.query(wire_hooks.DropQuery, call.request.query_params.multi_items())
    if not (asked.provider or asked.reason or asked.all):
        raise InvalidInput("say which: a provider, a reason or all=true", field="provider")
    dropped, after = 0, ""
    while True:
        found = await _page(call, asked.provider, asked.reason, after, 1000, everything=True)
        await call.services.run(call.services.dead_letters.drop, call.workspace.id, [one.id for one in found])
        dropped += len(found)
        after = _next(found, 1000)
        if not after:
            return _json(wire_hooks.DroppedAnswer(dropped))


async def _page(
    call: Call,
    provider: str,
    reason: str,
    after: str,
    limit: int,
    *,
    ids: tuple[str, ...] = (),
    everything: bool = False,
) -> list[Described]:
    return await call.services.run(
        lambda: call.services.dead_letters.listing(
            call.workspace.id,
            ids=ids,
            provider=provider,
            reason=reason,
            everything=everything,
            after=after,
            limit=limit,
        )
    )


def _next(found: list[Described], limit: int) -> str:
    return place_of(found[-1]) if len(found) == limit else ""


def _entry(one: Described) -> wire_hooks.DeadLetterEntry:
    return wire_hooks.DeadLetterEntry(**msgspec.structs.asdict(one))


def _hook(call: Call, hook: Hook, url: str = "", setup: str = "") -> wire_hooks.HookAnswer:
    received = call.services.catalog.deliveries.of(hook)
    return wire_hooks.HookAnswer(
        id=hook.id,
        provider=hook.provider,
        name=hook.name,
        campaign=hook.campaign,
        options=hook.options,
        checked=administration.is_checked(hook),
        created_at=hook.created_at,
        revoked_at=hook.revoked_at,
        deliveries=msgspec.convert(received, wire_hooks.DeliveriesEntry, from_attributes=True),
        url=url or UNSET,
        setup=setup or UNSET,
    )


def _json(body: object, status: int = 200) -> Response:
    return Response(render.encode(body), status, media_type="application/json")
