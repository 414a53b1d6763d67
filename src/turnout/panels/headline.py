"""The numbers that a campaign is known by: how many were reached, and what they did.

A view and a way to ask enter; the few numbers that the campaign has leave, and what they leave out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from turnout.model import DEFAULT_TRAFFIC
from turnout.panels import wording
from turnout.panels.contract import Ask, Cell, Kind, View, kind_of, words
from turnout.stats.metrics import METRICS


@dataclass(frozen=True)
class Card:
    """One number with its label; `rate` is the metric that says what part of others it is, where there is one."""

    name: str
    label: str
    kind: Kind
    value: Cell
    rate: str = ""
    rate_value: Cell = None

    @property
    def definition(self) -> str:
        """What the metric means."""
        return METRICS[self.name].definition


@dataclass(frozen=True)
class Headline:
    """The cards in order, and the events of each class of traffic that they leave out."""

    cards: tuple[Card, ...]
    excluded: Mapping[str, int] = field(default_factory=dict)

    @property
    def left_out(self) -> int:
        """Events that did not count."""
        return sum(self.excluded.values())


def left_out(count: int, traffic: Collection[str], thing: str = "event") -> str:
    """How many events a view leaves out, in words; empty if none. Where it leaves people out, too, it says no why."""
    if not count:
        return ""
    if set(DEFAULT_TRAFFIC) <= set(traffic):
        return f"{wording.many(count, thing)} did not count, as machine traffic"
    return f"{wording.many(count, thing)} of other traffic did not count"


#: Metrics in order, each with its rate, and whether a campaign that sends shows it at zero too.
_CARDS: tuple[tuple[str, str, bool], ...] = (
    ("sent", "", True),
    ("delivered", "delivery_rate", False),
    ("impression", "", False),
    ("unique_opened", "open_rate", True),
    ("unique_clicked", "click_rate", True),
    ("conversions", "conversion_rate", False),
    ("revenue", "", False),
    ("unique_unsubscribed", "unsubscribe_rate", False),
    ("viewers", "", False),
    ("peak_concurrent_viewers", "", False),
    ("viewing_time_s", "", False),
    ("liked_quantity", "", False),
    ("chatted", "", False),
    ("product_clicked", "", False),
)

_LABELS = {
    "unique_opened": "Opened, people",
    "unique_clicked": "Clicked, people",
    "unique_unsubscribed": "Unsubscribed, people",
    "peak_concurrent_viewers": "Most viewers at once",
    "liked_quantity": "Likes",
    "chatted": "Chats",
    "product_clicked": "Product clicks",
    "impression": "Impressions",
}

#: Asked only of what is watched: of a mailing they are nothing, and looking for it takes time.
_WATCHED = frozenset(
    {"viewers", "peak_concurrent_viewers", "viewing_time_s", "liked_quantity", "chatted", "product_clicked"}
)


def headline(view: View, ask: Ask, *, is_show: bool) -> Headline:
    """The numbers of a campaign; those of a show are its viewers'."""
    chosen = [one for one in _CARDS if is_show or one[0] not in _WATCHED]
    names = [name for one in chosen for name in one[:2] if name]
    answer = ask(view.question(names))
    totals = answer.totals
    return Headline(
        tuple(
            Card(name, _LABELS.get(name) or words(name), kind_of(name), totals[name], rate, totals.get(rate))
            for name, rate, always in chosen
            if totals[name] or (always and totals["sent"])
        ),
        answer.excluded,
    )
