"""Parts of a question as text: ranges, zones, names, classes of traffic. Pure: text goes in, values come out."""

from __future__ import annotations

from turnout.errors import InvalidInput, UnknownName
from turnout.model import DEFAULT_TRAFFIC, TRAFFIC_CLASSES, Workspace
from turnout.stats import calendar

_END_MS = 4_102_444_800_000  # 2100


def names(text: str) -> tuple[str, ...]:
    """A comma-separated list of names."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def zone_of(asked: str, workspace: Workspace) -> str:
    """The zone that is asked for, checked; the workspace's if none is."""
    name = asked or workspace.timezone
    calendar.zone(name)
    return name


def moment(text: str, timezone: str, field: str) -> int | None:
    """One end of a range in epoch milliseconds; None leaves it open."""
    if not text:
        return None
    found = calendar.parse_moment(text, timezone, field)
    # The first day of 1970 begins before the epoch where clocks are ahead of UTC.
    if not -86_400_000 <= found < _END_MS:
        raise InvalidInput("the time must be between 1970 and 2100", field=field)
    return found


def traffic(text: str) -> tuple[str, ...]:
    """Traffic classes, in the model's order; `all` is every one of them, nothing is the default."""
    asked = names(text)
    if not asked:
        return DEFAULT_TRAFFIC
    if "all" in asked:
        return TRAFFIC_CLASSES
    for name in asked:
        if name not in TRAFFIC_CLASSES:
            raise UnknownName("traffic class", name, (*TRAFFIC_CLASSES, "all"), field="traffic")
    return tuple(name for name in TRAFFIC_CLASSES if name in asked)
