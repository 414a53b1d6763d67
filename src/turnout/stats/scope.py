"""What the parts of one statement share: the question, the zone's offsets and the bound values.

Dimensions, ranges and filters become SQL here, the same for every table. No value becomes part of
the text: `bind` gives a placeholder for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from turnout.model import REASONS, TRAFFIC_CLASSES
from turnout.stats.calendar import Offsets
from turnout.stats.metrics import DIMENSIONS, Metric
from turnout.stats.plan import Range, Source, bounded
from turnout.stats.question import Filter, Question
from turnout.store.engine import Value

#: An event's place in time, in epoch seconds, by the table that it is read from. A slot stands for its
#: events: the plan takes only slots that lie in one local quarter of an hour.
MOMENTS: dict[Source, str] = {
    "counts": "toInt64(toUnixTimestamp(slot))",
    "events": "intDiv(toUnixTimestamp64Milli(time), 1000)",
    "intervals": "intDiv(s, 1000)",
    "credits": "intDiv(toUnixTimestamp64Milli(time), 1000)",
    "firsts": "intDiv(toUnixTimestamp64Milli(time), 1000)",
}


@dataclass(frozen=True)
class Statement:
    """SQL with the values of its parameters."""

    sql: str
    parameters: dict[str, Value]


@dataclass(frozen=True)
class Scope:
    """One statement in the making. `parameters` grows with every value that is bound."""

    question: Question
    offsets: Offsets
    parameters: dict[str, Value] = field(default_factory=dict)
    _bound: dict[tuple[str, Value], str] = field(default_factory=dict)

    def bind(self, value: Value, kind: str) -> str:
        """A placeholder for a value of an engine's type; the same value of the same type has the same one."""
        if not isinstance(value, str) and isinstance(value, Sequence):
            value = tuple(value)  # type: ignore[assignment]
        name = self._bound.setdefault((kind, value), f"p{len(self._bound)}")
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def statement(self, sql: str) -> Statement:
        """The finished statement."""
        return Statement(sql, self.parameters)

    def workspace(self) -> str:
        """Condition: the question's workspace."""
        return f"workspace = {self.bind(self.question.workspace, 'String')}"

    def within(self, column: str, ranges: Sequence[Range]) -> list[str]:
        """Conditions: a column's moment lies in one of these ranges. None for a range that is open at both ends."""
        parts = [self._between(column, one) for one in ranges]
        if not all(parts):
            return []
        return parts if len(parts) == 1 else ["(" + " OR ".join(f"({part})" for part in parts) + ")"]

    def _between(self, column: str, part: Range) -> str:
        bounds = (
            f"{column} {sign} fromUnixTimestamp64Milli({self.bind(moment, 'Int64')}, 'UTC')"
            for sign, moment in zip((">=", "<"), part, strict=True)
            if moment is not None
        )
        return " AND ".join(bounds)

    def filters(self, moment: str, filters: Sequence[Filter]) -> list[str]:
        """Conditions: each filter's dimension is one of its values; of link parameters and reasons, one of them is."""
        known = [(one, DIMENSIONS[one.dimension]) for one in filters]
        found = [
            f"{self.dimension(one.dimension, moment)} IN {self.bind(one.values, 'Array(String)')}"
            for one, dimension in known
            if not dimension.of_pair and not dimension.of_reasons
        ]
        if any(dimension.of_pair for _, dimension in known):
            found.append(f"notEmpty({self._pairs()})")
        if any(dimension.of_reasons for _, dimension in known):
            found.append(f"notEmpty({self._reasons()})")
        return found

    def _pairs(self) -> str:
        """SQL of an event's link parameters, as (name, value as text), of those that the question's filters want."""
        # JSON's own quotes are not part of a text.
        pairs = (
            "arrayMap(pair -> (pair.1, if(startsWith(pair.2, '\"'), JSONExtractString(pair.2), pair.2)), "
            "JSONExtractKeysAndValuesRaw(params))"
        )
        wanted = [
            f"pair.{DIMENSIONS[one.dimension].of_pair} IN {self.bind(one.values, 'Array(String)')}"
            for one in self.question.filters
            if DIMENSIONS[one.dimension].of_pair
        ]
        return f"arrayFilter(pair -> {' AND '.join(wanted)}, {pairs})" if wanted else pairs

    def _of_pair(self, place: int) -> str:
        """SQL of a name or value of link parameters: a row for each. An event is once in the row of a value."""
        grouped = {DIMENSIONS[name].of_pair for name in self.question.dimensions} - {0}
        # Where both are grouped by, the engine sees that it is the same array, and takes it apart once.
        return (
            f"arrayJoin({self._pairs()}).{place}"
            if len(grouped) > 1
            else f"arrayJoin(arrayDistinct({self._pairs()}.{place}))"
        )

    def _reasons(self) -> str:
        """SQL of the names of an event's reasons, '' where it has none, of those that the question's filters want."""
        names = (
            f"emptyArrayToSingle(arrayMap(bit -> {_array(REASONS)}[bit + 1], bitPositionsToArray(toUInt32(reasons))))"
        )
        wanted = [
            f"name IN {self.bind(one.values, 'Array(String)')}"
            for one in self.question.filters
            if DIMENSIONS[one.dimension].of_reasons
        ]
        return f"arrayFilter(name -> {' AND '.join(wanted)}, {names})" if wanted else names

    def traffic(self) -> list[str]:
        """Conditions: the traffic that the question is about."""
        classes = self.question.traffic
        return [] if set(classes) == set(TRAFFIC_CLASSES) else [f"traffic IN {self.bind(classes, 'Array(String)')}"]

    def events(self) -> list[str]:
        """Conditions on raw events: the question's workspace, range and filters, whatever the traffic."""
        question = self.question
        return [
            self.workspace(),
            *self.within("time", (bounded(question),)),
            *self.filters(MOMENTS["events"], question.filters),
        ]

    def counted(self, metric: Metric) -> str:
        """Condition: the events that a metric counts, of the question's traffic."""
        return own_condition(metric, *(() if metric.any_traffic else self.traffic()))

    def dimension(self, name: str, moment: str, *, as_text: bool = True) -> str:
        """SQL of a dimension; `moment` is the SQL of an event's time in epoch seconds.

        Not `as_text`, a day or week stays a date, which is quicker to group by and written the same.

        Days and longer are their own labels. Of an hour or minute it is the number that
        `answer.moment_label` reads: the instant at which it began, with the offset beside it, since an
        hour that is repeated when clocks go back is two.
        """
        dimension = DIMENSIONS[name]
        if dimension.of_pair:
            return self._of_pair(dimension.of_pair)
        if dimension.of_reasons:
            return f"arrayJoin({self._reasons()})"
        if not dimension.is_time:
            return dimension.column
        offset = self._offset(moment)
        local = f"({moment} + {offset})"
        day = f"toDate(toUInt16(intDiv({local}, 86400)))"
        if name in ("day", "week"):
            date = day if name == "day" else f"toMonday({day})"
            return f"toString({date})" if as_text else date
        if name == "month":
            return f"substring(toString({day}), 1, 7)"
        size = 60 if name == "minute" else 3600
        return f"(({local} - {local} % {size} - {offset}) * 4096 + intDiv({offset}, 60) + 1024)"

    def pieces(self) -> Offsets:
        """The zone's pieces of constant offset that the question's range touches."""
        start, end = bounded(self.question)
        return self.offsets.within(None if start is None else start // 1000, None if end is None else -(-end // 1000))

    def _offset(self, moment: str) -> str:
        """SQL of the zone's offset in seconds at a moment; before the first piece it is the first one's."""
        pieces = self.pieces()
        if len(pieces.starts) == 1:
            return self.bind(pieces.seconds[0], "Int64")
        starts, seconds = self.bind(pieces.starts, "Array(Int64)"), self.bind(pieces.seconds, "Array(Int64)")
        return f"transform(roundDown({moment}, {starts}), {starts}, {seconds}, toInt64(0))"


def _array(names: Sequence[str]) -> str:
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"


def where(*conditions: str) -> str:
    """A WHERE clause, a condition a line."""
    return "WHERE " + "\n  AND ".join(conditions)


def own_condition(metric: Metric, *more: str) -> str:
    """Condition: the events that a metric is of, and `more`. Names of types are words of the model, not input."""
    parts = []
    if metric.types:
        parts.append("type IN (" + ", ".join(f"'{name}'" for name in metric.types) + ")")
    if metric.condition:
        parts.append(f"({metric.condition})")
    if metric.kind in ("unique", "first", "peak"):
        parts.append("recipient != ''")
    if metric.kind == "money":
        parts.append("currency != ''")
    return " AND ".join([*parts, *more]) or "1"


def type_condition(scope: Scope, metrics: Sequence[Metric]) -> list[str]:
    """Conditions: the types that any of these metrics looks at, for the table's key. None where one looks at all."""
    if not all(metric.types for metric in metrics):
        return []
    types = tuple(sorted({name for metric in metrics for name in metric.types}))
    return [f"type IN {scope.bind(types, 'Array(String)')}"]
