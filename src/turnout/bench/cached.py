"""Answers that are known already: a vendor's route and our own, against a route that does nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

import msgspec

from turnout.bench.findings import Budget, Finding, finding
from turnout.bench.load import drive, fetch, request
from turnout.bench.processes import API_KEY, Server
from turnout.bench.rounds import END, Contender, Ground, take_turns

GROUP = "cached"

_CONNECTIONS = 32
_EVENTS = 200_000

#: All rounds together stay below the 50,000 requests a minute that the vendor's route allows.
_ASKS = 45_000

_OF_NOTHING = Budget("ratio", 0.4, at_least=True)


def measure(ground: Ground) -> Iterator[Finding]:
    """The findings, as they come."""
    with ground.site.turnout(ground.site.fresh("cached")) as server, ground.site.reference("nothing") as nothing:
        ground.note("loading the events that are asked about")
        ground.load(server, min(_EVENTS, ground.sizes.events), seed=1)
        paths = {"vendor": _series(server), "own": _own(server)}
        sizes = ground.sizes
        asks = min(_ASKS // (sizes.rounds + 1), round(10_000 * sizes.limit_s))
        contenders = {
            "vendor": _asking(server, paths["vendor"], asks),
            "own": _asking(server, paths["own"], asks),
            "nothing": _asking(nothing, "/nothing", asks),
        }
        # The requests carry no events; a body is taken only as the sign to go.
        rates = take_turns(ground, contenders, batch=1, per_round=1)
    yield finding(
        GROUP, "a cached vendor answer (/campaigns/data_series, 14 days)", "requests/s", rates["vendor"],
        against="nothing", reference=rates["nothing"], budgets=(_OF_NOTHING,),
    )  # fmt: skip
    yield finding(
        GROUP, "a cached answer of our own (/v1/stats, daily uniques)", "requests/s", rates["own"],
        against="nothing", reference=rates["nothing"],
    )  # fmt: skip


def busiest(server: Server, limit: int = 1) -> list[str]:
    """The ids of the campaigns with the most events, the largest first."""
    query = urlencode({"metrics": "events", "dimensions": "campaign", "sort": "-events", "limit": limit})
    answer = msgspec.json.decode(fetch(server.address, request("GET", f"/v1/stats?{query}", key=API_KEY)))
    return [row["campaign"] for row in answer["rows"]]


def _series(server: Server) -> str:
    (campaign,) = busiest(server)
    entry = msgspec.json.decode(fetch(server.address, request("GET", f"/v1/campaigns/{campaign}", key=API_KEY)))
    query = {"campaign_id": entry["uuid"], "length": 14, "ending_at": f"{END:%Y-%m-%dT%H:%M:%SZ}"}
    return f"/campaigns/data_series?{urlencode(query)}"


def _own(server: Server) -> str:
    (campaign,) = busiest(server)
    query = {"metrics": "unique_sent,unique_opened,unique_clicked", "dimensions": "day", "campaign": campaign}
    return f"/v1/stats?{urlencode(query)}"


def _asking(server: Server, path: str, asks: int) -> Contender:
    message = request("GET", path, key=API_KEY)
    fetch(server.address, message)

    def handle(bodies: Sequence[bytes]) -> float:
        return drive(server.address, itertools.repeat(message, asks), _CONNECTIONS).rate

    return handle
