"""Ask the engine: plan, compile, run, and put the answer together. Answers are kept until data changes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from turnout.errors import StoreDamaged
from turnout.model import TRAFFIC_CLASSES
from turnout.stats import answer, calendar, excluded, plan
from turnout.stats import compile as compiler
from turnout.stats.answer import Answer, Row
from turnout.stats.calendar import Offsets
from turnout.stats.credits import Credits
from turnout.stats.direct import Direct
from turnout.stats.finished import Finished
from turnout.stats.keeper import Keeper
from turnout.stats.metrics import base_metrics
from turnout.stats.plan import Held, Plan
from turnout.stats.question import Question
from turnout.stats.scope import Statement
from turnout.stats.versions import Version, Versions
from turnout.store.catalog import Catalog
from turnout.store.engine import Engine, rows
from turnout.store.events import Cells

#: Threads for the parts of answers; the engine's readers bound what really runs at once.
_HELPERS = 8


class Statistics:
    """Answers questions. Safe to call from any thread.

    Up to `cache_entries` answers with `cache_rows` rows in all are kept per process; `changed` makes those of a
    workspace stale, and so does whatever other processes change of a store that they share, by its `versions`.
    `repairs` is odd while part of the rollup is being made anew, and then raw is asked instead. Without a
    `catalog` and `credits` nothing is credited to campaigns but what events say, and without `finished` distinct
    recipients are counted anew for every question. `observe` is told of every answer: where it is from (`cache`,
    `rollup`, `raw`) and the seconds that it took.
    """

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog | None = None,
        credits: Credits | None = None,
        finished: Finished | None = None,
        keeper: Keeper | None = None,
        *,
        versions: Versions | None = None,
        cache_entries: int = 2000,
        cache_rows: int = 200_000,
        repairs: Callable[[], int] = lambda: 0,
        observe: Callable[[str, float], None] = lambda source, seconds: None,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._observe = observe
        self._stopwatch = stopwatch
        self._engine = engine
        self._catalog = catalog
        self._credits = credits
        self._repairs = repairs
        self._helpers = ThreadPoolExecutor(max_workers=_HELPERS, thread_name_prefix="turnout-part")
        self._finished = finished
        self._keeper = keeper
        self._direct = Direct(engine, finished, self._helpers)
        self._cache_entries = cache_entries
        self._cache_rows = cache_rows
        self._cache: OrderedDict[Question, tuple[Version, Answer]] = OrderedDict()
        self._cached_rows = 0
        self._versions = versions or Versions(engine)
        self._lock = threading.Lock()

    @property
    def keeps_answers(self) -> bool:
        """Whether what was computed may be kept for as long as `version` is the same."""
        return self._cache_entries > 0

    @property
    def is_shared(self) -> bool:
        """Whether other processes write to the same store; then `version` asks it."""
        return self._versions.is_shared

    def close(self) -> None:
        """Stop counting ahead, and end the helping threads once they are idle."""
        if self._keeper is not None:
            self._keeper.close()
        if self._credits is not None:
            self._credits.close()
        self._helpers.shutdown()

    def tidy(self) -> None:
        """Drop from a shared store what processes that died have left in it. For one of them; blocks."""
        if self._credits is not None and self._versions.is_shared:
            self._credits.drop_left_behind()

    def changed(self, workspaces: Iterable[str]) -> None:
        """The events of these workspaces are not what they were."""
        self._versions.changed(workspaces)

    def touched(self, changes: Iterable[Cells]) -> None:
        """There are new events in these campaigns and times."""
        changes = tuple(changes)
        if self._credits is not None:
            self._credits.touched(changes)
        if self._keeper is not None:
            self._keeper.touched(changes)
        self.changed({cells.workspace for cells in changes})

    def forget(self, workspace: str, campaigns: Iterable[str]) -> None:
        """Events of these campaigns were taken away or changed: drop what is kept of them. Blocks."""
        if self._finished is not None:
            self._finished.forget(workspace, tuple(campaigns))
        if self._credits is not None:
            self._credits.forget(workspace)
        self.changed((workspace,))

    def version(self, workspace: str) -> Version:
        """Another one whenever the workspace's events change; what was computed at an older one is stale.

        Blocks where the store is shared.
        """
        return self._versions.of(workspace)

    def cached(self, question: Question) -> Answer | None:
        """The answer, if it is known here and now to be right: never where the store has to be asked for that."""
        return None if self._versions.is_shared else self._known(question, self._versions.of(question.workspace))

    def current(self, question: Question) -> Answer | None:
        """The answer, if it is kept and still right. Blocks where the store is shared."""
        if not self._cache_entries:
            return None
        return self._known(question, self._versions.of(question.workspace))

    def ask(self, question: Question) -> Answer:
        """Answer a question, from memory if nothing has changed since it was last asked."""
        started = self._stopwatch()
        # Read first: what changes while the engine answers makes the answer stale.
        version = self.version(question.workspace)
        known = self._known(question, version)
        if known is not None:
            return known
        source, found = self._answer(question, version)
        if version.is_sound:
            self._keep(version, found)
        self._observe(source, self._stopwatch() - started)
        return found

    def _known(self, question: Question, version: Version) -> Answer | None:
        started = self._stopwatch()
        with self._lock:
            known = self._cache.get(question)
            if known is None or known[0] != version or not version.is_sound:
                return None
            self._cache.move_to_end(question)
        self._observe("cache", self._stopwatch() - started)
        return known[1]

    def rows(self, question: Question) -> Iterator[Row]:
        """Every row of the answer to a question, a page of `limit` rows after the other. Blocks."""
        while True:
            found = self.ask(question)
            yield from found.rows
            question = replace(question, offset=question.offset + question.limit)
            if question.offset >= found.row_count:
                return

    def _keep(self, version: Version, found: Answer) -> None:
        with self._lock:
            replaced = self._cache.pop(found.question, None)
            if replaced is not None:
                self._cached_rows -= len(replaced[1].rows)
            self._cache[found.question] = (version, found)
            self._cached_rows += len(found.rows)
            while self._cache and (len(self._cache) > self._cache_entries or self._cached_rows > self._cache_rows):
                _, (_, oldest) = self._cache.popitem(last=False)
                self._cached_rows -= len(oldest.rows)

    def _answer(self, question: Question, version: Version) -> tuple[str, Answer]:
        if self._keeper is not None:
            self._keeper.asked()
        if self._finished is not None and version.is_sound:
            self._finished.at(version.rows)
        before = self._repairs()
        with self._held(question, version) as held:
            asked = _Asked(self._engine, question, held, rolled_up=before % 2 == 0 and version.is_sound)
            try:
                found = self._gather(asked)
            except StoreDamaged:
                # A rollup that can't be read costs the answer time, not the answer.
                if not asked.rolled_up:
                    raise
                found = self._gather(replace(asked, rolled_up=False))
            if asked.rolled_up and (self._repairs() != before or not self._versions.holds(version)):
                # Part of the rollup was cleared meanwhile, perhaps just as it was read.
                found = self._gather(replace(asked, rolled_up=False))
        return found

    def _held(self, question: Question, version: Version) -> AbstractContextManager[Held]:
        """The credits that the question's metrics need, of the campaigns that it is about."""
        kinds = {metric.credit for metric in base_metrics(question.metrics) if metric.credit}
        if not kinds or self._catalog is None or self._credits is None:
            return nullcontext(Held())
        named = [set(one.values) for one in question.filters if one.dimension == "campaign"]
        campaigns = [
            one for one in self._catalog.campaigns(question.workspace) if all(one.id in names for names in named)
        ]
        only = bool(named) and set.intersection(*named) <= {one.id for one in campaigns}
        workspace = self._catalog.workspace(question.workspace)
        return self._credits.held(workspace, campaigns, kinds, question.traffic, self._helpers, version, only=only)

    def _gather(self, asked: _Asked) -> tuple[str, Answer]:
        """What is read (`rollup`, `raw`), and the answer. Its parts are asked side by side: each waits for the engine
        most of the time."""
        question = asked.question
        if asked.rolled_up:
            direct = self._direct.answer(question, asked.plan(question), asked.offsets, asked.excluded)
            if direct is not None:
                return "rollup", direct
        source = asked.source
        if question.rows_only:
            found, count = asked.page()
            return source, Answer(question, found, {}, count)
        excluded = self._helpers.submit(asked.excluded)
        if not question.dimensions:
            totals = asked.totals()
            return source, Answer(question, [totals][question.offset :][: question.limit], totals, 1, excluded.result())
        totals_later = self._helpers.submit(asked.totals)
        found, count = asked.page()
        return source, Answer(question, found, totals_later.result(), count, excluded.result())


@dataclass(frozen=True)
class _Asked:
    """A question on its way through the engine; `rolled_up` if the rollup may be used."""

    engine: Engine
    question: Question
    held: Held
    rolled_up: bool

    @property
    def offsets(self) -> Offsets:
        """The question's zone."""
        return calendar.offsets(self.question.timezone)

    def plan(self, question: Question) -> Plan:
        """The passes for this question, or for a part of it."""
        return plan.plan(question, self.offsets, rolled_up=self.rolled_up, held=self.held)

    @property
    def source(self) -> str:
        """Whether the rollup and credits are enough for the answer, or raw events are read."""
        reads = self.plan(self.question).reads
        return "raw" if any(read.source not in ("counts", "credits") for read in reads) else "rollup"

    def totals(self) -> Row:
        """The whole range in one row."""
        whole = replace(self.question, dimensions=(), sort=(), limit=1, offset=0)
        chosen = self.plan(whole)
        if not chosen.reads:
            return answer.zero(whole)
        (values,) = self._rows(compiler.page(whole, chosen))
        return answer.row(whole, values)

    def page(self) -> tuple[list[Row], int]:
        """The rows of the page, and how many there are on all pages."""
        question = self.question
        chosen = self.plan(question)
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

    def excluded(self) -> dict[str, int]:
        """How many events of each class of traffic did not count."""
        chosen = plan.excluded(self.question, self.offsets, rolled_up=self.rolled_up, held=self.held)
        counts: dict[str, int] = {}
        if chosen is not None:
            counts = {name: int(count) for name, count in self._rows(excluded.statement(self.question, chosen))}
        return {name: counts.get(name, 0) for name in TRAFFIC_CLASSES if name not in self.question.traffic}

    def _rows(self, statement: Statement) -> list[list[Any]]:
        return rows(self.engine, statement.sql, statement.parameters)
