"""Every body that five providers of e-mail document, or that we made after it: what it says, and says again.

`test_providers.py` sends some of them to a server; here all of them are parsed.
"""

from __future__ import annotations

import collections
import json
from typing import Any

import pytest
from tests.capture.webhooks.deliveries import URL, delivery, events
from tests.capture.webhooks.payload_bodies import names, payload

from turnout.capture.webhooks.contract import Parsed
from turnout.capture.webhooks.registry import PROVIDERS

#: Metrics of a payload that count one detail of a type.
_DETAILS = {"bounced_hard": ("bounced", "hard"), "bounced_soft": ("bounced", "soft")}


@pytest.mark.parametrize("name", names("ses", "mailgun", "resend", "sparkpost", "brevo"))
def test_what_a_body_says(name: str) -> None:
    told = payload(name)
    parsed = parse(told, told["body"])
    made = {event.id: event for event in events(parsed)}
    assert (len(made), parsed.ignored, len(parsed.unread)) == (
        told["events"], told.get("ignored", 0), told.get("quarantined", 0),
    )  # fmt: skip
    assert len(parsed.said) - len(made) == told.get("duplicates", 0)
    counted = collections.Counter((event.type, event.bounce) for event in made.values())
    for metric, count in told["stats"].items():
        kind, detail = _DETAILS.get(metric, (metric.removeprefix("unique_"), ""))
        if not metric.startswith("unique_"):
            found = [many for key, many in counted.items() if key[0] == kind and detail in ("", key[1])]
            assert sum(found) == count, metric
    if "retry" in told:
        assert {event.id for event in events(parse(told, told["retry"]))} == set(made)
    for each in parsed.said:
        assert {event.id for event in events(parse(told, each.source))} <= set(made)


def parse(told: dict[str, Any], content: Any) -> Parsed:
    query = "&".join(f"{name}={value}" for name, value in told.get("query", {}).items())
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    request = delivery(raw, url=f"{URL}?{query}", **told.get("options", {}))
    return PROVIDERS[told["provider"]].parse(request)
