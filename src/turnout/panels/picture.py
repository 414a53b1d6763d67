"""A panel's chart as a picture that stands by itself: with what it is of above it, on a ground of its own.

A view and a panel enter, bytes leave.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from turnout.charts.renderer import Form
from turnout.charts.theme import Look, Spec
from turnout.errors import NotFound
from turnout.panels.contract import Panel, Shown, View
from turnout.services import Services

#: Of a title; more would be wider than the chart.
_TITLE_LIMIT_CHARS = 80


def picture(
    services: Services, view: View, panel: Panel, form: Form, look: Look = "light", *, scale: float = 2.0
) -> bytes:
    """The chart as a file. NotFound where there is nothing to draw; raises what `Renderer.picture` does. Blocks."""
    shown = panel.draw(view, services.statistics.ask)
    if shown.spec is None:
        raise NotFound(shown.empty or "there is nothing to draw", field="panel")
    return services.renderer.picture(titled(view, panel, shown), form, look, scale=scale)


def titled(view: View, panel: Panel, shown: Shown) -> Spec:
    """The chart with its campaign, range, zone and traffic written above it."""
    title = _shortened(view.campaign.title)
    return {
        **(shown.spec or {}),
        "title": {"text": f"{title} · {panel.title}", "subtitle": caption(view), "offset": 10},
    }


def caption(view: View) -> str:
    """What of the campaign is seen, in words: `5 Oct 2026 – 7 Oct 2026 (Europe/Berlin), human and proxy`."""
    zone = ZoneInfo(view.timezone)

    def day(moment_ms: int) -> str:
        moment = dt.datetime.fromtimestamp(moment_ms / 1000, zone)
        return f"{moment.day} {moment:%b %Y}"

    starts_ms, ends_ms = view.starts_ms, view.ends_ms
    if starts_ms is not None and view.last_ms is not None and starts_ms > view.last_ms:
        # Recipients may still have done what is credited to the campaign.
        ends_ms = view.now_ms if view.to_ms is None else view.to_ms
    if starts_ms is None or ends_ms is None or ends_ms <= starts_ms:
        days = "no events"
    else:
        # The range is half-open: its last day is that of the moment before its end.
        first, last = day(starts_ms), day(ends_ms - 1)
        days = first if first == last else f"{first} – {last}"
    *others, last_class = view.traffic
    classes = f"{', '.join(others)} and {last_class}" if others else last_class
    return f"{days} ({view.timezone}), {classes}"


def _shortened(text: str) -> str:
    return text if len(text) <= _TITLE_LIMIT_CHARS else f"{text[: _TITLE_LIMIT_CHARS - 1]}…"
