"""A campaign's days against plain Python over the same events: who was sent what when, and what came of it."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from typing import Any

import pytest

HOUR_S, DAY_S = 3600, 86_400
START = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
PEOPLE = ("human", "proxy")


def chance(seed: int) -> list[dict[str, Any]]:
    """Events of a few people over six weeks, no two at one second."""
    dice = random.Random(seed)
    people = [f"p{number}" for number in range(12)]
    found: list[dict[str, Any]] = []
    for number, second in enumerate(sorted(dice.sample(range(42 * DAY_S), 700))):
        kind = dice.choices(("sent", "opened", "app_opened", "bounced", "failed"), (30, 20, 45, 3, 2))[0]
        event: dict[str, Any] = {"type": kind, "recipient": dice.choice(people), "at": second, "id": str(number)}
        if kind == "app_opened" and found and dice.random() < 0.7:
            # soon after what happened last, where windows begin and end
            event["recipient"] = found[-1]["recipient"]
            event["at"] = found[-1]["at"] + dice.choice((60, 3 * HOUR_S, 3 * HOUR_S + 1, 3 * DAY_S, 3 * DAY_S + 1))
        if kind != "app_opened":
            event |= {"campaign": "c", "variation": dice.choice(("x", "y"))}
        if kind == "sent":
            event["opted_in"] = dice.random() < 0.6
        if kind == "opened":
            event["open"] = dice.choice(("direct", "direct", "influenced"))
            event["traffic"] = dice.choice(("human", "proxy", "bot"))
        found.append(event)
    seconds = set()
    for event in found:
        while event["at"] in seconds:
            event["at"] += 7
        seconds.add(event["at"])
    return found


def judge(events: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """For each day the numbers of `day`, `x` and `y`: ints, and sets of people where those are counted."""
    rows: dict[str, dict[str, dict[str, Any]]] = defaultdict(
        lambda: {
            name: {"sent": 0, "sent_optins": 0, "direct_open": set(), "influenced_open": set(), "reengaged": set()}
            | {"errors": 0}
            for name in ("day", "x", "y")
        }
    )

    def latest_send(who: str, at: int) -> dict[str, Any] | None:
        before = [one for one in sends if one["recipient"] == who and one["at"] <= at]
        return max(before, key=lambda one: one["at"]) if before else None

    def places(event: dict[str, Any], variation: str) -> list[dict[str, Any]]:
        send = latest_send(event["recipient"], event["at"]) or event
        day = (START + dt.timedelta(seconds=send["at"])).date().isoformat()
        return [rows[day]["day"], rows[day][variation]]

    sends = [one for one in events if one["type"] == "sent"]
    apps = sorted((one for one in events if one["type"] == "app_opened"), key=lambda one: one["at"])
    opens = [one for one in events if one["type"] == "opened" and one["traffic"] in PEOPLE]
    for event in events:
        for row in places(event, event["variation"]) if "campaign" in event else ():
            if event["type"] == "sent":
                row["sent"] += 1
                row["sent_optins"] += event["opted_in"]
            elif event["type"] in ("bounced", "failed"):
                row["errors"] += 1
            elif event in opens:
                row["direct_open" if event["open"] == "direct" else "influenced_open"].add(event["recipient"])
    for send in sends:
        who = send["recipient"]
        mine = [one for one in apps if one["recipient"] == who and latest_send(who, one["at"]) is send]
        opened = any(one["recipient"] == who and latest_send(who, one["at"]) is send for one in opens)
        awake = any(one["recipient"] == who and send["at"] - 14 * DAY_S <= one["at"] < send["at"] for one in apps)
        for row in places(send, send["variation"]):
            if not opened and any(one["at"] - send["at"] <= 3 * HOUR_S for one in mine):
                row["influenced_open"].add(who)
            if not awake and any(one["at"] - send["at"] <= 3 * DAY_S for one in mine):
                row["reengaged"].add(who)
    return rows


def numbers(row: dict[str, Any], *without: str) -> dict[str, int]:
    return {key: len(value) if isinstance(value, set) else value for key, value in row.items() if key not in without}


@pytest.mark.parametrize("seed", range(4))
def test_days_and_versions_are_what_plain_python_says(client: Any, tenant: Any, seed: int) -> None:
    events = chance(seed)
    token = tenant.client.put("/v1/campaigns/c", json={"variations": [{"id": "x"}, {"id": "y"}]}).json()["token"]
    tenant.send(
        *(
            {key: value for key, value in one.items() if key != "at"}
            | {"time": (START + dt.timedelta(seconds=one["at"])).isoformat()}
            for one in events
        )
    )
    rows = judge(events)
    expected = [
        {"date": day}
        | numbers(rows[day]["day"], "sent_optins")
        | {"versions": {"a": numbers(rows[day]["x"], "errors"), "b": numbers(rows[day]["y"], "errors")}}
        for day in sorted(rows)
        if any(numbers(rows[day]["day"]).values())
    ]
    found = client.get(f"/campaigns/stats/{token}").json()["detail"]
    assert found == expected
    # the dice have thrown what there is to test
    for key in ("sent", "direct_open", "influenced_open", "reengaged", "errors"):
        assert sum(day[key] for day in found) > 2, key
