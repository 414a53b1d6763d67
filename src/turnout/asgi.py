"""The rooms as one ASGI application: routing, authentication, and no error without its room's shape."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Router
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

from turnout.dialects.contract import Call, Room, Route
from turnout.errors import MethodNotAllowed, NotFound, TurnoutError
from turnout.services import Services

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


class Application:
    """Every route of every room.

    A path without parameters is found in a dictionary, which serves the busiest routes at once; the
    others, and what no route has, go through Starlette's router.
    """

    def __init__(self, services: Services, rooms: tuple[Room, ...]) -> None:
        self._rooms = rooms
        self._exact: dict[tuple[str, str], Endpoint] = {}
        self._routes: list[StarletteRoute] = []
        for room in rooms:
            for route in room.routes:
                endpoint = _endpoint(room, route, services)
                self._routes.append(StarletteRoute(route.path, endpoint, methods=[route.method]))
                if "{" not in route.path:
                    self._exact[route.method, route.path] = endpoint
        self._router = Router(self._routes, redirect_slashes=False)
        self._beginnings = [(room, _beginnings(room)) for room in rooms]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (or the lifespan, which needs nothing here)."""
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        endpoint = self._exact.get((scope["method"], scope["path"]))
        if endpoint is not None:
            response = await endpoint(Request(scope, receive))
            await response(scope, receive, send)
            return
        # With an application in its scope, the router raises what it has no route for.
        scope["app"] = self
        try:
            await self._router(scope, receive, send)
        except HTTPException as error:
            response = self._unrouted(Request(scope, receive), error.status_code)
            await response(scope, receive, send)

    def _unrouted(self, request: Request, status: int) -> Response:
        path = request.url.path
        room = self._room_of(path)
        if status == 405:
            response = room.render_error(MethodNotAllowed(f"{request.method} is not spoken here"), request)
            if response.status_code == 405:
                response.headers.setdefault("Allow", ", ".join(self._methods(request.scope)))
            return response
        return room.render_error(NotFound(f"there is nothing at {path[:200]}"), request)

    def _methods(self, scope: Scope) -> list[str]:
        """What is spoken at this path; a 405 has to say so (RFC 9110, 15.5.6)."""
        there = (route for route in self._routes if route.matches(scope)[0] is not Match.NONE)
        return sorted({method for route in there for method in route.methods or ()})

    def _room_of(self, path: str) -> Room:
        """Whose error shape an unrouted path gets: the room that has a route beginning like it, else our own."""
        first = path.split("/")[1:2]
        for room, beginnings in self._beginnings:
            if first and beginnings.fullmatch(first[0]):
                return room
        return self._rooms[0]


def _beginnings(room: Room) -> re.Pattern[str]:
    """The first segments of the room's paths; one that is a parameter altogether is no room's."""
    firsts = {route.path.split("/")[1] for route in room.routes}
    words = [first for first in firsts if not re.fullmatch(r"\{[^}]*\}", first)]
    return re.compile("|".join(re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(word)) for word in sorted(words)) or "(?!)")


def _endpoint(room: Room, route: Route, services: Services) -> Endpoint:
    label = f"{route.method} {route.path}"
    seconds = services.telemetry.request_seconds.labels(room.name, label)
    ok = services.telemetry.requests.labels(room.name, label, "200")

    async def endpoint(request: Request) -> Response:
        started = time.perf_counter()
        call = Call(request, services, None)
        try:
            if route.scopes:
                if room.prepare is not None:
                    await room.prepare(request)
                caller = room.authenticate(request, services)
                caller.allow(*route.scopes)
                call = replace(call, caller=caller)
            response = await route.handler(call)
        except TurnoutError as error:
            response = room.render_error(error, request)
        except Exception:
            log.exception("%s failed", label)
            response = room.render_error(TurnoutError("something went wrong here; it is in the server's log"), request)
        if room.decorate is not None:
            room.decorate(call, response)
        if response.status_code == 200:
            ok.inc()
        else:
            services.telemetry.requests.labels(room.name, label, str(response.status_code)).inc()
        seconds.observe(time.perf_counter() - started)
        return response

    return endpoint
