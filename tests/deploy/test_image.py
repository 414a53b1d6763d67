"""The image: what its file says, and that what it copies is enough to install Turnout from."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile

import pytest
from tests.deploy.documents import DEPLOY, ROOT

from turnout.settings import ENVIRONMENT, from_environment


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Each instruction and its arguments, lines put together."""
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def arguments(instructions, name: str) -> list[str]:
    return [rest for one, rest in instructions if one == name]


def test_it_is_made_of_pinned_parts_and_runs_as_nobody(instructions):
    assert all(re.match(r"python:3\.\d+-slim-\w+( AS \w+)?$", one) for one in arguments(instructions, "FROM"))
    assert arguments(instructions, "USER") == ["10001:10001"]
    installs = [one for one in arguments(instructions, "RUN") if "pip install" in one]
    assert all("--no-deps" in one and "--no-cache-dir" in one for one in installs)
    assert "-r requirements.txt" in installs[0]
    assert arguments(instructions, "STOPSIGNAL") == ["SIGTERM"]
    assert "/healthz" in arguments(instructions, "HEALTHCHECK")[0]


def test_its_settings_are_settings_and_its_spool_is_on_a_volume(instructions):
    (text,) = arguments(instructions, "ENV")
    values = dict(one.split("=", 1) for one in text.split())
    own = {name: value for name, value in values.items() if name.startswith("TURNOUT_")}
    assert set(own) <= set(ENVIRONMENT)
    found = from_environment(own)
    assert arguments(instructions, "VOLUME") == [str(found.data)]
    assert arguments(instructions, "EXPOSE") == [str(found.port)]


def test_the_builder_is_sent_what_is_copied_and_nothing_else(instructions):
    copied = {word for one in arguments(instructions, "COPY") if "--from" not in one for word in one.split()[:-1]}
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied


def test_turnout_can_be_built_of_what_is_copied(instructions, tmp_path):
    build = tmp_path / "build"
    build.mkdir()
    for one in arguments(instructions, "COPY"):
        if "--from" not in one:
            for word in one.split()[:-1]:
                (build / word).symlink_to(ROOT / word)
    subprocess.run(
        [sys.executable, "-c", "import hatchling.build as b; b.build_wheel('wheels')"],
        cwd=build, check=True, timeout=60, capture_output=True,
    )  # fmt: skip
    (wheel,) = (build / "wheels").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "turnout/cli/root.py" in names
    assert any(name.startswith("turnout/sql/migrations/0001") for name in names)
