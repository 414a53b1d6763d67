"""Persons' right to be forgotten: erasure of one, and the workspace's retention."""

from __future__ import annotations

import datetime as dt
from functools import partial

from starlette.responses import Response

from turnout import privacy
from turnout.dialects.contract import Call
from turnout.dialects.native import parse, render, wire
from turnout.dialects.native.campaigns import read_body
from turnout.errors import InvalidInput

_ID_LIMIT = 512


async def erase(call: Call) -> Response:
    """Take one person out of every event, by exactly this id. Every number stays; whoever is not there is erased."""
    recipient = call.request.path_params["id"]
    if not recipient or len(recipient) > _ID_LIMIT or "\0" in recipient:
        raise InvalidInput(f"a recipient's id has 1 to {_ID_LIMIT} characters and no NUL", field="id")
    asked, _ = parse.query(wire.EraseQuery, call.request.query_params.multi_items())
    work = partial(privacy.erase, call.services, call.workspace.id, recipient, keep_domain=asked.domain == "keep")
    done = await call.services.run(work)
    answer = wire.ErasedAnswer(done.events, done.mentions, done.letters)
    return Response(render.encode(answer), media_type="application/json")


async def retain(call: Call) -> Response:
    """Take out what is personal in events older than the workspace's `retention_days`, or say what that would be."""
    asked = await read_body(call, wire.RetentionRun)
    workspace = call.workspace
    services = call.services
    work = partial(privacy.retain, services, workspace, dry_run=asked.dry_run, is_wanted=services.is_ready)
    done = await services.run(work)
    before = None
    if workspace.retention_days:
        before = dt.datetime.fromtimestamp(privacy.cut_ms(workspace, services.now()) // 1000, dt.UTC)
    answer = wire.RetentionAnswer(workspace.retention_days, before, done.cleared, done.recipients, asked.dry_run)
    return Response(render.encode(answer), media_type="application/json")
