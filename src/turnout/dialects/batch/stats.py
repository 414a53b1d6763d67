"""The routes that tell numbers: of a campaign, of a transactional group, of an orchestration."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable

from starlette.responses import Response

from turnout.dialects.batch import parse, render
from turnout.dialects.batch.figures import Days, days
from turnout.dialects.batch.lookup import GROUP_LIMIT, JSON, campaign_of, orchestration_of
from turnout.dialects.batch.parse import Window
from turnout.dialects.batch.state import STATES
from turnout.dialects.batch.versions import versions
from turnout.dialects.batch.wire import CAMPAIGN, GROUP, ORCHESTRATION, TEST, Shape
from turnout.dialects.contract import Call
from turnout.dialects.kept import answer
from turnout.errors import InvalidInput
from turnout.model import Campaign


async def campaign_stats(call: Call) -> Response:
    """A campaign's whole history, day by day; with its versions if it is a test."""
    campaign = campaign_of(call)
    letters = versions(campaign.variations)
    return await _answer(
        call,
        ("campaign", campaign.id, campaign.token),
        campaign,
        (TEST if letters else CAMPAIGN, Window(), letters),
        lambda found: render.campaign_stats(campaign.token, found),
    )


async def group_stats(call: Call) -> Response:
    """The days of a transactional group: of the events whose campaign has the group's name."""
    group = call.request.path_params["group"]
    window = parse.group_window(call.request.query_params, _today(call))
    if len(group) > GROUP_LIMIT:
        raise InvalidInput(f"a group's id has at most {GROUP_LIMIT} characters", field="group_id")
    if not call.services.catalog.has_campaign(call.workspace.id, group):
        return Response(render.group_stats(group, Days(GROUP, (), {})), media_type=JSON)
    campaign = call.services.catalog.campaign(call.workspace.id, group)
    return await _answer(
        call, ("group", group, window), campaign, (GROUP, window, {}), lambda found: render.group_stats(group, found)
    )


async def orchestration_stats(call: Call) -> Response:
    """The days of an orchestration, e-mail, push or SMS; with its versions if it is a test."""
    asked = parse.orchestration(call.request.query_params, _today(call))
    campaign = orchestration_of(call, asked.name)
    return await _answer(
        call,
        ("orchestration", asked),
        campaign,
        (ORCHESTRATION, asked.window, versions(campaign.variations)),
        lambda found: render.orchestration_stats(asked.name, found),
    )


async def _answer(
    call: Call,
    name: tuple[Hashable, ...],
    campaign: Campaign,
    asked: tuple[Shape, Window, dict[str, str]],
    rendered: Callable[[Days], bytes],
) -> Response:
    """The answer called `name`: kept, until anything in the workspace changes, or made of the campaign's numbers."""
    services, workspace = call.services, call.workspace
    shape, window, letters = asked

    def make() -> bytes:
        return rendered(days(services.statistics, workspace.id, campaign.id, shape, window, letters))

    # The letters may be older than the data, so they are part of what is kept.
    called = (*name, tuple(letters.items()))
    body = await answer(STATES.of(services).bodies, services, workspace.id, called, make)
    return Response(body, media_type=JSON)


def _today(call: Call) -> dt.date:
    return call.services.now().astimezone(dt.UTC).date()
