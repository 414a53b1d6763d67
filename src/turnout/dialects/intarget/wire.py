"""The shapes of InTarget's answers: which keys, in which order, of which type, of which metrics, on whose word.

The structs give the order and the types; `COUNTERS` is the one table that the questions, the numbers and
COMPATIBILITY.md are made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from turnout.dialects.contract import Source
from turnout.model import Goal


class Statistics(Struct, frozen=True):
    """What one message of a campaign did. The mixed spelling of the keys is the vendor's."""

    campaign_id: int
    message_title: str
    type: str
    campaign_start_at: str
    skipped: int
    sent: int
    delivered: int
    opened: int
    clicked: int
    bounced: int
    softBounced: int  # noqa: N815
    complaint: int
    rejected: int
    unsubscribed: int
    failed: int
    temporaryFailed: int  # noqa: N815


class Conversions(Struct, frozen=True):
    """What followed one message of a campaign. The last three are numbers in strings."""

    campaign_id: int
    message_title: str
    type: str
    campaign_start_at: str
    campaign_stop_at: str | None
    campaign_name: str
    conversion_event: str
    conversion_period: str
    deposits_count: str
    deposits_amount: str
    converted_users: str


class Problem(Struct, frozen=True):
    """One parameter that can't be understood."""

    field: str
    message: str


class Failure(Struct, frozen=True):
    """Every other error."""

    name: str
    message: str
    code: int
    status: int


@dataclass(frozen=True)
class Counter:
    """One number of a row: the sum of `plus` less the sum of `minus`, both names of metrics.

    `all` traffic for what a sender does, `default` (human and proxy) for what a person does.
    """

    key: str
    plus: str
    minus: str = ""
    traffic: Literal["all", "default"] = "all"
    source: Source = "documented"
    note: str = ""


COUNTERS: tuple[Counter, ...] = (
    Counter("skipped", "skipped"),
    Counter("sent", "sent"),
    Counter("delivered", "delivered"),
    Counter(
        "opened", "unique_opened", traffic="default",
        note="distinct recipients; 0 where the channel is known and neither Email nor Push",
    ),
    Counter("clicked", "unique_clicked", traffic="default", note="distinct recipients"),
    Counter("bounced", "bounced", note="hard, soft and unsaid"),
    Counter("softBounced", "bounced_soft"),
    Counter("complaint", "complained"),
    Counter("rejected", "rejected"),
    Counter("unsubscribed", "unique_unsubscribed", note="distinct recipients"),
    Counter("failed", "failed", "failed_temporary", note="what doesn't say whether it is temporary is permanent"),
    Counter("temporaryFailed", "failed_temporary"),
)  # fmt: skip

DEPOSITS = ("conversion_events", "conversion_value", "unique_conversion_events")


# ---- channels ---------------------------------------------------------------------------------------

#: Each channel as the vendor writes it, and the words of events for it (lower case, `_` between words).
CHANNELS: dict[str, tuple[str, ...]] = {
    "Email": ("email", "e_mail", "mail"),
    "SMS": ("sms", "mms", "text"),
    "Push": (
        "push", "web_push", "webpush", "browser_push", "push_web", "mobile_push", "app_push", "ios_push",
        "push_ios", "apple_push", "android_push", "push_android", "kindle_push", "push_kindle",
    ),
    "WhatsApp": ("whatsapp", "whats_app"),
    "In-App": ("in_app", "inapp", "in_app_message", "in_app_messages", "trigger_in_app_message", "iam"),
    "On-Site": ("on_site", "onsite", "on_site_message"),
    "RCS": ("rcs",),
    "LINE": ("line",),
}  # fmt: skip

#: Only these have opens.
OPENED_CHANNELS = frozenset({"Email", "Push"})

_CHANNEL_OF = {word: name for name, words in CHANNELS.items() for word in words}


def known_channel(word: str) -> str | None:
    """The vendor's name of a channel, None for a word that isn't one."""
    return _CHANNEL_OF.get(_plain(word))


def channel_name(word: str) -> str:
    """The vendor's name of a channel, in the vendor's manner where it has none: `content_card` is Content Card."""
    return known_channel(word) or " ".join(part[:1].upper() + part[1:] for part in _plain(word).split("_"))


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "_").replace(" ", "_")


# ---- goals ------------------------------------------------------------------------------------------

#: The event that opens the conversion period. There are four words; what comes to a recipient without being
#: opened or clicked has been delivered.
_CONVERSION_EVENT = {"opened": "Opened", "clicked": "Clicked"}

_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def conversion_event(goal: Goal) -> str:
    """Delivered, Opened or Clicked by the touch; Deposit Refcode where the deposit itself says whose it is."""
    if goal.event == "converted":
        return "Deposit Refcode"
    return _CONVERSION_EVENT.get(goal.after, "Delivered")


def conversion_period(window_s: int) -> str:
    """A time in the largest unit that it is a whole number of: `1 day`, `12 hours`, `90 minutes`."""
    unit, size = next((unit, size) for unit, size in _UNITS if window_s % size == 0)
    count = window_s // size
    return f"{count} {unit}{'' if count == 1 else 's'}"
