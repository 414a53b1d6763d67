"""Which rows an answer has: campaigns that have started, and in each its messages. A query goes in, `Lines` come out.

The vendor's rows are one per campaign and message. The latest campaign is first; its messages are in the order
in which they are declared, then those that only events name, then what names no message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from turnout.dialects.intarget.parse import Query, Range, milliseconds
from turnout.dialects.intarget.wire import DEPOSITS, OPENED_CHANNELS, channel_name, known_channel
from turnout.model import DEFAULT_TRAFFIC, TRAFFIC_CLASSES, Campaign, Message
from turnout.services import Services
from turnout.stats.answer import Row
from turnout.stats.question import LIMIT_FILTER_VALUES, LIMIT_ROWS, Filter, Question
from turnout.stats.run import Statistics
from turnout.store.events import Span

#: What happens to a message; these say that a campaign has one. All of them are in the rollup.
MESSAGE_METRICS = (
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
)
#: What the counters of a row are made of, beside those.
DETAIL_METRICS = ("bounced_soft", "failed_temporary")

Place = tuple[str, str]


@dataclass(frozen=True)
class Line:
    """A row to be: a campaign, when it started, one of its messages (by id), and the row as numbers of events."""

    campaign: Campaign
    started_ms: int
    message: str
    counts: Mapping[str, int]

    @property
    def place(self) -> Place:
        """What statistics call it."""
        return self.campaign.id, self.message

    @property
    def title(self) -> str:
        """The message's title; its id where it has none and is one of several; else the campaign's title."""
        declared = self._declared
        if declared is not None and declared.title:
            return declared.title
        return self.message if self.message and len(self.campaign.messages) > 1 else self.campaign.title

    @property
    def type(self) -> str:
        """The message's channel, else the campaign's; its type where that has none or several."""
        words = self._channels
        if len(words) == 1:
            return words[0]
        said = self.campaign.type
        return (known_channel(said) or said) if said.strip() else words[0] if words else ""

    @property
    def has_opens(self) -> bool:
        """False where this is known to be of channels whose messages aren't opened."""
        words = self._channels or tuple(filter(None, [known_channel(self.campaign.type)]))
        return not words or not OPENED_CHANNELS.isdisjoint(words)

    @property
    def _declared(self) -> Message | None:
        return next((one for one in self.campaign.messages if one.id == self.message), None)

    @property
    def _channels(self) -> tuple[str, ...]:
        declared = self._declared
        words = [declared.channel] if declared is not None and declared.channel.strip() else self.campaign.channels
        return tuple(dict.fromkeys(channel_name(word) for word in words if word.strip()))


@dataclass(frozen=True)
class Lines:
    """All rows of a query, the question whose range and way of counting theirs is, and what deposits they led to."""

    found: tuple[Line, ...]
    base: Question
    deposits: Mapping[Place, Row] = field(default_factory=dict)


def lines(services: Services, workspace: str, query: Query, *, with_goals: bool) -> Lines:
    """Every row that the query selects, on whatever page. Blocks.

    `with_goals` leaves out campaigns without a goal, and asks for the deposits of the others: all at once, since
    they say which rows there are, and the next page finds them in memory.
    """
    base = _base(workspace, query.sends)
    if query.starts.is_empty or query.sends.is_empty:
        return Lines((), base)
    chosen = {one.id: one for one in _named(services, workspace, query) if one.goals or not with_goals}
    if not chosen:
        return Lines((), base)
    named = tuple(chosen) if query.numbers is not None else ()
    spans = services.events.spans(workspace, named)
    started = {
        name: start
        for name, one in chosen.items()
        if (start := _started(one, spans.get(name))) is not None
        and query.starts.holds(start)
        and (query.sends.is_open or _may_have(query.sends, spans.get(name)))
    }
    if not started:
        return Lines((), base)
    everything = query.numbers is None and len(started) == len(chosen) and not with_goals
    counts = _counts(services.statistics, base, () if everything else tuple(started))
    deposits = people(services.statistics, base, started, DEPOSITS) if with_goals else {}
    for (name, message), row in deposits.items():
        if row[DEPOSITS[0]]:
            counts[name].setdefault(message, {})
    order = sorted(started, key=lambda name: (started[name] // 1000, chosen[name].number), reverse=True)
    return Lines(
        tuple(
            Line(chosen[name], started[name], message, counts[name].get(message, {}))
            for name in order
            for message in _messages(chosen[name], counts[name], declared=query.sends.is_open)
        ),
        base,
        deposits,
    )


def people(
    statistics: Statistics, base: Question, campaigns: Iterable[str], metrics: tuple[str, ...]
) -> dict[Place, Row]:
    """What people did, by campaign and message: of human and proxy traffic, bots don't count. Blocks."""
    question = replace(base, metrics=metrics, traffic=DEFAULT_TRAFFIC)
    return {
        (str(row["campaign"]), str(row["message"])): row
        for part in _of_campaigns(question, campaigns)
        for row in statistics.rows(part)
    }


def _of_campaigns(question: Question, campaigns: Iterable[str]) -> Iterator[Question]:
    """The question about these campaigns only, in as many parts as its filter needs."""
    names = sorted(set(campaigns))
    for at in range(0, len(names), LIMIT_FILTER_VALUES):
        part = Filter("campaign", tuple(names[at : at + LIMIT_FILTER_VALUES]))
        yield replace(question, filters=(*question.filters, part))


def _base(workspace: str, sends: Range) -> Question:
    """Counts of everything, or of what was sent in a range: an open tomorrow of a message of today is today's."""
    base = Question(
        workspace,
        MESSAGE_METRICS,
        dimensions=("campaign", "message"),
        traffic=TRAFFIC_CLASSES,
        limit=LIMIT_ROWS,
        rows_only=True,
    )
    if sends.is_open or sends.is_empty:
        return base
    return replace(base, from_ms=sends.from_ms, to_ms=sends.to_ms, placed_by="send")


def _named(services: Services, workspace: str, query: Query) -> list[Campaign]:
    if query.numbers is None:
        return services.catalog.campaigns(workspace)
    found = (services.catalog.find(workspace, "number", number) for number in query.numbers)
    return [one for one in found if one is not None]


def _started(campaign: Campaign, span: Span | None) -> int | None:
    """When it was started, else when its first event happened; None for one that has not begun."""
    if campaign.started_at is not None:
        return milliseconds(campaign.started_at)
    return span.first_ms if span is not None else None


def _may_have(sends: Range, span: Span | None) -> bool:
    """Whether anything may be in the range: what is of a send, or of a touch, is at the time of an event."""
    return span is not None and sends.overlaps(span.first_ms, span.last_ms)


def _counts(statistics: Statistics, base: Question, campaigns: tuple[str, ...]) -> dict[str, dict[str, dict[str, int]]]:
    """By campaign and message, where there are any, numbers of events; of all campaigns where none are named."""
    metrics = (*MESSAGE_METRICS, *DETAIL_METRICS)
    asked = replace(base, metrics=metrics)
    found: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    for part in _of_campaigns(asked, campaigns) if campaigns else (asked,):
        for row in statistics.rows(part):
            counts = {name: value for name in metrics if isinstance(value := row[name], int) and value}
            if counts:
                found[str(row["campaign"])][str(row["message"])] = counts
    return found


def _messages(campaign: Campaign, counts: Mapping[str, object], *, declared: bool) -> Iterator[str]:
    """The messages that have a row: all that are declared, or only those that something happened to."""
    known = {one.id for one in campaign.messages}
    yield from (one.id for one in campaign.messages if declared or one.id in counts)
    yield from sorted(message for message in counts if message and message not in known)
    yield from (message for message in counts if not message)
