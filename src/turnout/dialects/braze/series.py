"""The numbers of a campaign's series: a campaign and a window go in, a `Series` comes out. Asks; blocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from turnout.dialects.braze.arms import Layout, layout
from turnout.dialects.braze.cells import Cell, Cells, classes, fill
from turnout.dialects.braze.credits import credited, dollars
from turnout.dialects.braze.life import Asker, Life, number
from turnout.dialects.braze.parse import Window
from turnout.dialects.braze.wire import CHANNELS, SEND_CHANNELS, Channel, conversions_key
from turnout.stats.question import Filter, Question
from turnout.stats.run import Statistics


@dataclass
class Series:
    """A window's numbers: the `cells` of the entries, and `days` and `recipients` without the control group."""

    window: Window
    cells: Cells
    days: dict[str, Cell] = field(default_factory=lambda: defaultdict(Cell))
    recipients: dict[str, int] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        """The entries that every day has."""
        return self.cells.layout


def series(asker: Asker, window: Window, send_id: str = "") -> Series:
    """Ask everything that the series of a campaign, or of one of its sends, needs."""
    life = asker.life()
    table: Mapping[str, Channel] = SEND_CHANNELS if send_id else CHANNELS
    found = Series(window, Cells(layout(asker.campaign, life.seen), table))
    base = asker.question(window)
    if send_id:
        base = replace(base, filters=(*base.filters, Filter("send_id", (send_id,))))
    if window.from_ms < window.to_ms:
        fill(found.cells, asker.statistics, base, life.seen)
        _add_recipients(found, asker.statistics, base)
        _add_credits(found, asker.statistics, base, life)
    return found


def _add_recipients(found: Series, statistics: Statistics, base: Question) -> None:
    """Distinct recipients of each day. The control group received nothing, so it is not among them."""
    recipients = {found.cells.table[key].recipient for key in found.layout.channels}
    if len(recipients) == 1:
        (counter,) = recipients
        (metric,), kind = counter.plus, counter.traffic
    else:
        metric, kind = ("unique_reached", "default") if recipients else ("unique_sent", "all")
    asked = replace(base, metrics=(metric,), dimensions=("day",), traffic=classes(kind))
    found.recipients.update((str(row["day"]), number(row, metric)) for row in statistics.rows(asked))


def _add_credits(found: Series, statistics: Statistics, base: Question, life: Life) -> None:
    """Conversions by their own day and by the send's, and revenue: of each entry, and of the day."""
    layout = found.layout
    for by_send in (False, True):
        keys = {name: conversions_key(goal, by_send_time=by_send) for goal, name in enumerate(life.conversions)}
        for row in credited(statistics, base, life, ("day", "channel", layout.by), by_send=by_send):
            day, channel = str(row["day"]), str(row["channel"])
            arm = layout.credited_to(channel, str(row[layout.by]))
            cells = [found.cells.of[day, *place] for place in layout.places(channel, arm)]
            if arm not in layout.controls:
                cells.append(found.days[day])
            for cell in cells:
                for name, key in keys.items():
                    cell.conversions[key] += number(row, name)
                cell.revenue += dollars(row)
