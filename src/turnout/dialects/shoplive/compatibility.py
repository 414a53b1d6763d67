"""What this room does, and on whose word: the lines of COMPATIBILITY.md."""

from __future__ import annotations

from turnout.dialects.contract import Entry

COMPATIBILITY: tuple[Entry, ...] = ()
