"""Many events a request: 10,000 and 100 over HTTP, 50,000 in the process, each against its references."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec

from turnout.bench.findings import Budget, Finding, finding
from turnout.bench.load import LoadFailed, fetch, request
from turnout.bench.processes import API_KEY, Server
from turnout.bench.rounds import Contender, Ground, poster, take_turns, warm_up_of, working

GROUP = "ingest"

_LARGE, _LARGE_CONNECTIONS = 10_000, 8
_SMALL, _SMALL_CONNECTIONS = 100, 32
_INSIDE = 50_000

#: Bodies of one round that no server gets through within `limit_s` on a small machine.
_SMALL_A_SECOND = 1_500

_FLOOR = Budget("ratio", 1.0, at_least=True)
_BARE = Budget("ratio", 1.0, at_least=True)

#: 60 k events a second where the prototype does 22 k.
_HUNDREDS = Budget("ratio", 60 / 22, at_least=True)


def measure(ground: Ground) -> Iterator[Finding]:
    """The findings, as they come."""
    yield from _large(ground)
    yield from _hundreds(ground)
    yield from _inside(ground)


def _large(ground: Ground) -> Iterator[Finding]:
    with contextlib.ExitStack() as running:
        server = running.enter_context(ground.site.turnout(ground.site.fresh("large")))
        prototype = running.enter_context(ground.site.reference("prototype"))
        contenders: dict[str, Contender] = {
            "Turnout": poster(server, _LARGE, _LARGE_CONNECTIONS),
            "bare INSERT": working(running.enter_context(ground.site.worker("query")), _LARGE),
            "bare, streamed": working(running.enter_context(ground.site.worker("push")), _LARGE),
            "prototype": poster(prototype, _LARGE, _LARGE_CONNECTIONS),
        }
        per_round = max(ground.sizes.events_a_round // _LARGE, 1)
        rates = take_turns(ground, contenders, _LARGE, per_round)
        _insist_on(server, (per_round * ground.sizes.rounds + warm_up_of(per_round)) * _LARGE)
    budgets = {"bare INSERT": (_BARE,), "prototype": (_FLOOR,)}
    for name in ("bare INSERT", "bare, streamed", "prototype"):
        yield finding(
            GROUP, f"{_LARGE:,} events a request", "events/s", rates["Turnout"],
            against=name, reference=rates[name], budgets=budgets.get(name, ()),
        )  # fmt: skip


def _hundreds(ground: Ground) -> Iterator[Finding]:
    limit_s = ground.sizes.limit_s
    with (
        ground.site.turnout(ground.site.fresh("small")) as server,
        ground.site.reference("prototype") as prototype,
    ):
        contenders = {
            "Turnout": poster(server, _SMALL, _SMALL_CONNECTIONS, limit_s),
            "prototype": poster(prototype, _SMALL, _SMALL_CONNECTIONS, limit_s),
        }
        rates = take_turns(ground, contenders, _SMALL, max(round(_SMALL_A_SECOND * limit_s), 1))
    yield finding(
        GROUP, f"{_SMALL} events a request", "events/s", rates["Turnout"],
        against="prototype", reference=rates["prototype"], budgets=(_HUNDREDS,),
    )  # fmt: skip


def _inside(ground: Ground) -> Iterator[Finding]:
    """No HTTP on either side: what a file import could reach."""
    batch = min(_INSIDE, ground.sizes.events_a_round)
    with ground.site.worker("house") as house, ground.site.worker("prototype") as prototype:
        contenders = {"Turnout": working(house, batch), "prototype": working(prototype, batch)}
        rates = take_turns(ground, contenders, batch, ground.sizes.events_a_round // batch)
    yield finding(
        GROUP, f"{batch:,} events a batch, in the process", "events/s", rates["Turnout"],
        against="prototype", reference=rates["prototype"], budgets=(_FLOOR,),
    )  # fmt: skip


def _insist_on(server: Server, events: int) -> None:
    """LoadFailed unless so many events are stored, and the rollup says the same."""
    answer = msgspec.json.decode(fetch(server.address, request("POST", "/v1/check", key=API_KEY, body=b"{}")))
    if answer["events"] != events or answer["differences"]:
        raise LoadFailed(
            f"{events} events were acknowledged, but a check finds {answer['events']} and "
            f"{len(answer['differences'])} differences between rollup and raw"
        )
