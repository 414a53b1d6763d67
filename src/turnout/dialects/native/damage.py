"""Damage of the store: what there is, and mending it. For commands on the server's machine, of all workspaces."""

from __future__ import annotations

import datetime as dt

from starlette.responses import Response

from turnout.dialects.contract import Call
from turnout.dialects.native import render, wire_check
from turnout.errors import Forbidden
from turnout.services import Services
from turnout.store import integrity, placement
from turnout.store.integrity import Damage, Findings, Lost
from turnout.store.mending import Mended, everything, mend


async def check_store(call: Call) -> Response:
    """Read everything that is stored and say what is damaged, set aside or lost."""
    _only_local(call, "turnout check")
    found = await call.services.run(_inspect, call.services)
    shards = await call.services.run(placement.shards, call.services.engine)
    answer = wire_check.StoreAnswer(
        found.sound and not shards.replicas,
        [wire_check.SpoolDamage(one.file, one.offset, one.bytes) for one in call.services.writer.standing().damage],
        [_damaged(one) for one in found.damage],
        [wire_check.PartAside(one.table, one.part, one.rows, one.path) for one in found.aside],
        [_lost(one) for one in found.lost],
        list(found.unfinished),
        [wire_check.ShardEntry(shard, events) for shard, events in shards.events],
        [wire_check.ReplicaEntry(one.node, one.table, one.reason) for one in shards.replicas],
    )
    return Response(render.encode(answer), media_type="application/json")


async def mend_store(call: Call) -> Response:
    """Save what can be read of damaged parts, set them aside, and make the rollup say what is left."""
    _only_local(call, "turnout rebuild")
    mended = await call.services.run(_mend, call.services)
    answer = wire_check.MendedAnswer(
        list(mended.set_aside),
        list(mended.dropped),
        mended.saved,
        mended.unread,
        [_lost(one) for one in mended.lost],
        len(mended.changed),
        [_damaged(one) for one in mended.left],
    )
    return Response(render.encode(answer), media_type="application/json")


def _inspect(services: Services) -> Findings:
    found: list[Findings] = []
    damage = integrity.read_through(services.engine)
    services.writer.exclusively(lambda: found.append(integrity.findings(services.engine, damage)))
    if not found[0].sound:
        services.events.distrust()
    return found[0]


def _mend(services: Services) -> Mended:
    done: list[Mended] = []
    damage = integrity.read_through(services.engine)

    def work() -> None:
        found = integrity.findings(services.engine, damage)
        if not found.sound or found.aside:
            done.append(mend(services.engine, services.events, found))

    services.writer.exclusively(work)
    if not done:
        return Mended()
    _forget(services)
    return done[0]


def _forget(services: Services) -> None:
    """Whatever was kept, of whichever campaign, may have been counted from events that are gone."""
    held = everything(services.engine)
    services.statistics.touched(held)
    for cells in held:
        services.statistics.forget(cells.workspace, cells.campaigns)
    services.statistics.changed(workspace.id for workspace in services.catalog.workspaces())


def _damaged(one: Damage) -> wire_check.DamagedPart:
    held = [
        wire_check.HeldEntry(each.workspace, each.campaign, _moment(each.first_ms), _moment(each.last_ms), each.events)
        for each in one.held
    ]
    return wire_check.DamagedPart(one.table, one.part, one.rows, one.reason, held, one.held_exactly)


def _lost(one: Lost) -> wire_check.LostEntry:
    return wire_check.LostEntry(one.workspace, one.campaign, one.events)


def _moment(ms: int) -> str:
    return f"{dt.datetime.fromtimestamp(ms / 1000, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _only_local(call: Call, command: str) -> None:
    if call.caller is None or not call.caller.local:
        raise Forbidden("only a command on the server's machine may do this", hint=command)
