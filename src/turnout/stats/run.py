"""Ask the engine: plan, compile, run, and put the answer together. Answers are kept until data changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from turnout.model import TRAFFIC_CLASSES
from turnout.stats import answer, calendar
from turnout.stats import compile as compiler
from turnout.stats.answer import Answer
from turnout.stats.plan import plan
from turnout.stats.question import Question
from turnout.store.engine import Engine, rows


class Statistics:
    """Answers questions. Safe to call from any thread.

    Up to `cache_entries` answers are kept per process; `changed` makes those of a workspace stale.
    Where other processes write to the same store, `cache_entries` must be 0.
    """

    def __init__(self, engine: Engine, *, cache_entries: int = 2000) -> None:
        self._engine = engine
        self._cache_entries = cache_entries
        self._cache: OrderedDict[Question, tuple[int, Answer]] = OrderedDict()
        self._versions: dict[str, int] = {}
        self._lock = threading.Lock()

    def changed(self, workspaces: Iterable[str]) -> None:
        """The events of these workspaces are not what they were."""
        with self._lock:
            for name in workspaces:
                self._versions[name] = self._versions.get(name, 0) + 1

    def version(self, workspace: str) -> int:
        """Grows whenever the workspace's events change; what was computed at an older one is stale."""
        return self._versions.get(workspace, 0)

    def cached(self, question: Question) -> Answer | None:
        """The answer, if it is known and still right."""
        with self._lock:
            known = self._cache.get(question)
            if known is None or known[0] != self._versions.get(question.workspace, 0):
                return None
            self._cache.move_to_end(question)
            return known[1]

    def ask(self, question: Question) -> Answer:
        """Answer a question, from memory if nothing has changed since it was last asked."""
        known = self.cached(question)
        if known is not None:
            return known
        version = self.version(question.workspace)
        found = self._answer(question)
        with self._lock:
            if self._cache_entries:
                self._cache[question] = (version, found)
                while len(self._cache) > self._cache_entries:
                    self._cache.popitem(last=False)
        return found

    def _answer(self, question: Question) -> Answer:
        chosen = plan(question, calendar.offsets(question.timezone))
        if not chosen.reads:
            return Answer(question, [], answer.zero(question), 0)
        found = self._rows(question)
        rows_found = [answer.row(question, values) for values in found]
        count = int(found[0][-1]) if found else 0
        if question.dimensions:
            whole = replace(question, dimensions=(), sort=(), limit=1, offset=0)
            if not found and question.offset == 0 and question.limit > 0:
                totals = answer.zero(question)
            else:
                totals = answer.row(whole, self._rows(whole)[0])
        else:
            totals = rows_found[0] if rows_found else answer.zero(question)
        return Answer(question, rows_found, totals, count, self._excluded(question))

    def _rows(self, question: Question) -> list[list[Any]]:
        chosen = plan(question, calendar.offsets(question.timezone))
        statement = compiler.statement(question, chosen)
        return rows(self._engine, statement.sql, statement.parameters)

    def _excluded(self, question: Question) -> dict[str, int]:
        left_out = [name for name in TRAFFIC_CLASSES if name not in question.traffic]
        chosen = plan(question, calendar.offsets(question.timezone))
        statement = compiler.excluded(question, chosen)
        found = rows(self._engine, statement.sql, statement.parameters) if statement else []
        counts = {name: int(count) for name, count in found}
        return {name: counts.get(name, 0) for name in left_out}
