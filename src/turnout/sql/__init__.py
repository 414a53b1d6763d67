"""Fixed SQL, kept as SQL: `migrations/NNNN_name.sql` make the schema, `queries/name.sql` are asked.

Queries are read when their module is imported, so that a missing file fails at the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

_ROOT = files(__name__)


@dataclass(frozen=True)
class Migration:
    """One numbered step of the schema: its statements, in order."""

    number: int
    name: str
    statements: tuple[str, ...]


def query(name: str) -> str:
    """The text of `queries/NAME.sql`."""
    return (_ROOT / "queries" / f"{name}.sql").read_text(encoding="utf-8").strip()


def migrations() -> tuple[Migration, ...]:
    """Every migration, in the order of its number."""
    found = []
    for path in (_ROOT / "migrations").iterdir():
        if path.name.endswith(".sql"):
            number, _, name = path.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, _statements(path.read_text(encoding="utf-8"))))
    return tuple(sorted(found, key=lambda migration: migration.number))


def _statements(text: str) -> tuple[str, ...]:
    """Split at semicolons that end a line; comment lines are dropped."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    parts = (part.strip() for part in code.split(";\n"))
    return tuple(part.rstrip(";").strip() for part in parts if part.strip().rstrip(";").strip())
