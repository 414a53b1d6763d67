"""Questions: statistics, the recipients behind them, and the dictionary that defines them."""

from __future__ import annotations

from starlette.responses import Response

from turnout.dialects.contract import Call
from turnout.dialects.native import parse, render, wire
from turnout.dialects.native.events import stream
from turnout.stats import asking, export
from turnout.stats.question import Question


async def stats(call: Call) -> Response:
    """Metrics by dimensions over a range, with totals."""
    asked, filters = parse.query(wire.StatsQuery, call.request.query_params.multi_items(), filters=True)
    form = render.chosen_format(asked.format, call.request.headers.get("accept", ""))
    question = parse.question(asked, filters, call.workspace)
    answer = call.services.statistics.cached(question)
    if answer is None:
        answer = await call.services.run(call.services.statistics.ask, question)
    return Response(render.stats(answer, form), media_type=render.MEDIA_TYPES[form], headers=render.counted(answer))


async def recipients(call: Call) -> Response:
    """Who did, and did not do, something in a campaign: streamed, ordered by recipient."""
    asked, filters = parse.query(wire.RecipientsQuery, call.request.query_params.multi_items(), filters=True)
    form = render.chosen_format(asked.format, call.request.headers.get("accept", ""), ("ndjson", "csv", "parquet"))
    campaign = call.services.catalog.campaign(call.workspace.id, call.request.path_params["id"])
    timezone = asking.zone_of(asked.timezone, call.workspace)
    question = Question(
        call.workspace.id,
        ("recipients",),
        filters=filters,
        from_ms=asking.moment(asked.from_, timezone, "from"),
        to_ms=asking.moment(asked.to, timezone, "to"),
        timezone=timezone,
        traffic=asking.traffic(asked.traffic),
    )
    statement = export.recipients(question, campaign.id, asking.names(asked.did), asking.names(asked.did_not))
    return await stream(call, statement, form, question.traffic)


async def metrics(call: Call) -> Response:
    """What every metric and dimension means."""
    return Response(render.encode(render.dictionary()), media_type="application/json")
