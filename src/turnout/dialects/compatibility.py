"""COMPATIBILITY.md, made from what the rooms say of themselves.

The rooms enter, Markdown leaves. `python -m turnout.dialects.compatibility > COMPATIBILITY.md` writes it;
a test fails when the file is not what the rooms say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from turnout.dialects.contract import Entry, Room
from turnout.dialects.registry import ROOMS

_HEAD = """\
# Compatibility

What each vendor's API is made of here. Made by `python -m turnout.dialects.compatibility > COMPATIBILITY.md`
from the rooms in `src/turnout/dialects`; change it there.

Each line says on whose word: `documented` by the vendor; seen `live`, in an answer of the vendor's service that a
third party recorded; `inferred` from either; or `ours`, where both are silent.
"""


def document(rooms: Iterable[Room] = ROOMS) -> str:
    """The whole file: a chapter for each room that has something to say, a table for each of its routes."""
    return _HEAD + "".join(_chapter(room) for room in rooms if room.compatibility)


def _chapter(room: Room) -> str:
    lines = ["", f"## {room.title}"]
    for route in dict.fromkeys(entry.route for entry in room.compatibility):
        lines += ["", f"### {route}", "", "| what | source | here |", "|---|---|---|"]
        lines += [_row(entry) for entry in room.compatibility if entry.route == route]
    return "\n".join(lines) + "\n"


def _row(entry: Entry) -> str:
    cells = (entry.what, entry.source, entry.note)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(document())
