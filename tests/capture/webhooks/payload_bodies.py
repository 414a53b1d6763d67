"""The bodies under `payloads`, by name, for tests that need no server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_WHERE = Path(__file__).parent / "payloads"


def body(name: str) -> Any:
    """A new copy of the body of `payloads/<name>.json`."""
    return json.loads((_WHERE / f"{name}.json").read_text())["body"]
