"""One event a request, posted, clicked or opened: how far durable is from doing nothing at all, and the prototype."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from turnout.bench import tracking
from turnout.bench.findings import Budget, Finding, finding
from turnout.bench.load import drive, request
from turnout.bench.processes import Server
from turnout.bench.rounds import Contender, Ground, poster, take_turns

GROUP = "singles"

_CONNECTIONS = 64

#: Requests of one round that no server gets through within `limit_s` on a small machine.
_A_SECOND = 20_000

_OF_NOTHING = Budget("ratio", 0.25, at_least=True)
_FLOOR = Budget("ratio", 1.0, at_least=True)


def measure(ground: Ground) -> Iterator[Finding]:
    """The findings, as they come."""
    limit_s = ground.sizes.limit_s
    with (
        ground.site.turnout(ground.site.fresh("singles")) as server,
        ground.site.reference("nothing") as nothing,
        ground.site.reference("prototype") as prototype,
    ):
        contenders: dict[str, Contender] = {
            "Turnout": poster(server, 1, _CONNECTIONS, limit_s),
            "nothing": doing_nothing(nothing, limit_s),
            "prototype": poster(prototype, 1, _CONNECTIONS, limit_s),
        }
        rates = take_turns(ground, contenders, 1, max(round(_A_SECOND * limit_s), 1))
        for name, budget in (("nothing", _OF_NOTHING), ("prototype", _FLOOR)):
            yield finding(
                GROUP, "1 event a request", "requests/s", rates["Turnout"],
                against=name, reference=rates[name], budgets=(budget,),
            )  # fmt: skip
        yield from tracking.measure(ground, server, nothing)


def doing_nothing(server: Server, limit_s: float) -> Contender:
    """Posts the same bodies to the route that does nothing."""

    def handle(bodies: Sequence[bytes]) -> float:
        requests = [request("POST", "/nothing", body=body, media_type="application/x-ndjson") for body in bodies]
        return drive(server.address, requests, _CONNECTIONS, limit_s).rate

    return handle
