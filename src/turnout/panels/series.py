"""Metrics over time: a line each, a plot for each unit, and the true numbers of the whole range below the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from turnout.panels import wording
from turnout.panels.asking import apart, converted
from turnout.panels.buckets import LIMIT_BUCKETS, Buckets, of_view
from turnout.panels.contract import Ask, Cell, Kind, Panel, Shown, Table, View, column, kind_of, words
from turnout.panels.timeline import Line, Plot, spec
from turnout.stats.metrics import METRICS, base_metrics
from turnout.stats.question import Sort

#: What suits a campaign where no metric is chosen: what says that it has such events, and what is shown of them. First
#: what recipients did; what was done to them only where that is all there is, since a send's hour dwarfs the rest.
_RESPONSES = {
    "impression": "unique_impression",
    "opened": "unique_opened",
    "clicked": "unique_clicked",
    "watched": "viewers",
    "product_clicked": "unique_product_clicked",
    "conversions": "conversions",
    "replied": "unique_replied",
    "unsubscribed": "unsubscribed",
}
_DELIVERIES = {"sent": "sent", "delivered": "delivered", "bounced": "bounced", "failed": "failed"}
_SUITING_LIMIT = 4

#: Currencies that have a plot of their own.
_CURRENCIES_LIMIT = 4

_EMPTY = "There is nothing to show over time yet: this campaign has no events in this range."


def draw(view: View, ask: Ask) -> Shown:
    """Lines of the chosen metrics, or of those that suit the campaign."""
    names = view.metrics or _suiting(view, ask)
    buckets = of_view(view, credited=any(metric.credit for metric in base_metrics(tuple(names))))
    if not buckets.labels or not names:
        return Shown(Table((), ()), empty=_EMPTY)
    answer = apart(view, ask, names, (buckets.grain,), sort=(Sort(buckets.grain),), limit=LIMIT_BUCKETS)
    rows = buckets.fill(answer.rows, blank(names))
    if not rows:
        return Shown(Table((), ()), empty=_EMPTY, excluded=answer.excluded)
    columns = tuple(column(name) for name in (buckets.grain, *names))
    total = {buckets.grain: "Whole range", **answer.totals}
    table = Table(columns, tuple(rows), total, row_count=len(rows))
    labels = [str(row[buckets.grain]) for row in rows]
    plots, undrawn = plots_of(names, rows)
    return Shown(
        table,
        spec(labels, buckets.grain, plots) if plots else None,
        _alt(buckets, rows, names),
        _words(view, buckets, rows, names, undrawn),
        excluded=answer.excluded,
    )


def blank(names: Sequence[str]) -> dict[str, Cell]:
    """What metrics are where nothing happened: no events are 0, no amounts are none, a rate of nothing is unknown."""
    return {name: _NONE.get(METRICS[name].kind, 0) for name in names}


_NONE: dict[str, Cell] = {"ratio": None, "money": {}}


def _suiting(view: View, ask: Ask) -> tuple[str, ...]:
    known = [name for name in (*_RESPONSES, *_DELIVERIES) if name != "conversions"]
    counted = ask(view.question((*known, "events"), rows_only=True)).rows
    has = {**(counted[0] if counted else {}), **converted(view, ask)}
    found = [name for probe, name in _RESPONSES.items() if has.get(probe)]
    found = found or [name for probe, name in _DELIVERIES.items() if has.get(probe)]
    found = found or ["events"] * bool(has.get("events"))
    return tuple(found[:_SUITING_LIMIT])


def plots_of(
    names: Sequence[str], rows: Sequence[Mapping[str, Cell]], label: Callable[[str], str] = words
) -> tuple[list[Plot], list[str]]:
    """A plot for each unit: numbers, rates, times, and each currency; and the currencies that there is no plot for.

    `label` says what a metric's line is called.
    """
    by_kind: dict[Kind, list[str]] = {}
    for name in names:
        by_kind.setdefault(kind_of(name), []).append(name)
    plots: list[Plot] = []
    undrawn: list[str] = []
    # A metric has one colour, in whatever plots it is.
    places = {name: place for place, name in enumerate(names)}
    for kind, of_kind in by_kind.items():
        if kind == "money":
            drawn, undrawn = _currencies(of_kind, rows)
            for code in drawn:
                lines = [_money([row[name] for row in rows], code, label(name), places[name]) for name in of_kind]
                plots.append(Plot(lines, kind))
        else:
            lines = [_line([row[name] for row in rows], kind, label(name), places[name]) for name in of_kind]
            plots.append(Plot(lines, kind))
    return plots, undrawn


def _line(cells: Sequence[Cell], kind: Kind, label: str, colour: int) -> Line:
    values = [cell if isinstance(cell, int | float) else None for cell in cells]
    return Line(label, values, [wording.cell(cell, kind) for cell in cells], colour)


def _money(cells: Sequence[Cell], code: str, label: str, colour: int) -> Line:
    """The amounts of one currency: exact in the texts, near enough in the drawing."""
    amounts = [cell.get(code, Decimal(0)) for cell in cells if isinstance(cell, dict)]
    texts = [wording.amount(code, amount) for amount in amounts]
    return Line(f"{label}, {code}", [float(amount) for amount in amounts], texts, colour)


def _currencies(names: Sequence[str], rows: Sequence[Mapping[str, Cell]]) -> tuple[list[str], list[str]]:
    """Those that occur, in most buckets first: the ones that are drawn, and the rest."""
    seen: dict[str, int] = {}
    for row in rows:
        for name in names:
            cell = row[name]
            for code in cell if isinstance(cell, dict) else ():
                seen[code] = seen.get(code, 0) + 1
    ranked = sorted(seen, key=lambda code: (-seen[code], code))
    return ranked[:_CURRENCIES_LIMIT], sorted(ranked[_CURRENCIES_LIMIT:])


def _words(
    view: View, buckets: Buckets, rows: Sequence[Mapping[str, Cell]], names: Sequence[str], undrawn: Sequence[str]
) -> tuple[str, ...]:
    found = [when(view, buckets)]
    kinds = {METRICS[name].kind for name in names}
    if kinds & {"unique", "ratio"} and len(rows) > 1:
        found.append(
            f"Distinct recipients of {buckets.grain}s don't add up: whoever comes back counts in each {buckets.grain}, "
            "and once in the whole range."
        )
    if any(METRICS[name].unit == "ratio" for name in names) and len(rows) > 1:
        found.append(
            f"A rate sets what happened in a {buckets.grain} against what was sent in it: long after a send it says "
            "little, or is more than 100 %. The last row has that of the whole range."
        )
    if undrawn:
        found.append(f"The table has more currencies than are drawn: {wording.listed(undrawn[:12])}.")
    return (" ".join(found),)


def when(view: View, buckets: Buckets) -> str:
    """In whose time the buckets are, and why they are not in the grain that was asked for."""
    sentence = f"{buckets.grain.capitalize()}s are those of {view.timezone}."
    if buckets.grain != view.grain:
        sentence += f" By the {view.grain} there may be more than {LIMIT_BUCKETS} points."
    return sentence


def _alt(buckets: Buckets, rows: Sequence[Mapping[str, Cell]], names: Sequence[str]) -> str:
    """From when to when, and where the numbers are highest."""
    labels = [str(row[buckets.grain]) for row in rows]
    span = f"from {wording.moment(labels[0])} to {wording.moment(labels[-1])}"
    sentences = [f"{wording.listed([words(name) for name in names])} by {buckets.grain}, {span}."]
    for name in names:
        values = [value if isinstance(value := row[name], int | float) else 0 for row in rows]
        most, label = max(zip(values, labels, strict=True), key=lambda one: one[0])
        if most:
            text = wording.cell(most, kind_of(name))
            sentences.append(f"{words(name)} is highest at {wording.moment(label)}: {text}.")
    return " ".join(sentences)


PANEL = Panel("series", "Over time", "Each metric by the hour, day, week or month.", draw, "summary")
