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

Campaigns = Annotated[
    list[str] | None,
    typer.Option(
        "--campaign", metavar="ID", help="Only this campaign; may be given several times.", show_default=False
    ),
]


def check(
    campaigns: Campaigns = None,
    from_: options.From = "",
    to: options.To = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Read the whole store and hold the rollups against the raw events. Exits 1 if anything is damaged or differs.

    Damaged parts are looked for by a command on the server's machine, and not where only some campaigns are asked for.
    """
    with connect(Target(url, key, data, workspace)) as server:
        store = damage.check(server) if server.local and not campaigns else {}
        found = _walk(server, "/v1/check", "checking", campaigns, from_, to)
    if store and not as_json:
        damage.say_found(store)
    _report({**found, "store": store} if store else found, "checked", as_json)
    if store and (store["spool"] or not store["sound"]):
        raise typer.Exit(exits.NOT_ALL_GOOD)


def rebuild(
    campaigns: Campaigns = None,
    from_: options.From = "",
    to: options.To = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Mend damaged parts, make the rollups anew from the raw events, and check them. Exits 1 if they differ even then.

    Of a damaged part of the events all that can be read is saved; the part itself is set aside, never deleted. It is
    mended by a command on the server's machine, and not where only some campaigns are asked for.
    """
    with connect(Target(url, key, data, workspace)) as server:
        store = damage.mend(server) if server.local and not campaigns else {}
        if store and not as_json:
            damage.say_mended(store)
        found = _walk(server, "/v1/rebuild", "rebuilding", campaigns, from_, to)
    _report({**found, "store": store} if store else found, "rebuilt", as_json)
    if store and store["left"]:
        raise typer.Exit(exits.NOT_ALL_GOOD)


def _walk(
    server: Connection, route: str, words: str, campaigns: list[str] | None, from_: str, to: str
) -> dict[str, Any]:
    """Ask for some campaigns at a time, so that there is something to watch."""
    names = campaigns or with_events(server)
    size = max(1, -(-len(names) // _STEPS))
    whole: dict[str, Any] = {"campaigns": 0, "events": 0, "differences": [], "unreadable": []}
    with console.progress("campaigns") as bar:
        task = bar.add_task(words, total=len(names))
        for start in range(0, len(names), size):
            body = {"campaigns": names[start : start + size], "from": from_, "to": to}
            try:
                found = server.call("POST", route, body=body).json()
            except Refused as refused:
                if refused.code != "store_damaged":
                    raise
                found = {"campaigns": 0, "events": 0, "differences": [], "unreadable": body["campaigns"]}
            for name in whole:
                whole[name] += found.get(name, [])
            bar.update(task, advance=len(body["campaigns"]))
    return whole


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
    if not differences and not unreadable:
        return
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
    raise typer.Exit(exits.NOT_ALL_GOOD)


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
