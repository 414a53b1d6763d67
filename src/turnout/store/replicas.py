"""Whether every replica of a cluster is there: asked before stored rows are changed, which is done on all of them."""

from __future__ import annotations

from turnout import sql
from turnout.errors import Overloaded
from turnout.store.engine import Engine, rows

_AWAY = sql.query("replicas_away")


def all_there(engine: Engine) -> None:
    """Overloaded where a replica of the cluster is away: stored rows are changed on all of them or not at all, and what
    has begun without one holds up everything that is to be stored until that one is back."""
    if engine.placement is not None and any(int(away) for (away,) in rows(engine, _AWAY)):
        raise Overloaded(
            "a replica of the store is away, and stored events are changed on all of them or not at all",
            retry_after_s=60,
        )
