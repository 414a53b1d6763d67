"""Faults are done to real data directories, of servers in processes of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import httpx

FLIPPED_BYTES = 16


def parts_of(data: Path, table: str) -> list[Path]:
    """The directories of a table's parts, by name."""
    described = (data / "store/metadata/default" / f"{table}.sql").read_text()
    found = re.search(r"UUID '([0-9a-f-]{36})'", described)
    assert found is not None
    return sorted((data / "store/store" / found[1][:3] / found[1]).glob("all_*"))


def parts_with(data: Path, table: str, text: str) -> list[Path]:
    """The parts that name `text`, and what was made into other ones and is not deleted yet.

    Its first mention stands in the compressed column as it is.
    """
    return [part for part in parts_of(data, table) if text.encode() in (part / "data.bin").read_bytes()]


def part_with(data: Path, table: str, text: str) -> Path:
    """The only part that names `text`."""
    (found,) = parts_with(data, table, text)
    return found


def flip(file: Path) -> None:
    """Turn some bits of the middle of a file; its size and times stay."""
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    for at in range(middle, min(middle + FLIPPED_BYTES, len(content))):
        content[at] ^= 0xFF
    with file.open("r+b") as opened:
        opened.write(content)


def truncate(file: Path) -> None:
    """Cut a file in half."""
    os.truncate(file, file.stat().st_size // 2)


def lose(path: Path) -> None:
    """Delete a file, or a directory with all that is in it."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def local_client(server: object) -> httpx.Client:
    """A client of the server as a command on its machine has it."""
    note = json.loads((server.data / "owner.json").read_text())  # type: ignore[attr-defined]
    return httpx.Client(base_url=note["url"], headers={"Authorization": f"Bearer {note['token']}"}, timeout=60)


def until(is_so: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end, "it never came to be so"
        time.sleep(0.02)
