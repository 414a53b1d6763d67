"""`turnout bench`: options in; tables on stdout, progress on stderr, and a JSON file out."""

from __future__ import annotations

import enum
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

# The parts are imported where they are used: `turnout --help` must not wait for them.
if TYPE_CHECKING:
    from turnout.bench.findings import Finding
    from turnout.bench.rounds import Ground, Sizes

#: Wide enough for any row, so that in a pipe it stays on its line.
_PIPED_WIDTH = 180


class Group(enum.StrEnum):
    """A group of cases."""

    INGEST = "ingest"
    SINGLES = "singles"
    CACHED = "cached"
    QUESTIONS = "questions"
    CREDITS = "credits"
    DASHBOARD = "dashboard"
    SCALE = "scale"
    SOAK = "soak"


#: Those that take longer than all the others together are measured only where they are named.
_USUAL = tuple(group for group in Group if group not in (Group.DASHBOARD, Group.SCALE, Group.SOAK))


Events = Annotated[int, typer.Option(min=1000, help="Events of the fixed-size ingest cases, and of the first store.")]
Large = Annotated[int, typer.Option(min=0, help="Events of the second store, more than the first; 0 leaves it out.")]
Recipients = Annotated[int, typer.Option(min=100, help="People that the campaign reached whose credits are asked for.")]
Scale = Annotated[
    int,
    typer.Option(min=100_000, help="Events of the largest store of `scale`; the others hold a tenth and a hundredth."),
]
Minutes = Annotated[float, typer.Option(min=0.5, help="How long `soak` goes on.")]
Rounds = Annotated[int, typer.Option(min=1, max=100, help="How often each side of a ratio has its turn.")]
Only = Annotated[
    list[Group] | None,
    typer.Option(
        help="Measure only this group; may be given several times. `dashboard`, `scale` and `soak` are measured only "
        "when named.",
        show_default=False,
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Where the JSON goes.")]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        metavar="DIR",
        file_okay=False,
        show_default=False,
        help="Put the stores below this directory, whose disk is then measured; the system's temporary one otherwise.",
    ),
]
Quick = Annotated[bool, typer.Option("--quick", help="Tiny sizes, one round: does it run? The figures mean nothing.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 if a budget is missed.")]


def bench(
    events: Events = 1_000_000,
    large: Large = 10_000_000,
    recipients: Recipients = 1_000_000,
    scale: Scale = 100_000_000,
    minutes: Minutes = 10.0,
    rounds: Rounds = 5,
    only: Only = None,
    output: Output = Path("bench-results/bench.json"),
    directory: Directory = None,
    quick: Quick = False,
    strict: Strict = False,
) -> None:
    """Measure the budgets, each against its reference in the same run.

    Starts its own servers on fresh directories and touches no other data; leave the machine alone while it
    runs. Ratios are what counts: they hold on other machines, absolute figures don't.
    """
    from rich.console import Console

    from turnout.bench import rounds as turns
    from turnout.errors import InvalidInput

    if large and large <= events and not quick:
        raise InvalidInput("the second store must be larger than the first", field="--large", hint="0 leaves it out")
    sizes = turns.Sizes(
        events=events,
        large_events=large,
        recipients=recipients,
        scales=(scale // 100, scale // 10, scale),
        minutes=minutes,
        rounds=rounds,
    )
    sizes = turns.QUICK if quick else sizes
    # The servers end when the stack unwinds, so SIGTERM must unwind it.
    signal.signal(signal.SIGTERM, _unwind)
    found = _run(tuple(dict.fromkeys(only or _USUAL)), sizes, output, directory)
    short = sum(finding.verdict == "short" for finding in found)
    held = sum(finding.verdict == "ok" for finding in found)
    Console().print(f"{held} budgets held, {short} missed; written to {output}", soft_wrap=True)
    if quick:
        Console().print("this was a quick run: its figures mean nothing")
    if strict and short:
        raise typer.Exit(1)


def _run(groups: tuple[Group, ...], sizes: Sizes, output: Path, directory: Path | None) -> list[Finding]:
    """Measure the groups; print and write what is known after each."""
    from rich.console import Console

    from turnout import app
    from turnout.bench import report
    from turnout.bench.processes import Site
    from turnout.bench.rounds import Ground

    out = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    machine, began = report.machine(), app.now().isoformat(timespec="seconds")
    findings: list[Finding] = []
    for group in groups:
        with Site(directory) as site, Console(stderr=True).status(group.value) as status:
            found = list(_measure(group, Ground(site, sizes, status.update)))
        findings += found
        for table in report.tables(found):
            out.print(table)
        report.write(
            output,
            report.Report(
                command=command,
                at=began,
                machine=machine,
                sizes=sizes,
                complete=group == groups[-1],
                findings=findings,
            ),
        )
    return findings


def _measure(group: Group, ground: Ground) -> Iterator[Finding]:
    from turnout.bench import cached, credits, dashboard, ingest, questions, scale, singles, soak

    return {
        Group.INGEST: ingest.measure,
        Group.SINGLES: singles.measure,
        Group.CACHED: cached.measure,
        Group.QUESTIONS: questions.measure,
        Group.CREDITS: credits.measure,
        Group.DASHBOARD: dashboard.measure,
        Group.SCALE: scale.measure,
        Group.SOAK: soak.measure,
    }[group](ground)


def _unwind(*_: object) -> None:
    sys.exit(128 + signal.SIGTERM)
