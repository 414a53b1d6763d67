"""What a store takes on disk, in a process of its own: `python -m turnout.bench.disk DIRECTORY` prints bytes.

Only parts in use are counted. Those that a merge has replaced stay for eight minutes more, and would
make a store that was just filled look three times its size.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from turnout.bench.load import LoadFailed

_ACTIVE = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()"


def active_bytes(data: Path) -> int:
    """Bytes of the parts in use of a data directory that no server owns."""
    command = [sys.executable, "-m", "turnout.bench.disk", str(data / "store")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise LoadFailed(f"the store could not be measured: {answer.stderr[-1000:]}")
    return int(answer.stdout)


def main(directory: str) -> None:
    """Ask the engine."""
    from chdb.state.sqlitelike import Connection

    sys.stdout.write(Connection(directory).query(_ACTIVE).bytes().decode())


if __name__ == "__main__":
    main(sys.argv[1])
