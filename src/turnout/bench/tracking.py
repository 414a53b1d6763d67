"""Followed links and loaded pixels, each recorded durably before the answer, against a route that does nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import msgspec

from turnout.bench.findings import Budget, Finding, finding
from turnout.bench.load import drive, fetch, request
from turnout.bench.processes import API_KEY, Server
from turnout.bench.rounds import Contender, Ground, take_turns

GROUP = "singles"

_CONNECTIONS = 64

#: Requests of one round that no server gets through within `limit_s` on a small machine.
_A_SECOND = 40_000

#: People whose addresses are followed in turn.
_RECIPIENTS = 1000

#: What a browser sends, which is more than the other loads do; sent to both sides.
_HEADERS = (
    "host: bench",
    "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language: en-US,en;q=0.5",
    "accept-encoding: gzip, deflate, br, zstd",
)

_OF_NOTHING = Budget("ratio", 0.25, at_least=True)


def measure(ground: Ground, server: Server, nothing: Server) -> Iterator[Finding]:
    """The findings, as they come, of servers that are running."""
    followed, loaded = _paths(server)
    limit_s = ground.sizes.limit_s
    contenders = {
        "redirect": _asking(server, followed, limit_s),
        "pixel": _asking(server, loaded, limit_s),
        "nothing": _asking(nothing, ["/nothing"], limit_s),
    }
    # The requests carry no events; a body is taken only as the sign to go.
    rates = take_turns(ground, contenders, batch=1, per_round=1)
    for name, what in (
        ("redirect", "a followed link (/r/{code}.{token})"),
        ("pixel", "a loaded pixel (/o/{token}.gif)"),
    ):
        yield finding(
            GROUP, what, "requests/s", rates[name],
            against="nothing", reference=rates["nothing"], budgets=(_OF_NOTHING,),
        )  # fmt: skip


def _paths(server: Server) -> tuple[list[str], list[str]]:
    """Paths of a link and of a pixel, one for each recipient."""
    body = {
        "html": '<a href="https://shop.example/shoes?utm_source=mail">Shoes</a>',
        "campaign": "bench",
        "message": "m1",
        "recipients": [f"recipient-{number:06}" for number in range(_RECIPIENTS)],
    }
    message = request("POST", "/v1/rewrite", key=API_KEY, body=msgspec.json.encode(body))
    bodies = msgspec.json.decode(fetch(server.address, message))["bodies"]
    followed = [urlsplit(one["html"].split('"')[1]).path for one in bodies]
    return followed, [urlsplit(one["pixel"]).path for one in bodies]


def _asking(server: Server, paths: Sequence[str], limit_s: float) -> Contender:
    messages = ["\r\n".join((f"GET {path} HTTP/1.1", *_HEADERS, "", "")).encode() for path in paths]

    def handle(bodies: Sequence[bytes]) -> float:
        supply = itertools.islice(itertools.cycle(messages), round(_A_SECOND * limit_s))
        return drive(server.address, supply, _CONNECTIONS, limit_s).rate

    return handle
