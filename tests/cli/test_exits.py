"""What a script can rely on: exit codes, errors of a line and a hint, a fast start."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from turnout import __version__
from turnout.cli import exits
from turnout.errors import InvalidInput
from turnout.store import ownership


def test_version(turnout):
    assert turnout("--version").out == f"turnout {__version__}\n"


def test_help_loads_nothing_of_the_engine():
    heavy = "chdb numpy pyarrow httpx granian starlette clickhouse_connect"
    script = (
        "import sys\nfrom turnout.cli.root import application\n"
        "try: application(['--help'], standalone_mode=False)\nexcept SystemExit: pass\n"
        f"print(sorted(set({heavy.split()!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("statistics",), "no such command 'statistics'"),
        (("stats", "--metrix", "sent"), "no such option: --metrix"),
        (("import",), "missing argument"),
        (("stats", "--limit", "0"), "--limit"),
    ],
)
def test_wrong_usage_is_a_line_and_a_hint(command, arguments, words):
    result = command(*arguments, where=())
    assert result.code == exits.CANNOT
    assert result.out == ""
    first, hint = result.err.rstrip().splitlines()
    assert first.startswith("error: ")
    assert words in first
    assert "--help" in hint


def test_without_a_command_the_help_is_shown(turnout):
    result = turnout()
    assert result.code == exits.CANNOT
    assert "Usage: turnout" in result.out


def test_help_names_every_exit_code(command):
    words = " ".join(command("--help", where=()).out.split())
    for code in exits.MEANINGS:
        assert f"{code} " in words


def test_an_error_names_its_field_and_says_what_to_do(capsys):
    def refuse():
        raise InvalidInput("that is wrong", field="--from", hint="write it otherwise")

    assert exits.run(refuse) == exits.CANNOT
    assert capsys.readouterr().err == "error: --from: that is wrong\n  write it otherwise\n"


def test_an_error_of_the_system_is_no_traceback(capsys):
    assert exits.run(lambda: Path("/nowhere/at/all").read_bytes()) == exits.CANNOT
    assert capsys.readouterr().err == "error: /nowhere/at/all: no such file or directory\n"


def test_ctrl_c_is_quiet_and_130(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "turnout", "import", "-", "--data", str(tmp_path / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 20
    while not (owner := ownership.owner(tmp_path / "data")) or not owner.url:
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == exits.INTERRUPTED
    assert out == ""
    assert "Traceback" not in err
    assert "error" not in err


def test_a_reader_that_has_enough_is_no_error(tmp_path):
    line = f"{sys.executable} -m turnout metrics | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""
