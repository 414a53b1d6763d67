"""Where the store is: `TURNOUT_STORE` of a ClickHouse server or cluster goes in, an `Address` comes out.

`clickhouse://user:password@host:8123/database`, `clickhouses://` for TLS. Several hosts, with a comma between, are ways
to the same store: the nodes of a cluster. `?cluster=NAME` says that it is one, `shard_by` and `quorum` how it is used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from turnout.errors import InvalidInput

ShardBy = Literal["recipient", "workspace"]

#: Hosts of one URL, and replicas that a quorum may ask for.
HOSTS_LIMIT = 64
QUORUM_LIMIT = 64

_URL = re.compile(r"(?P<scheme>clickhouses?)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?")
_OPTIONS = {"verify", "ca_cert", "cluster", "shard_by", "quorum"}

#: They become part of statements and of paths in Keeper.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Host:
    """One server's name or address, and its HTTP port."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


@dataclass(frozen=True)
class Address:
    """Where the store is, and as whom to speak to it. `password` is in no message and no repr.

    `cluster` is empty for a single server. `quorum` replicas of a shard have what is acknowledged (`auto`: more than
    half of them).
    """

    secure: bool
    hosts: tuple[Host, ...]
    user: str
    password: str
    database: str
    verify: bool = True
    ca_cert: str = ""
    cluster: str = ""
    shard_by: ShardBy = "recipient"
    quorum: str = "auto"

    def __repr__(self) -> str:
        return f"{self.user}@{','.join(map(str, self.hosts))}/{self.database}"


def parse_url(url: str) -> Address:
    """The address that a URL says. InvalidInput where it can't be used; it does not repeat the URL."""
    found = _URL.fullmatch(url)
    if found is None:
        raise _bad_url("it needs a host")
    secure = found["scheme"] == "clickhouses"
    credentials, _, hosts = found["authority"].rpartition("@")
    user, _, password = credentials.partition(":")
    try:
        options = dict(parse_qsl(found["query"] or "", True, strict_parsing=bool(found["query"])))
    except ValueError:
        # Its own words would repeat what may be a password's end.
        raise _bad_url("its options can't be read") from None
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise _bad_url(f"unknown option '{unknown[0]}'")
    if options.get("verify", "true") not in ("true", "false"):
        raise _bad_url("verify is true or false")
    database = unquote(found["path"].strip("/")) or "default"
    cluster, shard_by, quorum = _of_cluster(options, database)
    return Address(
        secure=secure,
        hosts=_hosts(hosts, 8443 if secure else 8123),
        user=unquote(user) or "default",
        password=unquote(password),
        database=database,
        verify=options.get("verify", "true") == "true",
        ca_cert=options.get("ca_cert", ""),
        cluster=cluster,
        shard_by=shard_by,
        quorum=quorum,
    )


def _hosts(text: str, default_port: int) -> tuple[Host, ...]:
    named = text.split(",")
    if len(named) > HOSTS_LIMIT:
        raise _bad_url(f"it has more than {HOSTS_LIMIT} hosts")
    hosts = []
    for one in named:
        try:
            parts = urlsplit(f"//{one}")
            port = parts.port
        except ValueError:
            raise _bad_url("a host or its port can't be read") from None
        if not parts.hostname:
            raise _bad_url("it needs a host" if len(named) == 1 else "a host between its commas is missing")
        hosts.append(Host(parts.hostname, port or default_port))
    if len(set(hosts)) < len(hosts):
        raise _bad_url("it names a host twice")
    return tuple(hosts)


def _of_cluster(options: dict[str, str], database: str) -> tuple[str, ShardBy, str]:
    """The cluster's name, what it shards by, and its quorum."""
    if "cluster" not in options:
        alone = next((name for name in ("shard_by", "quorum") if name in options), None)
        if alone:
            raise _bad_url(f"{alone} is said of a cluster, and none is named (cluster=NAME)")
        return "", "recipient", "auto"
    if not _NAME.fullmatch(options["cluster"]):
        raise _bad_url("a cluster's name has up to 64 letters, digits, - and _")
    if not _NAME.fullmatch(database):
        raise _bad_url("a database on a cluster has a name of up to 64 letters, digits, - and _")
    shard_by = options.get("shard_by", "recipient")
    if shard_by not in ("recipient", "workspace"):
        raise _bad_url("shard_by is recipient or workspace")
    quorum = options.get("quorum", "auto")
    if quorum != "auto" and not (re.fullmatch(r"[1-9][0-9]?", quorum) and int(quorum) <= QUORUM_LIMIT):
        raise _bad_url(f"quorum is auto, or a number of replicas from 1 to {QUORUM_LIMIT}")
    return options["cluster"], cast(ShardBy, shard_by), quorum


def _bad_url(why: str) -> InvalidInput:
    return InvalidInput(
        f"the store's URL can't be used: {why}",
        field="TURNOUT_STORE",
        hint="write clickhouse://user:password@host:8123/database, and ?cluster=NAME for a cluster",
    )
