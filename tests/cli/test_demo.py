"""`turnout demo`: the sample through the real ingest, once, and lines that can be pasted."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys

import httpx
import pytest


def curl(out, url):
    """The pasted questions with what was printed below them."""
    found = re.findall(r"^\$ (curl .*)\n(.*)$", out, re.MULTILINE)
    for line, answer in found:
        *words, address = shlex.split(line)
        assert words[:2] == ["curl", "-s"]
        assert set(words[2::2]) <= {"-H"}
        assert address.startswith(url)
        yield httpx.get(address, headers=[tuple(one.split(": ")) for one in words[3::2]]), answer


@pytest.mark.embedded("the demo brings its own")
def test_the_sample_is_loaded_once_and_served_until_it_is_stopped(turnout, tmp_path):
    first = turnout("demo", "--once", "--port", "0")
    assert first.code == 0, first.err
    loaded = re.search(r"demo on (http://\S+): 9 campaigns with ([\d,]+) events, loaded", first.out)
    assert loaded, first.out
    assert "API key         demo-key" in first.out
    assert f"dashboard       {loaded[1]}/" in first.out
    assert (tmp_path / ".turnout" / "demo" / "store").is_dir()

    environment = {name: value for name, value in os.environ.items() if not name.startswith("TURNOUT_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "turnout", "demo", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**environment, "TURNOUT_API_KEY": "my-own-key", "TURNOUT_DATA": str(tmp_path / "production")},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines = []
        while not lines or not lines[-1].startswith("Ctrl-C"):
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
            lines.append(line)
        out = "".join(lines)
        again = re.search(r"demo on (http://\S+): 9 campaigns with ([\d,]+) events are there", out)
        assert again, out
        assert again[2] == loaded[2]
        questions = list(curl(out, again[1]))
        assert re.findall(r"^(\w+):$", out, re.MULTILINE) == ["Braze", "Batch", "EmailConsul", "InTarget", "Shoplive"]
        assert len(questions) == 6
        for answer, shown in questions:
            assert answer.status_code == 200
            assert answer.text.startswith(shown.removesuffix(" …"))
            assert len(answer.text) > 100, "nothing to see"
        assert json.loads(questions[0][0].content)["totals"]["sent"] == 3600
        both = [httpx.get(f"{again[1]}/v1/campaigns", headers={"Authorization": f"Bearer {key}"}).status_code
                for key in ("demo-key", "my-own-key")]  # fmt: skip
        assert both == [200, 200]
        # The demo never goes where the user's own events are.
        assert not (tmp_path / "production").exists()
        page = turnout("stats", "spring-sale", "--data", ".turnout/demo")
        assert "Frühling für alle ✿" in page.out
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
