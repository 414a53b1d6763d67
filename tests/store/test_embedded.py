"""What is special about the engine in the process. It allows one directory a process, so these start their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

INSERT = """
import sys
from pathlib import Path
import pyarrow as pa
from turnout.store.embedded import EmbeddedEngine
from turnout.store.engine import rows

engine = EmbeddedEngine(Path(sys.argv[1]))
engine.execute("CREATE TABLE IF NOT EXISTS t (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
engine.insert("t", pa.record_batch({"a": pa.array([1, 2], pa.uint64()), "b": ["x", "y"]}))
print(rows(engine, "SELECT count() FROM t")[0][0])
engine.close()
"""


def run(script: str, *arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("name", ["plain", "with space", "{a,b}", "d'o\\'", "[x]*", "ünï"])
def test_a_directory_may_have_any_name(tmp_path, name):
    directory = tmp_path / name / "store"
    assert run(INSERT, str(directory)).split() == ["2"]
    assert run(INSERT, str(directory)).split() == ["4"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_relative_directory_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(INSERT, "store").split() == ["2"]
    assert (tmp_path / "store").is_dir()


FULL = """
import errno, sys
from pathlib import Path
import pyarrow as pa
from turnout.errors import Overloaded
from turnout.store.embedded import EmbeddedEngine
from turnout.store.engine import rows
import resource, signal

engine = EmbeddedEngine(Path(sys.argv[1]))
engine.execute("CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
try:
    engine.insert("t", pa.record_batch({"a": pa.array(range(100000), pa.uint64()), "b": ["x" * 50] * 100000}))
except Exception as error:
    print(type(error).__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(rows(engine, "SELECT count() FROM t")[0][0])
engine.insert("t", pa.record_batch({"a": pa.array([1], pa.uint64()), "b": ["x"]}))
print(rows(engine, "SELECT count() FROM t")[0][0])
engine.close()
"""


def test_a_file_that_can_t_be_written_is_an_error_and_the_store_goes_on(tmp_path):
    assert run(FULL, str(tmp_path)).split() == ["StoreError", "0", "1"]
