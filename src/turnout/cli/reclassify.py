"""`turnout reclassify`: who is human, found anew over history; a table of what changed."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from typing import Annotated, Any

import typer

from turnout.cli import console, options, upkeep
from turnout.cli.connection import Connection, Target, connect
from turnout.errors import InvalidInput
from turnout.panels import wording

#: So many requests at most, each of one campaign or of several.
_STEPS = 100

_SINCE = re.compile(r"(\d{1,4})([mhdw])")
#: No event is older.
_EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def reclassify(
    campaigns: upkeep.Campaigns = None,
    from_: options.From = "",
    to: options.To = "",
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="AGE", help="Instead of --from: the last 90m, 24h, 7d or 4w.", show_default=False
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would change.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Find anew who is human: with today's rules and allow lists, and with what happened before and after each event.

    Events without anything of a request (user agent, address), and those whose class their sender has said, stay as
    they are. Nothing is dropped or counted twice; running it again changes nothing.
    """
    if since:
        if from_:
            raise InvalidInput("--since and --from say the same", field="--since")
        from_ = _start(since)
    with connect(Target(url, key, data, workspace)) as server:
        found = _walk(server, campaigns, {"from": from_, "to": to, "dry_run": dry_run})
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        _print(found)


def _start(since: str) -> str:
    match = _SINCE.fullmatch(since.strip())
    if match is None:
        raise InvalidInput(f"'{since}' is no age", field="--since", hint="e.g. 90m, 24h, 7d or 4w")
    start = dt.datetime.now(dt.UTC) - dt.timedelta(**{_UNITS[match[2]]: int(match[1])})
    return max(start, _EARLIEST).isoformat(timespec="seconds")


def _walk(server: Connection, campaigns: list[str] | None, scope: dict[str, Any]) -> dict[str, Any]:
    """Ask for some campaigns at a time, so that there is something to watch, and others have their turn."""
    names = campaigns or upkeep.with_events(server)
    size = max(1, -(-len(names) // _STEPS))
    whole: dict[str, Any] = {"campaigns": len(names), "dry_run": scope["dry_run"], "events": 0, "changed": 0}
    classes: Counter[tuple[str, str]] = Counter()
    reasons: Counter[str] = Counter()
    with console.progress("campaigns") as bar:
        task = bar.add_task("classifying", total=len(names))
        for start in range(0, len(names), size):
            some = names[start : start + size]
            found = server.call("POST", "/v1/reclassify", body={"campaigns": some, **scope}).json()
            for name in ("events", "changed"):
                whole[name] += found[name]
            for one in found["classes"]:
                classes[one["from"], one["to"]] += one["events"]
            reasons.update(found["reasons"])
            bar.update(task, advance=len(some))
    return {
        **whole,
        "classes": [
            {"from": before, "to": after, "events": events} for (before, after), events in classes.most_common()
        ],
        "reasons": dict(reasons.most_common()),
    }


def _print(found: dict[str, Any]) -> None:
    moved = sum(one["events"] for one in found["classes"])
    words = "would be" if found["dry_run"] else "are now"
    print(
        f"looked at {wording.many(found['events'], 'event')} of {wording.many(found['campaigns'], 'campaign')}:"
        f" {moved:,} {words} of another class, {found['changed'] - moved:,} {words} explained otherwise"
    )
    if found["classes"]:
        made = console.table("was", "would be" if found["dry_run"] else "is", "events", right=["events"])
        for one in found["classes"]:
            made.add_row(one["from"], one["to"], f"{one['events']:,}")
        console.out().print(made)
    if found["reasons"]:
        made = console.table("reason", "events", right=["events"])
        for name, events in found["reasons"].items():
            made.add_row(name, f"{events:,}")
        console.out().print(made)
