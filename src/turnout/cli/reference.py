"""The reference of the command line, from the commands themselves.

Nothing enters; Markdown leaves. `python -m turnout.cli.reference > docs/cli.md` renews the page, and a test
fails where that was forgotten.
"""

from __future__ import annotations

import enum
import re
import sys
import typing
from collections.abc import Iterator
from typing import Any

import typer.main

from turnout.capture.shaping import GUESSES, TYPE_WORDS
from turnout.cli import exits
from turnout.cli.root import application


def page() -> str:
    """The whole page."""
    root: Any = typer.main.get_command(application)
    lines = [
        "# The command line",
        "",
        "<!-- Made by `python -m turnout.cli.reference > docs/cli.md`; a test fails when it is stale. -->",
        "",
        root.help,
        "",
        "Commands talk to the server that owns the data directory (`--data`, `TURNOUT_DATA`, else `.turnout`), or to",
        "one elsewhere (`--url` and `--key`, or `TURNOUT_URL` and `TURNOUT_API_KEY`). Where none runs, a command",
        "serves the directory itself for as long as it takes.",
        "",
        "| exit code | means |",
        "|---|---|",
        *(f"| {code} | {words} |" for code, words in exits.MEANINGS.items()),
    ]
    for path, command in _commands(root, "turnout"):
        lines += ["", *_section(path, command)]
        if path == "turnout import":
            lines += ["", *_guesses()]
    return "\n".join(lines) + "\n"


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _section(path: str, command: Any) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    usage = " ".join([path, *(_metavar(one) for one in arguments), "[OPTIONS]"])
    yield f"## {path}"
    yield ""
    yield "```"
    yield usage
    yield "```"
    yield ""
    yield _flowing(command.help or "")
    yield ""
    yield "| | |"
    yield "|---|---|"
    for one in arguments:
        yield f"| `{_metavar(one)}` | {_cell(one)} |"
    for one in options:
        names = ", ".join(f"`{name}`" for name in sorted(one.opts, key=len, reverse=True))
        value = "" if one.is_flag else f" `{_value(one)}`"
        yield f"| {names}{value} | {_cell(one)} |"


def _metavar(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _guesses() -> Iterator[str]:
    """What import makes of other tools' words."""
    yield "Columns of CSV and Parquet that are guessed, whatever their case, spaces and dashes; and words for types:"
    yield ""
    yield "| field | columns |"
    yield "|---|---|"
    for field, names in GUESSES.items():
        yield f"| `{field}` | {', '.join(f'`{name}`' for name in names)} |"
    words: dict[str, list[str]] = {}
    for word, kind in TYPE_WORDS.items():
        words.setdefault(kind, []).append(word)
    yield ""
    yield "| type | words |"
    yield "|---|---|"
    for kind, others in words.items():
        yield f"| `{kind}` | {', '.join(f'`{word}`' for word in others)} |"


def _value(option: Any) -> str:
    """What an option takes: its metavar, else the words to choose from, else N for a number."""
    if option.metavar:
        return str(option.metavar)
    annotation = option.type_descriptor.annotation
    kinds = [kind for kind in (annotation, *typing.get_args(annotation)) if isinstance(kind, type)]
    choices = [str(member.value) for kind in kinds if issubclass(kind, enum.Enum) for member in kind]
    return "\\|".join(choices) or ("N" if int in kinds else "VALUE")


def _cell(parameter: Any) -> str:
    words = _flowing(parameter.help or "").replace("|", "\\|")
    if getattr(parameter, "envvar", None):
        words += f" (`{parameter.envvar}`)"
    default = parameter.default
    shown = getattr(parameter, "show_default", True) and default not in (None, "", False, ())
    return f"{words} Default: `{default}`." if shown and parameter.param_type_name == "option" else words


def _flowing(text: str) -> str:
    """Paragraphs, each on one line."""
    parts = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(part.split()) for part in parts)


if __name__ == "__main__":
    sys.stdout.write(page())
