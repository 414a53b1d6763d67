"""`turnout links`: tracked links, and addresses of them that say who follows."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from turnout.cli import console, options
from turnout.cli.connection import Target, connect, path
from turnout.errors import InvalidInput

links = typer.Typer(help="List, show, add and delete tracked links; sign addresses of them.", no_args_is_help=True)

#: Links of one listing; the API gives no more at once.
_LISTING_LIMIT = 10_000

Code = Annotated[str, typer.Argument(metavar="CODE", help="Code or id of the link.", show_default=False)]


@links.command("list")
def list_links(
    search: Annotated[
        str,
        typer.Option("--search", metavar="WORDS", help="Only with this in title, address or code.", show_default=False),
    ] = "",
    campaign: Annotated[
        str, typer.Option("--campaign", metavar="CAMPAIGN", help="Only of this campaign.", show_default=False)
    ] = "",
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """List links in the order of their creation, at most 10,000."""
    query = {name: value for name, value in (("search", search), ("campaign", campaign)) if value}
    with connect(Target(url, key, data, workspace)) as server:
        answer = server.call("GET", "/v1/links", query={**query, "limit": str(_LISTING_LIMIT)})
    if as_json:
        print(answer.text)
        return
    made = console.table("code", "title", "campaign", "message", "leads to", "until")
    for one in answer.json()["links"]:
        texts = (console.plain(one[field]) for field in ("code", "title", "campaign", "message", "url"))
        made.add_row(*texts, console.minute(one["expires_at"]))
    console.out().print(made)


@links.command("show")
def show_link(
    code: Code,
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Show everything about one link."""
    with connect(Target(url, key, data, workspace)) as server:
        found = server.get(path("links", code))
    _show(found, as_json)


@links.command("add")
def add_link(
    target: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="Where it leads: http:// or https://.", show_default=False)
    ],
    campaign: Annotated[
        str, typer.Option("--campaign", metavar="CAMPAIGN", help="Whose its clicks are.", show_default=False)
    ] = "",
    message: Annotated[
        str, typer.Option("--message", metavar="MESSAGE", help="Message of the campaign.", show_default=False)
    ] = "",
    title: Annotated[
        str, typer.Option("--title", metavar="TITLE", help="What its clicks are shown as.", show_default=False)
    ] = "",
    code: Annotated[
        str,
        typer.Option(
            "--code", metavar="CODE", help="End of its address: 3 to 64 of A-Z a-z 0-9 _ -.", show_default=False
        ),
    ] = "",
    params: Annotated[
        str,
        typer.Option(
            "--params", metavar="QUERY", help="Put after its address, e.g. utm_source=mail.", show_default=False
        ),
    ] = "",
    profile: Annotated[str, typer.Option("--profile", metavar="PROFILE", help="Brand.", show_default=False)] = "",
    expires: Annotated[
        str,
        typer.Option("--expires", metavar="TIME", help="When it ends, e.g. 2026-12-31T23:00:00Z.", show_default=False),
    ] = "",
    hidden: Annotated[bool, typer.Option("--hidden", help="No person sees it: what follows it is a machine.")] = False,
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Register a link. One that is there already, with the very same fields, is shown instead."""
    if not campaign:
        raise InvalidInput("a click belongs to a campaign", hint="--campaign CAMPAIGN")
    body = {
        "url": target, "campaign": campaign, "message": message, "title": title, "code": code, "params": params,
        "profile": profile, "hidden": hidden, "expires_at": expires or None,
    }  # fmt: skip
    with connect(Target(url, key, data, workspace), creates=True) as server:
        found = server.call("POST", "/v1/links", body=body).json()
    _show(found, as_json)


@links.command("delete")
def delete_link(
    code: Code,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """End a link: who follows it is told so. Its clicks stay, and keep its title."""
    with connect(Target(url, key, data, workspace)) as server:
        server.call("DELETE", path("links", code))
    print(f"deleted {console.plain(code)}")


@links.command("token")
def sign_link(
    code: Code,
    recipients: Annotated[list[str], typer.Argument(metavar="RECIPIENT…", help="Who follows it.", show_default=False)],
    send_id: Annotated[
        str, typer.Option("--send-id", metavar="ID", help="Send that it belongs to.", show_default=False)
    ] = "",
    variation: Annotated[
        str, typer.Option("--variation", metavar="VARIATION", help="Arm of a test.", show_default=False)
    ] = "",
    expires: Annotated[
        str,
        typer.Option(
            "--expires",
            metavar="TIME",
            help="From then on it leads there for nobody in particular.",
            show_default=False,
        ),
    ] = "",
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Print an address of a link for each recipient, signed, so that clicks on it are theirs."""
    body = {"recipients": recipients, "send_id": send_id, "variation": variation, "expires_at": expires or None}
    with connect(Target(url, key, data, workspace)) as server:
        answer = server.call("POST", path("links", code) + "/addresses", body=body)
    if as_json:
        print(answer.text)
        return
    made = console.table("recipient", "address")
    for one in answer.json()["addresses"]:
        made.add_row(console.plain(one["recipient"]), one["tracked_url"])
    console.out().print(made)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    console.out().print(console.record(found))
