"""Reports: one now, and those that are written or sent by the clock."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec
from starlette.responses import Response

from turnout.dashboard import pages
from turnout.dashboard.choosing import zone_names
from turnout.dashboard.settings_forms import Form
from turnout.dialects.contract import Call
from turnout.errors import InvalidInput, TooLarge, TurnoutError
from turnout.panels import view
from turnout.reports import schedule, scheduling
from turnout.reports.delivery import MEDIA_TYPES
from turnout.reports.folder import Folder
from turnout.store.schedules import WEEKDAYS, Schedule, ScheduleFields

PAGE = "/dashboard/reports"

#: Campaigns that are proposed by name, the newest first; any other can be written.
_PROPOSED_LIMIT = 200

#: What a page says after a change.
_DONE = {
    "added": "The report is scheduled.",
    "asked": "It is being made. Load the page again to see how it ended.",
    "deleted": "The schedule is deleted; the files that it wrote stay.",
}

_RANGES_NOW = {
    "": "All of it",
    "7d": "The last 7 days",
    "30d": "The last 30 days",
    "90d": "The last 90 days",
    "365d": "The last year",
}


@dataclass(frozen=True)
class Line:
    """A schedule as the page shows it; `state` is the class of its notice."""

    schedule: Schedule
    when: str
    campaigns: str
    range: str
    goes: tuple[str, ...]
    next: str
    state: str
    said: str


async def reports(call: Call) -> Response:
    """The scheduled reports."""
    return _page(call, Form())


async def change(call: Call) -> Response:
    """Add, run or end a scheduled report; what is wrong is said above the form, and nothing in it is lost."""
    form = Form(await pages.form(call))
    action, name = form.text("action"), form.text("id")
    schedules, workspace = call.services.catalog.schedules, call.workspace
    if action == "run":
        await call.services.run(schedules.ask, workspace.id, name)
        return pages.go(PAGE, done="asked")
    if action == "delete":
        await call.services.run(schedules.remove, workspace.id, name)
        return pages.go(PAGE, done="deleted")
    if action != "add":
        raise InvalidInput("there is nothing like that to do", field="action")
    try:
        await call.services.run(scheduling.add, call.services, workspace, fields_of(form))
    except (InvalidInput, TooLarge) as error:
        return _page(call, form, error)
    return pages.go(PAGE, done="added")


async def report(call: Call) -> Response:
    """One campaign's report: to look at, or as a file if its `form` is said."""
    asked = dict(call.request.query_params)
    campaign = call.services.catalog.campaign(call.workspace.id, asked.get("id", "").strip())
    form = scheduling.form_of(asked.get("form") or "html")
    query = {name: asked[name] for name in view.NAMES if name in asked}
    body = await call.services.draw(scheduling.make, call.services, call.workspace, campaign, query, form)
    headers = scheduling.headers_of(campaign, form, call.workspace, call.services.now())
    if not asked.get("form"):
        headers["Content-Disposition"] = "inline"
    return Response(body, headers=headers, media_type=MEDIA_TYPES[form])


def fields_of(form: Form) -> ScheduleFields:
    """A form as a schedule. InvalidInput for what can't be one."""
    of = form.text("of", "all")
    day = form.text("day", "1")
    if not re.fullmatch(r"[0-9]{1,2}", day):
        raise InvalidInput("the day of the month is a number from 1 to 31", field="day")
    said = {
        "campaigns": form.lines("campaigns") if of == "ids" else (),
        "tag": form.text("tag") if of == "tag" else "",
        "every": form.text("every"),
        "weekday": form.text("weekday"),
        "day": int(day),
        "at": form.text("at"),
        "timezone": form.text("timezone"),
        "range": form.text("range"),
        "format": form.text("format"),
        "folder": form.ticked("folder", "yes"),
        "to": tuple(re.split(r"[\s,;]+", form.text("to"))) if form.text("to") else (),
        "subject": form.text("subject"),
    }
    if of == "ids" and not said["campaigns"]:
        raise InvalidInput("name at least one campaign, an id a line", field="campaigns")
    if of == "tag" and not said["tag"]:
        raise InvalidInput("name a tag", field="tag")
    try:
        return msgspec.convert(said, ScheduleFields)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at ")
        field = path.strip("`").removeprefix("$.").partition("[")[0]
        raise InvalidInput(f"{field}: {text[:200]}", field=field) from None


def _page(call: Call, form: Form, wrong: TurnoutError | None = None) -> Response:
    workspace, now = call.workspace, call.services.now()
    settings = call.services.settings
    newest = call.services.catalog.campaigns(workspace.id)[: -_PROPOSED_LIMIT - 1 : -1]
    return pages.page(
        call,
        "reports.html",
        "Reports",
        200 if wrong is None else 400,
        lines=[_line(call, one, now) for one in call.services.catalog.schedules.all(workspace.id)],
        campaigns=newest,
        chosen=call.request.query_params.get("id", ""),
        form=form,
        wrong=wrong,
        done=_DONE.get(call.request.query_params.get("done", ""), ""),
        can_mail=bool(settings.smtp_url),
        folder=str(Folder(settings, workspace.id).path),
        weekdays=WEEKDAYS,
        ranges=schedule.WORDS,
        ranges_now=_RANGES_NOW,
        zones=zone_names(),
        timezone=workspace.timezone,
    )


def _line(call: Call, one: Schedule, now: dt.datetime) -> Line:
    workspace = call.workspace
    upcoming = scheduling.next_of(one, workspace, now)
    state, said = "", "Not made yet."
    if one.asked_at is not None and one.attempt is None:
        said = "It is being made."
    elif one.attempt is not None:
        state, said = "bad", f"Not delivered so far: {one.attempt.words}. It is tried again."
    elif one.last is not None:
        state = {"delivered": "good", "nothing": "", "partly": "bad", "failed": "bad"}[one.last.outcome]
        outcome = {"nothing": "Nothing to report", "failed": "Not delivered", "partly": "Delivered in part"}
        said = f"{outcome.get(one.last.outcome, 'Delivered')} {_moment(one.last.ended_at, workspace.timezone)}: "
        said += one.last.words
    return Line(
        schedule=one,
        when=schedule.when(one, workspace.timezone),
        campaigns=", ".join(one.campaigns) or (f"those with the tag {one.tag}" if one.tag else "all with events"),
        range=f"{schedule.WORDS[one.range]}, as {one.format.upper()}",
        goes=(*one.to, *(("the folder",) if one.folder else ())),
        next=_moment(upcoming, workspace.timezone) if upcoming is not None else "",
        state=state,
        said=said,
    )


def _moment(moment: dt.datetime, timezone: str) -> str:
    local = moment.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    return local.isoformat(" ", "minutes")
