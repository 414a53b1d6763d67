"""`turnout hooks`: where providers' webhooks come in."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from turnout.cli import console, options
from turnout.cli.connection import Target, connect, path
from turnout.errors import InvalidInput, NotFound
from turnout.panels import wording

hooks = typer.Typer(help="Make, list and revoke the hooks that providers' webhooks come to.", no_args_is_help=True)

#: What may become of an event that a provider tells.
_EVENTS = ("accepted", "duplicates", "ignored", "quarantined")

#: Characters of a secret: keys of 4,096 bits have fewer.
_SECRET_LIMIT = 4096


@hooks.command("add")
def add_hook(
    provider: Annotated[
        str,
        typer.Argument(metavar="PROVIDER", help="Who will call it: docs/webhooks.md lists them.", show_default=False),
    ],
    secret: Annotated[
        str,
        typer.Option(
            "--secret",
            metavar="SECRET",
            help="What the provider signs with; other users of this machine may see it, so better --secret-file.",
            show_default=False,
        ),
    ] = "",
    secret_file: Annotated[
        str,
        typer.Option("--secret-file", metavar="FILE", help="The secret from a file; - is stdin.", show_default=False),
    ] = "",
    campaign: Annotated[
        str,
        typer.Option(
            "--campaign", metavar="ID", help="Whose the events are that name no campaign.", show_default=False
        ),
    ] = "",
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            metavar="NAME=VALUE",
            help="One of the provider's own options; may be given several times.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What it is for.", show_default=False)] = "",
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Make a hook; print its address, this once, and what to do with it at the provider."""
    if secret and secret_file:
        raise InvalidInput("--secret and --secret-file say the same thing", hint="give one of them")
    body = {
        "provider": provider,
        "name": name,
        "secret": secret or _read(secret_file),
        "campaign": campaign,
        "options": dict(_pair(one) for one in option or ()),
    }
    with connect(Target(url, key, data, workspace), creates=True) as server:
        answer = server.call("POST", "/v1/hooks", body=body)
    if as_json:
        print(answer.text)
        return
    made = answer.json()
    checked = "its requests are checked" if made["checked"] else "nothing but its address proves who calls it"
    print(f"hook {made['id']} of {console.plain(made['provider'])} ({checked}), its address shown once:")
    print(made["url"])
    print()
    print(made["setup"])


@hooks.command("list")
def list_hooks(
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """List the hooks of a workspace; their addresses and secrets are not shown."""
    with connect(Target(url, key, data, workspace)) as server:
        answer = server.call("GET", "/v1/hooks")
    if as_json:
        print(answer.text)
        return
    columns = "id", "provider", "name", "campaign", "checked", "made", "revoked", "last call", "events", "refused"
    made = console.table(*columns, right=("events", "refused"))
    for one in answer.json()["hooks"]:
        received = one["deliveries"]
        made.add_row(
            one["id"],
            *(console.plain(one[field]) for field in ("provider", "name", "campaign")),
            "yes" if one["checked"] else "no",
            console.minute(one["created_at"]),
            console.minute(one["revoked_at"]),
            console.minute(received["recent"][0]["at"] if received["recent"] else None),
            f"{received['accepted']:,}",
            f"{received['refused']:,}",
        )
    console.out().print(made)


@hooks.command("deliveries")
def list_deliveries(
    id: Annotated[
        str, typer.Argument(metavar="ID", help="Id of the hook; turnout hooks list shows it.", show_default=False)
    ],
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Show what came to a hook lately: when (UTC), what it was answered, its events, and why it was refused."""
    with connect(Target(url, key, data, workspace)) as server:
        known = {one["id"]: one for one in server.call("GET", "/v1/hooks").json()["hooks"]}
    if id not in known:
        raise NotFound(f"no hook '{id[:100]}'", hint="turnout hooks list shows the hooks there are")
    received = known[id]["deliveries"]
    if as_json:
        print(json.dumps(received, ensure_ascii=False))
        return
    made = console.table("at", "status", *_EVENTS, "error", right=("status", *_EVENTS))
    for one in received["recent"]:
        counts = (f"{one[field]:,}" for field in _EVENTS)
        made.add_row(one["at"][:19].replace("T", " "), str(one["status"]), *counts, console.plain(one["error"]))
    if received["recent"]:
        console.out().print(made)
    sums = ", ".join(f"{received[field]:,} {field}" for field in _EVENTS)
    print(f"{wording.many(received['requests'], 'request')} in all, {received['refused']:,} refused; events: {sums}")


@hooks.command("revoke")
def revoke_hook(
    id: Annotated[
        str, typer.Argument(metavar="ID", help="Id of the hook; turnout hooks list shows it.", show_default=False)
    ],
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """End a hook and forget its secret; what calls its address from now on is not found."""
    with connect(Target(url, key, data, workspace)) as server:
        made = server.call("DELETE", path("hooks", id)).json()
    print(f"revoked {made['id']} of {console.plain(made['provider'])} {console.plain(made['name'])}".rstrip())


def _read(file: str) -> str:
    if not file:
        return ""
    if file == "-":
        found = sys.stdin.read(_SECRET_LIMIT + 1)
    else:
        with Path(file).open(encoding="utf-8") as stream:
            found = stream.read(_SECRET_LIMIT + 1)
    if not found.strip():
        raise InvalidInput("the secret is empty", field="--secret-file")
    return found.strip()


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise InvalidInput(f"'{text}' is not NAME=VALUE", field="--option")
    return name, value
