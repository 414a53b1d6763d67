"""EmailConsul's shapes, as data: which logs are counted, by which fields, and how a custom link is written."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import UNSET, Struct, UnsetType

from turnout.model import Name, Text, Url


@dataclass(frozen=True)
class Group:
    """What `group=name` groups by: the `fields` of a row are the values of these `dimensions`, in that order."""

    name: str
    fields: tuple[str, ...]
    dimensions: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class Log:
    """What is counted: events of one metric. `filters` are the parameters that narrow it, and their dimensions."""

    name: str
    metric: str
    groups: dict[str, Group]
    filters: dict[str, str]


def _groups(*found: Group) -> dict[str, Group]:
    return {group.name: group for group in found}


_CAMPAIGN = Group("campaign_id", ("campaign_id",), ("campaign",), "the campaign's id")
_SUBSCRIBER = Group("subscriber_id", ("subscriber_id",), ("recipient",), "the event's recipient")

LINK = Log(
    "link",
    "clicked",
    _groups(
        _CAMPAIGN,
        _SUBSCRIBER,
        Group("device", ("device",), ("device",), "as the event says it"),
        Group("country", ("country",), ("country",), "two letters"),
        Group("ip", ("ip",), ("ip",), "as the event says it"),
        Group("browser", ("browser",), ("browser",), "as the event says it"),
        Group(
            "custom_link_title", ("custom_link_title",), ("link_title",),
            "the click's own `link_title`; where it has none, the present title of the custom link that its `link` "
            "names, also of a deleted one",
        ),
        Group(
            "params", ("params_name", "params_value"), ("param", "param_value"),
            "a row for each pair of name and value: a click adds one to the row of each of its parameters, and none "
            "if it has none",
        ),
    ),
    {"campaign_id": "campaign", "subscriber_id": "recipient", "profile_id": "profile"},
)  # fmt: skip

PIXEL = Log(
    "pixel",
    "opened",
    _groups(_CAMPAIGN, _SUBSCRIBER),
    {"campaign_id": "campaign", "subscriber_id": "recipient"},
)

#: Entries of a page of `aggregated` and of the list of links, unless asked. At most, the core's: clients that step by
#: the limit they asked for, not by the one they got, would leave out what lies between.
DEFAULT_LIMIT = 50


class CustomLink(Struct, frozen=True):
    """A custom link as it is answered: strings, and null for what isn't set."""

    id: str
    user_id: str
    profile_id: str | None
    title: str
    redirection_url: str
    params_suffix: str | None


class NewLink(Struct, frozen=True):
    """The body of POST; what else it has isn't looked at."""

    title: Text
    redirection_url: Url
    profile_id: Name | None = None
    params_suffix: Text | None = None


class LinkChange(Struct, frozen=True):
    """The body of PATCH: what is left out stays, null clears the last two."""

    title: Text | UnsetType = UNSET
    redirection_url: Url | UnsetType = UNSET
    profile_id: Name | UnsetType | None = UNSET
    params_suffix: Text | UnsetType | None = UNSET
