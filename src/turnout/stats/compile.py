"""A plan as SQL: the only place that assembles it. Every value is a bound parameter.

The statement has one shape. Each read of the plan becomes a SELECT that groups by the dimensions
(columns `d0`, `d1` …) and fills its own metrics (`m0`, `m1` …), zero for the others; their UNION is
summed per group, since each number comes from reads that add up, or from a single one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from turnout.errors import InvalidInput
from turnout.model import TRAFFIC_CLASSES
from turnout.stats import calendar
from turnout.stats.metrics import DIMENSIONS, METRICS, Metric, base_metrics
from turnout.stats.plan import Plan, Range, Read
from turnout.stats.question import Question
from turnout.store.engine import Value

#: Longest interval that one 'watched' event can say; it may end this long after a range and still touch it.
_LONGEST_INTERVAL_MS = 604_800_000

#: Steps of a bucketed peak.
_PEAK_STEPS = 200_000

_ZERO = {"money": "CAST(map(), 'Map(String, Decimal(38, 6))')"}


@dataclass
class Statement:
    """SQL with the values of its parameters."""

    sql: str
    parameters: dict[str, Value] = field(default_factory=dict)


@dataclass
class Scope:
    """What the parts of one statement share: the question, its plan and the parameters so far."""

    question: Question
    plan: Plan
    metrics: tuple[Metric, ...]
    parameters: dict[str, Value]

    def bind(self, value: Value, kind: str) -> str:
        """A placeholder for a value; equal values share one."""
        for name, known in self.parameters.items():
            if known == value and type(known) is type(value) and name.endswith(_suffix(kind)):
                return f"{{{name}:{kind}}}"
        name = f"p{len(self.parameters)}_{_suffix(kind)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"


def statement(question: Question, plan: Plan) -> Statement:
    """The rows of an answer: dimensions, then the question's metrics (ratios as numerator, denominator),
    then the number of rows there are in all."""
    scope = Scope(question, plan, base_metrics(question.metrics), {})
    names = {metric.name: f"m{index}" for index, metric in enumerate(scope.metrics)}
    dims = [f"d{index}" for index in range(len(question.dimensions))]
    columns = [
        *dims,
        *(f"{_final(metric, names[metric.name])} AS {names[metric.name]}" for metric in scope.metrics),
    ]
    filled = [_nonzero(metric, names[metric.name]) for metric in scope.metrics]
    inner = f"SELECT {', '.join(columns)}\nFROM (\n{_union(scope)}\n)"
    if dims:
        inner += f"\nGROUP BY {', '.join(dims)}\nHAVING {' OR '.join(filled)}"
    sql = (
        f"SELECT {', '.join([*dims, *names.values()])}, count() OVER () AS total\nFROM (\n{inner}\n)"
        f"\nORDER BY {_order(question, names)}"
        f"\nLIMIT {scope.bind(question.limit, 'UInt64')} OFFSET {scope.bind(question.offset, 'UInt64')}"
    )
    return Statement(sql, scope.parameters)


def excluded(question: Question, plan: Plan) -> Statement | None:
    """How many events the question's traffic left out, per class; None where it leaves out none."""
    left_out = tuple(name for name in TRAFFIC_CLASSES if name not in question.traffic)
    metrics = tuple(metric for metric in base_metrics(question.metrics) if not metric.any_traffic)
    if not left_out or not metrics:
        return None
    everything = tuple(metric for metric in metrics if not metric.types)
    conditions = [] if everything else sorted({f"({_own_condition(metric)})" for metric in metrics})
    hidden = Metric(
        "excluded", "count", "events", "", tuple(sorted({t for metric in metrics for t in metric.types})) if conditions else (),
        " OR ".join(conditions),
    )  # fmt: skip
    asked = replace(question, dimensions=("traffic",), traffic=left_out, sort=(), limit=100, offset=0)
    ranges = {(read.source, read.ranges) for read in plan.reads if read.source != "intervals"}
    if any(metric.kind == "unique" for metric in metrics) or not ranges:
        ranges = {("events", ((question.from_ms, question.to_ms),))}
    if any(condition and "anonymous" in condition for condition in hidden.condition.split()):
        ranges = {("events", ((question.from_ms, question.to_ms),))}
    reads = tuple(Read(source, (hidden,), parts) for source, parts in sorted(ranges, key=str))
    scope = Scope(asked, Plan(reads, plan.offsets), (hidden,), {})
    sql = f"SELECT d0, sum(m0) AS m0\nFROM (\n{_union(scope)}\n)\nGROUP BY d0\nHAVING m0 != 0\nORDER BY d0"
    return Statement(sql, scope.parameters)


def _union(scope: Scope) -> str:
    return "\nUNION ALL\n".join(_read(scope, read) for read in scope.plan.reads)


def _read(scope: Scope, read: Read) -> str:
    if read.source == "intervals":
        return _peak(scope, read)
    rolled = read.source == "counts"
    moment = "toInt64(toUnixTimestamp(slot))" if rolled else "intDiv(toUnixTimestamp64Milli(time), 1000)"
    columns = [f"{_dimension(scope, name, moment)} AS d{i}" for i, name in enumerate(scope.question.dimensions)]
    for index, metric in enumerate(scope.metrics):
        value = _aggregate(scope, metric, rolled) if metric in read.metrics else _zero(metric)
        columns.append(f"{value} AS m{index}")
    where = _where(scope, read, moment, rolled)
    return _grouped(scope, f"SELECT {', '.join(columns)}\nFROM {read.source}\nWHERE {' AND '.join(where)}")


def _grouped(scope: Scope, select: str) -> str:
    dims = ", ".join(f"d{index}" for index in range(len(scope.question.dimensions)))
    return f"{select}\nGROUP BY {dims}" if dims else select


def _where(scope: Scope, read: Read, moment: str, rolled: bool) -> list[str]:
    where = [f"workspace = {scope.bind(scope.question.workspace, 'String')}"]
    if all(metric.types for metric in read.metrics):
        types = tuple(sorted({name for metric in read.metrics for name in metric.types}))
        where.append(f"type IN {scope.bind(types, 'Array(String)')}")
    column = "slot" if rolled else "time"
    parts = [part for part in (_within(scope, column, one) for one in read.ranges)]
    if all(parts):
        where.append("(" + " OR ".join(parts) + ")")
    return where + _filters(scope, moment)


def _filters(scope: Scope, moment: str) -> list[str]:
    return [
        f"toString({_dimension(scope, one.dimension, moment)}) IN {scope.bind(one.values, 'Array(String)')}"
        for one in scope.question.filters
    ]


def conditions(scope: Scope, *, traffic: bool = True) -> list[str]:
    """The question's workspace, range, filters and traffic, over raw."""
    question = scope.question
    where = [f"workspace = {scope.bind(question.workspace, 'String')}"]
    part = _within(scope, "time", (question.from_ms, question.to_ms))
    where += [part] if part else []
    where += _filters(scope, "intDiv(toUnixTimestamp64Milli(time), 1000)")
    if traffic and set(question.traffic) != set(TRAFFIC_CLASSES):
        where.append(f"traffic IN {scope.bind(question.traffic, 'Array(String)')}")
    return where


def _within(scope: Scope, column: str, part: Range) -> str:
    start, end = part
    moment = "fromUnixTimestamp64Milli({}, 'UTC')"
    bounds = []
    if start is not None:
        bounds.append(f"{column} >= {moment.format(scope.bind(start, 'Int64'))}")
    if end is not None:
        bounds.append(f"{column} < {moment.format(scope.bind(end, 'Int64'))}")
    return "(" + " AND ".join(bounds) + ")" if bounds else ""


def _dimension(scope: Scope, name: str, moment: str) -> str:
    """SQL of a dimension; `moment` is the SQL of an event's time in epoch seconds."""
    dimension = DIMENSIONS[name]
    if not dimension.is_time:
        return f"toString({dimension.column})"
    offset = _offset(scope, moment)
    local = f"({moment} + {offset})"
    day = f"toDate(toUInt16(intDiv({local}, 86400)))"
    if name == "day":
        return f"toString({day})"
    if name == "week":
        return f"toString(toMonday({day}))"
    if name == "month":
        return f"substring(toString({day}), 1, 7)"
    size = 60 if name == "minute" else 3600
    # The instant at which the local hour began, with the offset beside it: an hour that is
    # repeated when clocks go back is two. `answer.moment_label` reads this number.
    return f"(({local} - {local} % {size} - {offset}) * 4096 + intDiv({offset}, 60) + 1024)"


def _offset(scope: Scope, moment: str) -> str:
    """SQL of the zone's offset in seconds at a moment."""
    question = scope.question
    start = None if question.from_ms is None else question.from_ms // 1000
    end = None if question.to_ms is None else -(-question.to_ms // 1000)
    pieces = scope.plan.offsets.within(start, end)
    if len(pieces.starts) == 1:
        return scope.bind(pieces.seconds[0], "Int64")
    starts, seconds = scope.bind(pieces.starts, "Array(Int64)"), scope.bind(pieces.seconds, "Array(Int64)")
    return f"transform(roundDown({moment}, {starts}), {starts}, {seconds}, toInt64(0))"


def _aggregate(scope: Scope, metric: Metric, rolled: bool) -> str:
    which = condition(scope, metric)
    if metric.kind == "unique":
        return f"uniqExactIf(recipient, {which} AND recipient != '')"
    if metric.kind == "money":
        amount = "amount" if rolled else "toDecimal128(amount, 6)"
        return f"sumMapIf(map(toString(currency), {amount}), {which} AND currency != '')"
    if metric.column == "events":
        return f"sumIf(events, {which})" if rolled else f"countIf({which})"
    return f"sumIf(toUInt64({metric.column}), {which})"


def _own_condition(metric: Metric) -> str:
    """What a metric is of, whatever the traffic. Names of types are words of the model, not input."""
    parts = []
    if metric.types:
        parts.append("type IN (" + ", ".join(f"'{name}'" for name in metric.types) + ")")
    if metric.condition:
        parts.append(f"({metric.condition})")
    return " AND ".join(parts) or "1"


def condition(scope: Scope, metric: Metric) -> str:
    """Which events a metric counts, of the question's traffic."""
    own = _own_condition(metric)
    if metric.any_traffic or set(scope.question.traffic) == set(TRAFFIC_CLASSES):
        return own
    return f"{own} AND traffic IN {scope.bind(scope.question.traffic, 'Array(String)')}"


def _zero(metric: Metric) -> str:
    return _ZERO.get(metric.kind, "toUInt64(0)")


def _final(metric: Metric, column: str) -> str:
    return f"sumMap({column})" if metric.kind == "money" else f"sum({column})"


def _nonzero(metric: Metric, column: str) -> str:
    return f"notEmpty({column})" if metric.kind == "money" else f"{column} != 0"


def _order(question: Question, names: dict[str, str]) -> str:
    """The asked order, then every dimension, so that pages never overlap."""
    keys = {name: f"d{index}" for index, name in enumerate(question.dimensions)}
    order = []
    for one in question.sort:
        direction = "DESC" if one.descending else "ASC"
        order.append(f"{keys.get(one.name) or _sort_value(one.name, names)} {direction} NULLS LAST")
    asked = {one.name for one in question.sort}
    order += [f"{column} ASC" for name, column in keys.items() if name not in asked]
    return ", ".join(order) or "1"


def _sort_value(name: str, names: dict[str, str]) -> str:
    metric = METRICS[name]
    if metric.kind != "ratio":
        return names[name]
    above, below = names[metric.numerator], names[metric.denominator]
    return f"if({below} = 0, NULL, {above} / {below})"


def _peak(scope: Scope, read: Read) -> str:
    """The most intervals that overlap at one instant, each viewer's own overlaps joined first.

    An interval is clipped to the range, and cut at the bucket boundaries where a time dimension is asked.
    """
    question = scope.question
    (metric,) = read.metrics
    start, end = question.from_ms, question.to_ms
    late = None if end is None else end + _LONGEST_INTERVAL_MS
    where = [
        f"workspace = {scope.bind(question.workspace, 'String')}",
        condition(scope, metric),
        "recipient != ''",
        *(part for part in [_within(scope, "time", (start, late))] if part),
    ]
    begins, ends = "toUnixTimestamp64Milli(time) - duration_ms", "toUnixTimestamp64Milli(time)"
    if start is not None:
        begins = f"greatest({begins}, {scope.bind(start, 'Int64')})"
    if end is not None:
        ends = f"least({ends}, {scope.bind(end, 'Int64')})"
    grain = question.grain
    plain = [one for one in question.filters if not DIMENSIONS[one.dimension].is_time]
    where += _filters(replace(scope, question=replace(question, filters=tuple(plain))), "0")
    dims = [f"{_dimension(scope, name, 'intDiv(bucket, 1000)')} AS d{i}" for i, name in enumerate(question.dimensions)]
    cut = _cut(scope, begins, ends, grain)
    columns = ", ".join([*dims, "recipient", "groupArray((s, e)) AS own"])
    names = [f"d{i}" for i in range(len(question.dimensions))]
    viewers = (
        f"SELECT {columns}\nFROM (SELECT *, {cut} FROM events WHERE {' AND '.join(where)})"
        f"\nWHERE s < e\nGROUP BY {', '.join([*names, 'recipient'])}"
    )
    metrics = [
        "toUInt64(maxIntersections(span.1, span.2))" if one in read.metrics else _zero(one) for one in scope.metrics
    ]
    columns = ", ".join([*names, *(f"{value} AS m{index}" for index, value in enumerate(metrics))])
    return _grouped(scope, f"SELECT {columns}\nFROM ({viewers})\nARRAY JOIN {_JOINED} AS span")


#: A viewer's intervals in order, overlapping ones made one.
_JOINED = """arrayFold((acc, x) -> if(notEmpty(acc) AND x.1 <= acc[-1].2,
    arrayPushBack(arrayPopBack(acc), (acc[-1].1, greatest(acc[-1].2, x.2))),
    arrayPushBack(acc, x)), arraySort(own), emptyArrayOfIntervals())"""
_JOINED = _JOINED.replace("emptyArrayOfIntervals()", "CAST([], 'Array(Tuple(Int64, Int64))')")


def _cut(scope: Scope, begins: str, ends: str, grain: str) -> str:
    """Columns `bucket`, `s` and `e` of an interval, one row per bucket that it touches."""
    if not grain:
        return f"toInt64({begins}) AS bucket, toInt64({begins}) AS s, toInt64({ends}) AS e"
    question = scope.question
    if question.from_ms is None or question.to_ms is None:
        raise InvalidInput("a peak per time bucket needs from and to", field="from")
    starts = [
        moment * 1000
        for moment in calendar.bucket_starts(
            grain, question.timezone, question.from_ms // 1000, -(-question.to_ms // 1000), _PEAK_STEPS
        )
    ]
    ends_of = [*starts[1:], question.to_ms]
    low, high = scope.bind(tuple(starts), "Array(Int64)"), scope.bind(tuple(ends_of), "Array(Int64)")
    return (
        f"arrayJoin(arrayFilter(b -> b.1 < {ends} AND b.2 > {begins}, arrayZip({low}, {high}))) AS b, "
        f"b.1 AS bucket, greatest(b.1, {begins}) AS s, least(b.2, {ends}) AS e"
    )


def _suffix(kind: str) -> str:
    return kind.replace("(", "_").replace(")", "").lower()
