"""Pages of statistics: answers of the API in, tables on stdout out."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from turnout.cli import console, funnel
from turnout.panels import wording

if TYPE_CHECKING:
    from rich.table import Table

#: The JSON of /v1/stats, and of one campaign.
Answer = dict[str, Any]
Entry = dict[str, Any]

_TREND_WIDTH = 30


def campaign(answer: Answer, found: Entry, days: int) -> None:
    """One campaign: what it is, its funnel, money and show, and its last `days` days."""
    out = console.out()
    _header(found, answer["meta"])
    if not answer["rows"]:
        print("\nno events in this range that count; --traffic all would show what else there is")
        return
    print()
    out.print(_funnel_table(answer))
    facts = _facts(answer["totals"])
    for line in ["", *facts] if facts else ():
        print(line)
    print()
    out.print(_days_table(answer, days))


def _header(campaign: Entry, meta: dict[str, Any]) -> None:
    from rich.text import Text

    console.out().print(Text(console.plain(campaign["title"] or campaign["id"]), style="bold"))
    facts = [campaign["id"], campaign["type"], ", ".join(campaign["channels"])]
    facts += [word for word in ("draft", "archived") if campaign[word]]
    print(console.plain(" · ".join(fact for fact in facts if fact)))
    zone = ZoneInfo(meta["timezone"])
    if campaign["first_event_at"]:
        first, last = (_local(campaign[name], zone) for name in ("first_event_at", "last_event_at"))
        print(f"{campaign['events']:,} events from {first} to {last} ({meta['timezone']})")
    _range(meta)


def _range(meta: dict[str, Any]) -> None:
    """What was asked for, and what was left out of it."""
    if meta["from"] or meta["to"]:
        print(f"range: {meta['from'] or 'the beginning'} up to {meta['to'] or 'now'}")
    if meta["by"] == "send":
        print("on the day of the message that it belongs to")
    left_out = ", ".join(f"{count:,} {name}" for name, count in meta["excluded"].items() if count)
    print(f"counted: {' and '.join(meta['traffic'])} traffic" + (f"; left out: {left_out}" if left_out else ""))


def _local(moment: str, zone: ZoneInfo) -> str:
    return f"{dt.datetime.fromisoformat(moment).astimezone(zone):%Y-%m-%d %H:%M}"


def _funnel_table(answer: Answer) -> Table:
    made = console.table("", "events", "recipients", "rate", "of", "by day", right=("events", "recipients", "rate"))
    for line in funnel.lines(answer["totals"]):
        trend = console.sparkline(funnel.every_day(answer["rows"], line.metric), _TREND_WIDTH) if line.metric else ""
        made.add_row(
            f"  {line.label}" if line.detail else line.label,
            "" if line.events is None else console.number(line.events),
            "" if line.recipients is None else console.number(line.recipients),
            "" if line.rate is None else wording.percent(line.rate),
            line.of,
            trend,
            style="dim" if line.detail else None,
        )
    return made


def _facts(totals: dict[str, Any]) -> list[str]:
    """Money and the live show, a line each."""
    found = [
        f"{name.replace('_', ' of goal ')}: {console.number(totals[name])}"
        for name in funnel.REVENUES
        if totals.get(name)
    ]
    if totals.get("viewers"):
        found.append(
            f"viewers: {totals['viewers']:,}, {totals['login_viewers']:,} of them logged in; "
            f"at most {totals['peak_concurrent_viewers']:,} at once"
        )
        found.append(
            f"watched: {wording.duration(totals['viewing_time_s'])}, "
            f"{wording.duration(totals['average_viewing_time_s'])} a viewer"
        )
    return found


def _days_table(answer: Answer, limit: int) -> Table:
    rows = answer["rows"]
    names = funnel.with_data(funnel.DAILY, rows) or ["events", "recipients"]
    out = console.out()
    fitting = max(2, (out.width - 12) // 13)
    names = names[:fitting]
    shown = rows[-limit:]
    made = console.table("day", *(_heading(name) for name in names), right=[_heading(name) for name in names])
    if len(rows) > len(shown):
        made.caption = f"… and {len(rows) - len(shown):,} days before; --limit {len(rows)} shows them"
        made.caption_justify = "left"
    for row in shown:
        made.add_row(row["day"], *(_value(name, row.get(name)) for name in names))
    return made


def _heading(name: str) -> str:
    words = {
        "unique_opened": "openers",
        "unique_clicked": "clickers",
        "peak_concurrent_viewers": "peak",
        "viewing_time_s": "watched",
    }
    return words.get(name, name.replace("_", " "))


def _value(name: str, value: Any) -> str:
    if name.endswith("_rate"):
        return wording.percent(value)
    if name.endswith("_time_s") and value is not None:
        return wording.duration(value)
    return console.number(value)


def table(answer: Answer, found: Entry | None) -> None:
    """The table that metrics and dimensions make, with the totals below."""
    meta = answer["meta"]
    if found is not None:
        _header(found, meta)
    else:
        _range(meta)
    numbers = list(meta["metrics"])
    made = console.table(*meta["dimensions"], *numbers, right=numbers)
    for row in answer["rows"]:
        made.add_row(
            *(console.plain(row[name]) for name in meta["dimensions"]), *(_value(name, row[name]) for name in numbers)
        )
    if meta["dimensions"]:
        made.add_section()
        blank = ["in all", *[""] * (len(meta["dimensions"]) - 1)]
        made.add_row(*blank, *(_value(name, answer["totals"][name]) for name in numbers), style="bold")
    print()
    console.out().print(made)
    if meta["rows"] > len(answer["rows"]):
        print(f"{len(answer['rows']):,} of {meta['rows']:,} rows; --limit shows more")


def overview(answer: Answer, campaigns: list[Entry], *, keep_order: bool) -> None:
    """A line a campaign. Unless the user chose an order to keep, what happened last stands first."""
    meta = answer["meta"]
    known = {one["id"]: one for one in campaigns}
    names = funnel.with_data(funnel.OVERVIEW, answer["rows"])
    names = funnel.foremost(names, max(3, (console.out().width - 48) // 13))
    made = console.table(
        "campaign", "title", "last event", *map(_heading, names), right=[_heading(name) for name in names]
    )
    zone = ZoneInfo(meta["timezone"])
    rows = {row["campaign"]: row for row in answer["rows"]}
    ids = list(rows)
    if not keep_order:
        ids.sort(key=lambda name: known.get(name, {}).get("last_event_at") or "", reverse=True)
    for name in ids:
        entry = known.get(name, {})
        last = _local(entry["last_event_at"], zone) if entry.get("last_event_at") else ""
        values = (_value(metric, rows[name].get(metric) or None) for metric in names)
        made.add_row(console.plain(name) or "(none)", console.plain(entry.get("title", "")), last, *values)
    made.add_section()
    made.add_row("in all", "", "", *(_value(metric, answer["totals"].get(metric)) for metric in names), style="bold")
    print(f"workspace in {meta['timezone']}, {len(known):,} campaigns")
    _range(meta)
    print()
    console.out().print(made)
    silent = [one for one in known if one not in rows]
    if silent and meta["rows"] <= len(answer["rows"]):
        print(f"without events here: {console.plain(', '.join(silent[:20]))}{' …' if len(silent) > 20 else ''}")
