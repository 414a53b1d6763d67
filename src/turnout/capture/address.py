"""Whose address a request comes from. A scope goes in; the client's address, as text, comes out."""

from __future__ import annotations

from starlette.types import Scope


def client_address(scope: Scope, proxy_hops: int) -> str:
    """The address of the client; empty if it isn't known (a Unix socket).

    With `proxy_hops` proxies of our own in front, it is the one that the outermost of them wrote into
    X-Forwarded-For: so many from the right. What stands left of it was sent by the client, and may be invented.
    """
    if proxy_hops:
        lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        named = [part.strip() for part in b",".join(lines).decode("latin-1").split(",") if part.strip()]
        if named:
            return named[-proxy_hops] if len(named) >= proxy_hops else named[0]
    client = scope.get("client")
    return client[0] if client else ""
