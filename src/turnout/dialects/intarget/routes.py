"""InTarget's routes, its token, and how it says no."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from turnout import errors
from turnout.dialects.contract import Call, Caller, Room, Route
from turnout.dialects.intarget import numbers, parse
from turnout.dialects.intarget.compatibility import COMPATIBILITY
from turnout.dialects.intarget.example import example
from turnout.dialects.intarget.lines import lines
from turnout.dialects.intarget.paging import Page, address
from turnout.dialects.intarget.parse import Query
from turnout.dialects.intarget.wire import Failure, Problem
from turnout.dialects.kept import Bodies, PerHouse, answer
from turnout.model import DEFAULT_TRAFFIC
from turnout.services import Services

#: A longer query is answered, but its answer isn't kept: the query is part of what is kept.
KEPT_QUERY_LIMIT_BYTES = 2048

_JSON = "application/json; charset=UTF-8"

_bodies = PerHouse(Bodies)
_encode = msgspec.json.Encoder().encode


# ---- handlers ---------------------------------------------------------------------------------------


async def statistics(call: Call) -> Response:
    """What each message of the campaigns did."""
    return await _answer(call, lambda query: _statistics(call, query))


async def conversions(call: Call) -> Response:
    """The deposits that each message of the campaigns led to."""
    return await _answer(call, lambda query: _conversions(call, query))


def _statistics(call: Call, query: Query) -> tuple[bytes, Page]:
    found = lines(call.services, call.workspace.id, query, with_goals=False)
    page = Page(query.page, query.per_page, len(found.found))
    return _encode(numbers.statistics(call.services.statistics, found.found[page.rows], found)), page


def _conversions(call: Call, query: Query) -> tuple[bytes, Page]:
    found = lines(call.services, call.workspace.id, query, with_goals=True)
    page = Page(query.page, query.per_page, len(found.found))
    return _encode(numbers.conversions(found.found[page.rows], found, query.currency)), page


async def _answer(call: Call, work: Callable[[Query], tuple[bytes, Page]]) -> Response:
    """The body and its headers: made once, and kept together until the workspace's data changes."""
    services, request = call.services, call.request
    where, given = _address(request), request.scope["query_string"]

    def make() -> bytes:
        pairs = request.query_params.multi_items()
        body, page = work(parse.query(pairs))
        head = "".join(f"{name}: {value}\n" for name, value in page.headers(where, pairs).items())
        return head.encode() + b"\n" + body

    keep = len(given) <= KEPT_QUERY_LIMIT_BYTES
    whole = await answer(_bodies.of(services), services, call.workspace.id, (where, given), make, keep=keep)
    kept_head, _, kept_body = whole.partition(b"\n\n")
    response = Response(kept_body, media_type=_JSON)
    for line in kept_head.split(b"\n"):
        field, _, value = line.partition(b": ")
        response.raw_headers.append((field.lower(), value))
    return response


def _address(request: Request) -> str:
    """Where the caller thinks we are. Behind a proxy that speaks TLS the links must not lead back to plain HTTP."""
    scheme: str = request.scope["scheme"]
    if request.headers.get("x-forwarded-proto", "").strip().lower() == "https":
        scheme = "https"
    return address(scheme, request.headers.get("host", ""), request.scope["path"])


# ---- who asks, and how no is said -------------------------------------------------------------------


def authenticate(request: Request, services: Services) -> Caller:
    """The workspace of the `access-token` of the query."""
    key = services.catalog.key_of(request.query_params.get("access-token", ""))
    if key is None:
        raise errors.Unauthenticated("this access token is not known")
    return Caller(services.catalog.workspace(key.workspace), key)


#: Status, name and the framework's own words; what has none gets those of 500.
_FAILURES: dict[type[errors.TurnoutError], tuple[int, str, str]] = {
    errors.InvalidInput: (400, "Bad Request", "Your request can't be understood."),
    errors.TooLarge: (400, "Bad Request", "Your request asks for too much."),
    errors.Unauthenticated: (401, "Unauthorized", "Your request was made with invalid credentials."),
    errors.Forbidden: (403, "Forbidden", "You are not allowed to perform this action."),
    errors.NotFound: (404, "Not Found", "Page not found."),
    errors.MethodNotAllowed: (
        405, "Method Not Allowed",
        "Method Not Allowed. This URL can only handle the following request methods: GET.",
    ),
    errors.RateLimited: (429, "Too Many Requests", "Rate limit exceeded."),
    errors.Overloaded: (503, "Service Unavailable", "The server is busy; try again later."),
    errors.StoreError: (503, "Service Unavailable", "The server can't answer now; try again later."),
}  # fmt: skip
_INTERNAL = (500, "Internal Server Error", "An internal server error occurred.")


def render_error(error: errors.TurnoutError, request: Request) -> Response:
    """The framework's two shapes: a list for parameters that can't be understood, else one object."""
    if isinstance(error, parse.InvalidQuery):
        body = _encode([Problem(field, message) for field, message in error.problems])
        return Response(body, 422, media_type=_JSON)
    known = (_FAILURES[kind] for kind in type(error).__mro__ if kind in _FAILURES)
    status, name, message = next(known, _INTERNAL)
    headers = {"Allow": "GET"} if status == 405 else {}
    if isinstance(error, errors.Overloaded | errors.RateLimited):
        headers["Retry-After"] = str(error.retry_after_s)
    return Response(_encode(Failure(name, message, 0, status)), status, headers, _JSON)


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/rest/campaign/statistics", statistics, "What each message of the campaigns did",
        ("rest.campaign.statistics", "read"),
    ),
    Route(
        "GET", "/rest/campaign/statistic-conversions", conversions, "The deposits that each message led to",
        ("rest.campaign.statistic-conversions", "read"),
    ),
)  # fmt: skip

ROOM = Room(
    "intarget", ROUTES, authenticate, render_error,
    compatibility=COMPATIBILITY, title="InTarget", example=example, traffic=DEFAULT_TRAFFIC,
)  # fmt: skip
