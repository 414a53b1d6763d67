"""How commands write: tables that fit a terminal and stay whole in a pipe, progress bars, sparklines.

Values come in; text goes to stdout, progress to stderr (only where it is a terminal).
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from turnout.panels import wording

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

#: Wide enough for any table that is piped.
_PIPED_WIDTH = 100_000
_BLOCKS = "▁▂▃▄▅▆▇█"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def out() -> Console:
    """stdout. In a pipe nothing is wrapped, cut or coloured."""
    from rich.console import Console

    piped = not sys.stdout.isatty()
    return Console(markup=False, highlight=False, emoji=False, width=_PIPED_WIDTH if piped else None)


def progress(unit: str = "") -> Progress:
    """A progress bar on stderr with a count and, where there is a `unit`, its rate; silent in a pipe."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Events so far, and how many a second."""

        def render(self, task: Task) -> Text:
            done = task.fields.get("events", task.completed)
            rate = done / task.elapsed if task.elapsed else 0
            return Text(f"{done:,.0f} {unit}  {rate:,.0f}/s" if unit else "")

    stderr = Console(stderr=True, markup=False, highlight=False)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )


def table(*columns: str, right: Sequence[str] = (), title: str = "") -> Table:
    """A table of plain text; columns named in `right` hold numbers."""
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD,
        title=title or None,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        show_edge=False,
    )
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", no_wrap=name in right, overflow="fold")
    return made


def record(found: Mapping[str, Any]) -> Table:
    """Everything about one thing of the API, a line a field."""
    made = table("", "")
    made.show_header = False
    for name, value in found.items():
        made.add_row(name, plain(_field(name, value)))
    return made


def _field(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_json, value))
    # Other whole numbers are names of things.
    return f"{value:,}" if name == "events" else _json(value)


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def plain(text: object) -> str:
    """Text of somebody else's, without what would steer a terminal."""
    return _CONTROL.sub("\ufffd", str(text))


def minute(moment: str | None) -> str:
    """A moment of the API to the minute: 2026-10-05 10:00; empty for none."""
    return moment[:16].replace("T", " ") if moment else ""


def number(value: Any) -> str:
    """A metric's value: 1,234, 12.5, EUR 19.99 + USD 5.00, – for none."""
    if value is None:
        return wording.NOTHING
    if isinstance(value, dict):
        return wording.money(value)
    if isinstance(value, int | float):
        return wording.number(value)
    return plain(value)


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """One block a value, the highest being full; longer series are summed into `width` parts."""
    if not values:
        return ""
    if len(values) > width:
        edges = [len(values) * part // width for part in range(width + 1)]
        values = [sum(values[start:end]) for start, end in itertools.pairwise(edges)]
    highest = max(values)
    if highest <= 0:
        return _BLOCKS[0] * len(values)
    return "".join(
        # Whatever is not nothing is seen.
        _BLOCKS[0] if value <= 0 else _BLOCKS[max(1, round(value / highest * (len(_BLOCKS) - 1)))]
        for value in values
    )
