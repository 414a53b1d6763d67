"""What a ClickHouse server, or the way to it, says no with: its errors in, ours out, and what to make of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import urllib3.exceptions as transport
from clickhouse_connect.driver.exceptions import ClickHouseError

from turnout.errors import Overloaded, StoreError, TurnoutError
from turnout.store.address import Address
from turnout.store.engine import code_of, translate

log = logging.getLogger(__name__)

_WRONG_CREDENTIALS = {192, 193, 194, 492, 497, 516}
_NO_DATABASE = 81

#: A quorum of the insert before is not complete yet; this replica has not yet what a quorum has.
_ANOTHER_S_TURN = 286
_BEHIND = 289

#: A node without Keeper can't write, and can't tell whether it is behind.
_CUT_OFF = {225, 242, 999}

#: Too few replicas for a quorum; a shard of which no replica answers.
_TOO_FEW = {285, 279}

#: Statements on all nodes: one of those that are there has not ended it in time (then it goes on); one is not there.
_TIMED_OUT = 159
_UNFINISHED = 341


def code(error: Exception) -> int:
    """The engine's number of an error; 0 where it did not come from the engine."""
    return getattr(error, "code", None) or code_of(error)


def words(error: Exception) -> str:
    """What the engine said, or why it could not be asked; never the request, which has values in it."""
    return str(error if code(error) else list(_causes(error))[-1])[:2000]


def is_another_s_turn(error: Exception) -> bool:
    """Whether an insert was refused since another one into the same table is under way."""
    return code(error) == _ANOTHER_S_TURN


def is_behind(error: Exception) -> bool:
    """Whether a replica does not have yet what was acknowledged; it soon will."""
    return code(error) == _BEHIND


def is_silence(error: Exception) -> bool:
    """Whether the node does not answer, or can't do its work for now: another one might."""
    found = code(error)
    if found:
        return found in _CUT_OFF
    return any(isinstance(cause, (transport.HTTPError, OSError)) for cause in _causes(error))


def meaning(error: Exception) -> TurnoutError:
    """The error as one of ours."""
    found = code(error)
    if found in (_ANOTHER_S_TURN, _BEHIND, *_CUT_OFF, *_TOO_FEW):
        return Overloaded("the store's replicas are not ready", retry_after_s=5)
    if found == _UNFINISHED:
        return StoreError("a replica of the store is away, and this is done with all of them or not at all")
    if found == _TIMED_OUT and "Distributed DDL task" in str(error):
        return StoreError("a node of the store's cluster was not done in time, and goes on with it")
    if found:
        return translate(ClickHouseError(f"Code: {found}"))
    causes = list(_causes(error))
    if any(isinstance(cause, (transport.NewConnectionError, transport.ConnectTimeoutError)) for cause in causes):
        return Overloaded("the store can't be reached", retry_after_s=5)
    if any(isinstance(cause, transport.ReadTimeoutError) for cause in causes):
        return StoreError("the store did not answer in time")
    if isinstance(error, ClickHouseError) and not any(isinstance(cause, transport.HTTPError) for cause in causes):
        return translate(error)
    return StoreError("the connection to the store broke")


def unusable(address: Address, error: ClickHouseError) -> TurnoutError:
    """Why the store can't be opened, for who set TURNOUT_STORE."""
    log.info("ClickHouse at %s: %s", address, words(error))
    hint = "check TURNOUT_STORE"
    found = code(error)
    if found in _WRONG_CREDENTIALS:
        return StoreError(f"the ClickHouse server refused user '{address.user}' or the password", hint=hint)
    if found == _NO_DATABASE:
        where = f" ON CLUSTER '{address.cluster}'" if address.cluster else ""
        return StoreError(
            f"the ClickHouse server has no database '{address.database}'",
            hint=f"run CREATE DATABASE {address.database}{where} there, or check TURNOUT_STORE",
        )
    if found:
        return StoreError(f"the ClickHouse server refused the connection (engine code {found})", hint=hint)
    hosts = " or ".join(map(str, address.hosts))
    if any(isinstance(cause, transport.SSLError) for cause in _causes(error)):
        return StoreError(
            f"no TLS connection to {hosts} can be made",
            hint="add ?ca_cert=FILE to TURNOUT_STORE, or begin it with clickhouse:// if the server has no TLS",
        )
    return StoreError(f"no ClickHouse server answers at {hosts}", hint=hint)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        if isinstance(error, transport.MaxRetryError):
            error = error.reason
        else:
            error = error.__cause__ or error.__context__
        seen += 1
