"""The `turnout` command. Arguments come in; tables, files and an exit code come out."""

from __future__ import annotations

from turnout.cli.root import main

__all__ = ["main"]
