"""Requests of providers for tests that need no server, and what their parsing may and may not do."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, Unreadable
from turnout.errors import TurnoutError
from turnout.ingest.steps import prepare
from turnout.model import Event, Hook

NOW = dt.datetime(2026, 3, 17, 10, 0, tzinfo=dt.UTC)
URL = "https://turnout.example/hooks/any/token"


def delivery(
    body: Any,
    *,
    headers: dict[str, str] | None = None,
    url: str = URL,
    secret: str = "",
    now: dt.datetime = NOW,
    **options: str,
) -> Delivery:
    """A request; what is no bytes is sent as JSON. The query is that of the address."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    hook = Hook(
        id="h", workspace="w", provider="any", digest="", secret=secret, campaign="of-hook", options=options,
        created_at=NOW,
    )  # fmt: skip
    return Delivery(hook, raw, headers or {}, dict(parse_qsl(urlsplit(url).query)), url, now)


def events(parsed: Parsed) -> list[Event]:
    """What was said, as strict as the receiver takes it: nothing of it may be refused."""
    made = [msgspec.convert(one.event, Event) for one in parsed.said]
    given = [msgspec.structs.replace(event, campaign=event.campaign or "of-hook") for event in made]
    batch = prepare("w", enumerate(given), dt.datetime(2034, 12, 1, tzinfo=dt.UTC))
    assert not batch.rejected, batch.rejected
    return made


def one(parsed: Parsed) -> Event:
    """The only event of a body that was understood."""
    assert not parsed.unread, parsed.unread
    (event,) = events(parsed)
    return event


_WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 7.5, 1e300, 2**63, "", "\u0000", "x" * 20_000, [], {}, [None], [[]], {"a": {"a": []}},
    "\ud83d\ude00",
)  # fmt: skip


def wrongs(body: Any) -> Iterator[Any]:
    """A body with each of its values, at any depth, left out or replaced by each of many wrong ones."""
    for path in list(_paths(body)):
        for wrong in _WRONG:
            changed = copy.deepcopy(body)
            if not path:
                yield wrong
                continue
            _parent(changed, path)[path[-1]] = wrong
            yield changed
        if path:
            changed = copy.deepcopy(body)
            del _parent(changed, path)[path[-1]]
            yield changed


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        yield from _paths(inner, (*path, name))


def _parent(value: Any, path: tuple[Any, ...]) -> Any:
    for name in path[:-1]:
        value = value[name]
    return value


def endures(provider: Provider, request: Delivery) -> None:
    """Whatever the body holds, parsing it says what it is: it never fails, and every part of it is a body by itself."""
    with contextlib.suppress(Unreadable, TurnoutError):
        parsed = provider.parse(request)
        for source in {*(each.source for each in parsed.said), *(each.source for each in parsed.unread)}:
            with contextlib.suppress(Unreadable):
                provider.parse(Delivery(request.hook, source, request.headers, request.query, request.url, request.now))
        for each in parsed.said:
            with contextlib.suppress(msgspec.ValidationError):
                prepare("w", [(0, msgspec.convert(each.event, Event))], NOW)
