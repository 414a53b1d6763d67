"""`turnout report` and `turnout reports`: a campaign's report into a file, and those that are made by the clock."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from turnout.cli import asking, console, exits, options
from turnout.cli.connection import Connection, Target, connect, path
from turnout.cli.downloads import sink
from turnout.errors import InvalidInput, UnsupportedFormat

_FORMS = ("html", "pdf")

#: How long a command waits for a run that it asked for, and how often it looks.
_WAIT_S = 300.0
_LOOK_S = 0.2

reports = typer.Typer(
    help="Have reports made by the clock: written to a folder, or sent by mail.", no_args_is_help=True
)


class Every(StrEnum):
    """How often."""

    day = "day"
    week = "week"
    month = "month"


class Form(StrEnum):
    """What a report is."""

    html = "html"
    pdf = "pdf"


Id = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the schedule; turnout reports list shows it.", show_default=False)
]


def report(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Campaign id.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write: FILE.html or FILE.pdf; - is HTML to stdout.",
            show_default=False,
        ),
    ],
    range_: options.RangeName = "",
    metrics: options.Metrics = "",
    grain: options.Grain = "",
    from_: options.From = "",
    to: options.To = "",
    timezone: options.Timezone = "",
    traffic: options.Traffic = "",
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Write a campaign's report: headline numbers, charts and tables in one file, with nothing to fetch.

    --metrics and --grain are for the part that shows the campaign over time.
    """
    is_stdout = str(output) == "-"
    form = "html" if is_stdout else output.suffix.removeprefix(".").lower()
    if form not in _FORMS:
        raise UnsupportedFormat(f"'{output.name}' names no kind of report", hint=f"there are {', '.join(_FORMS)}")
    query = asking.Range(from_, to, timezone, traffic).query()
    given = {"range": range_, "metrics": metrics, "grain": grain}
    query |= {name: value for name, value in given.items() if value}
    with connect(Target(url, key, data, workspace)) as server:
        asking.campaign(server, campaign)
        with (
            server.stream(path("campaigns", campaign, f"report.{form}"), query) as blocks,
            sink(None if is_stdout else output) as file,
        ):
            for block in blocks:
                file.write(block)
            file.flush()


@reports.command("add")
def add_report(
    every: Annotated[Every, typer.Option("--every", help="How often.")] = Every.week,
    on: Annotated[
        str,
        typer.Option(
            "--on", metavar="DAY", help="Weekday (monday …) or day of the month (1 to 31).", show_default=False
        ),
    ] = "",
    at: Annotated[str, typer.Option("--at", metavar="HH:MM", help="Time of day.")] = "08:00",
    campaign: Annotated[
        list[str] | None,
        typer.Option(
            "--campaign",
            metavar="ID",
            help="Which campaign; may be given several times. If not given, all that have events in the range.",
            show_default=False,
        ),
    ] = None,
    tag: Annotated[str, typer.Option("--tag", metavar="TAG", help="Those with this tag.", show_default=False)] = "",
    range_: Annotated[
        str,
        typer.Option(
            "--range", metavar="RANGE", help="1d, 7d, 30d, 90d or month: whole days before the due one; or all."
        ),
    ] = "7d",
    form: Annotated[Form, typer.Option("--format", help="What is written or attached.")] = Form.html,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to", metavar="ADDRESS", help="Send to this address; may be given several times.", show_default=False
        ),
    ] = None,
    folder: Annotated[bool, typer.Option("--folder", help="Write to the server's folder of reports.")] = False,
    subject: Annotated[
        str,
        typer.Option("--subject", metavar="TEXT", help="Of the mail; title and days if not given.", show_default=False),
    ] = "",
    timezone: options.Timezone = "",
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Have reports made every day, week or month while the server runs.

    For example: every Monday at 08:00, the seven days before, as PDF by mail is
    --every week --on monday --format pdf --to team@example.com.
    """
    body: dict[str, Any] = {
        "campaigns": campaign or [],
        "tag": tag,
        "every": every.value,
        "at": at,
        "timezone": timezone,
        "range": range_,
        "format": form.value,
        "folder": folder,
        "to": to or [],
        "subject": subject,
        **_day(every, on),
    }
    with connect(Target(url, key, data, workspace), creates=True) as server:
        answer = server.call("POST", "/v1/reports", body=body)
    if as_json:
        print(answer.text)
        return
    made = answer.json()
    print(f"report {made['id']}: {console.plain(made['when'])}; next {console.minute(made['next_at'])} UTC")


@reports.command("list")
def list_reports(
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """List the scheduled reports of a workspace, and how the last run of each ended. Times are in UTC."""
    with connect(Target(url, key, data, workspace)) as server:
        answer = server.call("GET", "/v1/reports")
    if as_json:
        print(answer.text)
        return
    made = console.table("id", "when", "of", "range", "to", "next", "last", "how it ended")
    for one in answer.json()["reports"]:
        last, attempt = one["last"], one["attempt"]
        ended = f"trying again: {attempt['words']}" if attempt else _ended(last) if last else ""
        goes = ", ".join([*one["to"], *(["folder"] if one["folder"] else [])])
        made.add_row(
            one["id"],
            console.plain(one["when"]),
            console.plain(", ".join(one["campaigns"]) or (f"tag {one['tag']}" if one["tag"] else "all with events")),
            f"{one['range']} {one['format']}",
            console.plain(goes),
            console.minute(one["next_at"]),
            console.minute(last["ended_at"] if last else None),
            console.plain(ended),
        )
    console.out().print(made)


@reports.command("run")
def run_report(
    id: Id,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> int:
    """Make a scheduled report now, and wait until it is delivered.

    It is made as if it were due now; when it is due next doesn't change.
    """
    with connect(Target(url, key, data, workspace)) as server:
        before = server.get(path("reports", id))["last"]
        server.call("POST", path("reports", id, "run"))
        found = _awaited(server, id, before)
    print(console.plain(found["words"]))
    return exits.GOOD if found["good"] else exits.NOT_ALL_GOOD


@reports.command("delete")
def delete_report(
    id: Id,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """End a scheduled report; the files that it wrote stay."""
    with connect(Target(url, key, data, workspace)) as server:
        server.call("DELETE", path("reports", id))
    print(f"deleted {console.plain(id)}")


def _awaited(server: Connection, id: str, before: dict[str, Any] | None) -> dict[str, Any]:
    """How a run ended, or why it is tried again."""
    until = time.monotonic() + _WAIT_S
    while time.monotonic() < until:
        found = server.get(path("reports", id))
        if found["last"] != before:
            last = found["last"]
            return {"words": _ended(last), "good": last["outcome"] in ("delivered", "nothing")}
        if found["attempt"] is not None:
            again = console.minute(found["attempt"]["next_at"])
            return {"words": f"not yet: {found['attempt']['words']}; tried again at {again} UTC", "good": False}
        time.sleep(_LOOK_S)
    raise InvalidInput("the run has not ended", hint="other reports may be under way; turnout reports list shows it")


def _ended(last: dict[str, Any]) -> str:
    return f"{last['outcome']}: {last['words']}"


def _day(every: Every, on: str) -> dict[str, Any]:
    if not on:
        return {}
    if every is Every.week:
        return {"weekday": on.lower()}
    if every is Every.month and on.isascii() and on.isdigit():
        return {"day": int(on)}
    hint = "a weekday with --every week, 1 to 31 with --every month"
    raise InvalidInput(f"'{on}' is no day of that", field="--on", hint=hint)
