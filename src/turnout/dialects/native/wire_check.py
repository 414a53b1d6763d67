"""What the checks and rebuilds of a store take and answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from turnout.model import Name


class Scope(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the rollup to check or rebuild; everything if left out."""

    campaigns: Annotated[tuple[Name, ...], Meta(max_length=10_000)] = ()
    from_: str = field(default="", name="from")
    to: str = ""


class DifferenceEntry(Struct, frozen=True):
    """A quarter of an hour in which raw and rollup disagree."""

    campaign: str
    type: str
    slot: str
    raw_events: int
    rolled_events: int


class DuplicateEntry(Struct, frozen=True):
    """An event that is stored more than once: where the copy of it is that stays, and how many there are."""

    id: str
    campaign: str
    type: str
    time: str
    copies: int


class MisplacedEntry(Struct, frozen=True):
    """Events of a campaign that lie on a shard of the cluster which is not theirs."""

    campaign: str
    shard: int
    events: int


class OverlapEntry(Struct, frozen=True):
    """Viewers of a campaign whose watched intervals overlap, and the time that so counts more than once."""

    campaign: str
    viewers: int
    overlap_s: float


class CheckAnswer(Struct, frozen=True):
    """What a check found; `differences` is empty when rollup and raw agree, `duplicates` when every event is stored
    once, `misplaced` when each is on its shard. `overlaps` may be as they were sent. `dropped` are copies that a
    rebuild has taken out."""

    campaigns: int
    events: int
    differences: list[DifferenceEntry]
    duplicates: list[DuplicateEntry]
    misplaced: list[MisplacedEntry]
    overlaps: list[OverlapEntry]
    dropped: int = 0


class DuplicatesAnswer(Struct, frozen=True):
    """Events of the whole workspace that are stored more than once, up to a thousand, and copies that were dropped."""

    duplicates: list[DuplicateEntry]
    dropped: int = 0


class HeldEntry(Struct, frozen=True):
    """Events of one campaign in a damaged part; `from` and `to` are the first and the last of them that are known."""

    workspace: str
    campaign: str
    from_: str = field(name="from")
    to: str
    events: int


class DamagedPart(Struct, frozen=True):
    """A part of a table that can't be read through.

    `held` says whose events it has (of the table of events): all of them if `held_exactly`, else what its index shows.
    """

    table: str
    part: str
    rows: int
    reason: str
    held: list[HeldEntry]
    held_exactly: bool


class PartAside(Struct, frozen=True):
    """A part that lies on the disk and counts nowhere; `rows` is null where it does not say how many it has."""

    table: str
    part: str
    rows: int | None
    path: str


class LostEntry(Struct, frozen=True):
    """So many events of a campaign were counted once and are no longer there."""

    workspace: str
    campaign: str
    events: int


class SpoolDamage(Struct, frozen=True):
    """Bytes of a segment of the spool that are not what was written: acknowledged events may have been in them."""

    file: str
    offset: int
    bytes: int


class ShardEntry(Struct, frozen=True):
    """How many events a shard of the cluster has, of all workspaces."""

    shard: int
    events: int


class ReplicaEntry(Struct, frozen=True):
    """A table of a node of the cluster that is not well, and why."""

    node: str
    table: str
    reason: str


class StoreAnswer(Struct, frozen=True):
    """What is wrong with the store of all workspaces: nothing if it is `sound`, whatever lies `aside`.

    `spool` is what was found damaged on the way to the store, until its file is taken away and the server restarted.
    `shards` and `replicas` are of a cluster, whose parts its servers look after themselves.
    """

    sound: bool
    spool: list[SpoolDamage]
    damaged: list[DamagedPart]
    aside: list[PartAside]
    lost: list[LostEntry]
    unfinished: list[str]
    shards: list[ShardEntry] = []
    replicas: list[ReplicaEntry] = []


class MendedAnswer(Struct, frozen=True):
    """What was done about damage.

    `set_aside` are parts of the events, of whose rows `saved` are back in their place and `unread` are not; `lost` is
    by campaign, whenever it was lost. `dropped` parts are made again from the events, `rebuilt` is the number of
    campaigns that they were made again for. `left` are parts that only a backup brings back.
    """

    set_aside: list[str]
    dropped: list[str]
    saved: int
    unread: int
    lost: list[LostEntry]
    rebuilt: int
    left: list[DamagedPart]
