"""The bodies under `payloads`, by name, for tests that need no server. Those in `parsed` are tested here alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_WHERE = Path(__file__).parent / "payloads"


def payload(name: str) -> dict[str, Any]:
    """All that `payloads/<name>.json` says, or the one in `parsed`."""
    (found,) = [where for where in (_WHERE / f"{name}.json", _WHERE / "parsed" / f"{name}.json") if where.exists()]
    told: dict[str, Any] = json.loads(found.read_text())
    return told


def body(name: str) -> Any:
    """A new copy of the body that it holds."""
    return payload(name)["body"]


def names(*providers: str) -> list[str]:
    """The payloads of these providers."""
    return sorted(path.stem for path in _WHERE.glob("**/*.json") if path.stem.partition("-")[0] in providers)
