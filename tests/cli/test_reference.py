"""Every command and every option is documented, here and in its own help."""

from __future__ import annotations

from pathlib import Path

import typer.main

from turnout.cli import reference
from turnout.cli.root import application

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def commands():
    return list(reference._commands(typer.main.get_command(application), "turnout"))


def test_the_page_is_not_stale():
    assert PAGE.read_text() == reference.page(), "python -m turnout.cli.reference > docs/cli.md"


def test_every_command_and_every_option_says_what_it_is():
    for path, command in commands():
        assert command.help, path
        for parameter in command.params:
            assert parameter.help, f"{path} {parameter.name}"
            assert parameter.help.endswith((".", "…")), f"{path} {parameter.name}"


def test_the_public_commands_are_there():
    names = {path.split()[1] for path, _ in commands()}
    assert names >= {
        "serve", "import", "stats", "export", "workspaces", "keys", "campaigns", "recipients", "metrics", "check",
        "rebuild", "demo",
    }  # fmt: skip
