"""The catalog's table: small records, replaced whole, read once at the start.

Records of any kind enter and are durable when `write` returns; `load` gives the latest of each. Whoever
changes records holds `lock` from reading the old one to showing the new one.
"""

from __future__ import annotations

import threading

import msgspec
import pyarrow as pa

from turnout.store.engine import Engine, rows

_LOAD = """
SELECT kind, argMax(body, version) FROM catalog GROUP BY kind, workspace, id HAVING argMax(deleted, version) = 0
"""


class Records:
    """The table as rows of (kind, workspace, id), each a JSON body; of several versions the highest counts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._version = 0
        self.lock = threading.RLock()

    def load(self) -> list[tuple[str, str]]:
        """The kind and JSON of every record that isn't deleted."""
        (latest,) = rows(self._engine, "SELECT max(version) FROM catalog")[0]
        self._version = int(latest)
        return [(kind, body) for kind, body in rows(self._engine, _LOAD)]

    def write(self, kind: str, records: list[tuple[str, str, msgspec.Struct]], *, deleted: bool = False) -> None:
        """Keep each (workspace, id, record) in the place of what had that id; all of them in one insert."""
        if not records:
            return
        with self.lock:
            version = self._version + 1
            size = len(records)
            self._engine.insert(
                "catalog",
                pa.record_batch(
                    {
                        "kind": pa.array([kind] * size),
                        "workspace": pa.array([workspace for workspace, _, _ in records]),
                        "id": pa.array([name for _, name, _ in records]),
                        "body": pa.array([msgspec.json.encode(record).decode() for _, _, record in records]),
                        "version": pa.array([version] * size, pa.uint64()),
                        "deleted": pa.array([int(deleted)] * size, pa.uint8()),
                    }
                ),
            )
            self._version = version
