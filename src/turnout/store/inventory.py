"""What the store holds, by table: rows, parts and bytes on disk, as the engine's own books say. An engine goes in.

And what room is left for more.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from turnout.settings import Settings
from turnout.store.engine import Engine, rows

_TABLES = """
SELECT table, sum(rows), count(), sum(bytes_on_disk)
FROM system.parts
WHERE active AND database = currentDatabase() AND NOT startsWith(table, 'snapshot_of_')
GROUP BY table
ORDER BY table
"""


@dataclass(frozen=True)
class Table:
    """One table: its rows, and the parts that they lie in. What is about to be merged away is not in it."""

    name: str
    rows: int
    parts: int
    bytes: int


def tables(engine: Engine) -> list[Table]:
    """Every table that has rows, by name. It reads no data, so it takes the same time whatever there is."""
    return [Table(str(name), int(count), int(parts), int(size)) for name, count, parts, size in rows(engine, _TABLES)]


def free_bytes(settings: Settings) -> int:
    """Of the disk of the data directory, or of an embedded store that is elsewhere: whichever has less. OSError."""
    places = [settings.data]
    if settings.store.startswith("chdb://") and Path(settings.store.removeprefix("chdb://")).is_dir():
        places.append(Path(settings.store.removeprefix("chdb://")))
    return min(shutil.disk_usage(place).free for place in places)
