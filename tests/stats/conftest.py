"""Counting what the engine is asked; workspaces for what the judge is asked too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from tests.judge.hearing import Asker

from turnout.store.engine import Engine, Parameters


class CountingEngine:
    """The real engine; it remembers what it was asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.asked: list[str] = []

    def query(self, sql: str, parameters: Parameters | None = None, output: str = "JSONCompact") -> bytes:
        self.asked.append(sql)
        return self._engine.query(sql, parameters, output)


@pytest.fixture
def counting_engine(house: Any) -> CountingEngine:
    return CountingEngine(house.services.engine)


@pytest.fixture(scope="module")
def open_workspace(house: Any, url: str) -> Iterator[Callable[..., Asker]]:
    """Makes workspaces of the server under test: `open_workspace(zone, influence_window_s=60)`."""
    with httpx.Client(base_url=url, timeout=60) as client:

        def make(timezone: str, **windows: int) -> Asker:
            catalog = house.services.catalog
            workspace = catalog.add_workspace(f"j{len(catalog.workspaces())}", timezone=timezone)
            if windows:
                catalog.change_workspace(workspace.id, **windows)
            _, key = catalog.add_key(workspace.id)
            return Asker(client, workspace.id, {"Authorization": f"Bearer {key}"})

        yield make
