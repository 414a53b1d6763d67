"""Whose address a request comes from, with and without proxies of our own in front."""

from __future__ import annotations

import pytest

from turnout.capture.address import client_address


def scope(*forwarded, client=("10.0.0.9", 1234)):
    return {"client": client, "headers": [(b"host", b"x"), *((b"x-forwarded-for", one) for one in forwarded)]}


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, [b"6.6.6.6"], "10.0.0.9"),
        (1, [], "10.0.0.9"),
        (1, [b"203.0.113.7"], "203.0.113.7"),
        (1, [b"6.6.6.6, 203.0.113.7"], "203.0.113.7"),
        (2, [b"6.6.6.6, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        (2, [b"6.6.6.6", b"203.0.113.7", b"10.0.0.2"], "203.0.113.7"),
        (3, [b"203.0.113.7"], "203.0.113.7"),
        (1, [b" , "], "10.0.0.9"),
        (1, [b"203.0.113.7:51234"], "203.0.113.7"),
        (1, [b"[2001:db8::7]:51234"], "2001:db8::7"),
        (1, [b"[2001:db8::7]"], "2001:db8::7"),
        (1, [b"2001:db8::7"], "2001:db8::7"),
    ],
)
def test_only_what_our_own_proxies_wrote_is_believed(hops, forwarded, address):
    assert client_address(scope(*forwarded), hops) == address


def test_a_unix_socket_has_none():
    assert client_address(scope(client=None), 0) == ""
