"""The shapes of the own API: what comes in by query and body, what goes out. OpenAPI is made from these."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from turnout.administration import KeyFields, WorkspaceFields
from turnout.model import CampaignFields, Name, Rejection


class ErrorBody(Struct, frozen=True):
    """What went wrong. `code` is stable; `field` and `hint` may be empty."""

    code: str
    message: str
    field: str = ""
    hint: str = ""


class ErrorAnswer(Struct, frozen=True):
    """The one shape of every error of this API."""

    error: ErrorBody


class EventsAnswer(Struct, frozen=True):
    """What became of the events of a request. Given once they are durable."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejection, ...]


class StatsQuery(Struct, frozen=True):
    """Query of /v1/stats; besides these, any dimension's name is a filter (`campaign=a,b`; `\\,` is a comma).

    `by` says whether events are placed at their own time, or that of the message that they belong to.
    """

    metrics: str = ""
    dimensions: str = ""
    from_: str = field(default="", name="from")
    to: str = ""
    timezone: str = ""
    traffic: str = ""
    by: Literal["event", "send"] = "event"
    sort: str = ""
    limit: Annotated[int, Meta(ge=0, le=100_000)] = 1000
    offset: Annotated[int, Meta(ge=0, le=2_147_483_648)] = 0
    format: str = ""


class StatsMeta(Struct, frozen=True):
    """What the answer is of. `rows` counts all pages; `excluded` the events of each class left out."""

    from_: str | None = field(name="from")
    to: str | None
    timezone: str
    traffic: tuple[str, ...]
    by: str
    excluded: dict[str, int]
    metrics: tuple[str, ...]
    dimensions: tuple[str, ...]
    rows: int
    limit: int
    offset: int


class StatsAnswer(Struct, frozen=True):
    """Rows of the asked dimensions and metrics, and totals of the whole range (true uniques)."""

    rows: list[dict[str, Any]]
    totals: dict[str, Any]
    meta: StatsMeta


class RecipientsQuery(Struct, frozen=True):
    """Query of /v1/campaigns/{id}/recipients: count metrics that each recipient has, and has not."""

    did: str = ""
    did_not: str = ""
    from_: str = field(default="", name="from")
    to: str = ""
    timezone: str = ""
    traffic: str = ""
    format: str = ""


class ChartQuery(Struct, frozen=True):
    """Query of /v1/campaigns/{id}/chart.png, .svg and .pdf: which panel, of which part of the campaign, and its look.

    `range` is 7d, 30d, 90d, 365d or all; or `from` and `to` say it. `metrics` and `grain` are for panels over time.
    """

    panel: str = "series"
    range: str = ""
    from_: str = field(default="", name="from")
    to: str = ""
    timezone: str = ""
    traffic: str = ""
    grain: str = ""
    metrics: str = ""
    look: Literal["light", "dark"] = "light"
    scale: float = 2.0


class ExportQuery(Struct, frozen=True):
    """Query of GET /v1/events: the raw events, streamed; any dimension's name is a filter."""

    type: str = ""
    from_: str = field(default="", name="from")
    to: str = ""
    timezone: str = ""
    traffic: str = ""
    format: str = ""


class CampaignsQuery(Struct, frozen=True):
    """Query of GET /v1/campaigns."""

    search: str = ""
    tag: str = ""
    channel: str = ""
    archived: bool = True
    limit: Annotated[int, Meta(ge=0, le=10_000)] = 1000
    offset: Annotated[int, Meta(ge=0, le=2_147_483_648)] = 0


class CampaignAnswer(CampaignFields, frozen=True, kw_only=True):
    """A campaign as GET speaks it: all that PUT takes, when it was made, and its first and last event."""

    created_at: dt.datetime
    updated_at: dt.datetime
    first_event_at: dt.datetime | None = None
    last_event_at: dt.datetime | None = None
    events: int = 0


class CampaignsAnswer(Struct, frozen=True):
    """A page of campaigns in the order of their creation, and how many there are."""

    campaigns: list[CampaignAnswer]
    total: int


class MetricEntry(Struct, frozen=True):
    """A metric as the dictionary publishes it."""

    name: str
    unit: str
    kind: str
    definition: str
    event_types: tuple[str, ...]
    numerator: str | None
    denominator: str | None
    unique_by: str | None
    traffic: str
    placed_by: str


class DimensionEntry(Struct, frozen=True):
    """A dimension as the dictionary publishes it."""

    name: str
    definition: str


class MetricsAnswer(Struct, frozen=True):
    """Every metric and every dimension there is."""

    metrics: list[MetricEntry]
    dimensions: list[DimensionEntry]


class NewKey(KeyFields, frozen=True, forbid_unknown_fields=True):
    """A key to be made; without scopes it has all of them."""


class KeyAnswer(Struct, frozen=True):
    """A key. `secret` is there only in the answer that made it; `last_used_at` is null if it was not used since the
    server started."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: dt.datetime
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None = None
    secret: str | UnsetType = UNSET


class KeysAnswer(Struct, frozen=True):
    """The keys of the workspace, revoked ones included."""

    keys: list[KeyAnswer]


class NewBackup(Struct, frozen=True, forbid_unknown_fields=True):
    """A backup to be made: absolute paths of the server's machine; `disk` is one of a ClickHouse server's."""

    path: Annotated[str, Meta(max_length=4096)] = ""
    base: Annotated[str, Meta(max_length=4096)] = ""
    disk: Name = ""


class NewWorkspace(WorkspaceFields, frozen=True, forbid_unknown_fields=True):
    """A workspace to be made (POST) or fields of it to be set (PATCH); what is empty is generated or kept."""

    id: Annotated[str, Meta(max_length=64, pattern="^([a-z0-9][a-z0-9_-]*)?$")] = ""


class WorkspaceAnswer(Struct, frozen=True):
    """A workspace. `api_key` is there only in the answer that made it; `signing_secret` only for its admins."""

    id: str
    name: str
    timezone: str
    access_key: str
    influence_window_s: int
    dormant_s: int
    addresses: str
    allow_agents: tuple[str, ...]
    allow_networks: tuple[str, ...]
    retention_days: int
    live_tokens: str
    created_at: dt.datetime
    signing_secret: str | UnsetType = UNSET
    api_key: str | UnsetType = UNSET


class WorkspacesAnswer(Struct, frozen=True):
    """The workspaces that the caller may see: its own, or all of them for a command on this machine."""

    workspaces: list[WorkspaceAnswer]


class EraseQuery(Struct, frozen=True):
    """Query of DELETE /v1/recipients/{id}: whether the domain of an e-mail address stays, for numbers by domain."""

    domain: Literal["keep", "drop"] = "keep"


class ErasedAnswer(Struct, frozen=True):
    """How many events of the person were changed, how many of others that named them, and how many dead letters about
    them were dropped; all 0 for a person who is not there."""

    events: int
    mentions: int
    letters: int


class RetentionRun(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the workspace's retention is only to say what it would do."""

    dry_run: bool = False


class RetentionAnswer(Struct, frozen=True):
    """What was done, or would be, about events before a moment (null: nothing expires).

    `cleared` events lost what came with their requests; `recipients` had no event since, and were erased.
    """

    retention_days: int
    before: dt.datetime | None
    cleared: int
    recipients: int
    dry_run: bool


class Health(Struct, frozen=True):
    """Whether the process lives."""

    status: str
    version: str


class Readiness(Struct, frozen=True):
    """Whether it is ready: `status` is "ready" or "not ready", and each of `parts` is "ok" or what is wrong with it."""

    status: str
    version: str
    parts: dict[str, str]
