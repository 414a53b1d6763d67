"""What may be done with reports, whichever door it is asked at: one made now, a schedule added, one described.

A view's query, or the fields of a schedule, enter; bytes, or the schedule as it is kept, leave.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from turnout.errors import InvalidInput, NotFound
from turnout.model import Campaign, Workspace
from turnout.panels import view
from turnout.reports import document, html, schedule
from turnout.reports.delivery import MEDIA_TYPES, rendered
from turnout.reports.folder import slug
from turnout.services import Services
from turnout.store.schedules import ReportForm, Schedule, ScheduleFields


def form_of(text: str) -> ReportForm:
    """The form of a report by its name; NotFound if there is none."""
    for form in MEDIA_TYPES:
        if form == text:
            return form
    raise NotFound(f"there is no report.{text[:20]}", hint=f"there are {', '.join(MEDIA_TYPES)}")


def make(
    services: Services, workspace: Workspace, campaign: Campaign, asked: Mapping[str, str], form: ReportForm
) -> bytes:
    """A campaign's report over the view that is asked for. Blocks.

    InvalidInput or UnknownName for what can't be asked; NotDrawn or Overloaded where it can't be made now.
    """
    with document.turn():
        seen = view.read(services, workspace, campaign, asked)
        return rendered(services, document.make(seen, services.statistics.ask), form)


def headers_of(campaign: Campaign, form: ReportForm, workspace: Workspace, now: dt.datetime) -> dict[str, str]:
    """What keeps a report safe in a browser, and what it is called when it is kept."""
    day = now.astimezone(ZoneInfo(workspace.timezone)).date().isoformat()
    return {
        "Content-Disposition": f'attachment; filename="{day}-{slug(campaign.id)}.{form}"',
        "Content-Security-Policy": f"{html.policy()}; sandbox; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
    }


def add(services: Services, workspace: Workspace, fields: ScheduleFields) -> Schedule:
    """Keep a schedule. InvalidInput or UnknownName for what can't be; TooLarge past the limit. Blocks."""
    schedule.check(fields, can_mail=bool(services.settings.smtp_url))
    for name in fields.campaigns:
        if not services.catalog.has_campaign(workspace.id, name):
            raise InvalidInput(f"no campaign '{name}'", field="campaigns")
    return services.catalog.schedules.add(workspace.id, fields)


def next_of(one: Schedule, workspace: Workspace, now: dt.datetime) -> dt.datetime | None:
    """When it is made next: now if somebody asked for it or it is late, later if it is tried again."""
    if one.attempt is not None:
        return max(one.attempt.next_at, now)
    if schedule.moment_due(one, workspace.timezone, now) is not None:
        return now
    return schedule.upcoming(one, workspace.timezone, now)
