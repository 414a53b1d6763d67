"""The shapes of hooks and dead letters in the own API."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from turnout.administration import HookFields
from turnout.model import Name

#: Ids of one request.
Ids = Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=1000)]


class NewHook(HookFields, frozen=True, forbid_unknown_fields=True):
    """A hook to be made. `secret` is what the provider signs with, or the key that its signatures are checked with."""


class DeliveryEntry(Struct, frozen=True, kw_only=True):
    """One request to a hook: the status of its answer, and its events: new, known already, without a statistic, and
    not understood (dead letters). `error` says why it was refused; empty if it was not."""

    at: dt.datetime
    status: int
    accepted: int
    duplicates: int
    ignored: int
    quarantined: int
    error: str


class DeliveriesEntry(Struct, frozen=True, kw_only=True):
    """What a hook received since it was made: sums, and the last requests one by one, the newest first."""

    requests: int
    refused: int
    accepted: int
    duplicates: int
    ignored: int
    quarantined: int
    last_error: DeliveryEntry | None
    recent: list[DeliveryEntry]


class HookAnswer(Struct, frozen=True, kw_only=True):
    """A hook. `url`, which has its token, and `setup`, what to do there, are only in the answer that made it.

    `checked` says whether requests must prove that they are the provider's; the secret is never shown.
    """

    id: str
    provider: str
    name: str
    campaign: str
    options: dict[str, str]
    checked: bool
    created_at: dt.datetime
    revoked_at: dt.datetime | None
    deliveries: DeliveriesEntry
    url: str | UnsetType = UNSET
    setup: str | UnsetType = UNSET


class HooksAnswer(Struct, frozen=True):
    """The hooks of the workspace, revoked ones included."""

    hooks: list[HookAnswer]


class DeadLettersQuery(Struct, frozen=True):
    """Query of GET /v1/deadletters. `reason` is a part of theirs; with `replayed`, what was understood since, too.

    `after` is the `next` of the page before.
    """

    provider: str = ""
    reason: str = ""
    replayed: bool = False
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class DeadLetterEntry(Struct, frozen=True, kw_only=True):
    """What is known of a dead letter. `hook` is empty where an API key was the token; `bytes` are its body's."""

    id: str
    received: dt.datetime
    provider: str
    hook: str
    reason: str
    bytes: int
    replayed: dt.datetime | None


class DeadLettersAnswer(Struct, frozen=True):
    """A page of dead letters, the first to come first; `next` is empty at the end.

    `total` and `total_bytes` are of all that the workspace has.
    """

    letters: list[DeadLetterEntry]
    next: str
    total: int
    total_bytes: int


class DeadLetterAnswer(DeadLetterEntry, frozen=True, kw_only=True):
    """A dead letter whole. `encoding` is `utf-8`, or `base64` of a body that is no such text."""

    body: str
    encoding: str
    headers: dict[str, str]
    query: dict[str, str]


class Replay(Struct, frozen=True, forbid_unknown_fields=True):
    """Which dead letters to parse again: those of `ids`, of a provider, with a reason; all of them if nothing is named.

    At most `limit` at once, from behind `after`, the `next` of the answer before.
    """

    ids: Ids = ()
    provider: Name = ""
    reason: Name = ""
    after: Annotated[str, Meta(max_length=100)] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class ReplayAnswer(Struct, frozen=True):
    """Dead letters that are understood now, those that still are not, and what became of the events of the former.

    `next` is empty at the end.
    """

    understood: int
    still: int
    accepted: int
    duplicates: int
    ignored: int
    next: str


class DropQuery(Struct, frozen=True):
    """Query of DELETE /v1/deadletters: a provider's, or with this in their reason, or `all` of them."""

    provider: str = ""
    reason: str = ""
    all: bool = False


class DroppedAnswer(Struct, frozen=True):
    """How many dead letters were forgotten."""

    dropped: int
