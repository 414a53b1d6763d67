"""A report of a campaign: its head, its headline numbers, and the panels that have something to show.

A view enters; a `Document` leaves, of texts, numbers and charts' specifications. It knows no HTML, no mail and no PDF.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from turnout.charts.theme import Spec
from turnout.errors import NotDrawn, Overloaded, TooLarge
from turnout.model import TRAFFIC_CLASSES
from turnout.panels import wording
from turnout.panels.contract import Ask, Cell, Column, Panel, Shown, View, column, kind_of, words
from turnout.panels.headline import Card, headline
from turnout.panels.registry import PANELS

#: Reports that are made at once in this process: each asks some dozens of questions and has a dozen charts drawn.
LIMIT_AT_ONCE = 2

#: Who waits for that holds a thread that others need; so few do, and not for ever.
LIMIT_WAITING = 2
_WAIT_S = 60

#: Rows of one table; how many more there are is said.
LIMIT_ROWS = 40

#: Panels whose table has a row for each cell of the chart; the chart alone is shown.
_CHART_ALONE = frozenset({"hours"})

#: What only a live show has.
_WATCHED = ("watched", "liked", "chatted", "product_clicked")


@dataclass(frozen=True)
class Figure:
    """A headline number as people read it."""

    card: Card

    @property
    def text(self) -> str:
        """The number."""
        return wording.cell(self.card.value, self.card.kind)

    @property
    def rate_text(self) -> str:
        """Its rate with the rate's name: `open rate 12.3 %`; empty where there is none."""
        if not self.card.rate or self.card.rate_value is None:
            return ""
        return f"{words(self.card.rate).lower()} {wording.cell(self.card.rate_value, kind_of(self.card.rate))}"


@dataclass(frozen=True)
class Part:
    """A panel with what it shows; `rest` says how many rows are not shown."""

    panel: Panel
    shown: Shown
    rest: str = ""

    def cells(self, row: Mapping[str, Cell]) -> list[tuple[Column, str]]:
        """A row's cells as people read them."""
        return [(one, wording.cell(row.get(one.name), one.kind)) for one in self.shown.table.columns]


@dataclass(frozen=True)
class Document:
    """A whole report. `span` says which days, `counted` which traffic, `made` when; times are in the view's zone."""

    view: View
    title: str
    span: str
    counted: str
    made: str
    figures: tuple[Figure, ...]
    parts: tuple[Part, ...]
    definitions: tuple[tuple[str, str], ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened in its range."""
        return not self.figures and not self.parts


@contextlib.contextmanager
def turn(*, is_patient: bool = False) -> Iterator[None]:
    """Hold while a report is made. Overloaded if too many wait, unless one `is_patient`, or others take too long."""
    if not is_patient and not _waiting.acquire(blocking=False):
        raise Overloaded("other reports are being made", retry_after_s=10)
    try:
        if not _turns.acquire(timeout=_WAIT_S):
            raise Overloaded("other reports are being made", retry_after_s=10)
        try:
            yield
        finally:
            _turns.release()
    finally:
        if not is_patient:
            _waiting.release()


_turns = threading.BoundedSemaphore(LIMIT_AT_ONCE)
_waiting = threading.BoundedSemaphore(LIMIT_AT_ONCE + LIMIT_WAITING)


def make(view: View, ask: Ask) -> Document:
    """The report of what is seen. Raises what asking raises. Blocks."""
    watched = ask(view.question(_WATCHED)).totals
    cards = headline(view, ask, is_show=any(watched.values())).cards
    # A number that would be nothing says nothing here.
    figures = tuple(Figure(one) for one in cards if one.value)
    parts = tuple(_parts(view, ask))
    return Document(
        view=view,
        title=view.campaign.title,
        span=span(view),
        counted=counted(view.traffic),
        made=f"{_moment(view.now_ms, view.timezone)} ({view.timezone})",
        figures=figures,
        parts=parts,
        definitions=tuple(_definitions(figures, parts)),
    )


def drawn(draw: Callable[[Spec], str], part: Part) -> str:
    """A part's chart; empty where it has none or it can't be drawn, since its table says the same."""
    if part.shown.spec is None:
        return ""
    try:
        return draw(part.shown.spec)
    except (NotDrawn, TooLarge):
        return ""


def span(view: View) -> str:
    """The days in words: `1 Nov 2026 – 7 Nov 2026 (Europe/Berlin)`; of an open range, those that have events."""
    if view.from_ms is None and view.to_ms is None and view.first_ms is None:
        return f"no events yet ({view.timezone})"
    first = view.from_ms if view.from_ms is not None else view.first_ms
    if view.from_ms is None and first is not None and view.to_ms is not None and first >= view.to_ms:
        first = None
    if view.to_ms is not None:
        last = _end(view.to_ms, view.timezone)
    elif view.from_ms is not None:
        last = _moment(view.now_ms, view.timezone)
    else:
        last = _day(view.last_ms or view.now_ms, view.timezone)
    start = "the beginning" if first is None else _start(first, view, is_given=view.from_ms is not None)
    return f"{start} ({view.timezone})" if start == last else f"{start} – {last} ({view.timezone})"


def counted(traffic: tuple[str, ...]) -> str:
    """Which traffic counts and which does not, in a sentence."""
    left_out = [name for name in TRAFFIC_CLASSES if name not in traffic]
    if not left_out:
        return "Counts all traffic, that of machines too."
    return f"Counts {_listed(traffic)} traffic; {_listed(left_out)} {'is' if len(left_out) == 1 else 'are'} left out."


def _parts(view: View, ask: Ask) -> Iterator[Part]:
    for panel in PANELS.values():
        shown = panel.draw(view, ask)
        rows = shown.table.rows
        if shown.empty or not rows:
            continue
        # Where a panel itself leaves rows out, it says so.
        more = max(shown.table.row_count, len(rows)) - LIMIT_ROWS if len(rows) > LIMIT_ROWS else 0
        rest = f"{more:,} more rows are not shown." if more else ""
        if panel.name in _CHART_ALONE and shown.spec is not None:
            rows, rest = (), "The numbers behind it are on the dashboard."
        kept = replace(shown, table=replace(shown.table, rows=rows[:LIMIT_ROWS]))
        yield Part(panel, kept, rest)


def _definitions(figures: Iterable[Figure], parts: Iterable[Part]) -> Iterator[tuple[str, str]]:
    cards = [figure.card for figure in figures]
    columns = [column(name) for card in cards for name in (card.name, card.rate) if name]
    columns += [one for part in parts if part.shown.table.rows for one in part.shown.table.columns]
    for name, found in {one.name: one for one in columns if one.definition}.items():
        # Its own name: what a column is headed may be shorter.
        yield words(name), found.definition


def _start(moment_ms: int, view: View, *, is_given: bool) -> str:
    """A range's beginning: a day where it is one's midnight, or nobody said when."""
    zone = ZoneInfo(view.timezone)
    local = dt.datetime.fromtimestamp(moment_ms / 1000, zone)
    return _moment(moment_ms, view.timezone) if is_given and local.time() != dt.time() else _date(local)


def _end(moment_ms: int, timezone: str) -> str:
    """A half-open range's end: the day before where it is midnight."""
    local = dt.datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(timezone))
    if local.time() == dt.time():
        return _day(moment_ms - 1, timezone)
    return _moment(moment_ms, timezone)


def _day(moment_ms: int, timezone: str) -> str:
    return _date(dt.datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(timezone)))


def _moment(moment_ms: int, timezone: str) -> str:
    local = dt.datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(timezone))
    return f"{_date(local)}, {local:%H:%M}"


def _date(local: dt.datetime) -> str:
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


#: Not of a locale: a report says the same on every machine.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
