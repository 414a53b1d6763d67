"""The command, run as a user would (`turnout`) and, where only its words matter, in this process (`command`)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from turnout.cli import exits
from turnout.cli.root import application

Run = Callable[..., "Result"]


@dataclass(frozen=True)
class Result:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


def clean_environment(**more: str) -> dict[str, str]:
    """This environment without anything of Turnout's, and no terminal's width."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TURNOUT_") and name != "COLUMNS"}
    return {**kept, **more}


@pytest.fixture
def turnout(tmp_path: Path, store_of: Callable[[Path], Mapping[str, str]]) -> Run:
    """Runs `python -m turnout …` in an empty directory."""

    def run(*arguments: object, stdin: bytes = b"", **environment: str) -> Result:
        data = arguments[arguments.index("--data") + 1] if "--data" in arguments else environment.get("TURNOUT_DATA")
        if data is not None:
            environment = {**store_of(tmp_path / str(data)), **environment}
        done = subprocess.run(
            [sys.executable, "-m", "turnout", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            timeout=120,
            cwd=tmp_path,
            env=clean_environment(**environment),
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def command(house, url, make_tenant, capsys, monkeypatch) -> Run:
    """Runs a command in this process, on the running server's data, as a workspace of this test's own.

    `command.tenant` is that workspace.
    """
    for name in list(os.environ):
        if name.startswith("TURNOUT_"):
            monkeypatch.delenv(name)
    tenant = make_tenant()

    def run(*arguments: object, where: tuple[str, ...] | None = None) -> Result:
        place = ("--data", str(house.services.settings.data), "--workspace", tenant.workspace.id)
        line = [*map(str, arguments), *(place if where is None else where)]
        code = exits.run(lambda: application(line, prog_name="turnout", standalone_mode=False))
        written = capsys.readouterr()
        return Result(code, written.out, written.err)

    run.tenant = tenant  # type: ignore[attr-defined]
    return run
