"""What is said of a link in a form, as the registry takes it. A form's fields enter, `LinkFields` or changes leave.

Pure. InvalidInput, with the field, for what can't be.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from turnout.errors import InvalidInput
from turnout.model import Link
from turnout.stats import calendar
from turnout.store.links import LinkFields

#: What a new link may say, and what of a link may be changed: its code and whose it is stay, as old mails name them.
ADDED = ("url", "title", "campaign", "message", "code", "params", "expires_at", "hidden")
CHANGED = ("url", "title", "params", "expires_at", "hidden")

_NAMES = {"url": "address", "params": "parameters"}


def added(given: Mapping[str, str]) -> LinkFields:
    """A new link; `timezone` says whose clock `expires_at` is read from."""
    fields = _fields(given, ADDED)
    if not fields.campaign:
        raise InvalidInput("a link belongs to a campaign: its clicks count there", field="campaign")
    return fields


def changes(given: Mapping[str, str], link: Link) -> dict[str, Any]:
    """What is other than it was. A time that was not touched stays as it is, to the second."""
    wanted = _fields(given, CHANGED)
    found = {name: getattr(wanted, name) for name in CHANGED if getattr(wanted, name) != getattr(link, name)}
    if given.get("expires_at", "").strip() == local(link.expires_at, given.get("timezone", "")):
        found.pop("expires_at", None)
    return found


def typed(link: Link, timezone: str) -> dict[str, str]:
    """A link as its form shows it."""
    return {
        **{name: getattr(link, name) for name in ("url", "title", "params")},
        "expires_at": local(link.expires_at, timezone),
        "hidden": "yes" if link.hidden else "",
    }


def local(moment: dt.datetime | None, timezone: str) -> str:
    """A moment as an input of a local date and time has it: 2027-01-31T09:30; empty if there is none."""
    if moment is None:
        return ""
    calendar.zone(timezone or "UTC")
    return moment.astimezone(ZoneInfo(timezone or "UTC")).replace(tzinfo=None).isoformat(timespec="minutes")


def _fields(given: Mapping[str, str], names: tuple[str, ...]) -> LinkFields:
    said: dict[str, Any] = {name: given.get(name, "").strip() for name in names}
    said["params"] = said["params"].removeprefix("?")
    said["hidden"] = bool(said["hidden"])
    said["expires_at"] = _moment(said["expires_at"], given.get("timezone", ""))
    try:
        return msgspec.convert(said, LinkFields)
    except msgspec.ValidationError as error:
        # They are all texts: what is wrong is how long one is.
        name = str(error).rpartition("$.")[2].rstrip("`")
        raise InvalidInput(f"the {_NAMES.get(name, name)} has too many characters", field=name) from None


def _moment(text: str, timezone: str) -> dt.datetime | None:
    """A local date and time in UTC; None if there is none."""
    if not text:
        return None
    calendar.zone(timezone or "UTC")
    try:
        found = dt.datetime.fromisoformat(text)
        if not 2000 <= found.year < 2100:
            raise ValueError
    except ValueError:
        raise InvalidInput("a link ends at a date and time like 2027-01-31T09:30", field="expires_at") from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(timezone or "UTC"))).astimezone(dt.UTC)
