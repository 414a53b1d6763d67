"""OPERATIONS.md names only what there is: metrics, settings, commands and their options, files, words of the log."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from turnout.cli import reference
from turnout.cli.root import application
from turnout.settings import ENVIRONMENT
from turnout.telemetry import Telemetry

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "OPERATIONS.md").read_text(encoding="utf-8")
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))

#: Samples of each kind of metric, after its name.
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count", ""), "gauge": ("",)}


def test_every_metric_is_counted():
    families = list(Telemetry().registry.collect())
    known = {family.name + suffix for family in families for suffix in SUFFIXES.get(family.type, ("",))}
    named = set(re.findall(r"\b(?:turnout|process)_[a-z_]+\b", PAGE))
    assert len(named) > 20
    # Those of the process are the exporter's own, where the system has them.
    assert named <= known | {"process_cpu_seconds_total", "process_resident_memory_bytes"}


def test_every_setting_can_be_set():
    named = set(re.findall(r"\bTURNOUT_[A-Z_]+\b", PAGE))
    assert len(named) > 12
    assert named <= set(ENVIRONMENT)


def commands() -> dict[str, set[str]]:
    found = reference._commands(typer.main.get_command(application), "turnout")
    return {path: {name for one in command.params for name in one.opts} for path, command in found}


def spoken() -> list[str]:
    """What is to be typed: code of a line, and lines of code, cut where the next command begins."""
    blocks = re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
    lines = [*re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))]
    lines += [line for block in blocks for line in block.splitlines()]
    parts = [part for line in lines for part in re.split(r"&&|;| {3,}", line)]
    return [part for part in parts if re.search(r"(?<![\w/])turnout [a-z]", part) and "journalctl" not in part]


def test_every_command_and_option_is_there():
    known = commands()
    assert len(spoken()) > 15
    for line in spoken():
        words = re.split(r"(?<![\w/])turnout ", line, maxsplit=1)[1].split()
        path = next((path for path in (f"turnout {' '.join(words[:2])}", f"turnout {words[0]}") if path in known), None)
        assert path is not None, line
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert options <= known[path], line


@pytest.mark.parametrize(
    "words",
    [
        "starting or stopping", "the spool is full: the store can't keep up", "the store takes no events: ",
        "the spool's disk can't be written", "spooled groups could not be stored",
        "spooled events of an earlier run are being stored", "too many requests are under way",
        "too many bytes of bodies are under way", "too many questions are running", "slow request",
        "slots of the rollup after an unclean stop", "can't be read", "is set aside and counts nowhere",
        "are damaged; what they held is lost", "of an append that never ended", "engine error in",
        "every batch is looked up in the store", "that key exists already", "this store has schema ", "rate_limited",
        "overloaded", "too_large", "store_error", "bad_time", "missing_field", "unknown_type", "unknown_field",
        "bad_value", "bad_amount", "bad_json",
    ],
)  # fmt: skip
def test_the_log_says_what_it_is_said_to_say(words):
    assert words.strip() in PAGE
    assert words in SOURCE


def test_every_file_of_a_data_directory_is_explained(house):
    house.services.writer.settle()
    data = house.services.settings.data
    rows = set(re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE))
    assert {"lock", "journal.json", "spool/", "store/"} <= rows
    inside = {f"{path.name}/" if path.is_dir() else path.name for path in data.iterdir()}
    inside |= {f"spool/{path.name}/" for path in (data / "spool").iterdir() if path.is_dir()}
    assert inside <= rows


def test_links_lead_to_headings_and_files():
    headings = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        else:
            assert (ROOT / target).exists(), target
