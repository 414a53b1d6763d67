"""`turnout campaigns` and `keys`: what there is, and changing it."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import msgspec
import typer

from turnout.cli import asking, console, options
from turnout.cli.connection import Connection, Target, connect, path
from turnout.errors import InvalidInput, UnknownName
from turnout.model import SCOPES, CampaignFields

campaigns = typer.Typer(help="List, show, set and delete campaigns.", no_args_is_help=True)
keys = typer.Typer(help="List, add and revoke API keys of a workspace.", no_args_is_help=True)

CampaignId = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Campaign id.", show_default=False)]

_SETTABLE = tuple(name for name in CampaignFields.__struct_fields__ if name != "id")


@campaigns.command("list")
def list_campaigns(
    search: Annotated[
        str, typer.Option("--search", metavar="WORDS", help="Only with this in the id or title.", show_default=False)
    ] = "",
    tag: Annotated[str, typer.Option("--tag", metavar="TAG", help="Only with this tag.", show_default=False)] = "",
    channel: Annotated[
        str, typer.Option("--channel", metavar="CHANNEL", help="Only with this channel.", show_default=False)
    ] = "",
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """List campaigns in the order of their creation."""
    query = {name: value for name, value in (("search", search), ("tag", tag), ("channel", channel)) if value}
    with connect(Target(url, key, data, workspace)) as server:
        if as_json:
            print(server.call("GET", "/v1/campaigns", query={**query, "limit": str(asking.LISTING_LIMIT)}).text)
            return
        found = asking.campaigns(server, query)
    made = console.table(
        "id", "title", "type", "channels", "tags", "events", "first event", "last event", right=["events"]
    )
    for one in found:
        made.add_row(
            *map(
                console.plain,
                (one["id"], one["title"], one["type"], ", ".join(one["channels"]), ", ".join(one["tags"])),
            ),
            f"{one['events']:,}",
            *(console.minute(one[name]) for name in ("first_event_at", "last_event_at")),
        )
    console.out().print(made)


@campaigns.command("show")
def show_campaign(
    campaign: CampaignId,
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Show everything about one campaign."""
    with connect(Target(url, key, data, workspace)) as server:
        found = asking.campaign(server, campaign)
    _show_campaign(found, as_json)


@campaigns.command("set")
def set_campaign(
    campaign: CampaignId,
    assignments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FIELD=VALUE…",
            help=f"Fields to set: {', '.join(_SETTABLE)}. Lists are comma-separated or JSON, objects JSON.",
            show_default=False,
        ),
    ] = None,
    body: Annotated[
        str,
        typer.Option(
            "--from-json", metavar="FILE", help="Fields from a JSON object in a file; - is stdin.", show_default=False
        ),
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Forget the fields that are not given.")] = False,
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Create a campaign, or set fields of one; the others stay as they are.

    For example: turnout campaigns set spring title='Spring promo' channels=email,push number=111
    """
    fields = {**_body(body), **dict(_assignment(one) for one in assignments or ())}
    fields.pop("id", None)
    with connect(Target(url, key, data, workspace), creates=True) as server:
        known = {} if replace else _known(server, campaign)
        found = server.call("PUT", path("campaigns", campaign), body={**known, **fields}).json()
    _show_campaign(found, as_json)


@campaigns.command("delete")
def delete_campaign(
    campaign: CampaignId,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Forget what is set on a campaign. Its events stay, and stay counted."""
    with connect(Target(url, key, data, workspace)) as server:
        found = asking.campaign(server, campaign)
        if not yes:
            if not sys.stdin.isatty():
                raise InvalidInput("nobody is there to be asked", hint="--yes deletes without asking")
            words = f"Forget '{console.plain(found['title'] or campaign)}' ({found['events']:,} events stay)?"
            typer.confirm(words, abort=True, err=True)
        server.call("DELETE", path("campaigns", campaign))
    print(f"deleted {console.plain(campaign)}")


def _known(server: Connection, campaign: str) -> dict[str, Any]:
    """What can be set of a campaign, as it is now."""
    from turnout.cli.connection import Refused

    try:
        found = server.get(path("campaigns", campaign))
    except Refused as error:
        if error.status == 404:
            return {}
        raise
    return {name: found[name] for name in _SETTABLE}


def _assignment(text: str) -> tuple[str, Any]:
    """`FIELD=VALUE` as the field's type would have it; the server judges what comes of it."""
    name, sign, value = text.partition("=")
    if not sign:
        raise InvalidInput(f"'{text}' is not FIELD=VALUE", hint="e.g. title='Spring promo'")
    if name not in _SETTABLE:
        raise UnknownName("field", name, _SETTABLE)
    default = next(field.default for field in msgspec.structs.fields(CampaignFields) if field.name == name)
    if isinstance(default, str):
        return name, value
    try:
        return name, json.loads(value)
    except ValueError:
        pass
    if isinstance(default, tuple):
        return name, [part.strip() for part in value.split(",") if part.strip()]
    return name, value or None


def _body(file: str) -> dict[str, Any]:
    if not file:
        return {}
    try:
        if file == "-":
            found = json.load(sys.stdin)
        else:
            with open(file, encoding="utf-8") as stream:
                found = json.load(stream)
    except ValueError as error:
        raise InvalidInput(f"{file} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"{file} holds no JSON object", hint='e.g. {"title": "Spring promo"}')
    return {
        name: value
        for name, value in found.items()
        if name not in ("first_event_at", "last_event_at", "events", "created_at", "updated_at")
    }


def _show_campaign(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    console.out().print(console.record(found))


# ---- keys -----------------------------------------------------------------------------------------


@keys.command("list")
def list_keys(
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """List the keys of a workspace; their secrets are nowhere."""
    with connect(Target(url, key, data, workspace)) as server:
        answer = server.call("GET", "/v1/keys")
    if as_json:
        print(answer.text)
        return
    made = console.table("id", "name", "scopes", "made", "revoked", "last used")
    for one in answer.json()["keys"]:
        made.add_row(
            one["id"],
            console.plain(one["name"]),
            ", ".join(one["scopes"]),
            console.minute(one["created_at"]),
            console.minute(one["revoked_at"]),
            console.minute(one["last_used_at"]),
        )
    console.out().print(made)


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What it is for.", show_default=False)] = "",
    scopes: Annotated[
        str,
        typer.Option("--scopes", metavar="A,B", help=f"Of {', '.join(SCOPES)}; all if not given.", show_default=False),
    ] = "",
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Make a key and print its secret, this once."""
    wanted = [part.strip() for part in scopes.split(",") if part.strip()]
    with connect(Target(url, key, data, workspace), creates=True) as server:
        answer = server.call("POST", "/v1/keys", body={"name": name, "scopes": wanted})
    if as_json:
        print(answer.text)
        return
    made = answer.json()
    print(f"key {made['id']} ({', '.join(made['scopes'])}), its secret shown once:")
    print(made["secret"])


@keys.command("revoke")
def revoke_key(
    id: Annotated[
        str, typer.Argument(metavar="ID", help="Id of the key; turnout keys list shows it.", show_default=False)
    ],
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """End a key; whoever uses it is refused from now on."""
    with connect(Target(url, key, data, workspace)) as server:
        made = server.call("DELETE", path("keys", id)).json()
    print(f"revoked {made['id']} {console.plain(made['name'])}".rstrip())
