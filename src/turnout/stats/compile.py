"""A plan as SQL. Here and in its siblings (scope, concurrency, excluded, export) is all SQL that varies.

The statement has one shape. Each read of the plan becomes a SELECT that groups by the dimensions
(columns `d0`, `d1` …) and fills its own metrics (`m0`, `m1` …), zero for the others; their UNION is
summed per group, since each number comes from reads that add up, or from a single one. Groups in
which every number is zero are left out.
"""

from __future__ import annotations

from turnout.stats import concurrency
from turnout.stats.metrics import METRICS, Metric, base_metrics
from turnout.stats.plan import Plan, Read
from turnout.stats.question import Question
from turnout.stats.relations import relation
from turnout.stats.scope import MOMENTS, Scope, Statement, where
from turnout.store.engine import SHARDS_ADD_UP


def page(question: Question, plan: Plan) -> Statement:
    """A page of an answer's rows: dimensions, then `base_metrics`, then how many rows there are in all.

    Without dimensions there is one row, whatever there is to count.
    """
    scope = Scope(question, plan.offsets)
    names = column_names(question)
    columns = [*dimension_columns(question), *names.values(), "count() OVER () AS total"]
    return scope.statement(
        f"SELECT {', '.join(columns)}\nFROM (\n{_groups(scope, plan)}\n)\nORDER BY {_order(question, names)}"
        f"\nLIMIT {scope.bind(question.limit, 'UInt64')} OFFSET {scope.bind(question.offset, 'UInt64')}"
    )


def row_count(question: Question, plan: Plan) -> Statement:
    """How many rows all pages of an answer have: one number."""
    scope = Scope(question, plan.offsets)
    return scope.statement(f"SELECT count()\nFROM (\n{_groups(scope, plan)}\n)")


def column_names(question: Question) -> dict[str, str]:
    """The column of each base metric."""
    return {metric.name: f"m{index}" for index, metric in enumerate(base_metrics(question.metrics))}


def dimension_columns(question: Question) -> list[str]:
    """The columns of the dimensions, in order."""
    return [f"d{index}" for index in range(len(question.dimensions))]


def _groups(scope: Scope, plan: Plan) -> str:
    """One row a group, from all reads of the plan."""
    metrics = base_metrics(scope.question.metrics)
    dims = dimension_columns(scope.question)
    finals = [f"{'sumMap' if metric.kind == 'money' else 'sum'}(m{i}) AS m{i}" for i, metric in enumerate(metrics)]
    reads = "\nUNION ALL\n".join(_read(scope, read, metrics, plan.fills) for read in plan.reads)
    sql = f"SELECT {', '.join([*dims, *finals])}\nFROM (\n{reads}\n)"
    if dims:
        filled = [f"notEmpty(m{i})" if metric.kind == "money" else f"m{i} != 0" for i, metric in enumerate(metrics)]
        sql += f"\nGROUP BY {', '.join(dims)}\nHAVING {' OR '.join(filled)}"
    return sql


def _read(scope: Scope, read: Read, metrics: tuple[Metric, ...], fills: tuple[int, ...]) -> str:
    """One read of the plan, grouped: the dimensions and every one of `metrics`, zero where the read has none."""
    dims = dimension_columns(scope.question)
    values = [_aggregate(scope, metric, read) if metric in read.metrics else _zero(metric) for metric in metrics]
    numbers = [f"{value} AS m{index}" for index, value in enumerate(values)]
    grouping = f"\nGROUP BY {', '.join(dims)}" if dims else ""
    if read.source == "intervals":
        return f"SELECT {', '.join([*dims, *numbers])}\nFROM (\n{concurrency.spans(scope, read)}\n){grouping}"
    moment = MOMENTS[read.source]
    named = [f"{scope.dimension(name, moment)} AS d{index}" for index, name in enumerate(scope.question.dimensions)]
    source, conditions = relation(scope, read, fills)
    met = f"\n{where(*conditions)}" if conditions else ""
    apart = f"\n{SHARDS_ADD_UP}" if source == "events" and any(one.kind == "unique" for one in read.metrics) else ""
    if not dims and len(read.metrics) > 1 and all(metric.kind == "unique" for metric in read.metrics):
        return _by_recipient(scope, read, metrics, f"FROM {source}{met}\nGROUP BY recipient{apart}")
    return f"SELECT {', '.join([*named, *numbers])}\nFROM {source}{met}{grouping}{apart}"


def _by_recipient(scope: Scope, read: Read, metrics: tuple[Metric, ...], rest: str) -> str:
    """Several distinct counts without groups: a recipient is looked up once an event, not once an event and metric,
    and carries a bit for each metric that counted it. Half the time of sets of their own."""
    bits = [
        f"bitShiftLeft(toUInt64({_counted(scope, metric, read)}), {index % 64})"
        for index, metric in enumerate(read.metrics)
    ]
    masks = [f"groupBitOr({' + '.join(bits[at : at + 64])}) AS b{at // 64}" for at in range(0, len(bits), 64)]
    places = {metric: index for index, metric in enumerate(read.metrics)}
    numbers = [
        f"countIf(bitTest(b{places[metric] // 64}, {places[metric] % 64})) AS m{index}"
        if metric in places
        else f"{_zero(metric)} AS m{index}"
        for index, metric in enumerate(metrics)
    ]
    return f"SELECT {', '.join(numbers)}\nFROM (\nSELECT {', '.join(masks)}\n{rest}\n)"


def _aggregate(scope: Scope, metric: Metric, read: Read) -> str:
    if metric.kind == "peak":
        return concurrency.PEAK
    rolled, which = read.source == "counts", _counted(scope, metric, read)
    if metric.kind == "first":
        return "count()"
    if metric.kind == "unique":
        return f"uniqExactIf(recipient, {which})"
    if metric.kind == "money":
        amount = metric.column if rolled else f"toDecimal128({metric.column}, 6)"
        return f"sumMapIf(map(toString(currency), {amount}), {which})"
    if metric.column == "events":
        return f"sumIf(events, {which})" if rolled else f"countIf({which})"
    return f"sumIf(toUInt64({metric.column}), {which})"


def _counted(scope: Scope, metric: Metric, read: Read) -> str:
    """Condition: the rows of a read that a metric counts."""
    if read.source != "credits":
        return scope.counted(metric)
    credited = f"kind = '{metric.credit}'" + (" AND currency != ''" if metric.kind == "money" else "")
    said = read.with_said and not metric.only_credited
    return f"(kind = '' AND {scope.counted(metric)} OR {credited})" if said else credited


def _zero(metric: Metric) -> str:
    return "CAST(map(), 'Map(String, Decimal(38, 6))')" if metric.kind == "money" else "toUInt64(0)"


def _order(question: Question, names: dict[str, str]) -> str:
    """The asked order, then every dimension, so that pages never overlap."""
    keys = dict(zip(question.dimensions, dimension_columns(question), strict=True))
    asked = [
        f"{keys.get(one.name) or _sort_value(one.name, names)} {_direction(one.descending)}" for one in question.sort
    ]
    rest = [f"{column} ASC" for name, column in keys.items() if name not in {one.name for one in question.sort}]
    return ", ".join([*asked, *rest]) or "1"


def _direction(descending: bool) -> str:
    return "DESC NULLS LAST" if descending else "ASC NULLS LAST"


def _sort_value(name: str, names: dict[str, str]) -> str:
    metric = METRICS[name]
    if metric.kind != "ratio":
        return names[name]
    above, below = names[metric.numerator], names[metric.denominator]
    return f"if({below} = 0, NULL, {above} / {below})"
