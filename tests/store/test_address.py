"""Where the store is, as its URL says it."""

from __future__ import annotations

import pytest

from turnout.errors import InvalidInput
from turnout.store.address import Address, Host, parse_url

H = (Host("h", 8123),)
TLS = (Host("h", 8443),)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("clickhouse://h", Address(False, H, "default", "", "default")),
        ("clickhouses://h", Address(True, TLS, "default", "", "default")),
        ("clickhouse://u:p@h:9000/stats", Address(False, (Host("h", 9000),), "u", "p", "stats")),
        ("clickhouse://u%40x:p%2F%3A%40%25@[::1]:1/d", Address(False, (Host("::1", 1),), "u@x", "p/:@%", "d")),
        ("clickhouses://u@h/d?verify=false", Address(True, TLS, "u", "", "d", verify=False)),
        ("clickhouses://h?ca_cert=c.pem", Address(True, TLS, "default", "", "default", ca_cert="c.pem")),
        ("clickhouse://u:p@h,[::1]:2,i:3/d", Address(False, (*H, Host("::1", 2), Host("i", 3)), "u", "p", "d")),
        ("clickhouse://h/d?cluster=c-1_x", Address(False, H, "default", "", "d", cluster="c-1_x")),
        (
            "clickhouse://h/d?cluster=c&shard_by=workspace&quorum=2",
            Address(False, H, "default", "", "d", cluster="c", shard_by="workspace", quorum="2"),
        ),
        (
            "clickhouse://h/d?quorum=auto&shard_by=recipient&cluster=c",
            Address(False, H, "default", "", "d", cluster="c"),
        ),
    ],
)  # fmt: skip
def test_an_address_is_read_from_its_url(url, address):
    assert parse_url(url) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("clickhouse://", "needs a host"),
        ("clickhouse:///d", "needs a host"),
        ("postgres://h", "needs a host"),
        ("clickhouse://u:hunter2@h:no/d", "port can't be read"),
        ("clickhouse://u:hunter2@h:99999/d", "port can't be read"),
        ("clickhouse://u:hunter2@h/d?compress=lz4", "unknown option 'compress'"),
        ("clickhouse://u:hunter2@h/d?verify=perhaps", "verify is true or false"),
        ("clickhouse://u:hunter2@h/d?junk", "options can't be read"),
        ("clickhouse://u:hunter2@[h/d", "port can't be read"),
        ("clickhouse://u:x/hunter2@h/d", "port can't be read"),
        ("clickhouse://u:x?hunter2@h/d", "options can't be read"),
        ("clickhouse://u:hunter2@h,,i/d", "between its commas"),
        ("clickhouse://u:hunter2@h:8123,h/d", "names a host twice"),
        ("clickhouse://u:hunter2@" + ",".join(f"h{n}" for n in range(65)) + "/d", "more than 64 hosts"),
        ("clickhouse://u:hunter2@h/d?cluster=", "a cluster's name"),
        ("clickhouse://u:hunter2@h/d?cluster=a'b", "a cluster's name"),
        ("clickhouse://u:hunter2@h/d?cluster=" + "x" * 65, "a cluster's name"),
        ("clickhouse://u:hunter2@h/d%27x?cluster=c", "a database on a cluster"),
        ("clickhouse://u:hunter2@h/d?cluster=c&shard_by=campaign", "shard_by is recipient or workspace"),
        ("clickhouse://u:hunter2@h/d?cluster=c&quorum=0", "quorum is auto"),
        ("clickhouse://u:hunter2@h/d?cluster=c&quorum=65", "quorum is auto"),
        ("clickhouse://u:hunter2@h/d?cluster=c&quorum=most", "quorum is auto"),
        ("clickhouse://u:hunter2@h/d?shard_by=workspace", "shard_by is said of a cluster"),
        ("clickhouse://u:hunter2@h/d?quorum=2", "quorum is said of a cluster"),
    ],
)  # fmt: skip
def test_a_bad_url_is_refused_without_its_password(url, why):
    with pytest.raises(InvalidInput, match=why) as caught:
        parse_url(url)
    assert caught.value.field == "TURNOUT_STORE"
    assert "hunter2" not in f"{caught.value!r} {caught.value.hint}"


def test_an_address_does_not_show_its_password():
    address = parse_url("clickhouse://u:hunter2@h,i:1/d")
    assert f"{address}" == f"{address!r}" == "u@h:8123,i:1/d"
