"""What becomes of a provider's request, the same for every provider: checked, parsed, made events, accepted, answered.

A `Delivery` enters; an `Outcome` leaves once all of it is on disk: the events with the writer, the rest as dead
letters. So a provider that gets a good answer may forget what it told, and one that gets none tells it again.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, Unread, Unreadable
from turnout.errors import TooLarge, TurnoutError
from turnout.ingest.steps import Batch, prepare
from turnout.model import BEHAVIOURS, Event, Workspace
from turnout.services import Services
from turnout.store.deadletters import Letter, letter_id

log = logging.getLogger(__name__)

#: Bodies above this size are taken apart off the event loop, so that they hold up nobody.
_INLINE_BYTES = 16_384

#: Dead letters of one request. Where more of it is not understood, it is one letter as a whole.
LETTERS_LIMIT = 100

#: The longest part of a body that is kept as a dead letter; a request that would need a longer one is refused.
LETTER_LIMIT_BYTES = 8 * 1024 * 1024

_REASON_LIMIT = 500
_HEADER_LIMIT = 1024
_HEADERS_LIMIT = 32
_QUERY_LIMIT = 512

#: Kept with every letter, for a person; a provider names what its parsing reads.
_HEADERS_KEPT = ("content-type", "user-agent")


@dataclass(frozen=True)
class Outcome:
    """What became of a request: events that are new, that are known, what has no statistic, and what was kept as
    dead letters. `answer` is what the provider wants to hear, if it isn't these numbers."""

    accepted: int
    duplicates: int
    ignored: int
    quarantined: int
    answer: str = ""


@dataclass(frozen=True)
class Understood:
    """What a body says: events ready for the writer, and what is to be kept because it is none."""

    batch: Batch
    letters: list[Letter]
    ignored: int
    quarantined: int
    answer: str


async def receive(
    provider: Provider,
    delivery: Delivery,
    workspace: Workspace,
    services: Services,
    admit: Callable[[int], None] = lambda count: None,
) -> Outcome:
    """Take a provider's request. Unauthenticated if it isn't the provider's; TooLarge, RateLimited, Overloaded.

    `admit` may refuse so many events by raising RateLimited, before any is taken.
    """

    def work() -> Understood:
        verify(provider, delivery)
        return understand(provider, delivery, workspace, services)

    if provider.blocks:
        understood = await services.run(work)
    elif len(delivery.body) > _INLINE_BYTES:
        understood = await services.unpack(work)
    else:
        understood = work()
    admit(understood.batch.count)
    return await keep(understood, workspace, services)


def verify(provider: Provider, delivery: Delivery) -> None:
    """Unauthenticated unless the provider made this request, as far as the hook can tell."""
    if provider.verify is not None and (delivery.hook.secret or provider.always_verifies):
        provider.verify(delivery)


async def keep(understood: Understood, workspace: Workspace, services: Services) -> Outcome:
    """Have everything on disk, and say how much it was."""
    # The letters first: they are few, and the same ones again change nothing if the events then can't be taken.
    if understood.letters:
        await services.run(services.dead_letters.keep, workspace.id, understood.letters)
    receipt = await services.writer.accept(understood.batch)
    return Outcome(receipt.accepted, receipt.duplicates, understood.ignored, understood.quarantined, understood.answer)


def understand(provider: Provider, delivery: Delivery, workspace: Workspace, services: Services) -> Understood:
    """Parse a request and make events of it. TooLarge past `request_limit_events`, or for what is too long to keep."""
    parsed = _parse(provider, delivery)
    limit = services.settings.request_limit_events
    if len(parsed.said) + len(parsed.unread) > limit:
        raise TooLarge(f"more than {limit} events in one request", field="body")
    unread = list(parsed.unread)
    events: list[tuple[int, Event]] = []
    for index, one in enumerate(parsed.said):
        try:
            events.append((index, _event(provider, delivery, one.event)))
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError, OverflowError) as error:
            unread.append(Unread(one.source, f"it makes no event: {error}"))
    batch = prepare(workspace.id, events, services.now(), services.context.of(workspace))
    for rejection in batch.rejected:
        services.telemetry.rejected.labels(rejection.reason).inc()
        source = parsed.said[rejection.index].source
        unread.append(Unread(source, f"it makes no event: {rejection.field}: {rejection.error}"))
    letters = _letters(provider, delivery, workspace, unread)
    return Understood(batch, letters, parsed.ignored, len(unread), parsed.answer)


def _parse(provider: Provider, delivery: Delivery) -> Parsed:
    """What the provider's file makes of a body; all of it unread where that fails."""
    try:
        return provider.parse(delivery)
    except TurnoutError:
        raise
    except Unreadable as error:
        return Parsed(unread=[Unread(delivery.body, str(error))])
    except Exception as error:
        log.exception("a body of %s could not be parsed; it is kept as a dead letter", provider.name)
        return Parsed(unread=[Unread(delivery.body, f"parsing it failed here ({type(error).__name__}): see the log")])


def _event(provider: Provider, delivery: Delivery, said: Mapping[str, Any]) -> Event:
    """The event that a mapping is, as strict as any other; with the campaign of the hook if it names none."""
    # A NUL can't be kept. Written as JSON it is this, and so is little else.
    if rb"\u0000" in msgspec.json.encode(said) and r"\x00" in repr(said):
        raise ValueError("a NUL character can't be kept")
    event = msgspec.convert(said, Event)
    if not event.campaign and event.type not in BEHAVIOURS:
        event.campaign = delivery.query.get("campaign", "").strip()[:256] or delivery.hook.campaign or provider.name
    return event


def _letters(provider: Provider, delivery: Delivery, workspace: Workspace, unread: list[Unread]) -> list[Letter]:
    """One letter for each part that was not understood; one of the whole body if they are many."""
    parts: dict[bytes, str] = {}
    for one in unread:
        parts.setdefault(one.source, one.error)
    if len(parts) > LETTERS_LIMIT:
        first = next(iter(parts.values()))
        parts = {delivery.body: f"{len(parts)} parts were not understood; the first: {first}"}
    if any(len(body) > LETTER_LIMIT_BYTES for body in parts):
        raise TooLarge(f"it is not understood, and too long to be kept ({LETTER_LIMIT_BYTES} bytes)", field="body")
    meant = _headers(provider.headers, delivery.headers)
    kept = {**_headers(_HEADERS_KEPT, delivery.headers), **meant}
    query = _query(delivery)
    return [
        Letter(
            id=letter_id(workspace.id, provider.name, body, meant, query),
            received=delivery.now,
            provider=provider.name,
            hook=delivery.hook.id,
            reason=reason[:_REASON_LIMIT].replace("\0", "\ufffd"),
            bytes=len(body),
            body=body,
            headers=kept,
            query=query,
        )
        for body, reason in parts.items()
    ]


def _query(delivery: Delivery) -> dict[str, str]:
    """The query as a letter keeps it: some senders put the secret there, which is nobody's to read."""
    told = (
        (name[:_QUERY_LIMIT], value[:_QUERY_LIMIT])
        for name, value in delivery.query.items()
        if name != "access_token" and value != delivery.hook.secret
    )
    return dict(itertools.islice(told, _HEADERS_LIMIT))


def _headers(wanted: Sequence[str], headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that are wanted, by name or by a beginning with `*`. No credential is ever wanted."""
    exact = {name for name in wanted if not name.endswith("*")}
    beginnings = tuple(name.removesuffix("*") for name in wanted if name.endswith("*"))
    found = (
        (name, value[:_HEADER_LIMIT])
        for name, value in headers.items()
        if name in exact or (beginnings and name.startswith(beginnings))
    )
    return dict(itertools.islice(found, _HEADERS_LIMIT))
