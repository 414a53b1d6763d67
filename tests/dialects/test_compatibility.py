"""COMPATIBILITY.md is what the rooms say, and the rooms say something of every route."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from turnout.dialects import compatibility
from turnout.dialects.contract import Entry, Room
from turnout.dialects.registry import ROOMS

ROOT = Path(__file__).parents[2]


def test_the_file_is_what_the_rooms_say() -> None:
    """Stale? `python -m turnout.dialects.compatibility > COMPATIBILITY.md`."""
    assert (ROOT / "COMPATIBILITY.md").read_text(encoding="utf-8") == compatibility.document()


def test_it_can_be_written_from_the_command_line() -> None:
    found = subprocess.run([sys.executable, "-m", "turnout.dialects.compatibility"], capture_output=True, check=True)
    assert found.stdout.decode() == compatibility.document()


def test_every_vendor_route_is_in_it() -> None:
    text = compatibility.document()
    for room in ROOMS:
        if room.name not in ("native", "tracking"):
            assert room.compatibility, room.name
            for route in room.routes:
                assert f"### {route.method} {route.path}\n" in text


def test_a_changed_room_makes_another_file() -> None:
    (room,) = [room for room in ROOMS if room.name == "braze"]
    entry = Entry("GET /x", "a | b", "ours", "why")
    changed = Room(room.name, room.routes, room.authenticate, room.render_error, compatibility=(entry,))
    assert (
        "### GET /x\n\n| what | source | here |\n|---|---|---|\n| a \\| b | ours | why |\n"
        in compatibility.document([changed])
    )
