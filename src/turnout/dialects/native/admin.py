"""Workspaces, keys, and whether what is stored is right: check and rebuild."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from msgspec import UNSET
from starlette.responses import Response

from turnout import administration
from turnout.dialects.contract import Call
from turnout.dialects.native import render, wire, wire_check
from turnout.dialects.native.campaigns import read_body
from turnout.errors import Forbidden, InvalidInput
from turnout.model import ApiKey, Workspace
from turnout.services import Services
from turnout.stats import asking
from turnout.store import placement, watched
from turnout.store.duplicates import Duplicates, Repeated
from turnout.store.events import FIRST_MS, LAST_MS, Cells


async def list_keys(call: Call) -> Response:
    """The workspace's keys, without their secrets."""
    keys = call.services.catalog.keys(call.workspace.id)
    return _json(wire.KeysAnswer([_key(call, key) for key in keys]))


async def add_key(call: Call) -> Response:
    """Make a key. Its secret is in this answer and nowhere else."""
    asked = await read_body(call, wire.NewKey)
    key, secret = await call.services.run(administration.add_key, call.services, call.workspace.id, asked)
    return _json(_key(call, key, secret), 201)


async def revoke_key(call: Call) -> Response:
    """End a key."""
    key = await call.services.run(call.services.catalog.revoke_key, call.workspace.id, call.request.path_params["id"])
    return _json(_key(call, key))


async def list_workspaces(call: Call) -> Response:
    """The caller's workspace; every one of them for a command on this machine."""
    assert call.caller is not None
    found = call.services.catalog.workspaces() if call.caller.local else [call.workspace]
    return _json(wire.WorkspacesAnswer([_workspace(one) for one in found]))


async def add_workspace(call: Call) -> Response:
    """Make a workspace and its first key (commands on this machine only)."""
    _only_local(call)
    asked = await read_body(call, wire.NewWorkspace)
    workspace, secret = await call.services.run(administration.add_workspace, call.services, asked.id, asked)
    return _json(_workspace(workspace, api_key=secret), 201)


async def change_workspace(call: Call) -> Response:
    """Set the name, zone, access key, signing secret or one of the choices of the caller's workspace."""
    asked = await read_body(call, wire.NewWorkspace)
    if asked.id not in ("", call.workspace.id):
        raise Forbidden("a workspace's id can't change")
    workspace = await call.services.run(administration.change_workspace, call.services, call.workspace.id, asked)
    return _json(_workspace(workspace))


async def check(call: Call) -> Response:
    """Hold the rollup against raw, say where they differ, and which events are stored twice, or on the wrong shard."""
    return await _checked(call, await _cells(call))


async def _checked(call: Call, cells: Cells, dropped: int = 0) -> Response:
    services = call.services
    found = await services.run(services.events.differences, cells)
    duplicates = await services.run(_duplicates(services).find, cells)
    misplaced = await services.run(placement.misplaced, services.engine, cells)
    overlaps = await services.run(watched.overlaps, services.engine, cells)
    spans = await services.run(services.events.spans, call.workspace.id, cells.campaigns)
    answer = wire_check.CheckAnswer(
        campaigns=len(cells.campaigns),
        events=sum(span.events for span in spans.values()),
        differences=[
            wire_check.DifferenceEntry(
                one.campaign, one.type, _moment(one.slot_s), one.raw_events, one.rolled_events,
            )
            for one in found
        ],
        duplicates=_entries(duplicates),
        misplaced=[wire_check.MisplacedEntry(one.campaign, one.shard, one.events) for one in misplaced],
        overlaps=[wire_check.OverlapEntry(one.campaign, one.viewers, one.overlap_ms / 1000) for one in overlaps],
        dropped=dropped,
    )  # fmt: skip
    return _json(answer)


async def rebuild(call: Call) -> Response:
    """Drop copies of events, make the rollup anew from raw, then check it."""
    cells = await _cells(call)
    services = call.services
    dropped = await services.run(_duplicates(services).remove, cells)
    await services.run(services.writer.exclusively, lambda: services.events.rebuild(cells))
    services.statistics.changed([call.workspace.id])
    return await _checked(call, cells, dropped)


async def check_duplicates(call: Call) -> Response:
    """Look through the whole workspace for events that are stored twice, wherever their copies are."""
    found = await call.services.run(_duplicates(call.services).find_anywhere, call.workspace.id)
    return _json(wire_check.DuplicatesAnswer(_entries(found)))


async def drop_duplicates(call: Call) -> Response:
    """Drop all copies but one of every event of the workspace, then look again."""
    duplicates = _duplicates(call.services)
    dropped = await call.services.run(duplicates.remove_anywhere, call.workspace.id)
    found = await call.services.run(duplicates.find_anywhere, call.workspace.id)
    return _json(wire_check.DuplicatesAnswer(_entries(found), dropped))


def _duplicates(services: Services) -> Duplicates:
    return Duplicates(services.engine, services.events, services.writer.exclusively, forget=services.statistics.forget)


def _entries(found: Sequence[Repeated]) -> list[wire_check.DuplicateEntry]:
    return [
        wire_check.DuplicateEntry(
            # As /v1/events writes it.
            f"turnout:{one.id.to_bytes(16, 'little').hex()}",
            one.copies[0].campaign, one.copies[0].type, _moment(one.copies[0].time_ms / 1000), len(one.copies),
        )
        for one in found
    ]  # fmt: skip


def _moment(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


async def _cells(call: Call) -> Cells:
    asked = await read_body(call, wire_check.Scope)
    return await cells_of(call, asked.campaigns, asked.from_, asked.to)


async def cells_of(call: Call, campaigns: Sequence[str], from_: str, to: str) -> Cells:
    """Some campaigns of the caller's workspace (all that have events where none is named) between two moments.

    NotFound for a campaign that is neither in the catalog nor in any event, InvalidInput for a wrong range.
    """
    timezone = call.workspace.timezone
    start, end = asking.moment(from_, timezone, "from"), asking.moment(to, timezone, "to")
    start, end = FIRST_MS if start is None else start, LAST_MS if end is None else end
    if end < start:
        raise InvalidInput("the range ends before it starts", field="to")
    catalog, workspace = call.services.catalog, call.workspace.id
    names = list(campaigns)
    unlisted = [name for name in names if not catalog.has_campaign(workspace, name)]
    if unlisted or not names:
        # Events outlive a deleted entry, and behaviours name no campaign: both have a rollup.
        held = await call.services.run(call.services.events.campaigns, workspace)
        names = names or held
        for name in set(unlisted).difference(held):
            catalog.campaign(workspace, name)
    return Cells(call.workspace.id, tuple(names), max(FIRST_MS, start), min(LAST_MS, end))


def _key(call: Call, key: ApiKey, secret: str = "") -> wire.KeyAnswer:
    used_at = call.services.keys_used.get(key.id)
    return wire.KeyAnswer(key.id, key.name, key.scopes, key.created_at, key.revoked_at, used_at, secret or UNSET)


def _workspace(one: Workspace, api_key: str = "") -> wire.WorkspaceAnswer:
    return wire.WorkspaceAnswer(
        id=one.id,
        name=one.name,
        timezone=one.timezone,
        access_key=one.access_key,
        **{name: getattr(one, name) for name in administration.CHOICES},
        created_at=one.created_at,
        signing_secret=one.signing_secret,
        api_key=api_key or UNSET,
    )


def _only_local(call: Call) -> None:
    if call.caller is None or not call.caller.local:
        raise Forbidden("only a command on the server's machine may do this", hint="turnout workspaces add")


def _json(body: object, status: int = 200) -> Response:
    return Response(render.encode(body), status, media_type="application/json")
