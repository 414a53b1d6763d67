"""The rooms as one ASGI application: routing, authentication, limits, and no error without its room's shape.

Every response says in X-Request-ID which request it answers, and so does every line that was logged for it.
"""

from __future__ import annotations

import logging
import re
import time
from typing import cast

from prometheus_client import Counter
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Router
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from turnout import logs
from turnout.admission import Admission, BodyReader
from turnout.capture.address import client_address
from turnout.dialects.contract import Call, Caller, Room, Route
from turnout.dialects.limits import Attempts, KeyRates
from turnout.errors import (
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    RateLimited,
    SignedOut,
    TurnoutError,
    Unauthenticated,
)
from turnout.services import Services

log = logging.getLogger(__name__)
access = logging.getLogger("turnout.access")

#: Where a scope has its headers by name, for those that a request has once.
_HEADERS = "turnout.headers"

#: A path like /r/{code} or /o/{token}.gif.
_SECOND = re.compile(r"/(?P<first>[a-z]+)/\{(?P<name>[a-z]+)\}(?P<end>[.a-z]*)")

#: What a path that no route has is called in logs and counters.
_NO_ROUTE = "none"


class Application:
    """Every route of every room.

    A path without parameters is found in a dictionary, which serves the busiest routes at once, and so is one whose
    only parameter is its second and last segment, or the beginning of it; the others, and what no route has, go through
    Starlette's router.
    """

    def __init__(self, services: Services, rooms: tuple[Room, ...]) -> None:
        self._services = services
        self._rooms = rooms
        self._exact: dict[tuple[str, str], Endpoint] = {}
        self._seconds: dict[tuple[str, str], tuple[str, str, Endpoint]] = {}
        self._routes: list[StarletteRoute] = []
        doors = Doors(services)
        for room in rooms:
            for route in room.routes:
                endpoint = Endpoint(room, route, services, doors, rooms)
                self._routes.append(StarletteRoute(route.path, cast(ASGIApp, endpoint), methods=[route.method]))
                if "{" not in route.path:
                    self._exact[route.method, route.path] = endpoint
                elif one := _SECOND.fullmatch(route.path):
                    self._seconds[route.method, one["first"]] = one["name"], one["end"], endpoint
        self._router = Router(self._routes, redirect_slashes=False)
        self._beginnings = [(room, _beginnings(room)) for room in rooms]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (or the lifespan, which needs nothing here)."""
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        # Each request has a context of its own, so this ends with it.
        headers = scope[_HEADERS] = dict(scope["headers"])
        logs.request_id.set(logs.identify(headers))
        endpoint = self._exact.get((scope["method"], scope["path"])) or self._second(scope)
        if endpoint is not None:
            await endpoint(scope, receive, send)
            return
        # With an application in its scope, the router raises what it has no route for.
        scope["app"] = self
        try:
            await self._router(scope, receive, send)
        except HTTPException as error:
            response = self._unrouted(Request(scope, receive), error.status_code)
            await response(scope, receive, send)

    def _second(self, scope: Scope) -> Endpoint | None:
        """The endpoint of a path of two segments, the second of which is its parameter."""
        first, _, second = scope["path"][1:].partition("/")
        if not second or "/" in second:
            return None
        name, end, endpoint = self._seconds.get((scope["method"], first), ("", "", None))
        if endpoint is None or len(second) == len(end) or not second.endswith(end):
            return None
        scope["path_params"] = {name: second.removesuffix(end)}
        return endpoint

    def _unrouted(self, request: Request, status: int) -> Response:
        started = time.perf_counter()
        path = request.url.path
        room = self._room_of(path)
        if status == 405:
            response = room.render_error(MethodNotAllowed(f"{request.method} is not spoken here"), request)
            if response.status_code == 405:
                response.headers.setdefault("Allow", ", ".join(self._methods(request.scope)))
        else:
            response = room.render_error(NotFound(f"there is nothing at {path[:200]}"), request)
        _name(response)
        self._services.telemetry.requests.labels(room.name, _NO_ROUTE, str(response.status_code)).inc()
        if access.isEnabledFor(logging.DEBUG):
            _log_access(logging.DEBUG, "", _NO_ROUTE, response, time.perf_counter() - started, None)
        return response

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


class Doors:
    """What every endpoint asks before it lets a request in: one for all of them. For one thread (the event loop's)."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self.admission = Admission(settings)
        self.rates = KeyRates(settings.key_limit_requests_per_s, settings.key_limit_events_per_s)
        self.attempts = Attempts(settings.attempts_limit_per_minute)
        self.proxy_hops = settings.proxy_hops
        telemetry = services.telemetry
        telemetry.requests_in_flight.set_function(lambda: self.admission.requests)
        telemetry.body_bytes_in_flight.set_function(lambda: self.admission.body_bytes)


class Endpoint:
    """One route of a room, as ASGI."""

    def __init__(
        self, room: Room, route: Route, services: Services, doors: Doors, rooms: tuple[Room, ...] = ()
    ) -> None:
        self._room = room
        self._rooms = rooms
        self._route = route
        self._services = services
        self._doors = doors
        self._admission = doors.admission
        self._label = f"{route.method} {route.path}"
        #: A person who follows a link is not kept from the page because the server is busy.
        self._bounded = bool(route.scopes) or route.method == "POST"
        #: Who only sends events waits for nobody; all others see what was acknowledged before they came.
        self._reads = route.waits and route.scopes != ("ingest",)
        telemetry = services.telemetry
        self._seconds = telemetry.request_seconds.labels(room.name, self._label)
        #: Counters by status; to ask for one by its labels takes longer than to count.
        self._answered: dict[int, Counter] = {}
        self._access_level = logging.INFO if services.settings.log_requests else logging.DEBUG
        #: Which traffic counts, as readers are told.
        said = ",".join(room.traffic).encode()
        self._traffic = (b"x-turnout-traffic", said) if said and "read" in route.scopes else None
        self._slow_s = services.settings.slow_request_ms / 1000 or float("inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever becomes of it."""
        started = time.perf_counter()
        admission = self._admission
        body = BodyReader(receive, admission, scope[_HEADERS].get(b"content-length"))
        admission.requests += 1
        try:
            call = self._call(Request(scope, body), None)
            try:
                call, response = await self._answer(call)
            finally:
                body.release()
            self._finish(call, response, time.perf_counter() - started)
            await response(scope, receive, send)
        finally:
            admission.requests -= 1

    async def _answer(self, call: Call) -> tuple[Call, Response]:
        """The call, with its caller if there is one, and the room's response to it, or to what went wrong."""
        room, request = self._room, call.request
        try:
            if self._bounded:
                self._admission.check()
            if self._route.scopes:
                if room.prepare is not None:
                    await room.prepare(request)
                call = self._call(request, await self._who(request))
                if self._reads:
                    await self._services.writer.settled(call.workspace.id)
            return call, await self._handled(call)
        except TurnoutError as error:
            return call, self._refuse(error, request)
        except Exception:
            log.exception("%s failed", self._label)
            return call, room.render_error(
                TurnoutError("something went wrong here; it is in the server's log"), request
            )

    async def _handled(self, call: Call) -> Response:
        """The handler's response. What it does not find may have been made by another process a moment ago."""
        catalog = self._services.catalog
        taken = catalog.taken
        try:
            return await self._route.handler(call)
        except (NotFound, InvalidInput):
            # Once its body has been asked for, a request can't be answered anew.
            if not self._services.fleet.is_shared or cast(BodyReader, call.request.receive).until_s:
                raise
            await catalog.looked()
            if catalog.taken == taken:
                raise
        return await self._route.handler(call)

    def _call(self, request: Request, caller: Caller | None) -> Call:
        return Call(request, self._services, caller, self._doors.rates, self._doors.attempts, self._rooms)

    async def _who(self, request: Request) -> Caller:
        """The caller, who may do this and isn't asking too often."""
        room, doors, telemetry = self._room, self._doors, self._services.telemetry
        address = client_address(request.scope, doors.proxy_hops)
        wait_s = doors.attempts.wait_s(address)
        try:
            caller = await self._services.sought(lambda: room.authenticate(request, self._services))
        except SignedOut:
            raise
        except Unauthenticated:
            telemetry.unauthenticated.labels(room.name).inc()
            if wait_s:
                raise self._shut(address, wait_s) from None
            doors.attempts.failed(address)
            raise
        if wait_s and not doors.attempts.knows(address, caller.name):
            raise self._shut(address, wait_s)
        doors.attempts.succeeded(address, caller.name)
        if caller.key is not None:
            self._services.keys_used[caller.key.id] = self._services.now()
        caller.allow(*self._route.scopes)
        if not caller.local:
            doors.rates.request(caller.name)
        return caller

    def _shut(self, address: str, wait_s: int) -> RateLimited:
        """The same answer to a good guess and to a bad one."""
        log.debug("too many failed attempts", extra={"fields": {"address": address, "wait_s": wait_s}})
        return RateLimited("too many requests with wrong credentials", retry_after_s=wait_s)

    def _refuse(self, error: TurnoutError, request: Request) -> Response:
        response = self._room.render_error(error, request)
        if isinstance(error, RateLimited | Overloaded):
            response.headers.setdefault("Retry-After", str(error.retry_after_s))
            self._services.telemetry.refused.labels(self._room.name, error.code).inc()
        return response

    def _finish(self, call: Call, response: Response, seconds: float) -> None:
        """Name the response, count it, and log it where that is wanted."""
        if self._room.decorate is not None:
            self._room.decorate(call, response)
        _name(response)
        if self._traffic is not None and response.status_code == 200:
            response.raw_headers.append(self._traffic)
        answered = self._answered.get(response.status_code)
        if answered is None:
            labels = self._room.name, self._label, str(response.status_code)
            answered = self._answered[response.status_code] = self._services.telemetry.requests.labels(*labels)
        answered.inc()
        self._seconds.observe(seconds)
        if seconds >= self._slow_s:
            _log_access(logging.WARNING, self._route.method, self._route.path, response, seconds, call.caller)
        elif access.isEnabledFor(self._access_level):
            _log_access(self._access_level, self._route.method, self._route.path, response, seconds, call.caller)


def _name(response: Response) -> None:
    response.raw_headers.append((b"x-request-id", logs.request_id.get().encode()))


def _log_access(level: int, method: str, route: str, response: Response, seconds: float, caller: Caller | None) -> None:
    """One line for a request: the route's template and the key's id, never the query, a header or a body."""
    fields: dict[str, object] = {
        "method": method,
        "route": route,
        "status": response.status_code,
        "duration_ms": round(seconds * 1000, 3),
    }
    length = MutableHeaders(raw=response.raw_headers).get("content-length")
    if length is not None:
        fields["bytes"] = int(length)
    if caller is not None:
        fields["workspace"] = caller.workspace.id
        fields["key"] = caller.name
    access.log(level, "slow request" if level >= logging.WARNING else "request", extra={"fields": fields})
