"""The panels there are, in the order in which they are shown. A new panel is a file and a line here."""

from __future__ import annotations

from turnout.errors import UnknownName
from turnout.panels import breakdowns, live
from turnout.panels.clickmap import PANEL as CLICKMAP
from turnout.panels.contract import Panel
from turnout.panels.countries import PANEL as COUNTRIES
from turnout.panels.excluded import PANEL as EXCLUDED
from turnout.panels.funnel import PANEL as FUNNEL
from turnout.panels.hours import PANEL as HOURS
from turnout.panels.links import PANEL as LINKS
from turnout.panels.parameters import PANEL as PARAMETERS
from turnout.panels.revenue import PANEL as REVENUE
from turnout.panels.series import PANEL as SERIES
from turnout.panels.variations import PANEL as VARIATIONS

PANELS: dict[str, Panel] = {
    panel.name: panel
    for panel in (
        FUNNEL,
        SERIES,
        REVENUE,
        VARIATIONS,
        LINKS,
        CLICKMAP,
        PARAMETERS,
        COUNTRIES,
        HOURS,
        *breakdowns.PANELS,
        *live.PANELS,
        EXCLUDED,
    )
}


def panel(name: str) -> Panel:
    """The panel of this name; UnknownName, with the nearest, if there is none."""
    found = PANELS.get(name)
    if found is None:
        raise UnknownName("panel", name, PANELS, field="panel")
    return found
