"""What the campaign led to, over time: revenue by currency, and the conversions of each goal.

Amounts are exact, and those of two currencies are never added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

from turnout.model import Campaign, Goal
from turnout.panels import wording
from turnout.panels.asking import converted
from turnout.panels.buckets import LIMIT_BUCKETS, of_view
from turnout.panels.contract import Ask, Cell, Column, Panel, Shown, Table, View, column
from turnout.panels.series import blank, plots_of, when
from turnout.panels.timeline import Plot, spec
from turnout.stats.question import Sort

_GOALS = ("conversions", "conversions_1", "conversions_2", "conversions_3")
_REVENUES = ("revenue", "revenue_1", "revenue_2", "revenue_3")

#: Of whom conversions and revenue are a share, and who they are: the first of these that a campaign has.
_AS_PEOPLE = {"unique_delivered": "who got it", "unique_sent": "it was sent to", "unique_impression": "who saw it"}

#: Digits of an average amount; the sums it is made of keep theirs.
_AVERAGE = Decimal("0.0001")

_LIMIT_NAME_CHARACTERS = 40
_LIMIT_CURRENCIES = 6

_EMPTY = (
    "No conversions and no revenue yet. Give the campaign goals, send 'converted' events, or name the campaign in "
    "'purchased' events (docs/attribution.md)."
)


def draw(view: View, ask: Ask) -> Shown:
    """A plot for each currency and one for the conversions; the rates in words."""
    buckets = of_view(view)
    if not buckets.labels:
        return Shown(Table((), ()), empty=_EMPTY)
    every = (*_REVENUES, *_GOALS)
    answer = ask(view.question(every, (buckets.grain,), sort=(Sort(buckets.grain),), limit=LIMIT_BUCKETS))
    names = [name for name in every if answer.totals[name]]
    if not names:
        return Shown(Table((), ()), empty=_EMPTY, excluded=answer.excluded)
    rows = buckets.fill(answer.rows, blank(names))
    if not rows:
        return Shown(Table((), ()), empty=_EMPTY, excluded=answer.excluded)
    columns = (column(buckets.grain), *(_column(name, view.campaign) for name in names))
    table = Table(columns, tuple(rows), {buckets.grain: "Whole range", **answer.totals}, len(rows))
    people = _people(view, ask, names)
    plots, undrawn = _plots(view.campaign, names, rows)
    labels = [str(row[buckets.grain]) for row in rows]
    notes = [when(view, buckets)]
    if any(one.control for one in view.campaign.variations):
        notes.append("What the control group did counts, too; what is its own is among the variations.")
    if undrawn:
        notes.append(f"The table has more currencies than are drawn: {wording.listed(undrawn[:12])}.")
    words = (*_sums(view.campaign, answer.totals, people), " ".join(notes))
    alt = f"By {buckets.grain}: {wording.listed([one.label for one in columns[1:]])}."
    return Shown(table, spec(labels, buckets.grain, plots), alt, words, excluded=answer.excluded)


def _people(view: View, ask: Ask, names: Sequence[str]) -> dict[str, Cell]:
    """Distinct recipients who converted, and of those whom the campaign reached."""
    reached = ask(view.question(tuple(_AS_PEOPLE), rows_only=True)).rows
    goals = [f"unique_{name}" for name in names if name in _GOALS[1:]]
    more = ask(view.question(goals, rows_only=True)).rows if goals else []
    return {**converted(view, ask), **(reached[0] if reached else {}), **(more[0] if more else {})}


def goal_name(campaign: Campaign, place: int) -> str:
    """What a goal counts, in the words of the campaign; empty where it says nothing of that goal."""
    if place >= len(campaign.goals):
        return ""
    goal = campaign.goals[place]
    name = " ".join((goal.event.replace("_", " "), *([goal.name] if goal.name else [])))
    return name if len(name) <= _LIMIT_NAME_CHARACTERS else f"{name[: _LIMIT_NAME_CHARACTERS - 1]}…"


def _column(name: str, campaign: Campaign) -> Column:
    """Conversions: purchased; Revenue of goal 1."""
    base, _, number = name.partition("_")
    label = base.capitalize() + (f" of goal {number}" if number else "")
    of = goal_name(campaign, int(number or 0)) if base == "conversions" else ""
    return column(name, f"{label}: {of}" if of else label)


def _plots(
    campaign: Campaign, names: Sequence[str], rows: Sequence[Mapping[str, Cell]]
) -> tuple[list[Plot], list[str]]:
    """Revenue, as bars where it is of one goal; and conversions as lines."""

    def label(name: str) -> str:
        return _column(name, campaign).label

    found, undrawn = plots_of(names, rows, label)
    # A currency that only some goals have is no line along zero for the others.
    kept = [
        Plot([line for line in one.lines if any(line.values)] or one.lines, "money")
        for one in found
        if one.kind == "money"
    ]
    bars = all(len(one.lines) == 1 for one in kept)
    return [*(replace(one, bars=bars) for one in kept), *(one for one in found if one.kind != "money")], undrawn


def _sums(campaign: Campaign, totals: Mapping[str, Cell], people: Mapping[str, Cell]) -> list[str]:
    """What it came to in the whole range, and what that is of whom it reached."""
    reached = next((name for name in _AS_PEOPLE if people.get(name)), "")
    of = people.get(reached)
    found = []
    for place, name in enumerate(_GOALS):
        converted, count = people.get(f"unique_{name}"), totals.get(name)
        if not isinstance(count, int) or not isinstance(converted, int):
            continue
        goal = f" of goal {place}" if place else ""
        sentence = f"{wording.many(count, 'conversion')}{goal} by {wording.many(converted, 'recipient')}"
        # Of a range that begins after the send they are no part of those whom it reached there.
        if isinstance(of, int) and of and converted <= of:
            sentence += f": {wording.percent(converted / of)} of the {of:,} {_AS_PEOPLE[reached]}"
        found.append(f"{sentence}.{_counted(campaign, place)}")
    for place, name in enumerate(_REVENUES):
        amounts = totals.get(name)
        if isinstance(amounts, dict) and amounts:
            goal = f" of goal {place}" if place else ""
            sentence = f"Revenue{goal}: {_amounts(amounts)}"
            if isinstance(of, int) and of:
                sentence += f"; {_amounts(per_recipient(amounts, of))} for each of the {of:,} {_AS_PEOPLE[reached]}"
            found.append(f"{sentence}.")
    return found


def _counted(campaign: Campaign, place: int) -> str:
    """What a goal counts, as a sentence more; nothing where the campaign doesn't say."""
    if place >= len(campaign.goals):
        return ""
    goal = campaign.goals[place]
    return f" Counted is '{goal_name(campaign, place)}' within {_window(goal)} after '{goal.after}'."


def per_recipient(amounts: Mapping[str, Decimal], recipients: int) -> dict[str, Decimal]:
    """What each recipient is worth on average, in every currency."""
    return {code: (amount / recipients).quantize(_AVERAGE, ROUND_HALF_EVEN) for code, amount in amounts.items()}


def _amounts(amounts: Mapping[str, Decimal]) -> str:
    """Amounts in a sentence: not those of hundreds of currencies."""
    shown = dict(sorted(amounts.items())[:_LIMIT_CURRENCIES])
    more = len(amounts) - len(shown)
    return wording.money(shown) + (f" and {more:,} more currencies" if more else "")


def _window(goal: Goal) -> str:
    for unit, seconds in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if goal.window_s % seconds == 0:
            return wording.many(goal.window_s // seconds, unit)
    return wording.many(goal.window_s, "second")


PANEL = Panel("revenue", "Revenue and conversions", "What the campaign led to, by goal and currency.", draw, "summary")
