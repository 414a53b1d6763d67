"""EmailConsul's routes, each at the root and under /api/v1.0, its keys, and the one shape of its errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from turnout import errors
from turnout.capture import body as incoming
from turnout.dialects.contract import Call, Caller, Handler, Room, Route
from turnout.dialects.emailconsul import counts, parse, render
from turnout.dialects.emailconsul.compatibility import COMPATIBILITY, PREFIX
from turnout.dialects.emailconsul.example import example
from turnout.dialects.emailconsul.wire import LINK, PIXEL, Log
from turnout.dialects.kept import Bodies, PerHouse, answer
from turnout.model import DEFAULT_TRAFFIC
from turnout.services import Services

#: A longer query is answered, but its answer isn't kept: the query is part of what is kept.
KEPT_QUERY_LIMIT_BYTES = 512

_BODY_LIMIT_BYTES = 64 << 10

_JSON = "application/json"

_bodies = PerHouse(Bodies)


# ---- counts -----------------------------------------------------------------------------------------


def _aggregated(log: Log) -> Handler:
    """A page of counts of this log."""

    def make(call: Call) -> bytes:
        services, workspace = call.services, call.workspace.id
        asked = parse.aggregated(log, call.request.query_params, workspace)
        titles = partial(services.catalog.links.titles, workspace)
        found = counts.count(services.statistics.ask, asked.question, titles)
        return render.aggregated(found, asked.group, parse.Page(asked.question.offset, asked.question.limit))

    return _kept(f"{log.name} aggregated", make)


def _timeseries(log: Log) -> Handler:
    """Counts of this log day by day."""

    def make(call: Call) -> bytes:
        services, workspace = call.services, call.workspace.id
        asked = parse.timeseries(log, call.request.query_params, workspace)
        titles = partial(services.catalog.links.titles, workspace)
        found = counts.series(services.statistics.ask, asked.question, titles)
        return render.timeseries(found, asked.group)

    return _kept(f"{log.name} timeseries", make)


def _kept(what: str, make: Callable[[Call], bytes]) -> Handler:
    """Answers from memory what was made since the last change, and has the rest made off the event loop."""

    async def handler(call: Call) -> Response:
        query: bytes = call.request.scope["query_string"]
        # The workspace's data are the events and the links.
        body = await answer(
            _bodies.of(call.services), call.services, call.workspace.id, (what, query),
            lambda: make(call), keep=len(query) <= KEPT_QUERY_LIMIT_BYTES,
        )  # fmt: skip
        return Response(body, media_type=_JSON)

    return handler


# ---- custom links -----------------------------------------------------------------------------------


async def list_links(call: Call) -> Response:
    """A page of the custom links, in the order of their creation."""
    asked = call.request.query_params
    page = parse.page(asked)
    title, profile = asked.get("title", ""), asked.get("profile_id", "")
    found = [
        link
        for link in call.services.catalog.links.all(call.workspace.id)
        if title in ("", link.title) and profile in ("", link.profile)
    ]
    return Response(render.links(found, page), media_type=_JSON)


async def get_link(call: Call) -> Response:
    """One custom link."""
    link = call.services.catalog.links.get(call.workspace.id, call.request.path_params["id"])
    return Response(render.link(link), media_type=_JSON)


async def add_link(call: Call) -> Response:
    """Register a custom link."""
    fields = parse.new_link(await incoming.read(call.request.stream(), _BODY_LIMIT_BYTES))
    links, workspace = call.services.catalog.links, call.workspace.id
    link = await call.services.run(lambda: links.add(workspace, **fields))
    call.services.statistics.changed([workspace])
    return Response(render.link(link), 201, media_type=_JSON)


async def change_link(call: Call) -> Response:
    """Set some of a custom link's fields. Its clicks are counted under its new title."""
    links, workspace, name = call.services.catalog.links, call.workspace.id, call.request.path_params["id"]
    links.get(workspace, name)
    fields = parse.link_change(await incoming.read(call.request.stream(), _BODY_LIMIT_BYTES))
    link = await call.services.run(lambda: links.change(workspace, name, **fields))
    call.services.statistics.changed([workspace])
    return Response(render.link(link), media_type=_JSON)


async def delete_link(call: Call) -> Response:
    """End a custom link. The clicks that went through it keep its title."""
    links, workspace, name = call.services.catalog.links, call.workspace.id, call.request.path_params["id"]
    await call.services.run(links.delete, workspace, name)
    call.services.statistics.changed([workspace])
    return Response(status_code=204)


# ---- who asks, and how no is said -------------------------------------------------------------------


def authenticate(request: Request, services: Services) -> Caller:
    """The workspace of the key in X-API-Key; or in Authorization, with `Bearer` before it or alone."""
    key = services.catalog.key_of(_secret(request))
    if key is None:
        raise errors.Unauthenticated("send a key of a workspace in X-API-Key")
    return Caller(services.catalog.workspace(key.workspace), key)


def _secret(request: Request) -> str:
    """The key as it was sent, empty if none was."""
    named = request.headers.get("x-api-key", "").strip()
    if named:
        return named
    scheme, _, secret = request.headers.get("authorization", "").strip().partition(" ")
    if secret:
        return secret.strip() if scheme.lower() == "bearer" else ""
    return scheme


#: Only the statuses that are documented, and 429 where its own limits are set: nothing else says when to come back.
_STATUS: dict[type[errors.TurnoutError], int] = {
    errors.InvalidInput: 400,
    errors.UnknownName: 400,
    errors.Conflict: 400,
    errors.TooLarge: 400,
    errors.UnsupportedFormat: 400,
    errors.BodyTimeout: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 404,
    errors.RateLimited: 429,
}
_WORDS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal server error",
}


def render_error(error: errors.TurnoutError, request: Request) -> Response:
    """`{"message": …, "details": …}`: the documented words for the status, then ours."""
    status = _STATUS.get(type(error), 500)
    return Response(render.error(_WORDS[status], error.message if status != 500 else ""), status, media_type=_JSON)


def _routes(prefix: str) -> tuple[Route, ...]:
    stats = f"{prefix}/tracking/{{log}}/stats/{{what}}"
    counted = tuple(
        Route(
            "GET",
            stats.format(log=log.name, what=what),
            handler,
            summary,
            (f"tracking.{log.name}.stats.{what}", "read"),
        )
        for log in (LINK, PIXEL)
        for what, handler, summary in (
            ("aggregated", _aggregated(log), f"{log.name.capitalize()} logs, counted by a field"),
            ("timeseries", _timeseries(log), f"{log.name.capitalize()} logs, counted by day"),
        )
    )
    custom, one = f"{prefix}/tracking/link/custom", f"{prefix}/tracking/link/custom/{{id}}"
    write, read = ("tracking.link.custom", "admin"), ("tracking.link.custom", "read")
    return (
        *counted,
        Route("POST", custom, add_link, "Register a custom link", write),
        Route("GET", custom, list_links, "The custom links", read),
        Route("GET", one, get_link, "A custom link", read),
        Route("PATCH", one, change_link, "Change a custom link", write),
        Route("DELETE", one, delete_link, "End a custom link", write),
    )


ROUTES: tuple[Route, ...] = (*_routes(""), *_routes(PREFIX))

ROOM = Room(
    "emailconsul", ROUTES, authenticate, render_error,
    compatibility=COMPATIBILITY, title="EmailConsul", example=example, traffic=DEFAULT_TRAFFIC,
)  # fmt: skip
