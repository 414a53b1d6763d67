"""The dashboard as a room: its pages, who may see them, and what is said when something goes wrong."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from turnout import errors
from turnout.dashboard import (
    campaign,
    compare,
    connect,
    files,
    links,
    overview,
    pages,
    reports,
    session,
    settings,
    show,
    signing_in,
)
from turnout.dialects.contract import STATUS, Call, Caller, Room, Route
from turnout.services import Services


def authenticate(request: Request, services: Services) -> Caller:
    """Whose session it is."""
    request.state.session, caller = session.signed_in(request, services)
    # What goes wrong from here on is said on a page of theirs.
    request.state.frame = pages.frame(request, services, caller)
    return caller


def render_error(error: errors.TurnoutError, request: Request) -> Response:
    """A page that says what is wrong and what to do; who is signed out signs in first and comes back."""
    if isinstance(error, errors.SignedOut):
        return signing_in.first(request)
    status = STATUS.get(type(error), 500)
    return pages.failure(request, error, status)


def decorate(call: Call, response: Response) -> None:
    """Renew the session of whoever is still there."""
    signing_in.renew(call, response)


async def static(call: Call) -> Response:
    """A style sheet, a script or a picture of ours; kept for good, since its address changes with it."""
    found = pages.static(call.request.path_params["name"])
    if found is None:
        raise errors.NotFound("there is no such file")
    body, kind = found
    kept = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(body, headers=kept, media_type=kind)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/", overview.overview, "All campaigns", ("read",)),
    Route("GET", "/sign-in", signing_in.ask, "Ask for a key", waits=False),
    Route("POST", "/sign-in", signing_in.sign_in, "Begin a session", waits=False),
    Route("POST", "/sign-out", signing_in.sign_out, "End the session", ("read",), waits=False),
    Route("GET", "/dashboard/campaign", campaign.campaign, "One campaign", ("read",)),
    Route("GET", "/dashboard/panel", files.panel, "A panel as a file", ("read",)),
    Route("GET", "/dashboard/compare", compare.compare, "Several campaigns", ("read",)),
    Route("GET", "/dashboard/links", links.links, "Tracked links", ("read",)),
    Route("POST", "/dashboard/links", links.change, "Change tracked links", ("ingest", "admin"), waits=False),
    Route("GET", "/dashboard/show", show.show, "A live show", ("read",), waits=False),
    Route("GET", "/dashboard/show/now", show.now, "A live show at this moment", ("read",), waits=False),
    Route("GET", "/dashboard/connect", connect.connect, "How clients are pointed here", ("read",), waits=False),
    Route("GET", "/dashboard/settings", settings.settings, "The workspace's settings", ("read",), waits=False),
    Route("POST", "/dashboard/settings", settings.change, "Change a setting", ("admin",), waits=False),
    Route("GET", "/dashboard/reports", reports.reports, "Scheduled reports", ("read",), waits=False),
    Route("POST", "/dashboard/reports", reports.change, "Change scheduled reports", ("admin",)),
    Route("GET", "/dashboard/report", reports.report, "A campaign's report", ("read",)),
    Route("GET", "/dashboard/static/{name}", static, "A file of ours", waits=False),
)

ROOM = Room("dashboard", ROUTES, authenticate, render_error, decorate)
