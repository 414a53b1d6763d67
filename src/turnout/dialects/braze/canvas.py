"""The numbers of a canvas: a campaign with steps and a window go in, a `Canvas` comes out. Asks; blocks.

Entries are the people who got the first step of their variant, or were put in the control group, on a day;
who comes again on another day enters again. So they add up, as conversions and revenue do, and the summary
is the sum of the days; only distinct recipients in the counters of the steps are of the whole window.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from turnout.dialects.braze.arms import Arm
from turnout.dialects.braze.cells import Cells, fill
from turnout.dialects.braze.credits import credited, dollars
from turnout.dialects.braze.journey import Journey, Step, journey
from turnout.dialects.braze.life import Asker, Life, number
from turnout.dialects.braze.parse import CanvasQuery, Window
from turnout.dialects.braze.wire import CHANNELS, SUMMARY_CHANNELS
from turnout.model import DEFAULT_TRAFFIC
from turnout.stats.question import Question
from turnout.stats.run import Statistics


@dataclass
class Part:
    """The numbers of a canvas, of a variant or of a step: US dollars, entries, and conversions by both days."""

    revenue: Decimal = Decimal(0)
    entries: int = 0
    conversions: int = 0
    by_entry_time: int = 0


@dataclass
class Canvas:
    """A window's numbers by day (the summary's day is ""); `variants` and `steps` are None unless asked for."""

    name: str
    window: Window
    cells: Cells
    variants: tuple[Arm, ...] | None = None
    steps: tuple[Step, ...] | None = None
    totals: dict[str, Part] = field(default_factory=lambda: defaultdict(Part))
    of_variants: dict[tuple[str, str], Part] = field(default_factory=lambda: defaultdict(Part))
    of_steps: dict[tuple[str, str], Part] = field(default_factory=lambda: defaultdict(Part))

    def parts(self, day: str, variant: str, step: str) -> Iterator[Part]:
        """What a number of that day, variant and step is part of."""
        day = day if self.cells.by_day else ""
        yield self.totals[day]
        yield self.of_variants[day, variant]
        yield self.of_steps[day, step]


def canvas(asker: Asker, asked: CanvasQuery, *, by_day: bool) -> Canvas:
    """Ask everything that the series of a canvas, or the summary of one (not `by_day`), needs."""
    life = asker.life()
    # A canvas has one kind of conversion.
    life = replace(life, conversions=life.conversions[:1])
    whole = journey(asker.campaign, life.seen)
    cells = Cells(whole.layout, CHANNELS if by_day else SUMMARY_CHANNELS, by_day=by_day)
    found = Canvas(asker.campaign.title, asked.window, cells)
    if asked.variants:
        found.variants = whole.variants
    if asked.steps:
        found.steps = tuple(step for step in whole.steps if asked.deleted_steps or not step.deleted)
    if asked.window.from_ms < asked.window.to_ms:
        base = asker.question(asked.window)
        _add_entries(found, asker.statistics, base, whole)
        _add_credits(found, asker.statistics, base, life, whole)
        if asked.steps:
            fill(cells, asker.statistics, base, life.seen)
    return found


def _add_entries(found: Canvas, statistics: Statistics, base: Question, whole: Journey) -> None:
    first = {variant: path[0].id for variant, path in whole.paths.items() if path}
    reached = replace(
        base, metrics=("unique_reached",), dimensions=("day", "variation", "message"), traffic=DEFAULT_TRAFFIC
    )
    for row in statistics.rows(reached):
        variant, step = str(row["variation"]), str(row["message"])
        if first.get(variant) == step:
            for part in found.parts(str(row["day"]), variant, step):
                part.entries += number(row, "unique_reached")
    if not whole.controls:
        return
    # With one control group everybody who was held back is in it, however their events write it.
    dimensions = ("day",) if len(whole.controls) == 1 else ("day", "variation")
    held = replace(base, metrics=("unique_enrolled",), dimensions=dimensions, traffic=DEFAULT_TRAFFIC)
    for row in statistics.rows(held):
        variation = str(row.get("variation", ""))
        control = variation if variation in whole.controls else whole.controls[0]
        for part in found.parts(str(row["day"]), control, ""):
            part.entries += number(row, "unique_enrolled")


def _add_credits(found: Canvas, statistics: Statistics, base: Question, life: Life, whole: Journey) -> None:
    for by_send in (False, True):
        for row in credited(statistics, base, life, ("day", "variation", "message"), by_send=by_send):
            variation, step = str(row["variation"]), str(row["message"])
            conversions = sum(number(row, name) for name in life.conversions)
            for part in found.parts(str(row["day"]), whole.variant_of(variation, step), step):
                part.revenue += dollars(row)
                if by_send:
                    part.by_entry_time += conversions
                else:
                    part.conversions += conversions
