"""How numbers are read out of each room's answers: each function makes a reader for one number by one kind of key."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.dialects.agreement.story import CAMPAIGNS, DAY, START_MS
from tests.dialects.agreement.workspaces import Workspace

Numbers = dict[Any, Decimal]
Read = Callable[[Workspace], Numbers]

#: The range of the questions about shows; the room of live shows has it with both ends.
LIVE = {"from_ms": START_MS + DAY, "to_ms": START_MS + 4 * DAY + 1}


def numbers(pairs: Any) -> Numbers:
    """Pairs of key and number added up by key; zeros are left out."""
    found: Numbers = {}
    for key, number in pairs:
        found[key] = found.get(key, Decimal(0)) + Decimal(str(number))
    return {key: number for key, number in found.items() if number}


def braze(campaign: str, channel: str, key: str, *, by_arm: bool = False) -> Read:
    """A counter of the entries of a channel, by day; or by day and arm."""

    def read(workspace: Workspace) -> Numbers:
        arms = {one.get("name") or one["id"]: one["id"] for one in CAMPAIGNS[campaign].get("variations", ())}
        return numbers(
            ((day["time"], arms[entry["variation_name"]]) if by_arm else day["time"], entry.get(key, 0))
            for day in workspace.braze(campaign=campaign)
            for entry in day["messages"][channel]
        )

    return read


def braze_day(campaign: str, key: str) -> Read:
    """A number of the whole day."""
    return lambda workspace: numbers((day["time"], day[key]) for day in workspace.braze(campaign=campaign))


def braze_kpi(name: str) -> Read:
    """Of all days on which anybody was in the app."""
    return lambda workspace: numbers(
        (day["time"], day[name]) for day in workspace.braze(f"/kpi/{name}/data_series", length=60)
    )


def batch(campaign: str, key: str) -> Read:
    return lambda workspace: numbers((day["date"], day[key]) for day in workspace.batch(campaign))


def batch_arms(campaign: str, key: str) -> Read:
    return lambda workspace: numbers(
        ((day["date"], arm), version[key])
        for day in workspace.batch(campaign)
        for arm, version in day["versions"].items()
    )


def orchestration(campaign: str, key: str) -> Read:
    return lambda workspace: numbers((day["date"], day[key]) for day in workspace.orchestration(campaign))


def orchestration_arms(campaign: str, key: str) -> Read:
    return lambda workspace: numbers(
        ((day["date"], version["version"]), version[key])
        for day in workspace.orchestration(campaign)
        for version in day["versions"]
    )


def intarget(campaign: str, key: str, zone: str) -> Read:
    """By the day of the send, in the workspace's zone ("local") or UTC."""

    def read(workspace: Workspace) -> Numbers:
        found = workspace.intarget("statistics", campaign, workspace.zone if zone == "local" else zone)
        return numbers((row["day"], row[key]) for row in found)

    return read


def intarget_messages(campaign: str, key: str, what: str = "statistics") -> Read:
    """By message, ever; what names none goes by the name of the campaign."""
    titles = {one["title"]: one["id"] for one in CAMPAIGNS[campaign]["messages"]} | {CAMPAIGNS[campaign]["title"]: ""}
    return lambda workspace: numbers(
        (titles[row["message_title"]], row[key]) for row in workspace.intarget(what, campaign)
    )


def emailconsul(path: str, *fields: str, **query: str) -> Read:
    """Counts by the values of these fields."""
    return lambda workspace: numbers(
        (row[fields[0]] if len(fields) == 1 else tuple(row[name] for name in fields), row["count"])
        for row in workspace.emailconsul(path, **query)
    )


def shoplive(key: str) -> Read:
    """By show, in the range of `LIVE`."""
    names = {fields["title"]: name for name, fields in CAMPAIGNS.items()}
    return lambda workspace: numbers(
        (names[row["title"]], row[key]) for row in workspace.shoplive(LIVE["from_ms"], LIVE["to_ms"] - 1)
    )


def ever(read: Read) -> Read:
    """All keys in one: only of what adds up."""
    return lambda workspace: numbers(((), number) for number in read(workspace).values())
