"""The values of one dimension in order: the first few, all others counted together, and those of no value.

A view, metrics and a dimension enter; rows leave that add up where they can, and are true uniques where they can't.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from turnout.panels.contract import Ask, Cell, Column, Table, View
from turnout.stats.question import LIMIT_FILTER_VALUES, Filter, Sort

#: Values that are shown each for itself.
LIMIT_SHOWN = 12

NOT_KNOWN = "Not known"

#: What people do, best first: the metric of the people, of the events, what people did, and what events are called.
_ACTIVITIES = (
    ("unique_clicked", "clicked", "clicked", "clicks"),
    ("unique_opened", "opened", "opened", "opens"),
    ("viewers", "watched", "watched", "watched intervals"),
)


@dataclass(frozen=True)
class Activity:
    """What a campaign's people did: the metric to put them in order by, in a word, and all metrics there is something
    of. Where no event names a recipient, `main` is of events, and `events` what they are called; else it is empty."""

    main: str
    did: str
    metrics: tuple[str, ...]
    events: str = ""

    @property
    def title(self) -> str:
        """What is counted, as a heading."""
        return self.events.capitalize() or f"People who {self.did}"

    def unknown(self, ranked: Ranking, thing: str) -> str:
        """How many there are of whom the thing isn't known; empty if there is nobody."""
        some = ranked.unknown.get(self.main) if ranked.unknown is not None else 0
        if not isinstance(some, int) or not some:
            return ""
        who = f"{self.events} happened" if self.events else f"people {self.did}"
        return f"{some:,} of {ranked.total[self.main]:,} {who} where no {thing} is known."


@dataclass(frozen=True)
class Ranking:
    """`first` are the values with the most of the main metric, `rest` those after them, `others` the rest together,
    `unknown` those events that have no value, `total` everything; each as /v1/stats answers it.

    `other_count` says how many values the others are. Beyond LIMIT_FILTER_VALUES of them they can't be counted
    together: then `others` is None and `rest` is not all.
    """

    first: tuple[Mapping[str, Cell], ...]
    rest: tuple[Mapping[str, Cell], ...]
    others: Mapping[str, Cell] | None
    other_count: int
    unknown: Mapping[str, Cell] | None
    total: Mapping[str, Cell]
    excluded: Mapping[str, int]


def rank(
    view: View,
    ask: Ask,
    dimension: str,
    main: str,
    metrics: Sequence[str],
    limit: int = LIMIT_SHOWN,
    filters: Sequence[Filter] = (),
) -> Ranking:
    """Put the values of a dimension in order of the main metric. Two questions, the second where there are others."""
    names = tuple(dict.fromkeys((main, *metrics)))
    sort = (Sort(main, descending=True), Sort(dimension))
    answer = ask(view.question(names, (dimension,), sort=sort, filters=filters, limit=limit + LIMIT_FILTER_VALUES))
    known = [row for row in answer.rows if row[dimension] != ""]
    # Of a control group, or a device that only bought something, there are rows too: with nothing in them.
    counted = [row for row in known if any(isinstance(row[name], int | float) and row[name] for name in names)]
    rest = counted[limit:]
    others: Mapping[str, Cell] | None = None
    if len(rest) == 1:
        others = rest[0]
    elif rest and answer.row_count == len(answer.rows):
        values = tuple(str(row[dimension]) for row in rest)
        others = ask(view.question(names, filters=(*filters, Filter(dimension, values)))).totals
    return Ranking(
        first=tuple(counted[:limit]),
        rest=tuple(rest),
        others=others,
        other_count=len(rest) + answer.row_count - len(answer.rows),
        unknown=next((row for row in answer.rows if row[dimension] == ""), None),
        total=answer.totals,
        excluded=answer.excluded,
    )


def activity(view: View, ask: Ask) -> Activity | None:
    """What to break a campaign down by: who clicked where anybody did, else who opened, else viewers; where nobody has
    a name, clicks, opens or watched intervals; None of nothing."""
    totals = ask(view.question([name for unique, event, *_ in _ACTIVITIES for name in (unique, event)])).totals
    found = [each for each in _ACTIVITIES if totals.get(each[1])]
    if not found:
        return None
    metrics = tuple(name for unique, event, *_ in found for name in (unique, event))
    for unique, _, did, _ in found:
        if totals.get(unique):
            return Activity(unique, did, metrics)
    _, event, did, events = found[0]
    return Activity(event, did, metrics, events)


def table(
    ranked: Ranking, dimension: str, columns: Sequence[Column], names: Callable[[str], str], things: tuple[str, str]
) -> Table:
    """The ranking as a table: the first, the others in one row, what is not known; those two stand back.

    `names` is what a value is called, `things` what one value is, and several.
    """
    rows = [{**row, dimension: names(str(row[dimension]))} for row in ranked.first]
    quiet: list[dict[str, Cell]] = []
    if ranked.other_count:
        label = f"{ranked.other_count:,} other {things[ranked.other_count != 1]}"
        counted = ranked.others or dict.fromkeys(column.name for column in columns)
        quiet.append({**counted, dimension: label})
    if ranked.unknown is not None and any(ranked.unknown.get(one.name) for one in columns):
        quiet.append({**ranked.unknown, dimension: NOT_KNOWN})
    return Table(tuple(columns), (*rows, *quiet), ranked.total, len(rows) + len(quiet), len(quiet))
