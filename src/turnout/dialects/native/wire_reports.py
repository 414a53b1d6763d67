"""The shapes of reports and their schedules in the own API."""

from __future__ import annotations

import datetime as dt

from msgspec import Struct, field

from turnout.store.schedules import Attempt, ReportRun, ScheduleFields


class ReportQuery(Struct, frozen=True):
    """Query of /v1/campaigns/{id}/report.html and .pdf: which part of the campaign.

    `range` is 7d, 30d, 90d, 365d or all; or `from` and `to` say it. `metrics` and `grain` are for what is over time.
    """

    range: str = ""
    from_: str = field(default="", name="from")
    to: str = ""
    timezone: str = ""
    traffic: str = ""
    grain: str = ""
    metrics: str = ""


class ReportAnswer(ScheduleFields, frozen=True, kw_only=True):
    """A schedule as it is kept. `when` says it in words; `next_at` is when reports are made next.

    `attempt` is what is being tried again, `last` how the last run ended.
    """

    id: str
    when: str
    created_at: dt.datetime
    next_at: dt.datetime | None
    attempt: Attempt | None
    last: ReportRun | None


class ReportsAnswer(Struct, frozen=True):
    """The scheduled reports of the workspace, oldest first. Without `mail` this server sends none."""

    reports: list[ReportAnswer]
    mail: bool
