"""When reports are due, and what of a campaign they show. Pure: a schedule and moments enter, moments leave.

A local time that a change of clocks skips is due at the next one that exists; one that comes twice, the first time.
"""

from __future__ import annotations

import calendar as months
import datetime as dt
import re
from zoneinfo import ZoneInfo

from turnout.errors import InvalidInput
from turnout.stats import calendar
from turnout.store.schedules import WEEKDAYS, ReportRange, Schedule, ScheduleFields

#: Days that a range's name stands for.
_DAYS = {"1d": 1, "7d": 7, "30d": 30, "90d": 90}

#: Between two due times there are no more days, with room for a month whose day is skipped altogether.
_HORIZON_DAYS = 64

_MINUTE = dt.timedelta(minutes=1)
_DAY = dt.timedelta(days=1)

#: A plain ASCII address (the dot-atom of RFC 5322): nothing that could be two, or end a header's line.
_ADDRESS = re.compile(
    r"(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)+[A-Za-z][A-Za-z0-9-]{0,62}"
)
_AT = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")

WORDS: dict[ReportRange, str] = {
    "1d": "the day before",
    "7d": "the 7 days before",
    "30d": "the 30 days before",
    "90d": "the 90 days before",
    "month": "the calendar month before",
    "all": "everything until then",
}


def check(fields: ScheduleFields, *, can_mail: bool) -> None:
    """InvalidInput, with the field at fault, for what could never be delivered or never be due."""
    if not fields.folder and not fields.to:
        hint = "choose the folder, addresses to send them to, or both"
        raise InvalidInput("the reports would go nowhere", field="to", hint=hint)
    for address in fields.to:
        if not is_address(address):
            raise InvalidInput(f"'{address[:100]}' is not an e-mail address", field="to")
    if len(set(fields.to)) != len(fields.to):
        raise InvalidInput("an address is named twice", field="to")
    if fields.to and not can_mail:
        hint = "set TURNOUT_SMTP_URL and TURNOUT_SMTP_FROM, or write to the folder"
        raise InvalidInput("this server has no mail server to send by", field="to", hint=hint)
    if fields.campaigns and fields.tag:
        raise InvalidInput("campaigns are named by their ids or by a tag, not both", field="tag")
    if len(set(fields.campaigns)) != len(fields.campaigns):
        raise InvalidInput("a campaign is named twice", field="campaigns")
    if not _AT.fullmatch(fields.at):
        raise InvalidInput(f"'{fields.at[:20]}' is not a time of day", field="at", hint="e.g. 08:00")
    if not fields.subject.isprintable():
        raise InvalidInput("a subject is one line of text", field="subject")
    if fields.timezone:
        calendar.zone(fields.timezone)


def is_address(text: str) -> bool:
    """Whether this is one e-mail address and nothing else."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def latest(fields: ScheduleFields, timezone: str, now: dt.datetime) -> dt.datetime | None:
    """The last due time until `now`, in UTC."""
    where = ZoneInfo(fields.timezone or timezone)
    today = now.astimezone(where).date()
    for back in range(-1, _HORIZON_DAYS):
        found = _due_on(fields, today - back * _DAY, where)
        if found is not None and found <= now:
            return found
    return None


def upcoming(fields: ScheduleFields, timezone: str, now: dt.datetime) -> dt.datetime | None:
    """The first due time after `now`, in UTC."""
    where = ZoneInfo(fields.timezone or timezone)
    today = now.astimezone(where).date()
    for ahead in range(-1, _HORIZON_DAYS):
        found = _due_on(fields, today + ahead * _DAY, where)
        if found is not None and found > now:
            return found
    return None


def _due_on(fields: ScheduleFields, day: dt.date, where: ZoneInfo) -> dt.datetime | None:
    if fields.every == "week" and WEEKDAYS[day.weekday()] != fields.weekday:
        return None
    if fields.every == "month" and day.day != min(fields.day, months.monthrange(day.year, day.month)[1]):
        return None
    hour, minute = map(int, fields.at.split(":"))
    return _instant(dt.datetime.combine(day, dt.time(hour, minute)), where)


def _instant(local: dt.datetime, where: ZoneInfo) -> dt.datetime:
    """When clocks there show this for the first time, or what they show next where they skip it; in UTC."""
    while True:
        found = local.replace(tzinfo=where, fold=0).astimezone(dt.UTC)
        if found.astimezone(where).replace(tzinfo=None) == local:
            return found
        local += _MINUTE


def bounds(name: ReportRange, moment: dt.datetime, timezone: str) -> tuple[int | None, int | None]:
    """The half-open range of reports that are due at `moment`, in epoch milliseconds; open for everything."""
    if name == "all":
        return None, None
    where = ZoneInfo(timezone)
    end = moment.astimezone(where).date()
    if name == "month":
        end = end.replace(day=1)
        start = (end - _DAY).replace(day=1)
    else:
        start = end - _DAYS[name] * _DAY
    return tuple(int(_instant(dt.datetime.combine(day, dt.time()), where).timestamp() * 1000) for day in (start, end))  # type: ignore[return-value]


def when(schedule: ScheduleFields, timezone: str) -> str:
    """When it is due, in words: `every Monday at 08:00 (Europe/Berlin)`."""
    days = {
        "day": "every day",
        "week": f"every {schedule.weekday.capitalize()}",
        "month": "on the last day of every month" if schedule.day == 31 else f"on day {schedule.day} of every month",
    }[schedule.every]
    return f"{days} at {schedule.at} ({schedule.timezone or timezone})"


def moment_due(schedule: Schedule, timezone: str, now: dt.datetime) -> dt.datetime | None:
    """The moment whose reports are to be made now; None if there is none, or it is not time to try again.

    Of several due times that were missed it is the last.
    """
    found = latest(schedule, timezone, now)
    if found is None or found <= schedule.settled_at:
        found = schedule.asked_at
    if found is None:
        return None
    trying = schedule.attempt
    return None if trying is not None and trying.moment == found and trying.next_at > now else found
