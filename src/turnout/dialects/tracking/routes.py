"""The doors without a key: what is said here is known by a signature, a registered code or a token in the address.

Whoever comes is a person with a browser or a provider's machine, so errors are a plain page, a picture, or a line.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from turnout import errors
from turnout.capture.beacon import Beacon
from turnout.dialects.contract import Caller, Room, Route
from turnout.dialects.tracking import hooks, links, live, pixel
from turnout.model import Event, Receipt
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


#: What a page or a server sends of a show: the script's short form, or events.
_BEACON = Beacon | list[Event]
_BEACON_TYPES = ("text/plain", "application/json", "application/x-ndjson")

ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/r/{code}", links.follow, "Follow a tracked link",
        answers={302: None}, says_json=False,
    ),
    Route(
        "GET", "/o/{token}.gif", pixel.opened, "The open pixel",
        answers={200: None}, says_json=False,
    ),
    Route("GET", "/turnout.js", live.script, "The script of the live beacon", answers={200: None, 304: None}),
    Route(
        "POST", "/v1/live/{campaign:path}", live.beacon, "What viewers of a live show did",
        query=live.BeaconQuery, body=_BEACON, body_types=_BEACON_TYPES, answers={200: Receipt},
    ),
    Route("OPTIONS", "/v1/live/{campaign:path}", live.preflight, "Whether a page may send", answers={204: None}),
    Route(
        "POST", "/hooks/{provider}/{token}", hooks.receive, "A provider's webhook",
        body=Any, answers={200: hooks.Answer}, says_json=False,
    ),
    Route(
        "GET", "/hooks/{provider}/{token}", hooks.greet, "A provider makes sure of an address",
        answers={200: None}, says_json=False,
    ),
)  # fmt: skip

ROOM = Room("tracking", ROUTES, authenticate, render_error)
