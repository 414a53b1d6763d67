"""Who is human, found anew over stored events: with today's rules, today's allow lists, and what came before and after.

A workspace and cells enter; a `Report` leaves. Facts and the sender's own word stay, and no event is added or taken
away. Each piece is written while nothing is appended, and in between whatever waits has its turn. Questions that are
asked while a piece is written may see some of its events changed and others not yet; afterwards they see all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from turnout import sql
from turnout.errors import InvalidInput, Overloaded, StoreDamaged
from turnout.ingest import traffic
from turnout.ingest.places import TRUNCATED_BITS
from turnout.ingest.writer import Writer
from turnout.model import FACTS, REASONS, Workspace
from turnout.store.engine import Engine, Value, rows
from turnout.store.events import Cells, EventStore
from turnout.store.fleet import Fleet, Single
from turnout.store.replicas import all_there
from turnout.store.revision import Findings, Revision, Rules
from turnout.store.slices import slices

_CLASSIFIED = sql.query("classified_campaigns")

#: What each reason is in the store.
BITS = {name: 1 << position for position, name in enumerate(REASONS)}

#: Rows of one write. Each takes about a hundred bytes of memory until it is written.
WRITE_EVENTS = 500_000

#: How far from an event others may be that matter to it.
MARGIN_MS = 1000 * (
    max(
        *traffic.SOON_AFTER_DELIVERY_S.values(),
        traffic.LINKS_WITHIN_S,
        traffic.NEAR_HIDDEN_S,
        traffic.RECIPIENTS_WITHIN_S,
    )
    + traffic.SOON_SKEW_S
)

#: How long one waits for another to end before it is refused.
_TURN_TIMEOUT_S = 30.0

#: Found again with every look at the user agent.
_OF_AGENT = traffic.ONLINE_REASONS - {"allowed"}


@dataclass(frozen=True)
class Report:
    """What was found: events `looked` at, and those that differ in what is kept of them (`changed`).

    `classes` counts those of another class, by the old one and the new; `reasons` every event that has a reason.
    """

    looked: int = 0
    changed: int = 0
    classes: dict[tuple[str, str], int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)


class Reclassifier:
    """Reclassifies for whoever asks, one after the other. Safe to call from any thread; blocks.

    `forget` is told before events change and after, `touched` afterwards. Of the processes of a `fleet` one at a time
    reclassifies.
    """

    def __init__(
        self,
        engine: Engine,
        events: EventStore,
        writer: Writer,
        *,
        fleet: Fleet | None = None,
        forget: Callable[[str, Collection[str]], None],
        touched: Callable[[Iterable[Cells]], None],
    ) -> None:
        self._engine = engine
        self._events = events
        self._writer = writer
        self._fleet = fleet or Single()
        self._forget = forget
        self._touched = touched
        self._turn = threading.Lock()

    def run(
        self,
        workspace: Workspace,
        cells: Cells,
        *,
        dry_run: bool = False,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Report:
        """Find the class of every event of `cells` anew; all campaigns where it names none.

        A `dry_run` only counts. It ends early, at the end of a piece, once `is_wanted` says no. Overloaded while
        another is at it, or a replica of a cluster is away, without which nothing stored is changed; StoreDamaged where
        the rollup, which says what there is, can't be believed.
        """
        if not self._turn.acquire(timeout=_TURN_TIMEOUT_S):
            raise Overloaded("another reclassification is under way", retry_after_s=30)
        try:
            if not self._events.trusted:
                raise StoreDamaged()
            if not dry_run:
                # Before anything is looked at for nothing.
                all_there(self._engine)
            rules = rules_of(workspace)
            with (
                self._fleet.classifying(),
                Revision(self._engine, self._events, workspace.id, rules) as revision,
            ):
                for part in slices(self._events, self._engine, cells, rules.types):
                    if not is_wanted():
                        break
                    revision.look(part, write=not dry_run)
                    if revision.waiting >= WRITE_EVENTS:
                        self._write(revision, workspace.id)
                if revision.waiting:
                    self._write(revision, workspace.id)
                return _report(revision.findings)
        finally:
            self._turn.release()

    def classified_since(self, workspace: str, since_ms: int, *, limit: int) -> list[str]:
        """Campaigns, up to a limit, with events since then that the rules have looked at."""
        types = tuple(sorted(traffic.CLASSIFIED))
        asked: dict[str, Value] = {"workspace": workspace, "types": types, "from_ms": since_ms, "limit": limit}
        return [name for (name,) in rows(self._engine, _CLASSIFIED, asked)]

    def _write(self, revision: Revision, workspace: str) -> None:
        campaigns = revision.campaigns
        changed: list[Cells | None] = []

        def write() -> None:
            # Before, so that nothing old is believed; and after, for what was counted from rows half of which changed.
            self._forget(workspace, campaigns)
            try:
                changed.append(revision.write())
            finally:
                self._forget(workspace, campaigns)

        self._writer.exclusively(write)
        self._touched([cells for cells in changed if cells is not None])


def rules_of(workspace: Workspace) -> Rules:
    """The rules as the store applies them, with a workspace's allow lists."""
    allowed = traffic.Allowed.of(workspace.allow_agents, workspace.allow_networks)

    def reasons_of(user_agent: str) -> int:
        found = bits(traffic.agent_reasons(user_agent))
        return found | BITS["allowed"] if allowed.covers(user_agent, "") else found

    networks = _networks(workspace)
    return Rules(
        version=traffic.RULE_VERSION,
        types=tuple(sorted(traffic.CLASSIFIED)),
        bits=BITS,
        facts=bits(FACTS),
        agent=bits(_OF_AGENT),
        reasons_of=reasons_of,
        class_of=lambda type, found: traffic.classify(type, names(found)),
        networks=tuple(map(str, networks)),
        wide_networks=tuple(str(one) for one in networks if one.prefixlen <= TRUNCATED_BITS[one.version]),
        keeps_allowed=bool(allowed),
        opened_ms=traffic.SOON_AFTER_DELIVERY_S["opened"] * 1000,
        clicked_ms=traffic.SOON_AFTER_DELIVERY_S["clicked"] * 1000,
        skew_ms=traffic.SOON_SKEW_S * 1000,
        links=traffic.LINKS_AT_ONCE,
        links_ms=traffic.LINKS_WITHIN_S * 1000,
        hidden_ms=traffic.NEAR_HIDDEN_S * 1000,
        # More than so many.
        recipients=traffic.RECIPIENTS_AT_ONCE + 1,
        recipients_ms=traffic.RECIPIENTS_WITHIN_S * 1000,
        margin_ms=MARGIN_MS,
    )


def bits(reasons: Iterable[str]) -> int:
    """Reasons as the store keeps them."""
    return sum(BITS[name] for name in set(reasons))


def names(found: int) -> tuple[str, ...]:
    """The reasons that the store has kept as bits; bits of rules that came later than this program are nobody's."""
    return tuple(name for name, bit in BITS.items() if found & bit)


def _networks(workspace: Workspace) -> list[traffic.Network]:
    return [network for text in workspace.allow_networks if (network := _network(text)) is not None]


def _network(text: str) -> traffic.Network | None:
    try:
        return traffic.network_of(text)
    except InvalidInput:
        # They were checked when they were set; here, what is no network is nobody's.
        return None


def _report(found: Findings) -> Report:
    return Report(
        looked=found.looked,
        changed=found.differ,
        classes=dict(sorted(found.classes.items())),
        reasons={name: found.reasons[bit] for name, bit in BITS.items() if found.reasons[bit]},
    )
