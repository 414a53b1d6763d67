"""Whose address a request comes from. A scope goes in; the client's address, as text, comes out."""

from __future__ import annotations

import re

from starlette.types import Scope

#: How some proxies write an address: with its port, and IPv6 in brackets.
_WITH_PORT = re.compile(r"(?:\[(?P<v6>[0-9A-Za-z:.%]+)\]|(?P<v4>[0-9.]+))(?::\d+)?")


def client_address(scope: Scope, proxy_hops: int) -> str:
    """The address of the client; empty if it isn't known (a Unix socket).

    With `proxy_hops` proxies of our own in front, it is the one that the outermost of them wrote into
    X-Forwarded-For: so many from the right. What stands left of it was sent by the client, and may be invented.
    """
    if proxy_hops:
        lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        named = [part.strip() for part in b",".join(lines).decode("latin-1").split(",") if part.strip()]
        if named:
            found = named[-proxy_hops] if len(named) >= proxy_hops else named[0]
            dressed = _WITH_PORT.fullmatch(found)
            return (dressed["v6"] or dressed["v4"]) if dressed else found
    client = scope.get("client")
    return client[0] if client else ""
