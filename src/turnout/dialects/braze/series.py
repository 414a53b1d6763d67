"""The numbers of a campaign's series: a window and a campaign go in, a `Series` comes out.

As few questions as the numbers allow: one of the whole life for the layout, one of counts, one of
distinct recipients for each choice of traffic, one of distinct recipients a day (they are not the sum
of the entries'), and one per goal for the conversions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from turnout.dialects.braze.arms import Layout, Seen, layout
from turnout.dialects.braze.parse import Window
from turnout.dialects.braze.wire import CHANNELS, ENROLLED_RECIPIENTS, GOALS, Counter, conversions_key
from turnout.model import DEFAULT_TRAFFIC, TRAFFIC_CLASSES, Campaign, Workspace
from turnout.stats import attribution
from turnout.stats.answer import Row
from turnout.stats.attribution import Conversions
from turnout.stats.metrics import METRICS
from turnout.stats.question import LIMIT_ROWS, Filter, Question
from turnout.stats.run import Statistics
from turnout.store.engine import Engine

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
_CONVERSIONS = ("conversions", "conversions_1", "conversions_2", "conversions_3")
_DOLLARS = "USD"

Place = tuple[str, str]


@dataclass
class Cell:
    """The numbers of one entry on one day: metrics by traffic (`all`, `default`, `prefetch`), the block's keys, USD."""

    counts: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    conversions: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    revenue: Decimal = Decimal(0)

    def value(self, counter: Counter) -> int:
        """A counter's number; never below zero."""
        above = sum(self.counts[counter.traffic, name] for name in counter.plus)
        return max(0, above - sum(self.counts[counter.traffic, name] for name in counter.minus))


@dataclass
class Series:
    """A window's numbers: `cells` by (day, channel key, arm id), `days` without the control group."""

    layout: Layout
    window: Window
    cells: dict[tuple[str, str, str], Cell] = field(default_factory=lambda: defaultdict(Cell))
    days: dict[str, Cell] = field(default_factory=lambda: defaultdict(Cell))
    recipients: dict[str, int] = field(default_factory=dict)


def series(statistics: Statistics, engine: Engine, workspace: Workspace, campaign: Campaign, window: Window) -> Series:
    """Ask everything that the series of a campaign needs. Blocks."""
    base = Question(
        workspace.id,
        ("events",),
        filters=(Filter("campaign", (campaign.id,)),),
        from_ms=window.from_ms,
        to_ms=window.to_ms,
        timezone=workspace.timezone,
        traffic=TRAFFIC_CLASSES,
        limit=LIMIT_ROWS,
        rows_only=True,
    )
    seen, said_goals = _seen(statistics, base)
    found = Series(layout(campaign, seen), window)
    if window.from_ms < window.to_ms:
        pairs = _raw_pairs(found.layout, seen)
        _add_counts(found, statistics, base)
        _add_uniques(found, statistics, base, pairs)
        _add_recipients(found, statistics, base)
        _add_conversions(found, engine, workspace, campaign, said_goals)
    return found


# ---- the campaign's whole life ----------------------------------------------------------------------


def _seen(statistics: Statistics, base: Question) -> tuple[list[Seen], set[int]]:
    """With what channels, messages and variations the campaign was ever seen, and goals of 'converted' events."""
    life = replace(
        base,
        metrics=(*_MESSAGE_METRICS, "enrolled", *_CONVERSIONS),
        dimensions=("channel", "message", "variation"),
        from_ms=None,
        to_ms=None,
    )
    seen, goals = [], set[int]()
    for row in _rows(statistics, life):
        seen.append(
            Seen(
                str(row["channel"]),
                str(row["message"]),
                str(row["variation"]),
                enrols=bool(row["enrolled"]),
                of_message=any(row[name] for name in _MESSAGE_METRICS),
            )
        )
        goals |= {goal for goal in GOALS if row[_CONVERSIONS[goal]]}
    return seen, goals


def _raw_pairs(layout: Layout, seen: Iterable[Seen]) -> dict[Place, set[Place]]:
    """For each entry, the (channel, arm) as events write them that are in it."""
    pairs: dict[Place, set[Place]] = defaultdict(set)
    for one in seen:
        arm = _arm(layout, one.message, one.variation)
        for place in layout.places(one.channel, arm) if one.of_message else ():
            pairs[place].add((one.channel, arm))
        if one.enrols:
            control = layout.control_of(arm)
            for place in layout.places(one.channel, control):
                pairs[place].add((one.channel, arm))
    return pairs


def _arm(layout: Layout, message: str, variation: str) -> str:
    return variation if layout.by == "variation" else message


# ---- counts and distinct recipients -----------------------------------------------------------------


def _add_counts(found: Series, statistics: Statistics, base: Question) -> None:
    names = {name for counter in _counters(found.layout) for name in (*counter.plus, *counter.minus)}
    additive = tuple(sorted(name for name in names | {"enrolled", "revenue"} if METRICS[name].additive))
    asked = replace(base, metrics=additive, dimensions=("day", "channel", found.layout.by, "traffic"))
    for row in _rows(statistics, asked):
        day, traffic = str(row["day"]), str(row["traffic"])
        arm, channel = str(row[found.layout.by]), str(row["channel"])
        counts = {name: value for name in additive if isinstance(value := row[name], int) and value}
        cells = [found.cells[day, *place] for place in found.layout.places(channel, arm)]
        for cell in cells:
            for kind in _kinds(traffic):
                for name, value in counts.items():
                    if name != "enrolled":
                        cell.counts[kind, name] += value
        if counts.get("enrolled"):
            for place in found.layout.places(channel, found.layout.control_of(arm)):
                found.cells[day, *place].counts["all", "enrolled"] += counts["enrolled"]
        money = row["revenue"]
        if isinstance(money, dict) and _DOLLARS in money:
            _earn(found, day, cells, arm, money[_DOLLARS])


def _classes(kind: str) -> tuple[str, ...]:
    return {"all": TRAFFIC_CLASSES, "default": DEFAULT_TRAFFIC}.get(kind, (kind,))


def _kinds(traffic: str) -> tuple[str, ...]:
    kinds = ["all"]
    if traffic in DEFAULT_TRAFFIC:
        kinds.append("default")
    if traffic == "prefetch":
        kinds.append("prefetch")
    return tuple(kinds)


def _earn(found: Series, day: str, cells: list[Cell], arm: str, amount: Decimal) -> None:
    for cell in cells:
        cell.revenue += amount
    if arm not in found.layout.controls:
        found.days[day].revenue += amount


def _counters(layout: Layout) -> Iterator[Counter]:
    for key in layout.channels:
        yield from CHANNELS[key].counters
        if layout.multivariate or CHANNELS[key].always_block:
            yield CHANNELS[key].recipient
    if layout.controls:
        yield ENROLLED_RECIPIENTS


def _add_uniques(found: Series, statistics: Statistics, base: Question, pairs: Mapping[Place, set[Place]]) -> None:
    """Distinct recipients per entry. An entry whose events write it in several ways has a question of its own."""
    by = found.layout.by
    wanted: dict[str, set[str]] = defaultdict(set)
    for counter in _counters(found.layout):
        wanted[counter.traffic] |= {name for name in counter.plus if METRICS[name].kind == "unique"}
    several = {place: raw for place, raw in pairs.items() if len(raw) > 1}
    for kind, names in wanted.items():
        if not names:
            continue
        traffic = _classes(kind)
        asked = replace(base, metrics=tuple(sorted(names)), dimensions=("day", "channel", by), traffic=traffic)
        for row in _rows(statistics, asked):
            arm, channel = str(row[by]), str(row["channel"])
            for place in {*found.layout.places(channel, arm), *_enrolled_places(found.layout, channel, arm)}:
                if place not in several:
                    _set_uniques(found.cells[str(row["day"]), *place], kind, asked.metrics, row)
        for place, raw in several.items():
            filters = (
                *base.filters,
                Filter("channel", tuple(sorted({channel for channel, _ in raw}))),
                Filter(by, tuple(sorted({arm for _, arm in raw}))),
            )
            for row in _rows(statistics, replace(asked, dimensions=("day",), filters=filters)):
                _set_uniques(found.cells[str(row["day"]), *place], kind, asked.metrics, row)


def _enrolled_places(layout: Layout, channel: str, arm: str) -> list[Place]:
    return layout.places(channel, layout.control_of(arm)) if layout.controls else []


def _set_uniques(cell: Cell, kind: str, names: Iterable[str], row: Row) -> None:
    for name in names:
        value = row[name]
        assert isinstance(value, int)
        cell.counts[kind, name] = max(cell.counts[kind, name], value)


def _add_recipients(found: Series, statistics: Statistics, base: Question) -> None:
    """Distinct recipients of each day. The control group received nothing, so it is not among them."""
    recipients = {CHANNELS[key].recipient for key in found.layout.channels}
    if len(recipients) == 1:
        (counter,) = recipients
        (metric,), kind = counter.plus, counter.traffic
    else:
        metric, kind = ("unique_reached", "default") if recipients else ("unique_sent", "all")
    traffic = _classes(kind)
    for row in _rows(statistics, replace(base, metrics=(metric,), dimensions=("day",), traffic=traffic)):
        value = row[metric]
        assert isinstance(value, int)
        found.recipients[str(row["day"])] = value


def _rows(statistics: Statistics, question: Question) -> Iterator[Row]:
    """Every row of an answer, page by page."""
    while True:
        answer = statistics.ask(question)
        yield from answer.rows
        question = replace(question, offset=question.offset + question.limit)
        if question.offset >= answer.row_count:
            return


# ---- conversions ------------------------------------------------------------------------------------


def _add_conversions(
    found: Series, engine: Engine, workspace: Workspace, campaign: Campaign, said_goals: set[int]
) -> None:
    touch = "sent" if any(CHANNELS[key].recipient.plus == ("unique_sent",) for key in found.layout.channels) else ""
    for index in GOALS:
        goal = campaign.goals[index] if index < len(campaign.goals) else None
        if goal is None and index not in said_goals:
            continue
        asked = Conversions(
            workspace.id, campaign.id, index, goal,
            default_touch=touch or "impression", edges_ms=found.window.edges_ms,
        )  # fmt: skip
        for credit in attribution.conversions(engine, asked):
            arm = _arm(found.layout, credit.message, credit.variation)
            for bucket, late in ((credit.bucket, False), (credit.touch_bucket, True)):
                if bucket is None:
                    continue
                key, day = conversions_key(index, by_send_time=late), found.window.days[bucket]
                for place in found.layout.places(credit.channel, arm):
                    found.cells[day, *place].conversions[key] += credit.conversions
                if arm not in found.layout.controls:
                    found.days[day].conversions[key] += credit.conversions
        if index == 0 and goal is not None:
            for earning in attribution.earnings(engine, asked, _DOLLARS):
                arm = _arm(found.layout, earning.message, earning.variation)
                cells = [
                    found.cells[found.window.days[earning.bucket], *place]
                    for place in found.layout.places(earning.channel, arm)
                ]
                _earn(found, found.window.days[earning.bucket], cells, arm, earning.amount)
