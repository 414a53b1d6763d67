"""Every metric and every dimension, once: what each counts, in which unit, and its SQL.

Nothing here depends on a request; `compile` puts these pieces together, `/v1/metrics` publishes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from turnout.model import EVENT_TYPES, REACTIONS
from turnout.stats import mailboxes

Kind = Literal["count", "sum", "money", "unique", "first", "peak", "ratio"]
Unit = Literal["events", "recipients", "seconds", "money", "ratio", "viewers", "times"]


@dataclass(frozen=True)
class Metric:
    """One number that can be asked for.

    `types` are the event types it looks at (all if empty) and `condition` narrows them, in SQL over
    columns that rollup and raw share. `column` is what a sum adds up. A ratio has a `numerator` and a
    `denominator`, both names of metrics. `any_traffic` metrics count whatever the question's traffic is.
    """

    name: str
    kind: Kind
    unit: Unit
    definition: str
    types: tuple[str, ...] = ()
    condition: str = ""
    column: str = "events"
    scale: int = 1
    numerator: str = ""
    denominator: str = ""
    any_traffic: bool = False
    credit: str = ""

    @property
    def additive(self) -> bool:
        """Parts of a range add up, so the rollup can serve it."""
        return self.kind in ("count", "sum", "money")

    @property
    def only_credited(self) -> bool:
        """No event says it by itself."""
        return bool(self.credit) and not self.types


#: Attribute values that split an event type's count.
DETAILS: dict[str, tuple[str, ...]] = {
    "sent": ("opted_in",),
    "bounced": ("hard", "soft"),
    "rejected": ("permanent", "temporary"),
    "failed": ("permanent", "temporary"),
    "opened": ("direct", "influenced"),
    "clicked": ("link", "body", "button_1", "button_2"),
    "replied": ("help", "stop"),
}

#: A person's wish counts, whoever carried it.
_ANY_TRAFFIC = frozenset({"unsubscribed", "complained"})


def _counts() -> list[Metric]:
    found = [
        Metric("events", "count", "events", "Events of every type."),
        Metric("recipients", "unique", "recipients", "Distinct recipients of events of every type."),
        Metric(
            "unique_reached", "unique", "recipients",
            "Distinct recipients of 'sent' or 'impression' events.", ("sent", "impression"),
        ),
    ]  # fmt: skip
    for kind in EVENT_TYPES:
        free = kind in _ANY_TRAFFIC
        found.append(Metric(kind, "count", "events", f"'{kind}' events.", (kind,), any_traffic=free))
        found.append(
            Metric(
                f"unique_{kind}", "unique", "recipients",
                f"Distinct recipients of '{kind}' events.", (kind,), any_traffic=free,
            )
        )  # fmt: skip
        for detail in DETAILS.get(kind, ()):
            condition = f"detail = '{detail}'"
            words = f"'{kind}' events that were {detail}"
            found.append(Metric(f"{kind}_{detail}", "count", "events", f"{words}.", (kind,), condition))
            found.append(
                Metric(
                    f"unique_{kind}_{detail}", "unique", "recipients",
                    f"Distinct recipients of {words}.", (kind,), condition,
                )
            )  # fmt: skip
    return found


def _conversions() -> list[Metric]:
    found = []
    for goal in range(4):
        name = "conversions" if goal == 0 else f"conversions_{goal}"
        found += _credited(
            name,
            f"'converted' events of goal {goal}, and what recipients did within that goal of a campaign, once a touch",
            ("converted",), f"goal = {goal}", f"goal_{goal}",
        )  # fmt: skip
    found += _credited(
        "conversion_events",
        "'converted' events of goal 0, and everything that recipients did within that goal of a campaign",
        ("converted",), "goal = 0", "value",
    )  # fmt: skip
    found.append(
        Metric(
            "conversion_value", "money", "money", "Amounts of the conversion events, per currency.",
            ("converted",), "goal = 0", "amount", credit="value",
        )
    )  # fmt: skip
    found.append(
        Metric(
            "revenue", "money", "money",
            "Amounts of 'converted' events of goal 0, of purchases that name a campaign, and of other purchases within "
            "the window of a campaign's goal 0, per currency; an order counts once.",
            ("purchased", "converted"), "campaign != '' AND (type = 'purchased' OR goal = 0)", "amount",
            credit="revenue",
        )
    )  # fmt: skip
    found += [
        Metric(
            f"revenue_{goal}", "money", "money",
            f"Amounts of 'converted' events of goal {goal}, per currency.",
            ("converted",), f"goal = {goal}", "amount",
        )
        for goal in (1, 2, 3)
    ]  # fmt: skip
    found.append(
        Metric(
            "purchase_value", "money", "money",
            "Amounts of all 'purchased' events, with or without a campaign, per currency.",
            ("purchased",), "", "amount",
        )
    )  # fmt: skip
    return found


def _app_opens() -> list[Metric]:
    return [
        *_credited(
            "influenced_opens",
            "'opened' events that were influenced, and the first opening of the app soon after each 'sent' that was "
            "not opened",
            ("opened",), "detail = 'influenced'", "influenced",
        ),
        *_credited(
            "reengaged", "'sent' events after which a dormant recipient opened the app within three days",
            (), "", "reengaged",
        ),
        Metric(
            "total_opens", "count", "events", "'opened' events that were not influenced, and influenced opens.",
            ("opened",), credit="influenced",
        ),
        Metric(
            "new_users", "first", "recipients", "Distinct recipients whose first 'app_opened' event ever this is.",
            ("app_opened",),
        ),
    ]  # fmt: skip


def _credited(name: str, words: str, types: tuple[str, ...], condition: str, credit: str) -> list[Metric]:
    return [
        Metric(name, "count", "events", f"{words[0].upper()}{words[1:]}.", types, condition, credit=credit),
        Metric(
            f"unique_{name}", "unique", "recipients", f"Distinct recipients of {words}.", types, condition,
            credit=credit,
        ),
    ]  # fmt: skip


def _live() -> list[Metric]:
    found = [
        Metric("viewers", "unique", "viewers", "Distinct viewers of 'watched' events.", ("watched",)),
        Metric(
            "login_viewers", "unique", "viewers",
            "Distinct viewers of 'watched' events that are not anonymous.", ("watched",), "NOT anonymous",
        ),
        Metric(
            "new_login_viewers", "first", "viewers",
            "Distinct viewers, not anonymous, whose first 'watched' event ever this is.", ("watched",), "NOT anonymous",
        ),
        Metric(
            "viewing_time_s", "sum", "seconds",
            "Seconds of 'watched' intervals, each on the day it ended.", ("watched",), "", "duration_ms", 1000,
        ),
        Metric(
            "peak_concurrent_viewers", "peak", "viewers",
            "The highest number of distinct viewers watching at one instant; a viewer's overlapping intervals are one.",
            ("watched",),
        ),
        Metric(
            "average_viewing_time_s", "ratio", "seconds",
            "Seconds watched per distinct viewer.", numerator="viewing_time_s", denominator="viewers",
        ),
    ]  # fmt: skip
    found += [
        Metric(
            f"{kind}_quantity", "sum", "times",
            f"Sum of the quantities of '{kind}' events.", (kind,), "", "quantity",
        )
        for kind in sorted(REACTIONS)
    ]  # fmt: skip
    return found


def _rates() -> list[Metric]:
    table = {
        "delivery_rate": ("delivered", "sent"),
        "bounce_rate": ("bounced", "sent"),
        "open_rate": ("unique_opened", "unique_delivered"),
        "click_rate": ("unique_clicked", "unique_delivered"),
        "click_to_open_rate": ("unique_clicked", "unique_opened"),
        "complaint_rate": ("unique_complained", "unique_delivered"),
        "unsubscribe_rate": ("unique_unsubscribed", "unique_delivered"),
        "conversion_rate": ("unique_conversions", "unique_delivered"),
    }
    return [
        Metric(
            name, "ratio", "ratio",
            f"{above} / {below}; null where {below} is 0.", numerator=above, denominator=below,
        )
        for name, (above, below) in table.items()
    ]  # fmt: skip


METRICS: dict[str, Metric] = {
    metric.name: metric for metric in (*_counts(), *_conversions(), *_app_opens(), *_live(), *_rates())
}


@dataclass(frozen=True)
class Dimension:
    """Something to group and filter by. `column` is its SQL; a time dimension has none, but a grain.

    Of an event's link parameters, a dimension is the name or the value: `of_pair` says which of the pair. Of the
    reasons for its class it is each of them (`of_reasons`).
    """

    name: str
    definition: str
    column: str = ""
    rolled_up: bool = False
    is_time: bool = False
    of_pair: int = 0
    of_reasons: bool = False


DIMENSIONS: dict[str, Dimension] = {
    dimension.name: dimension
    for dimension in (
        Dimension("minute", "Local minute, as ISO 8601 with its offset.", is_time=True),
        Dimension("hour", "Local hour, as ISO 8601 with its offset.", rolled_up=True, is_time=True),
        Dimension("day", "Local day.", rolled_up=True, is_time=True),
        Dimension("week", "Local week, named by its Monday.", rolled_up=True, is_time=True),
        Dimension("month", "Local month.", rolled_up=True, is_time=True),
        Dimension("campaign", "Campaign id.", "campaign", rolled_up=True),
        Dimension("message", "Message (step) of the campaign.", "message", rolled_up=True),
        Dimension("variation", "Variation (test arm) of the campaign.", "variation", rolled_up=True),
        Dimension("channel", "Channel.", "channel", rolled_up=True),
        Dimension("profile", "Profile (brand) within the workspace.", "profile", rolled_up=True),
        Dimension(
            "traffic",
            "Who caused it: human, proxy, prefetch, preview, scanner, bot.",
            "traffic",
            rolled_up=True,
        ),
        Dimension(
            "reason",
            "Why it is of its class of traffic; an event is in a row for each of its reasons, and in that of '' if it "
            "has none.",
            of_reasons=True,
        ),
        Dimension("country", "Country, ISO 3166 alpha-2.", "country"),
        Dimension("city", "City, where a database of the user's knows it.", "city"),
        Dimension("network", "Who runs the network, where a database of the user's knows it.", "network"),
        Dimension("device", "Kind of device: desktop, mobile, tablet, tv, console, watch; or as sent.", "device"),
        Dimension("os", "Operating system.", "os"),
        Dimension("browser", "Browser or mail program.", "browser"),
        Dimension("browser_version", "Version of the browser or mail program.", "browser_version"),
        Dimension(
            "link",
            "Link id, or its URL where the event names no link.",
            "if(link != '', toString(link), url)",
        ),
        Dimension("link_title", "The link's title.", "link_title"),
        Dimension(
            "position",
            "Place of the clicked link in its message, counted from the top; '' where nothing says it.",
            "if(position = 0, '', toString(position))",
        ),
        Dimension("recipient_domain", "Domain of the recipient's e-mail address.", "recipient_domain"),
        Dimension("mailbox_provider", mailboxes.DEFINITION, mailboxes.column("recipient_domain")),
        Dimension("send_id", "The send (dispatch) within the campaign.", "send_id"),
        Dimension("product", "Product that was clicked.", "product"),
        Dimension("name", "Name of a 'performed' event.", "name"),
        Dimension("recipient", "The recipient or viewer.", "recipient"),
        Dimension("ip", "Address of the request.", "ip"),
        Dimension(
            "param",
            "Name of a parameter of the clicked link; an event is in a row for each of its parameters.",
            of_pair=1,
        ),
        Dimension(
            "param_value",
            "Value of a parameter of the clicked link; beside `param`, of that one.",
            of_pair=2,
        ),
    )
}


@lru_cache(maxsize=4096)
def base_metrics(names: tuple[str, ...]) -> tuple[Metric, ...]:
    """What has to be counted to answer `names`: ratios give way to their two parts; each once."""
    found: dict[str, Metric] = {}
    for name in names:
        metric = METRICS[name]
        parts = (metric.numerator, metric.denominator) if metric.kind == "ratio" else (name,)
        for part in parts:
            found.setdefault(part, METRICS[part])
    return tuple(found.values())
