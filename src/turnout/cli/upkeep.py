"""`turnout check`, `rebuild` and `metrics`: is every number right, mend it, and what does it mean."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from turnout.cli import console, damage, exits, options
from turnout.cli.connection import Connection, Refused, Target, connect
from turnout.panels import wording

#: So many requests at most, each of one campaign or of several.
_STEPS = 100

#: So many rows of a table at most.
_NAMED = 50

Campaigns = Annotated[
    list[str] | None,
    typer.Option(
        "--campaign", metavar="ID", help="Only this campaign; may be given several times.", show_default=False
    ),
]

Thorough = Annotated[
    bool,
    typer.Option(
        "--thorough",
        help="Also compare the ids of all events of the workspace with one another, whatever their campaign and time.",
    ),
]


def check(
    campaigns: Campaigns = None,
    from_: options.From = "",
    to: options.To = "",
    thorough: Thorough = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Read the whole store and hold the rollups against the raw events. Exits 1 if anything is damaged or differs.

    Events that are stored twice, or on the wrong shard of a cluster, are found as well.

    Damaged parts are looked for by a command on the server's machine, and not where only some campaigns are asked for.
    """
    with connect(Target(url, key, data, workspace)) as server:
        store = damage.check(server) if server.local and not campaigns else {}
        found = _walk(server, "/v1/check", "checking", campaigns, from_, to)
        if thorough:
            _look_anywhere(server, "/v1/check/duplicates", found)
    if store and not as_json:
        damage.say_found(store)
    _report({**found, "store": store} if store else found, "checked", as_json)
    if store and (store["spool"] or not store["sound"]):
        raise typer.Exit(exits.NOT_ALL_GOOD)


def rebuild(
    campaigns: Campaigns = None,
    from_: options.From = "",
    to: options.To = "",
    thorough: Thorough = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Mend damaged parts, make the rollups anew from the raw events, and check them. Exits 1 if they differ even then.

    Of an event that is stored more than once all copies but the one that was received first are dropped.

    Of a damaged part of the events all that can be read is saved; the part itself is set aside, never deleted. It is
    mended by a command on the server's machine, and not where only some campaigns are asked for.
    """
    with connect(Target(url, key, data, workspace)) as server:
        store = damage.mend(server) if server.local and not campaigns else {}
        if store and not as_json:
            damage.say_mended(store)
        found = _walk(server, "/v1/rebuild", "rebuilding", campaigns, from_, to)
        if thorough:
            _look_anywhere(server, "/v1/rebuild/duplicates", found)
    _report({**found, "store": store} if store else found, "rebuilt", as_json)
    if store and store["left"]:
        raise typer.Exit(exits.NOT_ALL_GOOD)


def _walk(
    server: Connection, route: str, words: str, campaigns: list[str] | None, from_: str, to: str
) -> dict[str, Any]:
    """Ask for some campaigns at a time, so that there is something to watch."""
    names = campaigns or with_events(server)
    size = max(1, -(-len(names) // _STEPS))
    whole = _nothing()
    with console.progress("campaigns") as bar:
        task = bar.add_task(words, total=len(names))
        for start in range(0, len(names), size):
            body = {"campaigns": names[start : start + size], "from": from_, "to": to}
            try:
                found = server.call("POST", route, body=body).json()
            except Refused as refused:
                if refused.code != "store_damaged":
                    raise
                found = {**_nothing(), "unreadable": body["campaigns"]}
            for name in whole:
                whole[name] += found.get(name, [])
            bar.update(task, advance=len(body["campaigns"]))
    return whole


def _nothing() -> dict[str, Any]:
    found: dict[str, Any] = {"campaigns": 0, "events": 0, "differences": [], "unreadable": []}
    return {**found, "duplicates": [], "misplaced": [], "overlaps": [], "dropped": 0}


def _look_anywhere(server: Connection, route: str, found: dict[str, Any]) -> None:
    """Add what is stored twice anywhere in the workspace to what was found campaign by campaign."""
    with console.progress() as bar:
        bar.add_task("comparing all ids", total=None)
        more: dict[str, Any] = server.call("POST", route).json()
    known = {one["id"] for one in found["duplicates"]}
    found["duplicates"] += [one for one in more["duplicates"] if one["id"] not in known]
    found["dropped"] += more["dropped"]


def with_events(server: Connection) -> list[str]:
    """Every campaign of any event, the empty name of behaviour included."""
    answer = server.get(
        "/v1/stats", {"metrics": "events", "dimensions": "campaign", "traffic": "all", "limit": "100000"}
    )
    return [row["campaign"] for row in answer["rows"]]


def _report(found: dict[str, Any], words: str, as_json: bool) -> None:
    differences, unreadable = found["differences"], found["unreadable"]
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        end = "rollups equal the raw events" if not differences else f"{len(differences):,} quarters of an hour differ:"
        campaigns, events = (wording.many(found[name], name[:-1]) for name in ("campaigns", "events"))
        print(f"{words} {campaigns} with {events}: {end}")
        if unreadable:
            print(f"the events of {len(unreadable):,} campaigns can't be read: {_some(unreadable)}")
    if differences and not as_json:
        made = console.table("campaign", "type", "from", "raw", "rollup", right=["raw", "rollup"])
        for one in differences:
            made.add_row(
                console.plain(one["campaign"]), one["type"], one["slot"],
                f"{one['raw_events']:,}", f"{one['rolled_events']:,}",
            )  # fmt: skip
        console.out().print(made)
        if words == "checked":
            print("turnout rebuild makes the rollups anew from the raw events")
    if not as_json:
        _say_others(found, words)
    if differences or unreadable or found["duplicates"] or found["misplaced"]:
        raise typer.Exit(exits.NOT_ALL_GOOD)


def _say_others(found: dict[str, Any], words: str) -> None:
    """Print what of the events themselves is not right, or was mended."""
    duplicates, misplaced = found["duplicates"], found["misplaced"]
    for one in found["overlaps"][:_NAMED]:
        print(
            f"'{console.plain(one['campaign'])}': viewing time counts {one['overlap_s']:,.0f} s more than once,"
            f" of {wording.many(one['viewers'], 'viewer')} whose intervals overlap"
        )
    if found["dropped"]:
        print(f"{wording.many(found['dropped'], 'row')} dropped, which repeated events that are stored")
    if duplicates:
        print(f"{wording.many(len(duplicates), 'event')} stored more than once:")
        made = console.table("campaign", "type", "time", "copies", "id", right=["copies"])
        for one in duplicates[:_NAMED]:
            made.add_row(console.plain(one["campaign"]), one["type"], one["time"], f"{one['copies']:,}", one["id"])
        console.out().print(made)
        if words == "checked":
            print("turnout rebuild drops all copies but the first of each")
    if misplaced:
        print(f"{sum(one['events'] for one in misplaced):,} events are not on the shard that they belong to:")
        made = console.table("campaign", "shard", "events", right=["shard", "events"])
        for one in misplaced[:_NAMED]:
            made.add_row(console.plain(one["campaign"]), f"{one['shard']}", f"{one['events']:,}")
        console.out().print(made)
        print("distinct recipients count twice there: see docs/cluster.md")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 10:,} more" if len(names) > 10 else ""
    return ", ".join(f"'{console.plain(name)}'" for name in names[:10]) + more


def metrics(
    search: Annotated[
        str, typer.Argument(metavar="WORDS", help="Only with this in the name or definition.", show_default=False)
    ] = "",
    as_json: options.Json = False,
) -> None:
    """Explain every metric and dimension: what it counts, in which unit, of which traffic."""
    # The dictionary is the program's own: it needs no server and no data.
    from turnout.dialects.native import render

    found = render.dictionary()
    if as_json:
        print(render.encode(found).decode())
        return
    wanted = search.casefold()
    made = console.table("metric", "unit", "definition")
    for metric in found.metrics:
        if wanted in f"{metric.name} {metric.definition}".casefold():
            made.add_row(metric.name, metric.unit, metric.definition)
    console.out().print(made)
    made = console.table("dimension", "definition")
    for dimension in found.dimensions:
        if wanted in f"{dimension.name} {dimension.definition}".casefold():
            made.add_row(dimension.name, dimension.definition)
    if made.row_count:
        print()
        console.out().print(made)
