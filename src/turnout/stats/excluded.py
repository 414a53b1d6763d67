"""What an answer leaves out: the SQL that counts events of the classes that a question's traffic is not.

Counted is, per class, each event of the question's range and filters that one of its metrics would
have counted had its class been asked for; an event of several metrics is one.
"""

from __future__ import annotations

from dataclasses import replace

from turnout.model import TRAFFIC_CLASSES
from turnout.stats import concurrency
from turnout.stats.metrics import Metric
from turnout.stats.plan import Plan, Read
from turnout.stats.question import Question
from turnout.stats.relations import relation
from turnout.stats.scope import Scope, Statement, own_condition, where


def statement(question: Question, plan: Plan) -> Statement:
    """Rows of a class and its number of events, of the classes left out; `plan` is that of `plan.excluded`."""
    hidden = tuple(name for name in TRAFFIC_CLASSES if name not in question.traffic)
    scope = Scope(replace(question, traffic=hidden), plan.offsets)
    if any(read.source == "intervals" for read in plan.reads):
        # An interval may be counted for its time and for watching at an instant: its id says that it is one.
        parts, total = [_ids(scope, read) for read in plan.reads], "uniqExact(id)"
    else:
        parts, total = [_counts(scope, read) for read in plan.reads], "sum(n)"
    reads = "\nUNION ALL\n".join(parts)
    return scope.statement(f"SELECT class, {total}\nFROM (\n{reads}\n)\nGROUP BY class")


def _counts(scope: Scope, read: Read) -> str:
    number = "sum(events)" if read.source == "counts" else "count()"
    source, conditions = relation(scope, read)
    met = where(*conditions, *scope.traffic(), *_any_of(read.metrics))
    return f"SELECT traffic AS class, {number} AS n\nFROM {source}\n{met}\nGROUP BY class"


def _ids(scope: Scope, read: Read) -> str:
    if read.source == "intervals":
        (metric,) = read.metrics
        columns = {"class": "traffic", "id": "id"}
        return f"SELECT class, id\nFROM (\n{concurrency.intervals(scope, [scope.counted(metric)], columns)}\n)"
    source, conditions = relation(scope, read)
    met = where(*conditions, *scope.traffic(), *_any_of(read.metrics))
    return f"SELECT traffic AS class, id\nFROM {source}\n{met}"


def _any_of(metrics: tuple[Metric, ...]) -> list[str]:
    """Conditions: one of the metrics would count the event. Nothing where one counts every event."""
    conditions = sorted({own_condition(metric) for metric in metrics})
    return [] if "1" in conditions else ["(" + " OR ".join(f"({one})" for one in conditions) + ")"]
