"""Reports of campaigns: as files, now, and by the clock."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from turnout.dialects.contract import Call
from turnout.dialects.native import parse, render, wire_reports
from turnout.dialects.native.campaigns import read_body
from turnout.panels import view
from turnout.reports import schedule, scheduling
from turnout.reports.delivery import MEDIA_TYPES
from turnout.store.schedules import Schedule, ScheduleFields


async def report(call: Call) -> Response:
    """Everything that there is to see of a campaign, in one file."""
    asked, _ = parse.query(wire_reports.ReportQuery, call.request.query_params.multi_items())
    form = scheduling.form_of(call.request.path_params["form"])
    campaign = call.services.catalog.campaign(call.workspace.id, call.request.path_params["id"])
    given = msgspec.to_builtins(asked)
    query = {name: given[name] for name in view.NAMES}
    body = await call.services.draw(scheduling.make, call.services, call.workspace, campaign, query, form)
    headers = scheduling.headers_of(campaign, form, call.workspace, call.services.now())
    return Response(body, headers=headers, media_type=MEDIA_TYPES[form])


async def listing(call: Call) -> Response:
    """The workspace's scheduled reports."""
    found = call.services.catalog.schedules.all(call.workspace.id)
    can_mail = bool(call.services.settings.smtp_url)
    return _json(wire_reports.ReportsAnswer([_answer(call, one) for one in found], can_mail))


async def get(call: Call) -> Response:
    """One scheduled report."""
    return _json(_answer(call, call.services.catalog.schedules.get(call.workspace.id, call.request.path_params["id"])))


async def add(call: Call) -> Response:
    """Have reports made by the clock."""
    asked = await read_body(call, ScheduleFields)
    made = await call.services.run(scheduling.add, call.services, call.workspace, asked)
    return _json(_answer(call, made), 201)


async def run(call: Call) -> Response:
    """Have one made now; `last` of GET /v1/reports/{id} says how it ended."""
    name = call.request.path_params["id"]
    asked = await call.services.run(call.services.catalog.schedules.ask, call.workspace.id, name)
    return _json(_answer(call, asked), 202)


async def delete(call: Call) -> Response:
    """End a scheduled report; the files that it wrote stay."""
    name = call.request.path_params["id"]
    await call.services.run(call.services.catalog.schedules.remove, call.workspace.id, name)
    return Response(status_code=204)


def _answer(call: Call, one: Schedule) -> wire_reports.ReportAnswer:
    return wire_reports.ReportAnswer(
        **{name: getattr(one, name) for name in ScheduleFields.__struct_fields__},
        id=one.id,
        when=schedule.when(one, call.workspace.timezone),
        created_at=one.created_at,
        next_at=scheduling.next_of(one, call.workspace, call.services.now()),
        attempt=one.attempt,
        last=one.last,
    )


def _json(body: object, status: int = 200) -> Response:
    return Response(render.encode(body), status, media_type="application/json")
