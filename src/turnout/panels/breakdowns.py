"""One dimension each: devices, systems, browsers, mailbox providers."""

from __future__ import annotations

from turnout.panels.contract import Ask, Panel, Shown, Table, View


def draw(view: View, ask: Ask) -> Shown:
    """Nothing yet."""
    return Shown(Table((), ()), empty="Nothing yet.")


PANELS = (
    Panel("devices", "Devices", "What people open and click on.", draw, "audience"),
    Panel("systems", "Operating systems", "What runs on their devices.", draw, "audience"),
    Panel("browsers", "Browsers and mail programs", "What people read with.", draw, "audience"),
    Panel("mailboxes", "Mailbox providers", "Where the mail goes, and how it fares there.", draw, "audience"),
    Panel("cities", "Cities", "Where a database of yours knows them.", draw, "audience"),
    Panel("networks", "Networks", "Who runs the networks that people come from.", draw, "audience"),
)
