"""What a room is: routes, a way to know who asks, and the shape of its errors.

A handler gets a `Call` and returns a Starlette response. It raises the errors of `turnout.errors`;
the room turns them into its own body and status, in one place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from turnout import errors
from turnout.dialects.limits import Attempts, KeyRates
from turnout.errors import Forbidden, TurnoutError
from turnout.model import ApiKey, Campaign, Workspace
from turnout.services import Services

T = TypeVar("T")

#: The status that each error has over HTTP, where a vendor doesn't want another.
STATUS: dict[type[TurnoutError], int] = {
    errors.InvalidInput: 400,
    errors.UnknownName: 400,
    errors.BodyTimeout: 408,
    errors.Unauthenticated: 401,
    errors.SignedOut: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Gone: 410,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.UnsupportedFormat: 415,
    errors.RateLimited: 429,
    errors.Overloaded: 503,
    errors.NotDrawn: 503,
    errors.StoreError: 503,
    errors.StoreDamaged: 500,
    errors.StoreOwned: 503,
    errors.SchemaTooNew: 503,
}


@dataclass(frozen=True)
class Caller:
    """Who asks: a workspace, and what its key allows (`local` may do everything)."""

    workspace: Workspace
    key: ApiKey | None = None
    local: bool = False

    @property
    def name(self) -> str:
        """What this caller is counted and logged as: the id of its key, or of its workspace where there is none."""
        return self.key.id if self.key is not None else self.workspace.id

    def allow(self, *scopes: str) -> None:
        """Raise Forbidden unless the key has one of these scopes (admin has them all)."""
        if self.local or self.key is None:
            return
        if not {"admin", *scopes} & set(self.key.scopes):
            raise Forbidden(f"this key lacks the scope '{scopes[0]}'", hint=f"it has: {', '.join(self.key.scopes)}")


@dataclass(frozen=True)
class Call:
    """One request, as a handler sees it."""

    request: Request
    services: Services
    caller: Caller | None
    rates: KeyRates | None = None
    attempts: Attempts | None = None
    #: Every room there is, for what describes them.
    rooms: tuple[Room, ...] = ()

    def admit_events(self, count: int) -> None:
        """Count the events of this request for its key; RateLimited, before any is taken, if they are too many."""
        if self.rates is not None and self.caller is not None and not self.caller.local:
            self.rates.events(self.caller.name, count)

    @property
    def workspace(self) -> Workspace:
        """The caller's workspace; only for routes that have a scope."""
        assert self.caller is not None
        return self.caller.workspace


Handler = Callable[[Call], Awaitable[Response]]


def bearer(request: Request) -> str:
    """The secret of `Authorization: Bearer SECRET`; empty if there is none."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True)
class Route:
    """One operation: where it is, what it needs, what it does; enough to serve and to document it.

    `scopes` empty means that no credentials are needed. `query` and `body` are msgspec types, `answers`
    maps a status to a type (None: not JSON). Who asks where it `waits` sees everything that was acknowledged before.
    Unless `says_json`, what goes wrong is not told in the JSON that our own API has for it.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    scopes: tuple[str, ...] = ()
    query: type[msgspec.Struct] | None = None
    body: Any = None
    answers: dict[int, Any] = field(default_factory=dict)
    body_types: tuple[str, ...] = ("application/json",)
    waits: bool = True
    says_json: bool = True


#: On whose word a room does something: the vendor's document, an answer of the vendor's own service that
#: somebody recorded, a reading of either, or our choice where both are silent.
Source = Literal["documented", "live", "inferred", "ours"]


@dataclass(frozen=True)
class Entry:
    """One line of COMPATIBILITY.md: a parameter, field or habit `what` of `route`, and what it is made of here."""

    route: str
    what: str
    source: Source
    note: str


@dataclass(frozen=True)
class Shown:
    """What an example is made of: a workspace with some campaigns, a key of it, and the moment."""

    workspace: Workspace
    key: str
    campaigns: tuple[Campaign, ...]
    now: datetime

    def campaign(self, *channels: str) -> Campaign:
        """The first campaign with one of these channels, else the first; there is at least one."""
        return next((one for one in self.campaigns if set(channels) & set(one.channels)), self.campaigns[0])


@dataclass(frozen=True)
class Example:
    """A request that a client of the vendor's would make: GET `path`, with its query, and `headers`.

    Where a client signs a token itself (JWT, HS256, with the workspace's signing secret), `token` is what stands in the
    headers, and `claims` what it says beside its times.
    """

    path: str
    headers: dict[str, str] = field(default_factory=dict)
    token: str = ""
    claims: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Room:
    """One API: its name, its routes, who asks, and how it says no.

    `authenticate` returns the caller or raises Unauthenticated. `render_error` gives any error its
    body and status, for unknown paths beside its own too. `decorate` may add
    headers to every response. `compatibility` says where a vendor's API is met, and how; `title` is the
    vendor's name as it writes it, and `example` shows how a client asks. `prepare` reads what `authenticate`
    needs of a body. Of what recipients do, the classes `traffic` count in its statistics: every answer to a reader says
    so in X-Turnout-Traffic, since a vendor's body has no place for it.
    """

    name: str
    routes: tuple[Route, ...]
    authenticate: Callable[[Request, Services], Caller]
    render_error: Callable[[TurnoutError, Request], Response]
    decorate: Callable[[Call, Response], None] | None = None
    compatibility: tuple[Entry, ...] = ()
    prepare: Callable[[Request], Awaitable[None]] | None = None
    title: str = ""
    example: Callable[[Shown], Example] | None = None
    traffic: tuple[str, ...] = ()
