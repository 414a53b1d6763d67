"""The doors without a key: what is said here is known by a signature, a registered code or a token in the address.

Whoever comes is a person with a browser or a provider's machine, so errors are a plain page, a picture, or a line.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from turnout import errors
from turnout.dialects.contract import Caller, Room, Route
from turnout.dialects.tracking import hooks, links, live, pixel
from turnout.services import Services


def authenticate(request: Request, services: Services) -> Caller:
    """Nobody: no route here has a scope."""
    raise errors.Unauthenticated("there is nobody to be here")


def render_error(error: errors.TurnoutError, request: Request) -> Response:
    """The answer that whoever called this path can do something with."""
    path = request.url.path
    if path.startswith("/o/"):
        return pixel.picture()
    if path.startswith("/r/"):
        return links.page(error)
    if path.startswith("/hooks/"):
        return hooks.refusal(error)
    return live.refusal(error, request)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/r/{code}", links.follow, "Follow a tracked link", answers={302: None}),
    Route("GET", "/o/{token}.gif", pixel.opened, "The open pixel", answers={200: None}),
    Route("GET", "/turnout.js", live.script, "The script of the live beacon", answers={200: None}),
    Route("POST", "/v1/live/{campaign:path}", live.beacon, "What viewers of a live show did", answers={200: None}),
    Route("OPTIONS", "/v1/live/{campaign:path}", live.preflight, "Whether a page may send", answers={204: None}),
    Route("POST", "/hooks/{provider}/{token}", hooks.receive, "A provider's webhook", answers={200: None}),
    Route("GET", "/hooks/{provider}/{token}", hooks.greet, "A provider makes sure of an address", answers={200: None}),
)

ROOM = Room("tracking", ROUTES, authenticate, render_error)
