"""The daily numbers of an app: a window goes in, a number for each of its days comes out. Asks; blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from turnout.dialects.braze.life import number
from turnout.dialects.braze.parse import Window
from turnout.model import Workspace
from turnout.stats.question import LIMIT_ROWS, Filter, Question
from turnout.stats.run import Statistics

#: Days of which the distinct users are active ones of the month.
MONTH_DAYS = 30

#: 'performed' events of these names are uninstalls.
UNINSTALLS = ("uninstalled", "uninstall", "app_uninstalled", "app_uninstall")


@dataclass(frozen=True)
class _Daily:
    """A metric by day; only events of these names, if there are any."""

    metric: str
    names: tuple[str, ...] = ()


_DAILY = {
    "dau": _Daily("unique_app_opened"),
    "new_users": _Daily("new_users"),
    "uninstalls": _Daily("performed", UNINSTALLS),
}

#: The names of the numbers, and how many days before the first are looked at for it.
KPIS: dict[str, int] = {**dict.fromkeys(_DAILY, 0), "mau": MONTH_DAYS - 1}


def kpi(statistics: Statistics, workspace: Workspace, name: str, window: Window, app: str) -> dict[str, int]:
    """The number `name` of each day of a window, but for the first `KPIS[name]` days; of one app where it is named."""
    filters = (Filter("profile", (app,)),) if app else ()
    found = dict.fromkeys(window.days[KPIS[name] :], 0)
    if window.from_ms >= window.to_ms:
        return found
    base = Question(
        workspace.id, ("unique_app_opened",), (), filters, window.from_ms, window.to_ms, workspace.timezone,
        limit=LIMIT_ROWS, rows_only=True,
    )  # fmt: skip
    if name == "mau":
        for index, day in enumerate(found, MONTH_DAYS - 1):
            month = replace(base, from_ms=window.edges_ms[index + 1 - MONTH_DAYS], to_ms=window.edges_ms[index + 1])
            found[day] = sum(number(row, "unique_app_opened") for row in statistics.rows(month))
        return found
    daily = _DAILY[name]
    if daily.names:
        filters = (*filters, Filter("name", daily.names))
    for row in statistics.rows(replace(base, metrics=(daily.metric,), dimensions=("day",), filters=filters)):
        found[str(row["day"])] = number(row, daily.metric)
    return found
