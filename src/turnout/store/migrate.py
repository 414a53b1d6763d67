"""Bring a store to this program's schema: numbered, forward only, safe to repeat after a crash."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from turnout import sql
from turnout.errors import SchemaTooNew
from turnout.store.engine import Engine, rows

_CREATE = """
CREATE TABLE IF NOT EXISTS schema_migrations (number UInt32, name String)
ENGINE = MergeTree ORDER BY number SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
"""


def migrate(engine: Engine, turn: AbstractContextManager[None] | None = None) -> int:
    """Run what is missing and return the schema's number.

    Where several processes share the store, `turn` lets one of them at a time do that. Raises SchemaTooNew, having
    changed nothing, where the store has a step that this program lacks.
    """
    known = sql.migrations()
    newest = known[-1].number
    engine.execute(_CREATE)
    if not _missing(engine, known):
        return newest
    with turn or nullcontext():
        # Whoever had the turn before may have done it all.
        for step in _missing(engine, known):
            for statement in step.statements:
                engine.execute(statement)
            engine.execute(
                "INSERT INTO schema_migrations SELECT {number:UInt32}, {name:String}",
                {"number": step.number, "name": step.name},
            )
    return newest


def _missing(engine: Engine, known: tuple[sql.Migration, ...]) -> list[sql.Migration]:
    applied = {number for (number,) in rows(engine, "SELECT DISTINCT number FROM schema_migrations")}
    newest = known[-1].number
    if applied and max(applied) > newest:
        raise SchemaTooNew(
            f"this store has schema {max(applied)}, and this Turnout knows only up to {newest}",
            hint="upgrade Turnout, or point it at another data directory",
        )
    return [step for step in known if step.number not in applied]
