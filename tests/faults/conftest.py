"""Faults are done to real data directories, of servers in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.conftest import API_KEY, ServerProcess

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


# ---- a disk that is soon full -----------------------------------------------------------------------


@dataclass
class SmallDisk:
    """A small file system of its own, in a mount namespace that only the processes started here are in.

    They see it at `directory`, we see it at `outside`. It is gone when they are: nothing is left to unmount.
    """

    holder: subprocess.Popen[str]
    directory: Path
    within: list[str]
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def outside(self) -> Path:
        """The same directory, by way of a process that is in there."""
        return Path(f"/proc/{self.holder.pid}/root{self.directory}")

    def serve(self, data: str = "data", **environment: str) -> ServerProcess:
        """`turnout serve` on a directory of this disk, once it listens."""
        process = subprocess.Popen(
            [*self.within, sys.executable, "-m", "turnout", "serve", "--data", self.directory / data, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TURNOUT_API_KEY": API_KEY, "TURNOUT_FREE_FLOOR_BYTES": "1000000", **environment},
        )
        self.running.append(process)
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "http://" in line:
                return ServerProcess(process, "http://" + line.split("http://", 1)[1].split()[0], self.directory / data)
        raise AssertionError(f"turnout serve ended: {''.join(lines)}")

    def fill(self, *, but_bytes: int = 0) -> None:
        """Leave no byte free, or so many."""
        with (self.outside / "ballast").open("ab", buffering=0) as ballast:
            with contextlib.suppress(OSError):
                while True:
                    # The last page goes too: a write that does not fit is cut short first.
                    ballast.write(bytes(65_536))
            ballast.truncate(ballast.tell() - but_bytes)

    def free(self) -> None:
        """Give back what `fill` took."""
        (self.outside / "ballast").unlink()

    def end(self) -> None:
        for process in (*self.running, self.holder):
            process.kill()
            process.communicate()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], SmallDisk]]:
    """Makes a disk of so many MiB. Needs a mount namespace: root has one, and others where the kernel lets them."""
    disks: list[SmallDisk] = []

    def make(mib: int) -> SmallDisk:
        directory = tmp_path / f"disk{len(disks)}"
        directory.mkdir()
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        mounting = f"mount -t tmpfs -o size={mib}m none '{directory}' && echo mounted && exec cat"
        try:
            holder = subprocess.Popen(
                ["unshare", "--mount", *user, "sh", "-c", mounting],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        except FileNotFoundError:
            pytest.skip("there is no unshare here to make a small disk with")
        assert holder.stdout is not None
        if holder.stdout.readline() != "mounted\n":
            pytest.skip(f"no small disk can be mounted here: {holder.communicate()[1].strip()}")
        within = [
            "nsenter",
            "--target",
            str(holder.pid),
            "--mount",
            *user,
            *(["--preserve-credentials"] if user else []),
        ]
        disks.append(SmallDisk(holder, directory, within))
        return disks[-1]

    yield make
    for disk in disks:
        disk.end()
