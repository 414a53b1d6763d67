"""docs/panels.md has every panel, and the metrics that each of them shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.panels.looking import look

from turnout.panels.contract import GRAINS
from turnout.panels.registry import PANELS
from turnout.panels.view import NAMES
from turnout.stats.metrics import DIMENSIONS, METRICS

PAGE = (Path(__file__).parents[2] / "docs" / "panels.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*)$", PAGE.split("## The panels")[1], re.MULTILINE))


def documented(name: str) -> set[str]:
    """The metrics and dimensions that a panel's row names, in its last cell."""
    found = set(re.findall(r"`(\w+)`", ROWS[name].rsplit(" | ", 1)[1]))
    return found | documented("countries") if "as for countries" in ROWS[name] else found


def test_every_panel_is_described_and_no_other():
    assert list(ROWS) == list(PANELS)


def test_every_name_in_a_description_exists():
    for name in ROWS:
        assert documented(name) - set(METRICS) - set(DIMENSIONS) <= {"metrics"}, name


def test_what_a_view_is_asked_for_by_is_described():
    part = PAGE.split("## The panels")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", part, re.MULTILINE)
    assert set(re.findall(r"\w+", " ".join(rows))) == set(NAMES)
    assert all(f"`{grain}`" in part for grain in GRAINS)


@pytest.mark.parametrize(("campaign", "live"), [("spring-sale", False), ("live-show-12", True)])
def test_what_a_panel_shows_is_what_its_description_names(house, sampled, campaign, live):
    view = look(house, sampled, campaign)
    for name, panel in PANELS.items():
        if (panel.section == "live") != live:
            continue
        table = panel.draw(view, house.services.statistics.ask).table
        shown = {column.name_in(row) for row in table.rows for column in table.columns} & set(METRICS)
        named = documented(name)
        missing = {metric for metric in shown if {metric, metric.removeprefix("unique_")}.isdisjoint(named)}
        assert not missing, name
