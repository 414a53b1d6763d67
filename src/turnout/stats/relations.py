"""What a read of the plan reads from: a table, or a relation made of raw events for those that need one.

A `Scope` and a `Read` go in; the text after FROM, and the conditions on it, come out. Every relation has the
columns of events that dimensions and metrics look at. What it joins, it joins person by person, where their events are.

- by send: each event at the time of the message that it belongs to (docs/attribution.md);
- credits: what is credited to campaigns, with or without the events that say the same by themselves;
- firsts: of each recipient the first event ever.
"""

from __future__ import annotations

from collections.abc import Sequence

from turnout.stats.metrics import Metric
from turnout.stats.plan import OF_MESSAGE, Read, bounded
from turnout.stats.scope import MOMENTS, Scope, type_condition, where
from turnout.store.engine import SHARDS_JOIN_AND_ADD_UP, SHARDS_JOIN_THEIR_OWN

#: What dimensions and metrics look at, but for the time.
_COLUMNS = (
    *("type", "campaign", "recipient", "anonymous", "message", "variation", "channel", "send_id", "profile"),
    *("detail", "goal", "amount", "currency", "order_id", "name", "duration_ms", "product", "quantity"),
    *("url", "link", "link_title", "position", "params", "ip", "country", "city", "network", "device", "os", "browser"),
    *("browser_version", "traffic", "reasons", "recipient_domain", "id"),
)

#: What a credit has of these; of everything else it has nothing.
_OF_CREDIT = {
    **{name: name for name in ("campaign", "recipient", *OF_MESSAGE, "traffic", "amount", "currency")},
    "recipient_domain": "if(position(recipient, '@') > 0, lowerUTF8(substringIndex(recipient, '@', -1)), '')",
    **dict.fromkeys(("anonymous", "goal", "duration_ms", "quantity", "position", "reasons", "id"), "0"),
}

_NOTHING = "''"

#: SQL of the time of the message that an event belongs to, or of its own.
_MESSAGE_TIME = "if(r.of_recipient != '', r.at, e.time) AS time"


def relation(scope: Scope, read: Read, fills: tuple[int, ...] = ()) -> tuple[str, list[str]]:
    """What to read from, and the conditions on it: the range, the filters, and what the table's key needs."""
    met = [
        *scope.within("slot" if read.source == "counts" else "time", read.ranges),
        *scope.filters(MOMENTS[read.source], scope.question.filters),
    ]
    if read.source == "firsts":
        return _nested(_firsts(scope, read.metrics[0])), met
    if read.source == "credits":
        return _nested(_credits(scope, read, fills)), met
    if read.by_send:
        return _nested(_by_send(scope, _own(scope, read))), met
    return read.source, [scope.workspace(), *type_condition(scope, read.metrics), *met]


def _nested(sql: str) -> str:
    return f"(\n{sql}\n)"


def _own(scope: Scope, read: Read) -> list[str]:
    """Conditions on raw events before they are placed: what belongs to a message comes no earlier, but later."""
    start, end = bounded(scope.question)
    return [
        scope.workspace(),
        *type_condition(scope, [metric for metric in read.metrics if not metric.only_credited]),
        *_campaigns(scope),
        *scope.within("time", ((start, None if read.by_send else end),)),
    ]


def _campaigns(scope: Scope) -> list[str]:
    filters = [one for one in scope.question.filters if one.dimension == "campaign"]
    return scope.filters("0", filters)


# ---- the message that an event belongs to -----------------------------------------------------------


def _by_send(scope: Scope, conditions: list[str], further: Sequence[str] = ()) -> str:
    """Raw events that meet the conditions, at the time of the message that each belongs to, if there is one.

    `further` conditions do not go by recipient; they narrow the events, not the messages that are looked at.
    """
    columns = [f"e.{name} AS {name}" for name in _COLUMNS]
    return _joined([*columns, _MESSAGE_TIME], [*conditions, *further], _messages(scope, conditions))


def _filled(scope: Scope, conditions: list[str], further: Sequence[str], *, by_send: bool) -> str:
    """The same, at their own time unless `by_send`; those that leave open what message they are of have it from
    there."""
    is_open = " AND ".join(["e.type IN ('converted', 'purchased')", *(f"e.{name} = ''" for name in OF_MESSAGE)])
    columns = [f"e.{name} AS {name}" for name in _COLUMNS if name not in OF_MESSAGE]
    columns += [f"if({is_open}, r.of.{place}, e.{name}) AS {name}" for place, name in enumerate(OF_MESSAGE, 1)]
    # Of several at one instant it is always the same one.
    messages = (
        f"SELECT of_campaign, of_recipient, key, at, max(({', '.join(OF_MESSAGE)})) AS of\n"
        f"FROM (\n{_messages(scope, conditions, attributes=True)}\n)\nGROUP BY of_campaign, of_recipient, key, at"
    )
    time = _MESSAGE_TIME if by_send else "e.time AS time"
    return _joined([*columns, time], [*conditions, *further], messages)


def _joined(columns: list[str], conditions: list[str], messages: str) -> str:
    # The setting: conditions mean the table's columns, not what is made of them.
    return (
        f"SELECT {', '.join(columns)}\nFROM events AS e\nASOF LEFT JOIN (\n{messages}\n) AS r\n"
        "ON e.campaign = r.of_campaign AND e.recipient = r.of_recipient AND e.message = r.key AND e.time >= r.at\n"
        f"{where(*conditions)}\n{SHARDS_JOIN_THEIR_OWN}, prefer_column_name_to_alias = 1"
    )


def _events(conditions: list[str]) -> str:
    return f"SELECT {', '.join(_COLUMNS)}, time\nFROM events\n{where(*conditions)}"


def _messages(scope: Scope, conditions: list[str], *, attributes: bool = False) -> str:
    """Messages received at `at`, each by the `key` of its own name, and of none: sent, or first seen. Only those
    that raw events which meet the conditions could belong to."""
    concerned = where(*conditions)
    rest = [name for name in OF_MESSAGE if name != "message"] if attributes else []
    met = [scope.workspace(), *_campaigns(scope), f"recipient IN (SELECT recipient FROM events {concerned})"]
    sent, seen = where(*met, "type IN ('sent', 'enrolled')"), where(*met, "type = 'impression'")
    firsts = [f"argMin({name}, (time, id)) AS {name}" for name in rest]
    names = ["campaign", "recipient", "message"]
    # Named apart from the columns of the events that they are joined with.
    apart = ["campaign AS of_campaign", "recipient AS of_recipient", "at", *(OF_MESSAGE if attributes else ())]
    return (
        f"SELECT {', '.join(apart)}, arrayJoin(if(message = '', [''], ['', toString(message)])) AS key\nFROM (\n"
        f"SELECT {', '.join([*names, 'time AS at', *rest])}\nFROM events\n{sent}\nUNION ALL\n"
        f"SELECT {', '.join([*names, 'min(time) AS at', *firsts])}\nFROM events\n{seen}\nGROUP BY {', '.join(names)}\n)"
        f"\nWHERE recipient != '' AND key IN (SELECT message FROM events {concerned})"
    )


# ---- credits ----------------------------------------------------------------------------------------


def _credits(scope: Scope, read: Read, fills: tuple[int, ...]) -> str:
    """Credited events, whose `kind` says of what; beside them, of no kind, the events that say it themselves."""
    time = "placed" if read.by_send else "time"
    named = [f"{_OF_CREDIT.get(name, _NOTHING)} AS {name}" for name in _COLUMNS]
    kept = where(f"fill IN {scope.bind(fills, 'Array(UInt64)')}")
    credited = f"SELECT {', '.join([*named, f'{time} AS time', 'kind'])}\nFROM credits\n{kept}"
    if not read.with_said:
        return credited
    said = tuple(metric for metric in read.metrics if not metric.only_credited)
    if not said:
        return credited
    conditions = [*_own(scope, read), f"({' OR '.join(f'({scope.counted(metric)})' for metric in said)})"]
    further = [_first_of_order(scope)] if any(metric.credit == "revenue" for metric in said) else []
    filled = any("converted" in metric.types for metric in said) and _asks_of_message(scope)
    if filled:
        events = _filled(scope, conditions, further, by_send=read.by_send)
    else:
        events = _by_send(scope, conditions, further) if read.by_send else _events([*conditions, *further])
    columns = ", ".join([*_COLUMNS, "time"])
    return f"SELECT {columns}, '' AS kind\nFROM (\n{events}\n)\nUNION ALL\n{credited}"


def _asks_of_message(scope: Scope) -> bool:
    question = scope.question
    return bool({*question.dimensions, *(one.dimension for one in question.filters)} & set(OF_MESSAGE))


def _first_of_order(scope: Scope) -> str:
    """Condition: no purchase is an order of its campaign that was there before, whoever made it."""
    met = where(
        scope.workspace(),
        *_campaigns(scope),
        "campaign != ''",
        "type = 'purchased'",
        "order_id != ''",
        *scope.traffic(),
    )
    again = (
        "SELECT arrayJoin(arrayPopFront(arraySort(groupArray((time, id))))).2\n"
        f"FROM events\n{met}\nGROUP BY campaign, order_id\nHAVING count() > 1"
    )
    return f"NOT (type = 'purchased' AND order_id != '' AND id GLOBAL IN (\n{again}\n))"


# ---- first times ------------------------------------------------------------------------------------


def _firsts(scope: Scope, metric: Metric) -> str:
    """Of each recipient the first event ever that the metric counts; of those only who have one in the range."""
    question = scope.question
    conditions = [scope.workspace(), *type_condition(scope, (metric,)), scope.counted(metric), "recipient != ''"]
    there = [*scope.within("time", (bounded(question),)), *scope.filters(MOMENTS["events"], question.filters)]
    who = f"recipient IN (SELECT recipient FROM events {' AND '.join(['WHERE 1', *conditions, *there])})"
    # Named apart, or conditions on a column would mean what was made of it.
    others = [name for name in _COLUMNS if name != "recipient"]
    firsts = [f"argMin({name}, (time, id)) AS first_{name}" for name in others]
    renamed = [f"first_{name} AS {name}" for name in others]
    return (
        f"SELECT recipient, {', '.join(renamed)}, first_time AS time\nFROM (\n"
        f"SELECT recipient, {', '.join(firsts)}, min(time) AS first_time\n"
        f"FROM events\n{where(*conditions, who)}\nGROUP BY recipient\n{SHARDS_JOIN_AND_ADD_UP}\n)"
    )
