"""Who is human, found anew over history. A scope comes in; what changed goes out."""

from __future__ import annotations

from starlette.responses import Response

from turnout.dialects.contract import Call
from turnout.dialects.native import admin, render
from turnout.dialects.native.campaigns import read_body
from turnout.dialects.native.wire_reclassify import ClassChange, Reclassify, ReclassifyAnswer
from turnout.errors import Overloaded
from turnout.ingest.traffic import RULE_VERSION


async def reclassify(call: Call) -> Response:
    """Classify stored events anew; returns once every one of them is written."""
    asked = await read_body(call, Reclassify)
    cells = await admin.cells_of(call, asked.campaigns, asked.from_, asked.to)
    services = call.services
    report = await services.run(
        lambda: services.reclassifier.run(call.workspace, cells, dry_run=asked.dry_run, is_wanted=services.is_ready)
    )
    if not services.is_ready():
        # What is classified stays so; the rest of it is not.
        raise Overloaded("the server is stopping, and part of it is not done", retry_after_s=5)
    answer = ReclassifyAnswer(
        RULE_VERSION,
        asked.dry_run,
        report.looked,
        report.changed,
        [ClassChange(before, after, events) for (before, after), events in report.classes.items()],
        report.reasons,
    )
    return Response(render.encode(answer), media_type="application/json")
