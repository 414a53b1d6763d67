"""What is promised on paper is there, and what is there is on paper."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main

import turnout
from turnout.cli.root import application
from turnout.dialects.native.routes import ROUTES
from turnout.model import EVENT_TYPES
from turnout.panels import view
from turnout.settings import ENVIRONMENT, Settings

ROOT = Path(__file__).parent.parent


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_changelog_begins_with_this_version():
    versions = re.findall(r"^## \[([^\]]+)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert versions[0] == turnout.__version__


@pytest.mark.parametrize(("variable", "field"), ENVIRONMENT.items())
def test_every_setting_is_documented_with_its_default(variable, field):
    (line,) = (line for line in read("docs/settings.md").splitlines() if line.startswith(f"| `{variable}`"))
    default = getattr(Settings, field)
    if isinstance(default, int):
        assert f"| {default} |" in line or f"| `{default}` |" in line


def test_no_setting_is_documented_that_is_not_there():
    documented = set(re.findall(r"^\| `(TURNOUT_\w+)`", read("docs/settings.md"), re.MULTILINE))
    assert documented == set(ENVIRONMENT)


def test_the_readme_names_every_event_type():
    named = set(re.findall(r"`(\w+)`", read("README.md")))
    assert set(EVENT_TYPES) <= named


def test_the_contract_s_own_routes_are_there():
    paths = {(route.method, re.sub(r"\{(\w+):path\}", r"{\1}", route.path)) for route in ROUTES}
    assert paths >= {
        ("POST", "/v1/events"),
        ("PUT", "/v1/campaigns/{id}"),
        ("GET", "/v1/campaigns/{id}"),
        ("DELETE", "/v1/campaigns/{id}"),
        ("GET", "/v1/campaigns"),
        ("GET", "/v1/stats"),
        ("GET", "/v1/campaigns/{id}/recipients"),
        ("GET", "/v1/metrics"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
    }


PAGES = sorted(
    str(path.relative_to(ROOT))
    for folder in (".", "docs", "src/turnout/dialects/*")
    for path in ROOT.glob(f"{folder}/*.md")
)


def prose(page: Path) -> str:
    """A page without its examples."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def headings(page: Path) -> set[str]:
    """What a link may name of a page, as it is made of its headings."""
    found = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("name", PAGES)
def test_links_between_pages_lead_somewhere(name):
    page = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not target.startswith("http"):
            path, _, part = target.partition("#")
            found = page.parent / path if path else page
            assert found.exists(), target
            assert not part or part in headings(found), target


#: Where lines to run are shown to people; of one in a sentence, what follows its command is left alone.
SHOWN = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("src/turnout/dashboard/templates/*.html"))
_LINE = re.compile(r"(?:^|[`>|/] ?|\$ )turnout ([a-z][^`<|;#\n]*)", re.MULTILINE)


@pytest.mark.parametrize("name", [*(page for page in PAGES if page != "docs/cli.md"), *SHOWN])
def test_lines_to_run_have_options_that_there_are(name):
    for line in _LINE.findall(read(name)):
        command: Any = typer.main.get_command(application)
        words = line.split()
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
        asked = {name for word in words for name in re.findall(r"^--[a-z-]+|^-[a-z]$", word)}
        assert asked <= known, f"turnout {line}"


def test_charts_and_reports_are_asked_for_by_all_that_makes_a_view():
    commands: Any = typer.main.get_command(application).commands  # type: ignore[attr-defined]
    for command in ("chart", "report"):
        assert {f"--{name}" for name in view.NAMES} <= {name for one in commands[command].params for name in one.opts}


def test_what_the_tests_and_the_pages_need_is_in_the_source_distribution():
    project = tomllib.loads(read("pyproject.toml"))
    included = [
        re.escape(one).replace(r"\*", "[^/]*")
        for one in project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    ]
    for name in ("docs/cli.md", "docs/settings.md", "docs/stats.svg", "README.md", "Makefile", "requirements-dev.txt"):
        assert any(re.match(one, f"/{name}") for one in included), name


def test_architecture_fits_on_a_page():
    assert len(read("ARCHITECTURE.md").splitlines()) < 150


def test_no_vendor_s_name_is_outside_its_room():
    source = ROOT / "src" / "turnout"
    rooms = {path.name for path in (source / "dialects").iterdir() if (path / "routes.py").exists()}
    rooms -= {"native", "tracking"}
    assert rooms
    for path in source.rglob("*.py"):
        inside = path.relative_to(source).parts
        if inside[0] == "dialects" and (inside[1] in rooms or inside[1] == "registry.py"):
            continue
        # What a vendor tells by webhooks has a file of its own.
        if inside[:2] == ("capture", "webhooks") and inside[2] in ("batch_export.py", "currents.py"):
            continue
        text = path.read_text(encoding="utf-8")
        # One vendor's name is an everyday word; there it is the possessive, the address or the room that tells.
        assert not re.search(r"Batch's|batch\.com|dialects[./]batch", text), path
        words = set(re.findall(r"[a-z]+", text.lower()))
        assert not words & ((rooms - {"batch"}) | {"shoplive", "emailconsul", "intarget"}), path
