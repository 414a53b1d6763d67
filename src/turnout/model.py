"""The words: events, campaigns, links, workspaces and keys, as they arrive, are kept and are shown.

An `Event` is what a sender says happened. It is decoded once, checked and normalised by
`ingest.steps`, and never changes after that.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct

EventType = Literal[
    "enrolled",
    "skipped",
    "queued",
    "sent",
    "carrier_accepted",
    "deferred",
    "delivered",
    "bounced",
    "rejected",
    "failed",
    "impression",
    "dismissed",
    "opened",
    "clicked",
    "unsubscribed",
    "complained",
    "replied",
    "app_opened",
    "purchased",
    "performed",
    "converted",
    "watched",
    "liked",
    "chatted",
    "product_clicked",
    "banner_clicked",
]
EVENT_TYPES: tuple[str, ...] = get_args(EventType)

#: What a recipient did anywhere; these need no campaign.
BEHAVIOURS = frozenset({"app_opened", "purchased", "performed"})

#: What a viewer of a live show did, once or `quantity` times.
REACTIONS = frozenset({"liked", "chatted", "product_clicked", "banner_clicked"})

Traffic = Literal["human", "proxy", "prefetch", "preview", "scanner", "bot"]
TRAFFIC_CLASSES: tuple[str, ...] = get_args(Traffic)

#: The classes that count unless a question says otherwise.
DEFAULT_TRAFFIC: tuple[str, ...] = ("human", "proxy")

#: Why an event is of the class it is of; the position of each is its bit in the store, so new ones come last.
#: The first four are facts of the request, which no later rule can find again.
Reason = Literal[
    "said",  # the sender said the class
    "head_request",  # asked with HEAD
    "prefetch_header",  # Purpose or Sec-Purpose said so
    "hidden_link",  # of a link that no person sees
    "allowed",  # on the workspace's allow list
    "mail_proxy",  # a mailbox provider's image proxy
    "link_preview",  # a messenger's or mail program's preview
    "known_scanner",  # a security product that says what it is
    "known_bot",  # a crawler or monitor that says what it is
    "http_client",  # a library or tool, not a browser
    "headless_browser",  # a browser that nobody looks at
    "no_agent",  # no user agent at all
    "bare_agent",  # a user agent cut down to `Mozilla/5.0`
    "soon_after_delivery",  # within seconds of the delivery
    "many_links_at_once",  # several links of one message in two seconds
    "near_hidden_link",  # seconds from a click on a hidden link
    "many_recipients_at_once",  # one address, many recipients in seconds
]
REASONS: tuple[str, ...] = get_args(Reason)

#: Reasons that stay whatever the rules become.
FACTS = frozenset({"said", "head_request", "prefetch_header", "hidden_link"})

#: The last place that a link can have in its message.
POSITION_LIMIT = 10_000

#: Currency of an amount that brings none.
DEFAULT_CURRENCY = "USD"

Name = Annotated[str, Meta(max_length=256)]
Id = Annotated[str, Meta(max_length=512)]
Text = Annotated[str, Meta(max_length=2048)]
Url = Annotated[str, Meta(max_length=8192)]
# Before a line break at the end is `$` as well.
Currency = Annotated[str, Meta(pattern="^([A-Z]{3})?$(?!\\n)")]
Country = Annotated[str, Meta(pattern="^([A-Z]{2})?$(?!\\n)")]


class Event(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """Something that happened to, or was done by, one recipient.

    `time` arrives as ISO 8601 or as epoch seconds or milliseconds; `ingest.steps` turns it into
    whole microseconds since the epoch, UTC. Empty strings mean "not said". The `position` of a clicked link is its
    place in the message, counted from the top; 0 means "not said". Of a `traffic` class that comes with a
    `rule_version` the rules made it; without one it is the sender's own word.
    """

    type: EventType
    time: dt.datetime | int | float
    campaign: Name = ""
    id: Id = ""
    message: Name = ""
    variation: Name = ""
    channel: Name = ""
    recipient: Id = ""
    anonymous: bool = False
    send_id: Name = ""
    profile: Name = ""
    properties: dict[str, Any] | None = None

    opted_in: bool | None = None
    bounce: Literal["", "hard", "soft"] = ""
    failure: Literal["", "permanent", "temporary"] = ""
    open: Literal["", "direct", "influenced"] = ""
    target: Literal["", "link", "body", "button_1", "button_2"] = ""
    url: Url = ""
    link: Text = ""
    link_title: Text = ""
    position: Annotated[int, Meta(ge=0, le=POSITION_LIMIT)] = 0
    params: dict[str, Any] | None = None
    keyword: Name = ""
    amount: Decimal | None = None
    currency: Currency = ""
    order: Id = ""
    name: Name = ""
    goal: Annotated[int, Meta(ge=0, le=3)] = 0
    duration_s: Annotated[float, Meta(ge=0, le=604_800)] | None = None
    product: Name = ""
    quantity: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None

    ip: Annotated[str, Meta(max_length=64)] = ""
    user_agent: Text = ""
    country: Country = ""
    city: Name = ""
    network: Name = ""
    device: Name = ""
    os: Name = ""
    browser: Name = ""
    browser_version: Name = ""
    traffic: Traffic | None = None
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=32)] = ()
    rule_version: Annotated[int, Meta(ge=0, le=255)] = 0


#: The one attribute of an event type that splits its count: `bounced` into `bounced_hard` …
DETAIL_FIELD: dict[str, str] = {
    "bounced": "bounce",
    "rejected": "failure",
    "failed": "failure",
    "opened": "open",
    "clicked": "target",
    "replied": "keyword",
}


class Message(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One message (step) of a campaign."""

    id: Name
    title: Text = ""
    channel: Name = ""


class Variation(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One arm of a test; `control` marks the group that received nothing."""

    id: Name
    name: Text = ""
    control: bool = False


class Goal(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What counts as a conversion: `event` (of that `name`) within `window_s` after the touch `after`."""

    event: EventType
    name: Name = ""
    window_s: Annotated[int, Meta(ge=1, le=31_536_000)] = 259_200
    after: Literal["sent", "delivered", "opened", "clicked", "impression", "enrolled"] = "sent"


class CampaignFields(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What a user may set on a campaign (PUT); everything is optional.

    The identifiers `uuid`, `token`, `key` and `number` are what the rooms' APIs call a campaign by;
    the missing ones are generated. `properties` is whatever else its maker wants to be kept beside it.
    """

    id: Name = ""
    title: Text = ""
    description: Text = ""
    type: Name = ""
    channels: Annotated[tuple[Name, ...], Meta(max_length=50)] = ()
    tags: Annotated[tuple[Name, ...], Meta(max_length=200)] = ()
    draft: bool = False
    archived: bool = False
    uuid: Annotated[str, Meta(max_length=64)] = ""
    token: Annotated[str, Meta(max_length=64)] = ""
    key: Annotated[str, Meta(max_length=64)] = ""
    number: Annotated[int, Meta(ge=0, le=9_007_199_254_740_991)] = 0
    scheduled_at: dt.datetime | None = None
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    messages: Annotated[tuple[Message, ...], Meta(max_length=1000)] = ()
    variations: Annotated[tuple[Variation, ...], Meta(max_length=1000)] = ()
    goals: Annotated[tuple[Goal, ...], Meta(max_length=4)] = ()
    properties: dict[str, Any] = {}


class Campaign(CampaignFields, kw_only=True, frozen=True):
    """A campaign as the catalog keeps it: complete, with every identifier and its own times."""

    workspace: str = ""
    created_at: dt.datetime
    updated_at: dt.datetime


class Link(Struct, kw_only=True, frozen=True):
    """A registered address that clicks go through; events name its `id` in `link`.

    `code` is what its address ends with (`/r/{code}`), the id where it has none of its own. `url` is where it leads,
    `params` the URL-encoded query that is added there. `profile`, `campaign` and `message` are what it belongs to. No
    person sees a `hidden` one, so what follows it is a machine. From `expires_at` on it leads nowhere, and so does a
    deleted one, but its clicks keep its title.
    """

    id: Name
    workspace: str = ""
    title: Text = ""
    url: Url
    params: Text = ""
    profile: Name = ""
    campaign: Name = ""
    message: Name = ""
    code: Name = ""
    hidden: bool = False
    expires_at: dt.datetime | None = None
    created_at: dt.datetime
    updated_at: dt.datetime
    deleted_at: dt.datetime | None = None


Addresses = Literal["full", "truncated", "none"]
LiveTokens = Literal["optional", "required"]
Allowed = Annotated[tuple[Name, ...], Meta(max_length=1000)]


class Workspace(Struct, kw_only=True, frozen=True):
    """One tenant. `access_key` is its public id; `signing_secret` verifies tokens its clients sign.

    Whoever opens the app within `influence_window_s` after a message, and not by it, was influenced by it.
    Whoever had not opened the app for `dormant_s` when it came, and then does, is reengaged.

    `addresses` says what is kept of the IP address of a request. Requests by a user agent that contains one of
    `allow_agents`, or from one of `allow_networks` (CIDR), are human whatever the rules find. What is personal in
    events older than `retention_days` (0: never) is taken out. `live_tokens` says whether viewers who are not guests
    must prove who they are.
    """

    id: Name
    name: Text = ""
    timezone: str = "UTC"
    influence_window_s: Annotated[int, Meta(ge=1, le=2_592_000)] = 10_800
    dormant_s: Annotated[int, Meta(ge=1, le=31_536_000)] = 1_209_600
    addresses: Addresses = "full"
    allow_agents: Allowed = ()
    allow_networks: Allowed = ()
    retention_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    live_tokens: LiveTokens = "optional"
    access_key: str
    signing_secret: str
    created_at: dt.datetime


class Hook(Struct, kw_only=True, frozen=True):
    """Where one provider's webhooks come in, known by the SHA-256 of the token in its address.

    `secret` is what the provider signs with, or the public key that its signatures are checked with; it has to be
    kept as it is, and is never shown or logged. `campaign` is whose the events are that name none. `options` are the
    provider's own, e.g. the topics that may be subscribed to.
    """

    id: str
    workspace: str
    provider: Name
    name: Name = ""
    digest: str
    secret: Annotated[str, Meta(max_length=4096)] = ""
    campaign: Name = ""
    options: dict[str, str] = {}
    created_at: dt.datetime
    revoked_at: dt.datetime | None = None


#: ingest: write events. read: ask. admin: change campaigns, keys and workspaces.
Scope = Literal["ingest", "read", "admin"]
SCOPES: tuple[str, ...] = get_args(Scope)


class ApiKey(Struct, kw_only=True, frozen=True):
    """A key of one workspace, known only by the SHA-256 of its secret.

    `scopes` holds words of `SCOPES`, or a room's finer permission names.
    """

    id: str
    workspace: str
    name: str = ""
    digest: str
    scopes: tuple[str, ...] = SCOPES
    created_at: dt.datetime
    revoked_at: dt.datetime | None = None


class Rejection(Struct, kw_only=True, frozen=True):
    """Why the event at `index` of a request was refused; `error` is for a person, `reason` for a counter."""

    index: int
    field: str
    error: str
    reason: str = "invalid"


class Receipt(Struct, kw_only=True, frozen=True):
    """What became of a request's events, given once they are durable."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejection, ...] = ()
