"""How findings leave: a table for a person, JSON for a machine, both with what they were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import msgspec
from rich.table import Table

from turnout import __version__
from turnout.bench.findings import Budget, Finding, Spread
from turnout.bench.rounds import Sizes

_WORDS = {"ok": "[green]ok[/]", "short": "[red]short[/]", "": ""}


class Machine(msgspec.Struct, frozen=True):
    """What a run was measured on. `commit` is empty outside a git checkout."""

    system: str
    architecture: str
    processors: int
    python: str
    engine: str
    granian: str
    turnout: str
    commit: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of a run. `complete` is false while groups are still to be measured."""

    command: str
    at: str
    machine: Machine
    sizes: Sizes
    complete: bool
    findings: Sequence[Finding]


def machine() -> Machine:
    """This machine, and the versions of what is measured on it."""
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        processors=os.cpu_count() or 1,
        python=platform.python_version(),
        engine=f"chdb-core {version('chdb-core')}",
        granian=version("granian"),
        turnout=__version__,
        commit=_commit(),
    )


def write(path: Path, report: Report) -> None:
    """Write the JSON so that a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    temporary.replace(path)


def tables(findings: Iterable[Finding]) -> Iterable[Table]:
    """A table for each group, in the order of the findings."""
    for group, members in groupby(findings, key=lambda finding: finding.group):
        table = Table("what", title=group, title_justify="left", title_style="bold")
        for name in ("measured", "reference", "ratio", "budget"):
            table.add_column(name, justify="right")
        table.add_column("")
        for one in members:
            table.add_row(*_row(one))
        yield table


def _row(one: Finding) -> tuple[str, ...]:
    reference = f"{_number(one.reference.p50)} {one.reference_name}" if one.reference else ""
    ratio = _range(one.ratio, " x") if one.ratio else ""
    budgets = ", ".join(_budget(budget, one) for budget in one.budgets)
    return one.what, _measured(one), reference, ratio, budgets, _WORDS[one.verdict]


def _measured(one: Finding) -> str:
    if one.unit in ("ms", "ns") and one.measured.samples > 1:
        return f"p50 {_number(one.measured.p50)}, p99 {_number(one.measured.p99)} {one.unit}"
    return _range(one.measured, f" {one.unit}")


def _range(spread: Spread, unit: str) -> str:
    """The median, and the extremes where there is more than one sample."""
    if spread.samples == 1:
        return f"{_number(spread.p50)}{unit}"
    return f"{_number(spread.p50)}{unit} ({_number(spread.minimum)}–{_number(spread.maximum)})"


def _budget(budget: Budget, one: Finding) -> str:
    sign = "≥" if budget.at_least else "≤"
    if budget.of == "value":
        return f"{sign} {_number(budget.limit)} {one.unit}"
    return f"{sign} {_number(budget.limit)} x" if budget.of == "ratio" else f"p99 {sign} {budget.limit:g} p50"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _commit() -> str:
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return answer.stdout.strip()
