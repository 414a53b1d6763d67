"""Counting what the engine is asked."""

from __future__ import annotations

from typing import Any

import pytest

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
