"""The shapes of Braze's answers, as data: which keys, in which order, of which metrics, on whose word.

`CHANNELS` is the one table that the questions, the rendering and COMPATIBILITY.md are made from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from turnout.dialects.contract import Source

#: `all` traffic for what a sender does and for e-mail opens, `default` (human and proxy) for what a person does.
Traffic = Literal["all", "default", "prefetch"]


@dataclass(frozen=True)
class Counter:
    """One key of a message entry: the sum of `plus` less the sum of `minus`, both names of metrics."""

    key: str
    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()
    traffic: Traffic = "all"
    source: Source = "documented"
    note: str = ""


@dataclass(frozen=True)
class Channel:
    """One key of `messages`. `aliases` are the words of events for it (lower case, `_` between words).

    `recipient` is the metric whose distinct recipients are this channel's recipients. `always_block`,
    `always_named`: the conversion block, the name stand in every entry, also where there is one arm.
    """

    key: str
    aliases: tuple[str, ...]
    counters: tuple[Counter, ...]
    recipient: Counter
    always_block: bool = False
    always_named: bool = False


_REFUSED = ("bounced", "rejected")
_FOR_NOW = ("bounced_soft", "rejected_temporary")
_BOUNCES = "bounced, and refused by the provider, unless it says soft or temporary"

_SENT = Counter("sent", ("sent",))
_RECEIVED = Counter(
    "unique_recipients", ("unique_sent",), source="documented",
    note="distinct recipients of 'sent' on that day",
)  # fmt: skip
_VIEWED = Counter(
    "unique_recipients", ("unique_impression",), traffic="default", source="documented",
    note="distinct recipients of 'impression' on that day: who saw it received it",
)  # fmt: skip

_PUSH = (
    _SENT,
    Counter("direct_opens", ("opened_direct",), traffic="default"),
    Counter(
        "total_opens", ("total_opens",), traffic="default",
        note="direct and influenced: said to be, or the app was opened soon after, and not by the message",
    ),
    Counter("bounces", _REFUSED, _FOR_NOW, source="inferred", note=_BOUNCES),
    Counter("body_clicks", ("clicked_body",), traffic="default"),
)  # fmt: skip

_EMAIL = (
    _SENT,
    Counter("opens", ("opened",), source="documented", note="of all traffic: machine opens are opens"),
    Counter("machine_open", ("opened",), traffic="prefetch", source="live", note="opens of the class prefetch"),
    Counter(
        "unique_opens", ("unique_opened",), source="ours",
        note="distinct recipients of that day, machine opens included; Braze: per dispatch over 7 days",
    ),
    Counter("machine_amp_open", (), source="live", note="always 0: events don't tell AMP opens apart"),
    Counter("clicks", ("clicked",), traffic="default", source="ours", note="scanners, previews and bots don't count"),
    Counter(
        "unique_clicks", ("unique_clicked",), traffic="default", source="ours",
        note="distinct recipients of that day; Braze: per dispatch over 7 days",
    ),
    Counter("unsubscribes", ("unsubscribed",)),
    Counter("bounces", _REFUSED, _FOR_NOW, source="inferred", note=_BOUNCES),
    Counter("delivered", ("delivered",)),
    Counter("reported_spam", ("complained",)),
)  # fmt: skip

_SMS = (
    _SENT,
    Counter("sent_to_carrier", ("carrier_accepted",)),
    Counter("delivered", ("delivered",)),
    Counter("rejected", ("rejected",)),
    Counter("delivery_failed", ("failed",)),
    Counter("clicks", ("clicked",), traffic="default", note="link previews and bots don't count"),
    Counter("opt_out", ("replied_stop",), source="inferred", note="replies with the keyword stop"),
    Counter("help", ("replied_help",), source="inferred", note="replies with the keyword help"),
)

_WHATS_APP = (
    _SENT,
    Counter("delivered", ("delivered",)),
    Counter("failed", ("failed", "rejected"), source="inferred", note="failed, or refused by the provider"),
    Counter("read", ("opened",), traffic="default"),
)

_OF_THAT_DAY = "distinct recipients of that day; Braze counts a person once for the card"
_CARDS = (
    _SENT,
    Counter("total_clicks", ("clicked",), traffic="default"),
    Counter("total_dismissals", ("dismissed",), traffic="default"),
    Counter("total_impressions", ("impression",), traffic="default"),
    Counter("unique_clicks", ("unique_clicked",), traffic="default", source="ours", note=_OF_THAT_DAY),
    Counter("unique_dismissals", ("unique_dismissed",), traffic="default", source="ours", note=_OF_THAT_DAY),
    Counter("unique_impressions", ("unique_impression",), traffic="default", source="ours", note=_OF_THAT_DAY),
)

_WEBHOOK = (
    _SENT,
    Counter("errors", ("failed", "rejected"), source="inferred", note="failed, or refused by the receiver"),
)

_IN_APP = (
    Counter("impressions", ("impression",), traffic="default"),
    Counter(
        "clicks", ("clicked",), ("clicked_button_1", "clicked_button_2"), "default", "inferred",
        note="clicks that are not on a button",
    ),
    Counter("first_button_clicks", ("clicked_button_1",), traffic="default"),
    Counter("second_button_clicks", ("clicked_button_2",), traffic="default"),
)  # fmt: skip

#: In the order in which they stand in `messages`.
CHANNELS: dict[str, Channel] = {
    channel.key: channel
    for channel in (
        Channel("ios_push", ("apple_push", "push_ios", "ios"), _PUSH, _RECEIVED),
        Channel("android_push", ("push_android", "android", "push", "mobile_push", "app_push"), _PUSH, _RECEIVED),
        Channel("kindle_push", ("push_kindle", "kindle"), _PUSH, _RECEIVED),
        Channel("web_push", ("push_web", "webpush", "browser_push"), _PUSH, _RECEIVED),
        Channel("webhook", ("webhooks",), _WEBHOOK, _RECEIVED),
        Channel("email", ("e_mail", "mail"), _EMAIL, _RECEIVED),
        Channel("sms", ("mms", "text"), _SMS, _RECEIVED),
        Channel("whats_app", ("whatsapp",), _WHATS_APP, _RECEIVED),
        Channel("content_cards", ("content_card", "card", "cards"), _CARDS, _VIEWED),
        Channel(
            "trigger_in_app_message", ("in_app", "in_app_message", "in_app_messages", "inapp", "iam"),
            _IN_APP, _VIEWED, always_block=True,
        ),
    )
}  # fmt: skip

_OF_A_SEND = (
    Counter("delivered", ("delivered",)),
    Counter("undelivered", ("bounced",), source="inferred", note="bounced"),
    Counter("delivery_failed", ("failed", "rejected"), source="inferred", note="failed, or refused by the provider"),
)


def _sent_alone(channel: Channel) -> Channel:
    """A channel as the series of one send has it: three more counters after `sent`, and every entry in full."""
    keys = [counter.key for counter in channel.counters]
    more = tuple(counter for counter in _OF_A_SEND if counter.key not in keys) if "sent" in keys else ()
    counters = (*channel.counters[:1], *more, *channel.counters[1:])
    return replace(channel, counters=counters, always_block=True, always_named=True)


#: The same channels in the series of one send.
SEND_CHANNELS: dict[str, Channel] = {key: _sent_alone(channel) for key, channel in CHANNELS.items()}

_DIRECT, _TOTAL = _PUSH[1:3]
_PUSH_SUMMARY = (
    _SENT,
    replace(_DIRECT, key="opens", source="inferred", note="the direct ones"),
    replace(_TOTAL, key="influenced_opens", note="direct and influenced: so the document explains the name"),
    *_PUSH[3:],
)

#: The same channels in the summary of a canvas, where push has names of its own.
SUMMARY_CHANNELS: dict[str, Channel] = {
    key: replace(channel, counters=_PUSH_SUMMARY) if channel.counters is _PUSH else channel
    for key, channel in CHANNELS.items()
}

_ALIASES = {alias: channel.key for channel in CHANNELS.values() for alias in (channel.key, *channel.aliases)}

#: Of a control group's entry, right after its id.
ENROLLED = Counter("enrolled", ("enrolled",), source="live", note="'enrolled' events of that day")
#: A control group receives nothing: its recipients are those who were put in it.
ENROLLED_RECIPIENTS = Counter(
    "unique_recipients", ("unique_enrolled",), source="ours", note="distinct recipients of 'enrolled' on that day"
)

#: Conversion events A to D.
GOALS = (0, 1, 2, 3)


def conversions_key(goal: int, *, by_send_time: bool) -> str:
    """`conversions`, `conversions1_by_send_time` …"""
    return f"conversions{goal or ''}{'_by_send_time' if by_send_time else ''}"


#: The block of an entry of a test, after `revenue` and `unique_recipients`.
BLOCK_CONVERSIONS = tuple(conversions_key(goal, by_send_time=late) for goal in GOALS for late in (False, True))
#: The same numbers of a day, in the order that a day has them, between `messages` and `unique_recipients`.
DAY_CONVERSIONS = tuple(conversions_key(goal, by_send_time=late) for late in (True, False) for goal in GOALS)


#: What descriptions of campaigns call a channel, where it isn't the key of the series.
_DESCRIBED = {"trigger_in_app_message": "in-app_message"}


def described(key: str) -> str:
    """The word for a channel in the details of a campaign or canvas."""
    return _DESCRIBED.get(key, key)


def channel_key(word: str) -> str | None:
    """The key of a channel as events and campaigns write it; None for a channel that Braze's series don't have."""
    return _ALIASES.get(word.strip().lower().replace("-", "_").replace(" ", "_"))
