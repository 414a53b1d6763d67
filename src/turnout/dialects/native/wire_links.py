"""The shapes of links and of rewriting, as `wire` has those of all else."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from turnout.model import Id, Name, Text, Url

Campaign = Annotated[str, Meta(min_length=1, max_length=256)]
Recipients = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=512)], ...], Meta(max_length=1000)]

#: URL-encoded, or names with a value or several.
Params = Text | dict[str, str | list[str]]


class Addressing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom signed addresses are for. `expires_at` is when they say nobody's name any more."""

    recipients: Recipients = ()
    variation: Name = ""
    send_id: Name = ""
    channel: Name = ""
    expires_at: dt.datetime | None = None


class NewLink(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A link to be registered. With `recipients`, the answer has a signed address for each of them."""

    url: Url
    campaign: Campaign
    message: Name = ""
    title: Text = ""
    params: Params = ""
    profile: Name = ""
    code: Name = ""
    hidden: bool = False
    expires_at: dt.datetime | None = None
    recipients: Recipients = ()
    variation: Name = ""
    send_id: Name = ""
    channel: Name = ""


class LinkChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes of a link; its code and id never do."""

    url: Url | UnsetType = UNSET
    campaign: Campaign | UnsetType = UNSET
    message: Name | UnsetType = UNSET
    title: Text | UnsetType = UNSET
    params: Params | UnsetType = UNSET
    profile: Name | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET
    expires_at: dt.datetime | UnsetType | None = UNSET


class LinksQuery(Struct, frozen=True):
    """Query of GET /v1/links; `search` is looked for in title, address and code."""

    search: str = ""
    campaign: str = ""
    message: str = ""
    profile: str = ""
    limit: Annotated[int, Meta(ge=0, le=10_000)] = 1000
    offset: Annotated[int, Meta(ge=0, le=2_147_483_648)] = 0


class SignedAddress(Struct, frozen=True):
    """An address of one recipient; `token` is what stands in it after the dot."""

    recipient: str
    tracked_url: str
    token: str


class AddressesAnswer(Struct, frozen=True):
    """An address for each recipient, in the order that they were given in."""

    addresses: list[SignedAddress]


class LinkAnswer(Struct, frozen=True, kw_only=True):
    """A link. `url` is where it leads, `tracked_url` what people are given."""

    id: str
    code: str
    tracked_url: str
    url: str
    title: str
    params: str
    profile: str
    campaign: str
    message: str
    hidden: bool
    expires_at: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime
    addresses: list[SignedAddress] | UnsetType = UNSET


class LinksAnswer(Struct, frozen=True):
    """A page of links in the order of their creation, and how many there are."""

    links: list[LinkAnswer]
    total: int


class Rewrite(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body whose links are to be tracked, for nobody in particular, one `recipient`, or each of `recipients`.

    `token` is the mailer's own placeholder: it is put where each token would be, and `recipients` then get a token to
    be put in its place. `exclude` are texts; an address with one of them in it is left as it is.
    """

    html: Annotated[str, Meta(max_length=1_000_000)]
    campaign: Campaign
    message: Name = ""
    recipient: Id = ""
    recipients: Recipients = ()
    variation: Name = ""
    send_id: Name = ""
    profile: Name = ""
    channel: Name = ""
    pixel: bool = True
    exclude: Annotated[tuple[Annotated[str, Meta(max_length=2048)], ...], Meta(max_length=100)] = ()
    token: Annotated[str, Meta(max_length=200, pattern="^[^\\x00-\\x1f\"'<>&\\\\]*$")] = ""


class RewrittenLink(Struct, frozen=True):
    """A link of the body, registered; `count` is how often it is there, and `positions` are its places among the
    links that were rewritten, counted from the top."""

    id: str
    code: str
    tracked_url: str
    url: str
    title: str
    count: int
    positions: list[int]


class LeftAddress(Struct, frozen=True):
    """An address that was left as it is, and why."""

    url: str
    reason: str


class RewrittenBody(Struct, frozen=True):
    """The body of one recipient."""

    recipient: str
    html: str
    pixel: str


class RecipientToken(Struct, frozen=True):
    """What goes in the place of the mailer's placeholder."""

    recipient: str
    token: str


class RewriteAnswer(Struct, frozen=True, kw_only=True):
    """The body with tracked links; `pixel` is the address of its pixel, empty where it has none of ours.

    `bodies` are there for `recipients`, or `tokens` if a placeholder was given. `left` has at most 1,000 addresses.
    """

    html: str
    links: list[RewrittenLink]
    pixel: str
    left: list[LeftAddress]
    bodies: list[RewrittenBody] | UnsetType = UNSET
    tokens: list[RecipientToken] | UnsetType = UNSET
