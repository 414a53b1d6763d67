"""`turnout erase` and `turnout retention`: a person or a workspace's limit in, what was taken out out."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from turnout.cli import console, options
from turnout.cli.connection import Target, connect, path
from turnout.errors import InvalidInput
from turnout.panels import wording

retention = typer.Typer(help="Take out what is personal in events past their time.", no_args_is_help=True)


def erase(
    recipient: Annotated[
        str, typer.Argument(metavar="RECIPIENT", help="Exactly the recipient's id.", show_default=False)
    ],
    drop_domain: Annotated[
        bool,
        typer.Option("--drop-domain", help="Do not keep the domain of an e-mail address for numbers by domain."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Erase a person from every event, for good; every total stays as it was.

    Their events get a pseudonym that nothing leads back from. Backups that were made before still have them.
    """
    if not yes:
        if not sys.stdin.isatty():
            raise InvalidInput("nobody is there to be asked", hint="--yes erases without asking")
        typer.confirm(f"Erase '{console.plain(recipient)}' for good?", abort=True, err=True)
    query = {"domain": "drop" if drop_domain else "keep"}
    with connect(Target(url, key, data, workspace)) as server:
        answer = server.call("DELETE", path("recipients", recipient), query=query)
    if as_json:
        print(answer.text)
        return
    done = answer.json()
    if not any(done.values()):
        print("there is nobody of this id")
        return
    own = wording.many(done["events"], "event")
    print(f"erased from {own} of their own and {done['mentions']:,} of others that named them")
    if done["letters"]:
        print(f"dropped {wording.many(done['letters'], 'dead letter')} about them")


@retention.command("run")
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; do nothing.")] = False,
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Run the workspace's retention now; a server runs it by itself once a day. Every total stays as it was."""
    with connect(Target(url, key, data, workspace)) as server:
        answer = server.call("POST", "/v1/retention", body={"dry_run": dry_run})
    if as_json:
        print(answer.text)
        return
    done = answer.json()
    if not done["retention_days"]:
        print("nothing expires: the workspace's retention_days is 0")
        return
    would = "would be " if done["dry_run"] else ""
    print(f"before {done['before']} ({wording.many(done['retention_days'], 'day')}):")
    print(f"  {wording.many(done['cleared'], 'event')} {would}cleared of what came with their requests")
    print(f"  {wording.many(done['recipients'], 'person')} without an event since {would}erased")
