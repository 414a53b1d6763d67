"""A live show, minute by minute: how many watched at once, what they did, and which products they looked at.

Most of a show's time is its recording's: here and there somebody watches. What is drawn is the airing, the hours around
the fullest one in which hardly anybody went away; sentences say what is beside it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from turnout.panels import wording
from turnout.panels.contract import Ask, Cell, Panel, Shown, Table, View, column
from turnout.panels.live_charts import PEAK, REACTIONS, Airing, Grain, bars, curve, number, product, reactions
from turnout.stats.answer import Answer
from turnout.stats.question import Sort

#: Who watched, in the whole range.
AUDIENCE = ("viewers", "login_viewers", "average_viewing_time_s", PEAK)

#: Hours that are looked at for the airing, the fullest first.
LIMIT_HOURS = 500

#: An airing ends where fewer than this part of its most viewers are left.
_FEW = 0.05

#: Longer airings are shown by the hour.
MINUTES_UNTIL_MS = 6 * 3_600_000

#: Products in the table, and in the chart.
LIMIT_PRODUCTS = 100
DRAWN_PRODUCTS = 10

_HOUR_MS = 3_600_000
_MINUTE_MS = 60_000

_NOTHING_WATCHED = (
    "Nobody watched in this range. The script of a live show sends what viewers watch; the page Connect has its line."
)
_NOTHING_DONE = "No likes, chats or clicks in this range. They come from the script of a live show."
_NOTHING_CLICKED = "No product was clicked in this range. Elements with data-turnout-product are counted."


def airing(view: View, ask: Ask, *, latest: bool = False, names: Sequence[str] = (PEAK, *REACTIONS)) -> Airing | None:
    """The hours around the fullest one, or around the `latest` in which anybody watched; of what nobody watched, in
    which anybody did something. None where nobody did. `names` are what hours are looked at for."""
    order = tuple(Sort(name, descending=True) for name in names)
    found = ask(view.question(names, ("hour",), sort=order, limit=LIMIT_HOURS, rows_only=True))
    watched = any(number(row.get(PEAK)) for row in found.rows)
    full = {_start_ms(row["hour"]): _size(row, (PEAK,) if watched else names) for row in found.rows}
    full = {start_ms: size for start_ms, size in full.items() if size}
    if not full:
        return None
    middle_ms = max(full) if latest else max(full, key=lambda start_ms: (full[start_ms], -start_ms))
    least = full[middle_ms] * _FEW
    first_ms = last_ms = middle_ms
    busy = sorted(start_ms for start_ms, size in full.items() if size > least)
    # Where clocks change by half an hour, one hour begins sooner after another.
    for start_ms in reversed(busy[: busy.index(middle_ms)]):
        if first_ms - start_ms <= _HOUR_MS:
            first_ms = start_ms
    for start_ms in busy[busy.index(middle_ms) :]:
        if start_ms - last_ms <= _HOUR_MS:
            last_ms = start_ms
    grain: Grain = "minute" if last_ms + _HOUR_MS - first_ms <= MINUTES_UNTIL_MS else "hour"
    from_ms, to_ms = first_ms, last_ms + _HOUR_MS
    if view.from_ms is not None:
        from_ms = max(from_ms, view.from_ms)
    if view.to_ms is not None:
        to_ms = min(to_ms, view.to_ms)
    return Airing(from_ms, to_ms, grain)


def draw_concurrency(view: View, ask: Ask, *, latest: bool = False) -> Shown:
    """The curve of the airing with its peak, and who watched in all."""
    answer = ask(view.question(AUDIENCE))
    when = airing(view, ask, latest=latest) if answer.totals[PEAK] else None
    if when is None:
        return Shown(Table((), ()), empty=_NOTHING_WATCHED, excluded=answer.excluded)
    rows = _filled(view, ask, when, (PEAK,))
    columns = (column(when.grain), column(PEAK, "Viewers at once"))
    total = {PEAK: answer.totals[PEAK]}
    table = Table(columns, rows, total, len(rows))
    highest = max(rows, key=lambda row: number(row[PEAK]))
    words = (_audience(answer), _summit(view, highest, when), *_elsewhere(view, answer, highest))
    alt = f"Viewers at once by the {when.grain}, {_span(rows, when)}. {words[1]}"
    return Shown(table, curve(rows, when, highest), alt, words, excluded=answer.excluded)


def draw_reactions(view: View, ask: Ask, *, latest: bool = False) -> Shown:
    """Likes, chats and clicks of the airing, each on a scale of its own."""
    names = tuple(REACTIONS)
    answer = ask(view.question(names))
    when = airing(view, ask, latest=latest) if any(answer.totals.values()) else None
    rows = _filled(view, ask, when, names) if when is not None else ()
    if when is not None and not rows:
        # Those who watched did nothing: it was done at another time.
        when = airing(view, ask, latest=latest, names=names)
        rows = _filled(view, ask, when, names) if when is not None else ()
    if when is None or not rows:
        return Shown(Table((), ()), empty=_NOTHING_DONE, excluded=answer.excluded)
    columns = (column(when.grain), *(column(name, label) for name, label in REACTIONS.items()))
    table = Table(columns, rows, answer.totals, len(rows))
    done = {name: number(answer.totals[name]) for name in names}
    words = [f"{wording.listed([f'{done[name]:,} {REACTIONS[name].lower()}' for name in names])} in all."]
    beside = sum(done.values()) - sum(_size(row, names) for row in rows)
    # Events come in between one question and the next.
    if beside > 0:
        words.append(f"{beside:,} of them outside the time that is drawn; choose a range to see them.")
    drawn = tuple(name for name in names if done[name])
    alt = f"By the {when.grain}, {_span(rows, when)}: {words[0]}"
    return Shown(table, reactions(rows, when, drawn), alt, tuple(words), excluded=answer.excluded)


def draw_products(view: View, ask: Ask) -> Shown:
    """The products that were clicked most."""
    clicks, people = "product_clicked_quantity", "unique_product_clicked"
    sort = (Sort(clicks, True), Sort("product"))
    answer = ask(view.question((clicks, people), ("product",), sort=sort, limit=LIMIT_PRODUCTS))
    rows = tuple(row for row in answer.rows if row[clicks])
    columns = (column("product"), column(clicks, "Clicks"), column(people, "Viewers who clicked"))
    table = Table(columns, rows, answer.totals, answer.row_count)
    if not rows:
        return Shown(Table((), ()), empty=_NOTHING_CLICKED, excluded=answer.excluded)
    drawn = rows[:DRAWN_PRODUCTS]
    words = [f"{wording.many(number(answer.totals[people]), 'viewer')} clicked products."]
    if len(rows) > len(drawn):
        words.append(f"The {len(drawn)} most clicked are drawn.")
    if answer.row_count > len(rows):
        words.append(f"The table has the {len(rows)} most clicked of {answer.row_count:,}.")
    alt = "Clicks by product: " + wording.listed([f"{product(row)} {row[clicks]:,}" for row in drawn]) + "."
    return Shown(table, bars(drawn, clicks), alt, tuple(words), excluded=answer.excluded)


def _filled(view: View, ask: Ask, when: Airing, names: Sequence[str]) -> tuple[Mapping[str, Cell], ...]:
    """A row for every minute or hour of the airing, from the first to the last in which anything was."""
    limit = (when.to_ms - when.from_ms) // _MINUTE_MS + 2
    found = ask(
        view.question(
            names, (when.grain,), from_ms=when.from_ms, to_ms=when.to_ms, sort=(Sort(when.grain),),
            limit=limit, rows_only=True,
        )
    )  # fmt: skip
    known = {str(row[when.grain]): row for row in found.rows if _size(row, names)}
    labels = list(_labels(view.timezone, when))
    there = [place for place, label in enumerate(labels) if label in known]
    nothing: dict[str, Cell] = dict.fromkeys(names, 0)
    if not there:
        return tuple(known.values())
    return tuple(
        {when.grain: label, **{name: known.get(label, nothing)[name] for name in names}}
        for label in labels[there[0] : there[-1] + 1]
    )


def _labels(timezone: str, when: Airing) -> Iterator[str]:
    """The local minutes or hours of the airing as answers name them, each once.

    Hours are found by their quarters: where clocks are off by half an hour, they begin at half past in UTC.
    """
    zone, step_ms = ZoneInfo(timezone), _MINUTE_MS if when.grain == "minute" else 15 * _MINUTE_MS
    before = ""
    for moment_ms in range(when.from_ms - when.from_ms % step_ms, when.to_ms, step_ms):
        local = dt.datetime.fromtimestamp(moment_ms / 1000, zone).replace(second=0, microsecond=0)
        # An hour keeps the offset of its moment, though its beginning may have had another.
        local = local.replace(tzinfo=dt.timezone(local.utcoffset() or dt.timedelta()))
        label = (local if when.grain == "minute" else local.replace(minute=0)).isoformat(timespec="seconds")
        if label != before:
            yield label
        before = label


def _audience(answer: Answer) -> str:
    viewers, members = number(answer.totals["viewers"]), number(answer.totals["login_viewers"])
    seconds = answer.totals["average_viewing_time_s"]
    watched = f"{wording.many(viewers, 'viewer')} in all, {members:,} of them logged in"
    return f"{watched}; on average each watched {wording.duration(float(seconds or 0))}."  # type: ignore[arg-type]


def _summit(view: View, highest: Mapping[str, Cell], when: Airing) -> str:
    label = str(highest[when.grain])
    at = "at" if when.grain == "minute" else "in the hour from"
    most = wording.many(number(highest[PEAK]), "viewer")
    return f"The peak was {most} at once, {at} {label[11:16]} on {label[:10]} ({view.timezone})."


def _elsewhere(view: View, answer: Answer, highest: Mapping[str, Cell]) -> tuple[str, ...]:
    """Where the latest airing is drawn, the most of all may be in an earlier one."""
    most = number(answer.totals[PEAK])
    return (f"At another time it was {most:,}.",) if most > number(highest[PEAK]) else ()


def _span(rows: Sequence[Mapping[str, Cell]], when: Airing) -> str:
    first, last = (wording.moment(str(row[when.grain])) for row in (rows[0], rows[-1]))
    return f"from {first} to {last}"


def _size(row: Mapping[str, Cell], names: Sequence[str]) -> int:
    return sum(number(row[name]) for name in names)


def _start_ms(label: Cell) -> int:
    return round(dt.datetime.fromisoformat(str(label)).timestamp() * 1000)


CONCURRENCY = Panel(
    "concurrency",
    "Viewers at once",
    "How many watched at the same instant, at most, in each minute.",
    draw_concurrency,
    "live",
)
REACTED = Panel("reactions", "Likes, chats and clicks", "What viewers did, minute by minute.", draw_reactions, "live")
PRODUCTS = Panel("products", "Products", "Which products were clicked, by how many viewers.", draw_products, "live")

PANELS = (CONCURRENCY, REACTED, PRODUCTS)
