"""`turnout workspaces`: the tenants, and what each of them chooses."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from turnout.cli import console, options
from turnout.cli.connection import Target, connect
from turnout.errors import InvalidInput

workspaces = typer.Typer(help="List, add and change workspaces (tenants).", no_args_is_help=True)

_CHOICES = ("addresses", "allow_agents", "allow_networks", "retention_days", "live_tokens")

Name = Annotated[str, typer.Option("--name", metavar="NAME", help="A name to show.", show_default=False)]
Zone = Annotated[
    str, typer.Option("--timezone", metavar="ZONE", help="IANA zone of its days; UTC at first.", show_default=False)
]
AccessKey = Annotated[
    str,
    typer.Option(
        "--access-key", metavar="KEY", help="Public id in vendors' paths; generated at first.", show_default=False
    ),
]
SigningSecret = Annotated[
    str,
    typer.Option(
        "--signing-secret",
        metavar="SECRET",
        help="Verifies tokens that clients sign; generated at first.",
        show_default=False,
    ),
]
Addresses = Annotated[
    str,
    typer.Option(
        "--addresses",
        metavar="POLICY",
        help="What is kept of the addresses of requests: full, truncated (/24, /48) or none.",
        show_default=False,
    ),
]
AllowAgents = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-agent",
        metavar="TEXT",
        help="Requests by user agents with this in them are human. Repeat it for the whole list; '' empties it.",
        show_default=False,
    ),
]
AllowNetworks = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-network",
        metavar="CIDR",
        help="Requests from this network are human. Repeat it for the whole list; '' empties it.",
        show_default=False,
    ),
]
RetentionDays = Annotated[
    int | None,
    typer.Option(
        "--retention-days",
        metavar="N",
        min=0,
        max=36_500,
        help="Days after which what is personal is taken out of events; 0 is never.",
        show_default=False,
    ),
]
LiveTokens = Annotated[
    str,
    typer.Option(
        "--live-tokens",
        metavar="NEED",
        help="Whether viewers of a show who are no guests prove who they are: optional or required.",
        show_default=False,
    ),
]
WorkspaceId = Annotated[str, typer.Argument(metavar="ID", help="Workspace id.", show_default=False)]


@workspaces.command("list")
def list_workspaces(
    as_json: options.Json = False, url: options.Url = None, key: options.Key = None, data: options.Directory = None
) -> None:
    """List workspaces: all of a data directory, or the one of --key."""
    with connect(Target(url, key, data)) as server:
        answer = server.call("GET", "/v1/workspaces")
    if as_json:
        print(answer.text)
        return
    made = console.table("id", "name", "time zone", "access key", "made")
    for one in answer.json()["workspaces"]:
        made.add_row(
            one["id"],
            console.plain(one["name"]),
            one["timezone"],
            console.plain(one["access_key"]),
            console.minute(one["created_at"]),
        )
    console.out().print(made)


@workspaces.command("add")
def add_workspace(
    id: WorkspaceId,
    name: Name = "",
    timezone: Zone = "",
    access_key: AccessKey = "",
    signing_secret: SigningSecret = "",
    addresses: Addresses = "",
    allow_agents: AllowAgents = None,
    allow_networks: AllowNetworks = None,
    retention_days: RetentionDays = None,
    live_tokens: LiveTokens = "",
    as_json: options.Json = False,
    data: options.Directory = None,
) -> None:
    """Make a workspace with its first key; the credentials are printed this once."""
    body = {
        **_settings(name=name, timezone=timezone, access_key=access_key, signing_secret=signing_secret),
        **_choices(addresses, allow_agents, allow_networks, retention_days, live_tokens),
    }
    with connect(Target(data=data), creates=True) as server:
        answer = server.call("POST", "/v1/workspaces", body={"id": id, **body})
    if as_json:
        print(answer.text)
        return
    made = answer.json()
    print(f"workspace {made['id']} in {made['timezone']}; its credentials, shown once:")
    for label, field in (("access key", "access_key"), ("signing secret", "signing_secret"), ("API key", "api_key")):
        print(f"  {label:<15} {made[field]}")


@workspaces.command("set")
def set_workspace(
    id: WorkspaceId,
    name: Name = "",
    timezone: Zone = "",
    access_key: AccessKey = "",
    signing_secret: SigningSecret = "",
    addresses: Addresses = "",
    allow_agents: AllowAgents = None,
    allow_networks: AllowNetworks = None,
    retention_days: RetentionDays = None,
    live_tokens: LiveTokens = "",
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
) -> None:
    """Change a workspace: its name, time zone, credentials, and what it does about addresses, machines and viewers."""
    body = {
        **_settings(name=name, timezone=timezone, access_key=access_key, signing_secret=signing_secret),
        **_choices(addresses, allow_agents, allow_networks, retention_days, live_tokens),
    }
    if not body:
        raise InvalidInput("nothing is to be changed", hint="e.g. --timezone Europe/Berlin")
    with connect(Target(url, key, data, workspace="default" if url else id)) as server:
        answer = server.call("PATCH", "/v1/workspaces", body={"id": id, **body})
    made = answer.json()
    if as_json:
        print(answer.text)
        return
    print(f"workspace {made['id']}: {console.plain(made['name'])}, {made['timezone']}")
    for field in _CHOICES:
        if field in body:
            value = made[field]
            shown = ", ".join(map(console.plain, value)) or "none" if isinstance(value, list) else value
            print(f"  {field.replace('_', ' ')}: {shown}")


def _settings(**given: str) -> dict[str, str]:
    return {field: value for field, value in given.items() if value}


def _choices(
    addresses: str,
    allow_agents: list[str] | None,
    allow_networks: list[str] | None,
    retention_days: int | None,
    live_tokens: str,
) -> dict[str, Any]:
    """What a workspace may choose; a list with an empty text in it is one of the others."""
    found: dict[str, Any] = _settings(addresses=addresses, live_tokens=live_tokens)
    for field, values in (("allow_agents", allow_agents), ("allow_networks", allow_networks)):
        if values:
            found[field] = [value for value in values if value]
    return found if retention_days is None else {**found, "retention_days": retention_days}
