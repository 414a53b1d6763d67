"""What was left out as the work of machines, and why: opens and clicks by class of traffic, and by reason.

Every event is asked for here, whatever the view counts; what of it counts is said of each class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from turnout.charts.theme import INK, LEFT_OUT, SERIES, Spec
from turnout.model import DEFAULT_TRAFFIC, TRAFFIC_CLASSES
from turnout.panels import wording
from turnout.panels.contract import Ask, Cell, Column, Panel, Shown, Table, View, column

#: Each class of traffic: what its events are called together, and who causes them (docs/traffic.md).
CLASSES: dict[str, tuple[str, str]] = {
    "human": ("People", "A person."),
    "proxy": ("Image proxies", "A mailbox's image proxy, behind which somebody reads: Gmail's, Yahoo's."),
    "prefetch": ("Prefetching", "A program that loads what nobody has looked at yet: mail privacy, browsers."),
    "preview": ("Previews", "A messenger that shows what a link leads to."),
    "scanner": ("Scanners", "A security product that looks for harm."),
    "bot": ("Bots", "A crawler, a monitor or a script."),
}

#: Each reason, in a few words (docs/traffic.md has them at length).
REASONS: dict[str, str] = {
    "": "No reason against a person was found.",
    "said": "The sender, or the provider, said so.",
    "head_request": "Asked with HEAD, which wants nothing.",
    "prefetch_header": "A header said that it only loads ahead.",
    "hidden_link": "Followed a link that no person sees.",
    "allowed": "On the workspace's list of those who are people.",
    "mail_proxy": "Came through a mailbox's image proxy.",
    "link_preview": "Called itself a messenger's preview.",
    "known_scanner": "Called itself a security product.",
    "known_bot": "On the list of known crawlers.",
    "http_client": "A library or a tool, not a browser.",
    "headless_browser": "A browser that nobody looks at.",
    "no_agent": "Did not say what program it is.",
    "bare_agent": "Said 'Mozilla/5.0' and no more.",
    "soon_after_delivery": "Within seconds of the delivery.",
    "many_links_at_once": "Followed several links of a message within 2 seconds.",
    "near_hidden_link": "Within seconds of following a hidden link.",
    "many_recipients_at_once": "One address, many recipients within seconds.",
}

_METRICS = ("opened", "clicked")
_LIMIT_ROWS = len(TRAFFIC_CLASSES) * len(REASONS)

_OF_ALL = "Of all the events of its kind, those of this class or reason."

_COLUMNS = (
    column("traffic", "Class"),
    Column("counted", "Counts", "text", "Whether the numbers of this view count events of this class."),
    column("reason"),
    Column("meaning", "Which is", "text", "Who is behind it, or how it is known."),
    column("opened", "Opens"),
    Column("opened_share", "Of all opens", "ratio", _OF_ALL),
    column("clicked", "Clicks"),
    Column("clicked_share", "Of all clicks", "ratio", _OF_ALL),
)

_EMPTY = "There are no opens and clicks in this range, so there is nothing to tell apart."
_ALL_REASONS = "any"


def draw(view: View, ask: Ask) -> Shown:
    """Bars for each class, what counts and what doesn't; in the table, the reasons too."""
    asked = replace(view, traffic=TRAFFIC_CLASSES)
    by_class = ask(asked.question(_METRICS, ("traffic",), limit=len(TRAFFIC_CLASSES)))
    found = {str(row["traffic"]): row for row in by_class.rows if any(row[name] for name in _METRICS)}
    if not found:
        return Shown(Table((), ()), empty=_EMPTY)
    totals = by_class.totals
    classes = [_row(found[name], view, _ALL_REASONS, totals) for name in TRAFFIC_CLASSES if name in found]
    reasons = _reasons(view, ask, found, totals)
    total = {"traffic": "In all", "counted": "", "reason": "", "meaning": "", **totals}
    total |= {f"{name}_share": 1.0 if totals[name] else None for name in _METRICS}
    table = Table(_COLUMNS, (*classes, *reasons), total, len(classes) + len(reasons), quiet_count=len(reasons))
    left_out = {name: _events(found.get(name, {})) for name in TRAFFIC_CLASSES if name not in view.traffic}
    words = _words(view, found, totals)
    more = [_SEVERAL] if reasons else []
    return Shown(table, _spec(classes), " ".join(words), (*words, *more), excluded=left_out)


_SEVERAL = "An event may have several reasons, and is in the row of each; docs/traffic.md has the rules."


def _reasons(
    view: View, ask: Ask, found: Mapping[str, Mapping[str, Cell]], totals: Mapping[str, Cell]
) -> list[dict[str, Cell]]:
    """Why events of the classes that do not count, or would not by default, are of their class."""
    wanted = tuple(name for name in found if name not in view.traffic or name not in DEFAULT_TRAFFIC)
    if not wanted:
        return []
    asked = replace(view, traffic=wanted).question(_METRICS, ("traffic", "reason"), limit=_LIMIT_ROWS, rows_only=True)
    rows = [row for row in ask(asked).rows if any(row[name] for name in _METRICS)]
    rows.sort(key=lambda row: (TRAFFIC_CLASSES.index(str(row["traffic"])), -_events(row), str(row["reason"])))
    return [_row(row, view, str(row["reason"]), totals) for row in rows]


def _row(row: Mapping[str, Cell], view: View, reason: str, totals: Mapping[str, Cell]) -> dict[str, Cell]:
    name = str(row["traffic"])
    meaning = CLASSES[name][1] if reason == _ALL_REASONS else REASONS.get(reason, "")
    shares = {f"{metric}_share": _share(row[metric], totals[metric]) for metric in _METRICS}
    counts = {metric: row[metric] for metric in _METRICS}
    counted = "yes" if name in view.traffic else "no"
    return {"traffic": name, "counted": counted, "reason": reason, "meaning": meaning, **counts, **shares}


def _share(some: Cell, of: Cell) -> float | None:
    return some / of if isinstance(some, int) and isinstance(of, int) and of else None


def _events(row: Mapping[str, Cell]) -> int:
    return sum(count for name in _METRICS if isinstance(count := row.get(name), int))


def _words(view: View, found: Mapping[str, Mapping[str, Cell]], totals: Mapping[str, Cell]) -> list[str]:
    """Which classes count, and how much of the opens and clicks is of the others."""
    names = wording.listed([f"'{name}'" for name in view.traffic])
    if set(view.traffic) == set(TRAFFIC_CLASSES):
        return ["Every class of traffic counts in this view, so nothing is left out."]
    parts = []
    for name, thing in zip(_METRICS, ("open", "click"), strict=True):
        total = totals[name]
        out = sum(
            count for one, row in found.items() if one not in view.traffic and isinstance(count := row[name], int)
        )
        if isinstance(total, int) and total:
            share = wording.percent(out / total)
            parts.append(f"{out:,} of {wording.many(total, thing)} ({share})")
    return [
        f"Traffic of the {'class' if len(view.traffic) == 1 else 'classes'} {names} counts.",
        f"Left out: {wording.listed(parts)}. They are kept, and another choice of traffic counts them.",
    ]


def _spec(rows: Sequence[Mapping[str, Cell]]) -> Spec:
    """Opens on the left, clicks on the right, a bar for each class."""
    return {"hconcat": [_bars(rows, name, is_first=name == _METRICS[0]) for name in _METRICS], "spacing": 24}


def _bars(rows: Sequence[Mapping[str, Cell]], metric: str, *, is_first: bool) -> Spec:
    title = "Opens" if metric == "opened" else "Clicks"
    counts = [count if isinstance(count := row[metric], int) else 0 for row in rows]
    values = [
        {
            "class": CLASSES[str(row["traffic"])][0],
            "count": count,
            "label": f"{count:,}" + (f" · {wording.cell(row[f'{metric}_share'], 'ratio')}" if count else ""),
            "fill": SERIES[0] if row["counted"] == "yes" else LEFT_OUT,
            "says": f"{CLASSES[str(row['traffic'])][0]} · {title} {count:,}"
            + ("" if row["counted"] == "yes" else ", left out"),
        }
        for row, count in zip(rows, counts, strict=True)
    ]
    axis = {"ticks": False, "domain": False, "labelColor": INK, "labelPadding": 8, "labels": is_first}
    y = {"field": "class", "type": "nominal", "sort": None, "title": None, "axis": axis}
    # Room for the label of the longest bar.
    x = {"field": "count", "type": "quantitative", "axis": None, "scale": {"domain": [0, max(*counts, 1) * 1.55]}}
    fill = {"field": "fill", "type": "nominal", "scale": None}
    return {
        "width": 260,
        "height": {"step": 30},
        "title": {"text": title, "fontSize": 13, "offset": 6},
        "data": {"values": values},
        "encoding": {"y": y, "x": x},
        "layer": [
            {
                "mark": {"type": "bar", "cornerRadiusEnd": 2, "height": {"band": 0.72}},
                "encoding": {"color": fill, "description": {"field": "says", "type": "nominal"}},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "color": INK, "aria": False},
                "encoding": {"text": {"field": "label", "type": "nominal"}},
            },
        ],
    }


PANEL = Panel("excluded", "Left out as machines", "What did not count, and why.", draw, "traffic")
