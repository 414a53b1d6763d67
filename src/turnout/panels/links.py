"""Clicks by link, the most clicked link first; the links that are not shown are counted together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from turnout.charts.theme import INK, SERIES, Spec
from turnout.panels import wording
from turnout.panels.contract import Ask, Cell, Column, Panel, Shown, Table, View, column
from turnout.stats.answer import Answer, Row
from turnout.stats.question import LIMIT_FILTER_VALUES, Filter, Sort

#: Links of the table, and those of them that are drawn.
LIMIT_ROWS = 50
LIMIT_BARS = 15

#: Titles that are looked at, of all the links that are shown: a mailer may give one link a title for each recipient.
LIMIT_TITLES = 1000

#: Characters of a link's name in a chart; what is wider than its place is cut there as well.
_LIMIT_CHARS = 80

#: What a click is of that names neither a link nor an address.
NO_LINK = "No link named"

MOST_CLICKED = (Sort("clicked", descending=True),)

_METRICS = ("clicked", "unique_clicked")

_EMPTY = (
    "Nobody has clicked a link in this range. Clicks come in through tracked links, from your provider's webhook, or "
    "as 'clicked' events with a link or a url."
)


def draw(view: View, ask: Ask) -> Shown:
    """Bars, a link each."""
    answer = ask(view.question((*_METRICS, "unique_opened")))
    clicks = ask(view.question(_METRICS, ("link",), sort=MOST_CLICKED, limit=LIMIT_ROWS))
    columns = _columns(has_openers=bool(answer.totals["unique_opened"]))
    if not clicks.rows:
        return Shown(Table(columns, ()), empty=_EMPTY, excluded=clicks.excluded)
    names = titles(view, ask, [str(row["link"]) for row in clicks.rows])
    rows = [_row(str(row["link"]), named(str(row["link"]), names), row, answer.totals) for row in clicks.rows]
    others = clicks.row_count - len(rows)
    if others > 0:
        rows.append(_others(view, ask, others, clicks, answer.totals))
    table = Table(columns, tuple(rows), _shares(answer.totals, answer.totals), len(rows))
    drawn = rows[: min(LIMIT_BARS, len(clicks.rows))]
    nameless = sum(int(str(row["clicked"])) for row in clicks.rows if not row["link"])
    words = [f"{wording.many(clicks.row_count - bool(nameless), 'link')} had clicks in this range."]
    if nameless:
        words.append(f"{wording.many(nameless, 'click')} named no link.")
    if clicks.row_count > len(drawn):
        words.append(f"The {len(drawn)} most clicked are drawn.")
    alt = "Clicks by link: " + "; ".join(f"{row['link_title']}: {clicks_of(row)}" for row in drawn[:5]) + "."
    return Shown(table, bars(drawn, "link_title"), alt, (" ".join(words),), excluded=clicks.excluded)


def titles(view: View, ask: Ask, links: Sequence[str]) -> dict[str, str]:
    """The title of each of these links that has one: of several, the one that was clicked most."""
    asked = view.question(
        ("clicked",), ("link", "link_title"), filters=(Filter("link", tuple(links)),),
        sort=(*MOST_CLICKED, Sort("link_title")), limit=LIMIT_TITLES, rows_only=True,
    )  # fmt: skip
    found: dict[str, str] = {}
    for row in ask(asked).rows:
        if row["link_title"]:
            found.setdefault(str(row["link"]), str(row["link_title"]))
    return found


def named(link: str, names: dict[str, str]) -> str:
    """What a link is called: its title, else its id or address."""
    return names.get(link) or link or NO_LINK


def legible(text: str) -> str:
    """A link's name as a chart can show it: one line, without what can't be seen, and not longer than it has to be."""
    plain = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return plain if len(plain) <= _LIMIT_CHARS else f"{plain[: _LIMIT_CHARS - 1]}…"


def people(count: Cell) -> str:
    """So many people."""
    return "1 person" if count == 1 else f"{count:,} people"


def _columns(*, has_openers: bool) -> tuple[Column, ...]:
    found = [column("link_title", "Link"), column("link", "Id or address"), *map(column, _METRICS)]
    found.append(Column("of_clickers", "Of all who clicked", "ratio"))
    if has_openers:
        found.append(Column("of_openers", "Of all who opened", "ratio"))
    return tuple(found)


def _row(link: str, title: str, numbers: Row, totals: Row) -> dict[str, Cell]:
    return {"link_title": title, "link": link, **_shares(numbers, totals)}


def _shares(numbers: Row, totals: Row) -> dict[str, Cell]:
    people_ = numbers["unique_clicked"]
    return {
        "clicked": numbers["clicked"],
        "unique_clicked": people_,
        "of_clickers": _share(people_, totals["unique_clicked"]),
        "of_openers": _share(people_, totals["unique_opened"]),
    }


def _share(part: Cell, whole: Cell) -> float | None:
    return part / whole if isinstance(part, int) and isinstance(whole, int) and whole else None


def _others(view: View, ask: Ask, count: int, shown: Answer, totals: Row) -> dict[str, Cell]:
    """All links that are not shown as one row. Their clicks are what the shown ones leave; people are counted anew,
    since many have clicked on both. Of more links than a question can name, they are not known."""
    clicked = int(str(totals["clicked"])) - sum(int(str(row["clicked"])) for row in shown.rows)
    row = {"link_title": f"{wording.many(count, 'other link')}", "link": ""}
    if count > LIMIT_FILTER_VALUES:
        return {**row, "clicked": clicked, "unique_clicked": None, "of_clickers": None, "of_openers": None}
    rest = ask(
        view.question(
            ("clicked",), ("link",), sort=MOST_CLICKED, offset=LIMIT_ROWS, limit=LIMIT_FILTER_VALUES, rows_only=True
        )
    )
    links = tuple(str(one["link"]) for one in rest.rows)
    people_ = ask(view.question(("unique_clicked",), filters=(Filter("link", links),))).totals
    return {**row, **_shares({"clicked": clicked, **people_}, totals)}


def clicks_of(row: Mapping[str, Cell]) -> str:
    """Clicks and the people behind them."""
    clicked = row["clicked"]
    assert isinstance(clicked, int)
    return f"{wording.many(clicked, 'click')} by {people(row['unique_clicked'])}"


def bars(rows: Collection[Mapping[str, Cell]], name: str) -> Spec:
    """Bars of clicks, one for each row, called by its cell `name`; at least one."""
    values = [
        {
            # With its rank before it, no two are the same.
            "link": f"{rank}. {legible(str(row[name]))}",
            "clicked": row["clicked"],
            "label": f"{row['clicked']:,} · {people(row['unique_clicked'])}",
            "said": f"{legible(str(row[name]))} · {clicks_of(row)}",
        }
        for rank, row in enumerate(rows, 1)
    ]
    y = {
        "field": "link",
        "type": "nominal",
        "sort": None,
        "title": None,
        "scale": {"paddingInner": 0.25},
        "axis": {"aria": False, "ticks": False, "domain": False, "labelColor": INK, "labelOverlap": False},
    }
    most = max(int(str(row["clicked"])) for row in rows)
    # Room for the label of the longest bar.
    x = {"field": "clicked", "type": "quantitative", "axis": None, "scale": {"domain": [0, most * 1.4]}}
    return {
        "width": 640,
        "height": {"step": 28},
        "data": {"values": values},
        "encoding": {"y": y, "x": x},
        "layer": [
            {
                "mark": {"type": "bar", "color": SERIES[0]},
                "encoding": {"description": {"field": "said", "type": "nominal"}},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "color": INK, "aria": False},
                "encoding": {"text": {"field": "label", "type": "nominal"}},
            },
        ],
    }


PANEL = Panel("links", "Links", "Clicks and the people behind them, link by link.", draw, "links")
