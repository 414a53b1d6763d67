"""Asking a server over HTTP what the judge is asked, and holding its answers against the verdicts."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
from tests.judge.asking import Asked
from tests.judge.court import Verdict
from tests.judge.events import EPOCH


@dataclass(frozen=True)
class Asker:
    """One workspace of the server under test; `headers` authorise for it."""

    client: httpx.Client
    workspace: str
    headers: dict[str, str]

    def put(self, campaign: str, fields: dict[str, Any]) -> None:
        answer = self.client.put(f"/v1/campaigns/{quote(campaign)}", json=fields, headers=self.headers)
        assert answer.status_code in (200, 201), answer.text

    def post(self, events: list[dict[str, Any]], *, as_lines: bool = False) -> tuple[int, int]:
        body = "\n".join(map(json.dumps, events)) if as_lines else json.dumps(events)
        answer = self.client.post("/v1/events", content=body, headers=self.headers)
        assert answer.status_code == 200, answer.text
        receipt = answer.json()
        assert receipt["rejected"] == []
        return receipt["accepted"], receipt["duplicates"]

    def ask(self, asked: Asked) -> dict[str, Any]:
        answer = self.client.get("/v1/stats", params=query(asked), headers=self.headers)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


def query(asked: Asked) -> list[tuple[str, str]]:
    """A question as /v1/stats takes it."""
    found = [("metrics", ",".join(asked.metrics)), ("timezone", asked.timezone), ("traffic", ",".join(asked.traffic))]
    found += [("dimensions", ",".join(asked.dimensions))] if asked.dimensions else []
    found += [(name, value.replace(",", "\\,")) for name, values in asked.filters for value in values]
    found += [("from", str(asked.from_ms))] if asked.from_ms is not None else []
    found += [("to", _iso(asked.to_ms))] if asked.to_ms is not None else []
    found += [("sort", ",".join(f"{'-' * down}{name}" for name, down in asked.sort))] if asked.sort else []
    found += [("by", asked.placed_by)] if asked.placed_by != "event" else []
    return [*found, ("limit", str(asked.limit)), ("offset", str(asked.offset))]


def _iso(moment_ms: int) -> str:
    return (EPOCH + dt.timedelta(milliseconds=moment_ms)).isoformat()


def hold(answer: dict[str, Any], verdict: Verdict) -> None:
    """The answer is what the judge says, to the last number."""
    assert numbers_of(answer["rows"]) == verdict.rows
    assert numbers_of([answer["totals"]]) == [verdict.totals]
    assert answer["meta"]["rows"] == verdict.row_count
    assert answer["meta"]["excluded"] == verdict.excluded


def numbers_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with their money as numbers."""
    return [
        {
            name: {code: Decimal(amount) for code, amount in value.items()} if isinstance(value, dict) else value
            for name, value in row.items()
        }
        for row in rows
    ]
