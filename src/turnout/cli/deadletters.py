"""`turnout deadletters`: what of webhooks was not understood, and trying again."""

from __future__ import annotations

import base64
import json
import sys
from typing import Annotated, Any

import typer

from turnout.cli import console, options
from turnout.cli.connection import Connection, Target, connect, path
from turnout.errors import InvalidInput

deadletters = typer.Typer(
    help="List, show, replay and delete what of providers' webhooks was not understood.", no_args_is_help=True
)

#: Letters of one request.
_PAGE = 1000
_REPLAY_PAGE = 100

LetterId = Annotated[
    str,
    typer.Argument(metavar="ID", help="Id of the letter; turnout deadletters list shows it.", show_default=False),
]
LetterIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID…", help="Ids of letters; turnout deadletters list shows them.", show_default=False),
]
Provider = Annotated[
    str, typer.Option("--provider", metavar="NAME", help="Only what this provider told.", show_default=False)
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="WORDS", help="Only with this in the reason.", show_default=False)
]


@deadletters.command("list")
def list_letters(
    provider: Provider = "",
    reason: Reason = "",
    everything: Annotated[bool, typer.Option("--all", help="Those, too, that were understood since.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """List dead letters, the first to come first."""
    query = {"provider": provider, "reason": reason, "replayed": "true" if everything else ""}
    with connect(Target(url, key, data, workspace)) as server:
        found, more = _listed(server, {name: value for name, value in query.items() if value}, limit)
    if as_json:
        print(json.dumps({"letters": found}, ensure_ascii=False))
        return
    made = console.table("id", "received", "provider", "bytes", "reason", "understood", right=["bytes"])
    for one in found:
        made.add_row(
            one["id"],
            console.minute(one["received"]),
            console.plain(one["provider"]),
            f"{one['bytes']:,}",
            console.plain(one["reason"]),
            console.minute(one["replayed"]),
        )
    console.out().print(made)
    if more:
        print(f"and more: --limit shows more than {limit:,}", file=sys.stderr)


def _listed(server: Connection, query: dict[str, str], limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Up to so many letters, page by page, and whether there are more."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = server.get("/v1/deadletters", {**query, **after, "limit": str(min(_PAGE, limit - len(found)))})
        found += page["letters"]
        if not page["next"] or len(found) >= limit:
            return found, bool(page["next"])
        after = {"after": page["next"]}


@deadletters.command("show")
def show_letter(
    id: LetterId,
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Show a dead letter: why it was not understood, and what it says."""
    with connect(Target(url, key, data, workspace)) as server:
        answer = server.call("GET", path("deadletters", id))
    if as_json:
        print(answer.text)
        return
    found = answer.json()
    for label in ("id", "received", "provider", "hook", "reason", "replayed"):
        if found[label]:
            print(f"{label:<9} {console.plain(found[label])}")
    for label in ("query", "headers"):
        for name, value in found[label].items():
            print(f"{label:<9} {console.plain(name)}: {console.plain(value)}")
    print()
    body = found["body"] if found["encoding"] == "utf-8" else repr(base64.b64decode(found["body"]))[2:-1]
    for line in body.split("\n"):
        print(console.plain(line.rstrip("\r")))


@deadletters.command("replay")
def replay_letters(
    ids: LetterIds = None,
    provider: Provider = "",
    reason: Reason = "",
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Parse dead letters again, after an upgrade or with another option of their hook; nothing is counted twice."""
    _named(ids, provider, reason, everything)
    body = {"ids": ids or [], "provider": provider, "reason": reason, "limit": _REPLAY_PAGE}
    done = dict.fromkeys(("understood", "still", "accepted", "duplicates", "ignored"), 0)
    with connect(Target(url, key, data, workspace)) as server:
        after = ""
        while True:
            answer = server.call("POST", "/v1/deadletters/replay", body={**body, "after": after}).json()
            for name in done:
                done[name] += answer[name]
            after = answer["next"]
            if not after:
                break
    if as_json:
        print(json.dumps(done))
        return
    print(
        f"{done['understood']:,} understood: {done['accepted']:,} events accepted, {done['duplicates']:,} known "
        f"already, {done['ignored']:,} without a statistic; {done['still']:,} still not understood"
    )


@deadletters.command("delete")
def delete_letters(
    ids: LetterIds = None,
    provider: Provider = "",
    reason: Reason = "",
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Forget dead letters."""
    _named(ids, provider, reason, everything)
    with connect(Target(url, key, data, workspace)) as server:
        if ids:
            for one in ids:
                server.call("DELETE", path("deadletters", one))
            deleted = len(ids)
        else:
            query = {"provider": provider, "reason": reason, "all": "true" if everything else ""}
            asked = {name: value for name, value in query.items() if value}
            deleted = server.call("DELETE", "/v1/deadletters", query=asked).json()["dropped"]
    print(f"deleted {deleted:,}")


def _named(ids: list[str] | None, provider: str, reason: str, everything: bool) -> None:
    if not (ids or provider or reason or everything):
        raise InvalidInput("which letters?", hint="give ids, --provider, --reason, or --all")
    if ids and (provider or reason or everything):
        raise InvalidInput("ids already say which letters", hint="leave --provider, --reason and --all out")
