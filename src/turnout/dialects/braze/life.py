"""What a campaign was ever seen with, and how every question of this room begins. Asks; blocks."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.dialects.braze.arms import Seen
from turnout.dialects.braze.parse import Window
from turnout.model import TRAFFIC_CLASSES, Campaign, Workspace
from turnout.stats.answer import Row
from turnout.stats.question import LIMIT_ROWS, Filter, Question
from turnout.stats.run import Statistics

#: What a message leads to; these say that an arm was used in a channel.
_MESSAGE_METRICS = (
    "sent",
    "carrier_accepted",
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
)


#: By goal, A to D.
CONVERSIONS = ("conversions", "conversions_1", "conversions_2", "conversions_3")


@dataclass(frozen=True)
class Life:
    """With what channels, messages and variations a campaign was ever seen, and what it may be credited with.

    Only what recipients did within a goal, `converted` and `purchased` events that name the campaign, make conversions
    and revenue: where there are none of them, there is nothing to ask.
    """

    seen: tuple[Seen, ...]
    conversions: tuple[str, ...]
    revenue: tuple[str, ...]


@dataclass(frozen=True)
class Asker:
    """Whose numbers are asked for: a campaign of a workspace."""

    statistics: Statistics
    workspace: Workspace
    campaign: Campaign

    def question(self, window: Window) -> Question:
        """About the campaign's events of all traffic within a window; metrics and dimensions are still to be named."""
        return Question(
            self.workspace.id,
            ("events",),
            filters=(Filter("campaign", (self.campaign.id,)),),
            from_ms=window.from_ms,
            to_ms=window.to_ms,
            timezone=self.workspace.timezone,
            traffic=TRAFFIC_CLASSES,
            limit=LIMIT_ROWS,
            rows_only=True,
        )

    def life(self) -> Life:
        """Look at all events of the campaign."""
        asked = Question(
            self.workspace.id,
            (*_MESSAGE_METRICS, "enrolled", "converted", "purchased"),
            ("channel", "message", "variation"),
            (Filter("campaign", (self.campaign.id,)),),
            traffic=TRAFFIC_CLASSES,
            limit=LIMIT_ROWS,
            rows_only=True,
        )
        seen, converted, purchased = [], False, False
        for row in self.statistics.rows(asked):
            of_message = any(row[name] for name in _MESSAGE_METRICS)
            channel, message, variation = str(row["channel"]), str(row["message"]), str(row["variation"])
            seen.append(Seen(channel, message, variation, enrols=bool(row["enrolled"]), of_message=of_message))
            converted = converted or bool(row["converted"])
            purchased = purchased or bool(row["purchased"])
        goals = len(CONVERSIONS) if converted else len(self.campaign.goals)
        return Life(tuple(seen), CONVERSIONS[:goals], ("revenue",) if goals or purchased else ())


def number(row: Row, name: str) -> int:
    """A count of a row."""
    value = row[name]
    assert isinstance(value, int)
    return value
