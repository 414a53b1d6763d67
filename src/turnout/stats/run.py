"""Ask the engine: plan, compile, run, and put the answer together. Answers are kept until data changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from turnout.model import TRAFFIC_CLASSES
from turnout.stats import answer, calendar, excluded, plan
from turnout.stats import compile as compiler
from turnout.stats.answer import Answer, Row
from turnout.stats.calendar import Offsets
from turnout.stats.plan import Plan
from turnout.stats.question import Question
from turnout.stats.scope import Statement
from turnout.store.engine import Engine, rows


class Statistics:
    """Answers questions. Safe to call from any thread.

    Up to `cache_entries` answers with `cache_rows` rows in all are kept per process; `changed` makes
    those of a workspace stale. Where other processes write to the same store, `cache_entries` must be 0.
    """

    def __init__(self, engine: Engine, *, cache_entries: int = 2000, cache_rows: int = 200_000) -> None:
        self._engine = engine
        self._cache_entries = cache_entries
        self._cache_rows = cache_rows
        self._cache: OrderedDict[Question, tuple[int, Answer]] = OrderedDict()
        self._cached_rows = 0
        self._versions: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def keeps_answers(self) -> bool:
        """Whether `version` tells of every change, so that what was computed may be kept."""
        return self._cache_entries > 0

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
        # Read first: what changes while the engine answers makes the answer stale.
        version = self.version(question.workspace)
        found = self._answer(question)
        self._keep(version, found)
        return found

    def _keep(self, version: int, found: Answer) -> None:
        with self._lock:
            replaced = self._cache.pop(found.question, None)
            if replaced is not None:
                self._cached_rows -= len(replaced[1].rows)
            self._cache[found.question] = (version, found)
            self._cached_rows += len(found.rows)
            while self._cache and (len(self._cache) > self._cache_entries or self._cached_rows > self._cache_rows):
                _, (_, oldest) = self._cache.popitem(last=False)
                self._cached_rows -= len(oldest.rows)

    def _answer(self, question: Question) -> Answer:
        offsets = calendar.offsets(question.timezone)
        totals = self._totals(question, offsets)
        if question.dimensions:
            found, count = self._page(question, plan.plan(question, offsets))
        else:
            found, count = [totals][question.offset :][: question.limit], 1
        return Answer(question, found, totals, count, self._excluded(question, offsets))

    def _totals(self, question: Question, offsets: Offsets) -> Row:
        whole = replace(question, dimensions=(), sort=(), limit=1, offset=0)
        chosen = plan.plan(whole, offsets)
        if not chosen.reads:
            return answer.zero(whole)
        (values,) = self._rows(compiler.page(whole, chosen))
        return answer.row(whole, values)

    def _page(self, question: Question, chosen: Plan) -> tuple[list[Row], int]:
        """The rows of the page, and how many there are on all pages."""
        if not chosen.reads:
            return [], 0
        found = self._rows(compiler.page(question, chosen)) if question.limit else []
        if found:
            return [answer.row(question, values) for values in found], int(found[0][-1])
        if question.limit and not question.offset:
            return [], 0
        # Nobody on an empty page says how many rows there are.
        ((count,),) = self._rows(compiler.row_count(question, chosen))
        return [], int(count)

    def _excluded(self, question: Question, offsets: Offsets) -> dict[str, int]:
        chosen = plan.excluded(question, offsets)
        counts: dict[str, int] = {}
        if chosen is not None:
            counts = {name: int(count) for name, count in self._rows(excluded.statement(question, chosen))}
        return {name: counts.get(name, 0) for name in TRAFFIC_CLASSES if name not in question.traffic}

    def _rows(self, statement: Statement) -> list[list[Any]]:
        return rows(self._engine, statement.sql, statement.parameters)
