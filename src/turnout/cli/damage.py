"""What `turnout check` and `turnout rebuild` say of the store itself: damaged parts, and what was done about them.

A connection enters; lines on stdout leave, and whether all is good. Only commands on the server's machine may ask
for it: damage is of all workspaces.
"""

from __future__ import annotations

from typing import Any

from turnout.cli import console
from turnout.cli.connection import Connection

#: So many campaigns are named of each part.
_NAMED = 10


def check(server: Connection) -> dict[str, Any]:
    """Have everything read; what is wrong with it."""
    with console.progress() as bar:
        bar.add_task("reading the store", total=None)
        found: dict[str, Any] = server.call("POST", "/v1/check/store").json()
    return found


def mend(server: Connection) -> dict[str, Any]:
    """Have everything mended that can be; what was done."""
    with console.progress() as bar:
        bar.add_task("mending the store", total=None)
        done: dict[str, Any] = server.call("POST", "/v1/rebuild/store").json()
    return done


def say_found(found: dict[str, Any]) -> None:
    """Print what a check found, and what to do about it."""
    for part in found["damaged"]:
        print(f"{_name(part)} can't be read through{_holds(part)}")
    _say_lost(found["lost"])
    if found["unfinished"]:
        print("a mending broke off half way")
    for part in found["aside"]:
        rows = "unknown" if part["rows"] is None else f"{part['rows']:,}"
        print(f"set aside, and counted nowhere: {_name(part)} ({rows} rows) in {console.plain(part['path'])}")
    for one in found["spool"]:
        print(
            f"{one['bytes']:,} bytes of the spool can't be read, and what was acknowledged in them is lost:"
            f" {one['file']} at byte {one['offset']:,}; the file is kept in spool/damaged/"
        )
    if found["spool"]:
        print("have what came at that time sent again (it counts once); then delete the file, and restart the server")
    for one in found["replicas"]:
        print(f"{console.plain(one['table'])} on {console.plain(one['node'])} {console.plain(one['reason'])}")
    if found["shards"]:
        print("events by shard: " + ", ".join(f"{one['shard']}: {one['events']:,}" for one in found["shards"]))
    if not found["sound"] and not found["replicas"]:
        print("questions about what is damaged fail, or take longer, until turnout rebuild has mended it")


def say_mended(done: dict[str, Any]) -> None:
    """Print what a mending did, and what only a backup can do."""
    if done["set_aside"]:
        whole = done["saved"] + done["unread"]
        print(
            f"{len(done['set_aside'])} damaged parts of the events set aside:"
            f" {done['saved']:,} of their {whole:,} events saved, {done['unread']:,} can't be read"
        )
    _say_lost(done["lost"])
    if done["lost"]:
        print("they are not counted any more; if they were lost, a backup has them, and sent again they count once")
    if done["dropped"]:
        print(f"{len(done['dropped'])} damaged parts of what is made from events dropped")
    if done["rebuilt"]:
        print(f"rollups of {done['rebuilt']:,} campaigns made anew from the events that are there")
    for part in done["left"]:
        print(f"{_name(part)} can't be read, and nothing else has what is in it: restore a backup")


def _say_lost(lost: list[dict[str, Any]]) -> None:
    if not lost:
        return
    made = console.table("workspace", "campaign", "counted, not there", right=["counted, not there"])
    for one in lost:
        made.add_row(console.plain(one["workspace"]), console.plain(one["campaign"]), f"{one['events']:,}")
    console.out().print(made)


def _name(part: dict[str, Any]) -> str:
    return f"part {part['part']} of {part['table']}"


def _holds(part: dict[str, Any]) -> str:
    """Whose rows it has, as far as that is known."""
    held = part["held"]
    if not held:
        return f": {part['rows']:,} rows"
    names = ", ".join(
        f"{console.plain(one['workspace'])}/{console.plain(one['campaign'])} ({one['from']} to {one['to']})"
        for one in held[:_NAMED]
    )
    more = f" and {len(held) - _NAMED:,} more" if len(held) > _NAMED else ""
    some = "" if part["held_exactly"] else " at least"
    return f": {part['rows']:,} rows, of{some} {names}{more}"
