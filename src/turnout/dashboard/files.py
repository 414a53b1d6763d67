"""What a panel shows, as a file: its table as CSV or Parquet, its chart as PNG, SVG or PDF.

A view and a panel are asked for in the query, as the page itself is; a file leaves, with the name it is kept under.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.responses import Response

from turnout.charts import renderer
from turnout.dashboard import pages
from turnout.dialects.contract import Call
from turnout.errors import UnknownName
from turnout.panels import registry, sheets, view
from turnout.panels.contract import Panel, Shown, View
from turnout.panels.picture import picture
from turnout.services import Services

PAGE = "/dashboard/panel"

MEDIA_TYPES: dict[str, str] = dict([*sheets.MEDIA_TYPES.items(), *renderer.MEDIA_TYPES.items()])

_LABELS = {"csv": "CSV", "parquet": "Parquet", "png": "PNG", "svg": "SVG", "pdf": "PDF"}

#: Of the campaign in a file's name; what else there is in it is short.
_NAME_LIMIT_CHARS = 60

#: What no system minds in a file's name.
_UNSAFE = re.compile(r"[^\w.-]+")


async def panel(call: Call) -> Response:
    """A panel as a file. NotFound where there is nothing to draw, UnknownName for a format that there isn't."""
    query = call.request.query_params
    found = call.services.catalog.campaign(call.workspace.id, query.get("id", ""))
    chosen = registry.panel(query.get("panel", ""))
    form = query.get("format", "csv")
    if form not in MEDIA_TYPES:
        raise UnknownName("format", form, MEDIA_TYPES, field="format")
    asked = view.given(query.multi_items())

    def make() -> tuple[View, bytes]:
        seen = view.read(call.services, call.workspace, found, asked)
        return seen, _made(call.services, seen, chosen, form)

    seen, body = await call.services.draw(make)
    headers = {**pages.HEADERS, "Content-Disposition": disposition(seen, chosen, form)}
    return Response(body, headers=headers, media_type=MEDIA_TYPES[form])


def addresses(campaign: str, panel: Panel, shown: Shown, asked: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Labels and addresses of the files that a panel is to be had as, in the view that was asked for."""
    known: list[str] = list(sheets.MEDIA_TYPES) if shown.table.rows else []
    known += list(renderer.MEDIA_TYPES) if shown.spec is not None else []
    query = {"from_" if name == "from" else name: value for name, value in asked.items()}
    return tuple(
        (_LABELS[form], pages.link(PAGE, id=campaign, panel=panel.name, format=form, **query))
        for form in sorted(known, key=list(_LABELS).index)
    )


def disposition(seen: View, panel: Panel, form: str) -> str:
    """The name that a browser keeps it under: campaign, panel and range (RFC 6266; the real name as in RFC 5987)."""
    rest = f"{panel.name}-{_days(seen)}.{form}"
    plain = f"{_safe(seen.campaign.id.encode('ascii', 'ignore').decode()) or 'campaign'}-{rest}"
    full = f"{_safe(seen.campaign.title) or _safe(seen.campaign.id) or 'campaign'}-{rest}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(full, safe='')}"


def _made(services: Services, seen: View, panel: Panel, form: str) -> bytes:
    for drawn in renderer.MEDIA_TYPES:
        if drawn == form:
            return picture(services, seen, panel, drawn)
    shown = panel.draw(seen, services.statistics.ask)
    return sheets.sheet(shown.table, "parquet" if form == "parquet" else "csv")


def _safe(text: str) -> str:
    return _UNSAFE.sub("-", text)[:_NAME_LIMIT_CHARS].strip("-._")


def _days(seen: View) -> str:
    """The first and the last day that are seen; `all` where neither end was asked for."""
    if seen.from_ms is None and seen.to_ms is None:
        return "all"
    zone = ZoneInfo(seen.timezone)
    days = [
        "" if moment_ms is None else f"{dt.datetime.fromtimestamp(moment_ms / 1000, zone):%Y-%m-%d}"
        for moment_ms in (seen.from_ms, None if seen.to_ms is None else seen.to_ms - 1)
    ]
    return f"{days[0] or 'first'}-{days[1] or 'now'}"
