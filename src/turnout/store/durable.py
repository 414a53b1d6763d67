"""Seen to be on disk: a file's content, whole or not at all, or the names in a directory."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """See that a file, or the names in a directory, are on disk. OSError if that can't be made sure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: Path, content: bytes) -> None:
    """Put a file in the place of an earlier one, so that it is either of the two, whatever dies."""
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fdatasync(file.fileno())
    temporary.replace(path)
    sync(path.parent)


def sync_all(directory: Path) -> None:
    """See that all below `directory` is on disk."""
    for path in [*directory.rglob("*"), directory]:
        if not path.is_symlink():
            sync(path)
