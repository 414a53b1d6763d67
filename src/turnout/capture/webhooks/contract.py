"""What a provider is: how its requests are known to be its own, and what each of them says.

A `Delivery` (one request, as it came) enters a provider; `Parsed` leaves: events as mappings of the fields of
`model.Event`, which the receiver checks as strictly as any other, and what could not be understood.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import xxhash

from turnout.model import Hook

#: A signed request older, or further ahead, than this is refused: it may be somebody's repetition.
REPLAY_WINDOW_S = 300


@dataclass(frozen=True)
class Delivery:
    """One request. `headers` have lower-case names; `url` is the address as the provider called it."""

    hook: Hook
    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]
    url: str
    now: dt.datetime


@dataclass(frozen=True)
class Said:
    """One event that a provider told.

    `source` is the part of the body that it was made of, kept if it is no event. It is a body by itself: `parse` is
    given it again, later, with the same headers and query. Several events may share one.
    """

    event: dict[str, Any]
    source: bytes


@dataclass(frozen=True)
class Unread:
    """A part of a body that was not understood, a body by itself like `Said.source`; and why, for a person."""

    source: bytes
    error: str


@dataclass
class Parsed:
    """What a request says. `ignored` counts what is understood and has no statistic; `answer` goes back as text."""

    said: list[Said] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    ignored: int = 0
    answer: str = ""


class Unreadable(Exception):
    """Nothing of the body can be understood; the message says why, for a person."""


@dataclass(frozen=True)
class Provider:
    """One provider, as its file describes it.

    `verify` raises Unauthenticated unless the provider made this request; it is called where the hook has a secret
    (`signs`), over the raw body and before anything is parsed. `parse` raises Unreadable for a body that is nothing
    known. `greet` answers the GET by which some providers make sure of an address. `options` names the hook's
    options that the provider knows, each with what it means.
    """

    name: str
    title: str
    parse: Callable[[Delivery], Parsed]
    verify: Callable[[Delivery], None] | None = None
    greet: Callable[[Delivery], str] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    #: What to configure at the provider, for `turnout hooks add`: a sentence or two.
    setup: str = ""
    #: Whether `verify` is called for a hook without a secret, too: it checks with keys that are public.
    always_verifies: bool = False
    #: Whether `verify` or `parse` may ask somebody over the network, and so must not hold up the event loop.
    blocks: bool = False
    #: The headers, in lower case, that `parse` reads; one that ends with `*` is a prefix. They are kept with what is
    #: not understood, so that it can be parsed again.
    headers: tuple[str, ...] = ()

    @property
    def signs(self) -> bool:
        """Whether its requests carry a signature."""
        return self.verify is not None


def identity(provider: str, *parts: object) -> str:
    """The id of an event by its meaning: the same for every repetition, whatever id the repetition has."""
    return f"{provider}:{xxhash.xxh3_128_hexdigest(msgspec.msgpack.encode(parts))}"
