"""A shard's part of a distributed SELECT, as SQL that any engine carries out.

A statement as the initiator sends it to its shards goes in, to be carried out "up to a mergeable state"; out comes
the statement that yields this state: keys as they are, each aggregate f(…) as fState(…), and rows of what does not
aggregate sorted as the initiator merges them. The columns' names are those by which the initiator looks for them: the
engine's own names of expressions, read from its EXPLAIN. What a shard may leave to the initiator (DISTINCT, HAVING,
windows, LIMIT BY), it leaves. What can't be said so raises Unsaid.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

#: What asks the shard's engine: SQL in, the answer as text.
Ask = Callable[[str], str]

TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"|\w+|\s+|.""", re.S)

CLAUSES = ("SELECT", "FROM", "PREWHERE", "WHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT", "SETTINGS")

#: A LIMIT of numbers, in the initiator's words.
LIMIT = re.compile(r"\s*(?:_CAST\((?P<offset>\d+), 'UInt64'\), )?_CAST\((?P<limit>\d+), 'UInt64'\)\s*")

#: Combinators after which the name of an aggregate function may end.
COMBINATORS = re.compile(
    r"(If|Array|Map|OrNull|OrDefault|Distinct|ForEach|Resample|State|Merge|MergeState|SimpleState|Null|ArgMin|ArgMax)$"
)


class Unsaid(Exception):
    """This statement's state can't be made."""


@dataclass
class Select:
    """A SELECT cut into clauses, each a list of tokens."""

    clauses: dict[str, list[str]] = field(default_factory=dict)

    def text(self, clause: str) -> str:
        """A clause as it stands in the statement, with its keyword; nothing where there is none."""
        return clause + " " + "".join(self.clauses[clause]) if clause in self.clauses else ""

    def source(self) -> str:
        """Where the rows come from, and which of them."""
        return " ".join(self.text(clause) for clause in ("FROM", "PREWHERE", "WHERE"))


def cut(statement: str) -> Select:
    """Cut a statement at its keywords. They are in capitals: it comes from the initiator's own printer."""
    found = Select()
    current: list[str] | None = None
    depth = 0
    for token in TOKEN.findall(statement):
        depth += (token in "([{") - (token in ")]}") if len(token) == 1 else 0
        if depth == 0 and token in ("UNION", "INTERSECT", "EXCEPT", "OFFSET", "FETCH", "INTERPOLATE"):
            raise Unsaid(token)
        if depth == 0 and token in CLAUSES:
            current = found.clauses.setdefault(token, [])
            if current:
                raise Unsaid(f"{token} twice")
        elif current is not None:
            current.append(token)
        elif token.strip():
            raise Unsaid(f"a statement that begins with {token}")
    for clause in ("GROUP", "ORDER"):
        if clause in found.clauses:
            # Their second word.
            found.clauses[f"{clause} BY"] = found.clauses.pop(clause)[2:]
    return found


def items(tokens: list[str]) -> list[list[str]]:
    """The parts of a list between its commas."""
    found: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token in "([{") - (token in ")]}") if len(token) == 1 else 0
        if depth == 0 and token == ",":
            found.append([])
        else:
            found[-1].append(token)
    return [trimmed for one in found if (trimmed := trim(one))]


def trim(tokens: list[str]) -> list[str]:
    """Without the spaces at both ends."""
    kept = [place for place, token in enumerate(tokens) if token.strip()]
    return tokens[kept[0] : kept[-1] + 1] if kept else []


def until(tokens: list[str], words: set[str]) -> list[str]:
    """What stands before the first of these words, outside brackets."""
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token in "([{") - (token in ")]}") if len(token) == 1 else 0
        if depth == 0 and token in words:
            return trim(tokens[:place])
    return trim(tokens)


def closing(tokens: list[str], opening: int) -> int:
    """Where the bracket that opens there closes."""
    depth = 0
    for place in range(opening, len(tokens)):
        depth += (tokens[place] in "([{") - (tokens[place] in ")]}") if len(tokens[place]) == 1 else 0
        if depth == 0:
            return place
    raise Unsaid("a bracket that does not close")


@dataclass(frozen=True)
class Call:
    """A call of an aggregate function. `over` is the window's words, in brackets or its name, where it has one."""

    name: str
    rest: tuple[str, ...]
    over: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        """As it stands."""
        return self.name + "".join(self.rest)

    @property
    def state(self) -> str:
        """What yields its state."""
        return f"{self.name}State" + "".join(self.rest)


class Partial:
    """Makes statements for shards: `Partial(ask, aggregates).statement(text)`; `aggregates` are functions' names."""

    def __init__(self, ask: Ask, aggregates: frozenset[str]) -> None:
        self._ask = ask
        self._aggregates = aggregates
        self._renamed: dict[str, str] = {}

    def rename(self, tables: Iterable[str]) -> None:
        """The initiator knows each of these tables, of one row, as the scalar of that name; the engine by another."""
        for table in tables:
            if table not in self._renamed.values():
                said = f"(SELECT * FROM {quoted(table)})"
                found = self._names([f"if(dummy = 0, {said}, {said})"], "FROM system.one")[0]
                self._renamed[re.findall(r"__getScalar\('(\w+)'", found)[0]] = table

    def statement(self, text: str, is_aggregated: bool) -> str:
        """The statement for the mergeable state of this one; or for its rows before they are merged and cut, where the
        initiator holds that each shard's aggregates are final (`is_aggregated`)."""
        select = cut(text)
        projected = [until(one, {"AS"}) for one in items(self._distinct(select.clauses["SELECT"]))]
        sorting = [
            until(one, {"ASC", "DESC", "NULLS", "COLLATE", "WITH"}) for one in items(select.clauses.get("ORDER BY", []))
        ]
        asked = [*projected, *sorting, *(select.clauses.get(clause, []) for clause in ("HAVING", "QUALIFY", "LIMIT"))]
        calls = [call for one in asked for call in self._calls(one)]
        grouping = select.clauses.get("GROUP BY", [])
        if (grouping or any(not call.over for call in calls)) and not is_aggregated:
            return self._aggregated(select, grouping, [call for call in calls if not call.over])
        return self._rows(select, projected, sorting, calls)

    def _distinct(self, tokens: list[str]) -> list[str]:
        tokens = trim(tokens)
        return tokens[1:] if tokens[0] == "DISTINCT" else tokens

    def _aggregated(self, select: Select, grouping: list[str], calls: list[Call]) -> str:
        if until(grouping, {"WITH", "ALL", "GROUPING"}) != trim(grouping):
            raise Unsaid("GROUP BY with more than keys")
        keys = ["".join(one) for one in items(grouping)]
        by = f"GROUP BY {', '.join(keys)}" if keys else ""
        plain = list(dict.fromkeys(call.plain for call in calls))
        states = list(dict.fromkeys(call.state for call in calls))
        names = self._names([*keys, *plain], f"{select.source()} {by}")
        return self._named(names, [*keys, *states], f"{select.source()} {by}")

    def _rows(self, select: Select, projected: list[list[str]], sorting: list[list[str]], calls: list[Call]) -> str:
        wanted = [*sorting]
        for one in projected:
            wanted += list(self._below_windows(one)) if any(call.over for call in self._calls(one)) else [one]
        for clause in ("QUALIFY", "LIMIT"):
            wanted += list(self._columns(select.clauses.get(clause, [])))
        expressions = list(dict.fromkeys("".join(one) for one in wanted))
        source = f"{select.source()} {select.text('GROUP BY')} {select.text('HAVING')}"
        names = self._names(expressions, source)
        rest = f"{source} {select.text('ORDER BY')}"
        plain = not any(call.over for call in calls) and "DISTINCT" not in select.clauses["SELECT"]
        limit = LIMIT.fullmatch("".join(select.clauses.get("LIMIT", [])))
        if plain and limit:
            # The offset is the initiator's to leave out, of the rows of all shards.
            rest += f" LIMIT {int(limit['offset'] or 0) + int(limit['limit'])}"
        return self._named(names, expressions, rest)

    def _named(self, names: list[str], expressions: list[str], rest: str) -> str:
        """Both say the same in the same order; what has the same name is the same, and goes once."""
        inner = ", ".join(f"{one} AS __c{place}" for place, one in enumerate(expressions))
        outer = {name: f"__c{place} AS {quoted(name)}" for place, name in enumerate(names)}
        return f"SELECT {', '.join(outer.values())} FROM (SELECT {inner} {rest})"

    def _names(self, expressions: list[str], rest: str) -> list[str]:
        """The engine's own names of expressions."""
        if not expressions:
            raise Unsaid("no columns")
        aliased = ", ".join(f"{one} AS __c{place}" for place, one in enumerate(expressions))
        plan = json.loads(
            self._ask(
                f"EXPLAIN json = 1, actions = 1 SELECT {aliased} {rest} SETTINGS query_plan_enable_optimizations = 0"
            )
        )[0]["Plan"]
        names = dict(renamed(plan))
        for own, theirs in self._renamed.items():
            names = {alias: name.replace(own, theirs) for alias, name in names.items()}
        # What is constant the initiator knows itself; its name is not asked for, but its rows count.
        return [names.get(f"__c{place}", f"__c{place}") for place in range(len(expressions))]

    def _calls(self, tokens: list[str]) -> Iterator[Call]:
        """The calls of aggregate and window functions, outside subqueries and other such calls."""
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token == "(" and trim(tokens[place + 1 :])[:1] == ["SELECT"]:
                place = closing(tokens, place)
            elif tokens[place + 1 : place + 2] == ["("]:
                end = closing(tokens, place + 1)
                if tokens[end + 1 : end + 2] == ["("]:
                    end = closing(tokens, end + 1)
                after = trim(tokens[end + 1 :])
                rest = tuple(tokens[place + 1 : end + 1])
                if after[:1] == ["OVER"]:
                    window = trim(after[1:])
                    yield Call(token, rest, tuple(window[: closing(window, 0) + 1] if window[0] == "(" else window[:1]))
                    place = end
                elif self._aggregate(token):
                    yield Call(token, rest)
                    place = end
            place += 1

    def _aggregate(self, name: str) -> bool:
        while name not in self._aggregates:
            shorter = COMBINATORS.sub("", name)
            if shorter == name:
                return False
            name = shorter
        return True

    def _below_windows(self, tokens: list[str]) -> Iterator[list[str]]:
        """What the initiator may need to compute windows: their arguments and keys, and every column there is."""
        for call in self._calls(tokens):
            if call.over:
                yield from items(list(call.rest[1:-1]))
                inner = list(call.over[1:-1])
                for word in ("PARTITION", "ORDER"):
                    if word in inner:
                        listed = until(inner[inner.index(word) + 3 :], {"ORDER", "ROWS", "RANGE", "GROUPS"})
                        yield from (until(one, {"ASC", "DESC", "NULLS"}) for one in items(listed))
        yield from self._columns(tokens)

    def _columns(self, tokens: list[str]) -> Iterator[list[str]]:
        """The columns that are named there, as table and column."""
        for place, token in enumerate(tokens):
            if token == "." and place and re.fullmatch(r"`?__table\d+`?", tokens[place - 1]):
                yield tokens[place - 1 : place + 2]


def renamed(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Aliases of a plan's last step with the engine's names of what they stand for."""
    while plan.get("Description") != "Project names":
        # Above it are only steps that make sets for IN.
        plan = plan["Plans"][0]
    slots: dict[int, str] = {}
    for action in plan["Expression"]["Actions"]:
        if action["Node Type"] == "ALIAS":
            yield action["Result Name"], slots[action["Arguments"][0]]
        slots[action["Result"]] = action["Result Name"]


def quoted(name: str) -> str:
    """A name as the engine reads it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
