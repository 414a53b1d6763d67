"""What is moved, in slices: pieces of a store that are small enough to be held, compared and written in one go.

Sizes of campaigns come in; slices leave, the same ones each time as long as the source is the same. Several small
campaigns make one slice; a large one is cut at whole slots of its rollup, and a slot that is too large by id. Whatever
the rollup says, the slices of a campaign cover all of time and every id, so nothing can lie between them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from turnout import sql
from turnout.store.engine import Engine, Parameters, rows
from turnout.store.events import FIRST_MS, LAST_MS, SLOT_MS

_SIZES = sql.query("moving_sizes")
_SLOTS = sql.query("moving_slots")

#: Ids are hashes, so equal parts of their range hold about as many events each.
LAST_ID = 2**128 - 1

#: Campaigns of one slice, or of one comparison, at most.
_CAMPAIGNS_LIMIT = 500


@dataclass(frozen=True)
class Size:
    """How many events a campaign of a workspace has."""

    workspace: str
    campaign: str
    events: int

    @property
    def name(self) -> tuple[str, str]:
        """Whose it is."""
        return self.workspace, self.campaign


@dataclass(frozen=True)
class Slice:
    """The events of some campaigns within [from_ms, to_ms) and [first_id, last_id]; about so many `events`."""

    workspace: str
    campaigns: tuple[str, ...]
    events: int
    from_ms: int = FIRST_MS
    to_ms: int = LAST_MS + 1
    first_id: int = 0
    last_id: int = LAST_ID

    @property
    def key(self) -> str:
        """Which events it is about, whatever their number."""
        said = (self.workspace, self.campaigns, self.from_ms, self.to_ms, self.first_id, self.last_id)
        return hashlib.blake2b(repr(said).encode(), digest_size=16).hexdigest()

    def parameters(self) -> Parameters:
        """The values of the queries `moving_*.sql`."""
        return {
            "workspace": self.workspace,
            "campaigns": self.campaigns,
            "from_ms": self.from_ms,
            "to_ms": self.to_ms,
            "first_id": self.first_id,
            "last_id": self.last_id,
        }


def sizes(engine: Engine) -> list[Size]:
    """Every campaign that has events, by workspace and id."""
    found: list[Size] = []
    for batch in engine.batches(_SIZES):
        columns = [batch.column(name).to_pylist() for name in ("workspace", "campaign", "events")]
        found += [Size(*one) for one in zip(*columns, strict=True)]
    return found


def slices(engine: Engine, found: Iterable[Size], limit_events: int) -> Iterator[Slice]:
    """Cut campaigns of the store behind `engine` into slices of about `limit_events` at most."""
    for group in groups(found, limit_events):
        if len(group) == 1 and group[0].events > limit_events:
            yield from _cut(engine, group[0], limit_events)
        else:
            names = tuple(one.campaign for one in group)
            yield Slice(group[0].workspace, names, sum(one.events for one in group))


def groups(found: Iterable[Size], limit_events: int) -> Iterator[list[Size]]:
    """Campaigns of one workspace together, as long as they have no more than `limit_events`; a larger one alone."""
    group: list[Size] = []
    held = 0
    for one in found:
        full = held + one.events > limit_events or len(group) >= _CAMPAIGNS_LIMIT
        if group and (full or one.workspace != group[0].workspace):
            yield group
            group, held = [], 0
        group.append(one)
        held += one.events
    if group:
        yield group


def _cut(engine: Engine, size: Size, limit_events: int) -> Iterator[Slice]:
    """One large campaign in spans of whole slots that follow each other, from the first moment to the last."""
    slots = rows(engine, _SLOTS, {"workspace": size.workspace, "campaign": size.campaign})
    ends: list[tuple[int, int]] = []  # where a span ends, and how many events it has
    held = 0
    for slot_s, count in slots:
        if held and held + int(count) > limit_events:
            ends.append((int(slot_s) * 1000, held))
            held = 0
        held += int(count)
        if held > limit_events:
            ends.append((int(slot_s) * 1000 + SLOT_MS, held))
            held = 0
    start = FIRST_MS
    for end, events in [*ends, (LAST_MS + 1, held)]:
        if start < end:
            yield from _by_id(Slice(size.workspace, (size.campaign,), events, start, end), limit_events)
        start = end


def _by_id(whole: Slice, limit_events: int) -> Sequence[Slice]:
    parts = -(-whole.events // limit_events)
    if parts <= 1:
        return (whole,)
    edges = [(LAST_ID + 1) * part // parts for part in range(parts + 1)]
    return [
        Slice(
            whole.workspace,
            whole.campaigns,
            whole.events // parts,
            whole.from_ms,
            whole.to_ms,
            edges[part],
            edges[part + 1] - 1,
        )
        for part in range(parts)
    ]
