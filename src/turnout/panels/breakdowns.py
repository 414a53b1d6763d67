"""One dimension each: devices, systems, browsers, mailbox providers, cities, networks.

The values with the most people have a bar and a row each, all others one together, and what isn't known another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from turnout.charts.theme import BAD, INK, LEFT_OUT, SERIES, Spec
from turnout.panels import naming, ranking, wording
from turnout.panels.contract import Ask, Cell, Panel, Shown, Table, View, column
from turnout.panels.ranking import Ranking
from turnout.stats.mailboxes import OTHER
from turnout.stats.question import Filter

#: The side of the bars.
_AXIS: Spec = {"ticks": False, "domain": False, "labelColor": INK, "labelPadding": 8, "minExtent": 110}
_SCALE: Spec = {"paddingInner": 0.25}

_BY_AGENT = (
    "Opens and clicks that come in through this server bring a user agent, which tells it; other events may say their "
    "'{}' themselves."
)
_BY_ADDRESS = (
    "It is read from the address of opens and clicks where a database of yours knows it (TURNOUT_MMDB, "
    "docs/traffic.md); events may also say their '{}' themselves."
)


@dataclass(frozen=True)
class Breakdown:
    """A dimension, what one of its values is called and several of them, and where it would come from."""

    dimension: str
    thing: str
    things: str
    source: str

    @property
    def empty(self) -> str:
        """What is missing, and what brings it."""
        return f"No {self.thing} is known yet. {self.source.format(self.dimension)}"


def draw(breakdown: Breakdown, view: View, ask: Ask) -> Shown:
    """Bars of people, and the numbers."""
    found = ranking.activity(view, ask)
    if found is None:
        return Shown(Table((), ()), empty=f"Nobody did anything yet in this range. {breakdown.empty}")
    ranked = ranking.rank(view, ask, breakdown.dimension, found.main, found.metrics)
    names = name_of if breakdown.dimension == "device" else str
    things = (breakdown.thing, breakdown.things)
    columns = (column(breakdown.dimension), *(column(name) for name in found.metrics))
    table = ranking.table(ranked, breakdown.dimension, columns, names, things)
    if not ranked.first:
        return Shown(Table((), ()), empty=breakdown.empty, excluded=ranked.excluded)
    bars = bars_of(table, breakdown.dimension, found.main, count(ranked.total, found.main))
    spec = _spec(bars, found.title)
    alt = f"{found.title}, by {breakdown.thing}: " + wording.listed([str(bar["said"]) for bar in bars[:5]]) + "."
    words = [found.unknown(ranked, breakdown.thing), _several(ranked, found.main, breakdown)]
    return Shown(table, spec, alt, tuple(filter(None, words)), excluded=ranked.excluded)


def name_of(value: str) -> str:
    """Our own kinds of device with a capital; what a sender said as it is."""
    return value[:1].upper() + value[1:] if value.islower() else value


def count(row: Mapping[str, Cell], name: str) -> int:
    """A count of a row; nothing where it can't be known."""
    value = row.get(name)
    return value if isinstance(value, int) else 0


def bars_of(table: Table, dimension: str, main: str, everybody: int) -> list[dict[str, str | int]]:
    """The bars of a table: how long, what is written beside it and what is said of it."""
    labels = naming.distinct((str(row[dimension]),) for row in table.rows)
    quiet_from = len(table.rows) - table.quiet_count
    found: list[dict[str, str | int]] = []
    for place, (row, label) in enumerate(zip(table.rows, labels, strict=True)):
        people = count(row, main)
        if people:
            share = f" · {wording.percent(people / everybody)}" if everybody else ""
            found.append(
                {
                    "name": label,
                    "people": people,
                    "label": f"{people:,}{share}",
                    "said": f"{label} {people:,}{share}",
                    "colour": SERIES[0] if place < quiet_from else LEFT_OUT,
                }
            )
    return found


def _several(ranked: Ranking, main: str, breakdown: Breakdown) -> str:
    """Why the rows come to more than the whole, where they do."""
    rows = [*ranked.first, *(row for row in (ranked.others, ranked.unknown) if row is not None)]
    if sum(count(row, main) for row in rows) <= count(ranked.total, main):
        return ""
    return f"Whoever came with several {breakdown.things} counts in the row of each, and once in the whole."


def _spec(bars: Sequence[Mapping[str, str | int]], title: str) -> Spec | None:
    if not bars:
        return None
    most = max(int(bar["people"]) for bar in bars)
    heading = {
        "title": title,
        "titleAnchor": "start",
        "orient": "top",
        "domain": False,
        "ticks": False,
        "labels": False,
    }
    return {
        "width": 520,
        "height": {"step": 30},
        "data": {"values": list(bars)},
        "encoding": {
            "y": {
                "field": "name",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": _AXIS,
                "scale": _SCALE,
            },
            # Room for what stands beside the longest bar.
            "x": {
                "field": "people",
                "type": "quantitative",
                "axis": {**heading, "grid": False},
                "scale": {"domainMax": most * 1.3},
            },
        },
        "layer": [
            {
                "mark": {"type": "bar"},
                "encoding": {
                    "color": {"field": "colour", "type": "nominal", "scale": None},
                    "description": {"field": "said", "type": "nominal"},
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "aria": False},
                "encoding": {"text": {"field": "label", "type": "nominal"}},
            },
        ],
    }


#: What is told of each mailbox provider.
_FARES = ("sent", "delivered", "bounced", "complained", "delivery_rate", "bounce_rate", "complaint_rate", "open_rate")

_NO_MAILBOXES = (
    "No mailbox provider is known. It is told by the domain of a recipient that is an e-mail address; where recipients "
    "are called otherwise, it can't be."
)


def mailboxes(view: View, ask: Ask) -> Shown:
    """How many messages each provider took, and how many it did not."""
    mail = [name for name in view.campaign.channels if name.casefold() == "email"]
    if view.campaign.channels and not mail:
        return Shown(Table((), ()), empty="This campaign sends no e-mail, as far as its channels are known.")
    # Of several channels, only what went by mail counts, or by none that is known.
    filters = (Filter("channel", (*mail, "")),) if len(view.campaign.channels) > 1 else ()
    totals = ask(view.question(_FARES, filters=filters)).totals
    main = next((name for name in ("sent", "delivered", "bounced") if totals.get(name)), "")
    if not main:
        return Shown(Table((), ()), empty=f"Nothing was sent yet in this range. {_NO_MAILBOXES}")
    ranked = ranking.rank(view, ask, "mailbox_provider", main, _FARES, filters=filters)
    columns = (column("mailbox_provider"), *(column(name) for name in _FARES))
    table = ranking.table(ranked, "mailbox_provider", columns, _provider, ("provider", "providers"))
    if not ranked.first:
        return Shown(Table((), ()), empty=_NO_MAILBOXES, excluded=ranked.excluded)
    alt = "Messages by mailbox provider: " + wording.listed([_fared(row) for row in table.rows[:5]]) + "."
    return Shown(table, _stacked(table), alt, excluded=ranked.excluded)


def _provider(value: str) -> str:
    return "Other domains" if value == OTHER else value


def _fared(row: Mapping[str, Cell]) -> str:
    return f"{row['mailbox_provider']} {count(row, 'delivered'):,} delivered and {count(row, 'bounced'):,} bounced"


def _stacked(table: Table) -> Spec:
    """A bar for each provider: delivered, bounced, and those of which neither is known; the rates beside it."""
    parts = (("Delivered", SERIES[0]), ("Bounced", BAD), ("Neither known", LEFT_OUT))
    values, labels, most = [], [], 1
    for row in table.rows:
        name = str(row["mailbox_provider"])
        delivered, bounced = count(row, "delivered"), count(row, "bounced")
        whole = max(count(row, "sent"), delivered + bounced)
        most = max(most, whole)
        start = 0
        for (part, _), size in zip(parts, (delivered, bounced, whole - delivered - bounced), strict=True):
            if size:
                said = f"{name} · {part} {size:,}"
                values.append({"name": name, "part": part, "from": start, "to": start + size, "said": said})
            start += size
        rate = row.get("delivery_rate")
        label = f"{wording.percent(rate)} delivered" if isinstance(rate, float) else f"{delivered:,} delivered"
        complaints = row.get("complaint_rate")
        if isinstance(complaints, float) and complaints:
            label += f", {wording.percent(complaints)} complained"
        labels.append({"name": name, "to": whole, "label": label})
    used = {str(value["part"]) for value in values}
    shown = [(part, colour) for part, colour in parts if part in used]
    x = {"type": "quantitative", "axis": None, "scale": {"domainMax": most * 1.75}}
    return {
        "width": 520,
        "height": {"step": 30},
        "encoding": {
            "y": {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": _AXIS, "scale": _SCALE}
        },
        "layer": [
            {
                "data": {"values": values},
                "mark": {"type": "bar"},
                "encoding": {
                    "x": {**x, "field": "from"},
                    "x2": {"field": "to"},
                    "color": {
                        "field": "part",
                        "type": "nominal",
                        "scale": {"domain": [part for part, _ in shown], "range": [colour for _, colour in shown]},
                        "legend": {"title": None},
                    },
                    "description": {"field": "said", "type": "nominal"},
                },
            },
            {
                "data": {"values": labels},
                "mark": {"type": "text", "align": "left", "dx": 6, "aria": False},
                "encoding": {"x": {**x, "field": "to"}, "text": {"field": "label", "type": "nominal"}},
            },
        ],
    }


def _of(dimension: str, thing: str, things: str, source: str) -> Callable[[View, Ask], Shown]:
    return partial(draw, Breakdown(dimension, thing, things, source))


PANELS = (
    Panel(
        "devices", "Devices", "What people open and click on.",
        _of("device", "device", "devices", _BY_AGENT), "audience",
    ),
    Panel(
        "systems", "Operating systems", "What runs on their devices.",
        _of("os", "operating system", "operating systems", _BY_AGENT), "audience",
    ),
    Panel(
        "browsers", "Browsers and mail programs", "What people read with.",
        _of("browser", "browser or mail program", "browsers or mail programs", _BY_AGENT), "audience",
    ),
    Panel("mailboxes", "Mailbox providers", "Where the mail goes, and how it fares there.", mailboxes, "audience"),
    Panel(
        "cities", "Cities", "Where a database of yours knows them.",
        _of("city", "city", "cities", _BY_ADDRESS), "audience",
    ),
    Panel(
        "networks", "Networks", "Who runs the networks that people come from.",
        _of("network", "network", "networks", _BY_ADDRESS), "audience",
    ),
)  # fmt: skip
