"""What is shown of a live show is what the API says of it, and what a count by hand finds."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import pairwise

import pytest
from tests.panels.looking import look, made_up, shown, totals

from turnout.panels import live
from turnout.panels.live_charts import PEAK, REACTIONS, Airing
from turnout.panels.presence import presence
from turnout.stats.answer import Answer

SHOW = "live-show-12"
START = dt.datetime(2026, 11, 18, 9, 30, tzinfo=dt.UTC)

VIEWS = (
    {},
    {"timezone": "Asia/Kathmandu", "traffic": "all"},
    {"from_": "2026-11-15T18:41:30Z", "to": "2026-11-15T19:02:10Z"},
)


def minute(offset_s: float) -> str:
    return (START + dt.timedelta(seconds=offset_s)).isoformat()


def watched(campaign: str, viewer: str, from_s: float, to_s: float, **more: object) -> dict[str, object]:
    about = {"type": "watched", "campaign": campaign, "recipient": viewer, "anonymous": viewer.startswith("guest")}
    return {**about, "time": minute(to_s), "duration_s": to_s - from_s, **more}


@pytest.mark.parametrize("query", VIEWS)
def test_the_curve_is_the_api_s_minute_by_minute(house, sampled, query):
    found = shown(house, sampled, live.draw_concurrency, SHOW, **query)
    told = sampled.stats(PEAK, dimensions="minute", campaign=SHOW, limit="1000", **query)["rows"]
    by_minute = {row["minute"]: row[PEAK] for row in told}
    rows = found.table.rows
    assert [row[PEAK] for row in rows] == [by_minute.get(row["minute"], 0) for row in rows]
    assert len(rows) > 20
    times = [dt.datetime.fromisoformat(row["minute"]) for row in rows]
    assert {later - earlier for earlier, later in pairwise(times)} == {dt.timedelta(minutes=1)}
    # The whole airing is there: what is left out is its recording, which few watch.
    first, last = rows[0]["minute"], rows[-1]["minute"]
    assert all(row[PEAK] < 20 for row in told if not first <= row["minute"] <= last)
    answer = totals(sampled, f"{PEAK},viewers,login_viewers", SHOW, **query)
    assert found.table.total[PEAK] == answer[PEAK] == max(row[PEAK] for row in rows)
    assert f"{answer['viewers']:,} viewers in all, {answer['login_viewers']:,} of them logged in" in found.words[0]
    assert f"The peak was {answer[PEAK]} viewers at once, at " in found.words[1]


@pytest.mark.parametrize("query", VIEWS)
def test_what_viewers_do_is_the_api_s(house, sampled, query):
    names = ",".join(REACTIONS)
    found = shown(house, sampled, live.draw_reactions, SHOW, **query)
    told = sampled.stats(names, dimensions="minute", campaign=SHOW, limit="1000", **query)["rows"]
    by_minute = {row["minute"]: [row[name] for name in REACTIONS] for row in told}
    for row in found.table.rows:
        assert [row[name] for name in REACTIONS] == by_minute.get(row["minute"], [0, 0, 0, 0])
    answer = totals(sampled, names, SHOW, **query)
    assert {name: found.table.total[name] for name in REACTIONS} == answer
    assert f"{answer['liked_quantity']:,} likes, " in found.words[0]
    assert len(found.spec["vconcat"]) == 4


def test_products_are_the_api_s_in_order(house, sampled):
    found = shown(house, sampled, live.draw_products, SHOW)
    names = "product_clicked_quantity,unique_product_clicked"
    told = sampled.stats(names, dimensions="product", campaign=SHOW, sort="-product_clicked_quantity")
    assert [dict(row) for row in found.table.rows] == told["rows"]
    assert found.table.total == told["totals"]


def test_viewers_are_counted_by_hand_and_empty_minutes_are_there(house, tenant):
    """Two devices of one viewer are one; who leaves as another comes isn't there with him."""
    spans = {
        "anna": [(0, 100), (50, 130)],
        "ben": [(30, 90)],
        "guest-1": [(90, 119.5)],
        "guest-2": [(400, 401)],
    }
    tenant.send(
        *(watched("show", who, *span, id=f"{who}{span}") for who, found in spans.items() for span in found),
        {"type": "liked", "campaign": "show", "time": minute(70), "recipient": "anna", "quantity": 4},
        {"type": "liked", "campaign": "show", "time": minute(200), "recipient": "anna"},
    )

    def at_once(from_s: float, to_s: float) -> int:
        edges = {from_s, *(edge for found in spans.values() for span in found for edge in span)}
        return max(
            sum(any(start <= edge < end for start, end in found) for found in spans.values())
            for edge in edges
            if from_s <= edge < to_s
        )

    found = shown(house, tenant, live.draw_concurrency, "show")
    expected = [at_once(60 * place, 60 * (place + 1)) for place in range(7)]
    assert [row[PEAK] for row in found.table.rows] == expected == [2, 2, 1, 0, 0, 0, 1]
    assert found.words[1] == "The peak was 2 viewers at once, at 09:30 on 2026-11-18 (UTC)."
    assert "4 viewers in all, 2 of them logged in" in found.words[0]
    reacted = shown(house, tenant, live.draw_reactions, "show")
    assert [row["liked_quantity"] for row in reacted.table.rows] == [4, 0, 1]
    # A strip that has nothing in it is not drawn.
    assert [strip["title"]["text"] for strip in reacted.spec["vconcat"]] == ["Likes"]


def test_what_is_done_when_nobody_watches_is_drawn(house, tenant):
    """A like a day after the show: the hours in which people watched have nothing of it."""
    liked = {"type": "liked", "campaign": "late", "time": minute(86_400), "recipient": "anna", "quantity": 3}
    tenant.send(watched("late", "anna", 0, 60), liked)
    found = shown(house, tenant, live.draw_reactions, "late")
    assert [(row["minute"], row["liked_quantity"]) for row in found.table.rows] == [("2026-11-19T09:30:00+00:00", 3)]
    assert found.words == ("3 likes, 0 chats, 0 product clicks and 0 banner clicks in all.",)


def test_a_long_show_is_shown_by_the_hour(house, tenant):
    hour_s = 3600
    tenant.send(*(watched("long", f"v{place}", place * hour_s, 8 * hour_s) for place in range(8)))
    found = shown(house, tenant, live.draw_concurrency, "long", timezone="Asia/Kolkata")
    assert [row["hour"][11:16] for row in found.table.rows] == [f"{hour}:00" for hour in range(15, 23)]
    assert [row[PEAK] for row in found.table.rows] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert "in the hour from 22:00 on 2026-11-18 (Asia/Kolkata)" in found.words[1]


def test_an_hour_that_clocks_lengthen_by_half_is_two_and_ends_no_show(house, tenant):
    """On Lord Howe Island clocks go back from 2:00 to 1:30."""
    start = dt.datetime(2026, 4, 4, 10, tzinfo=dt.UTC)
    ends = [start + dt.timedelta(hours=1 + place) for place in range(9)]
    tenant.send(
        *(watched("isle", f"v{place}", 0, 3600, time=end.isoformat(), id=f"{place}") for place, end in enumerate(ends))
    )
    found = shown(house, tenant, live.draw_concurrency, "isle", timezone="Australia/Lord_Howe")
    told = tenant.stats(PEAK, dimensions="hour", campaign="isle", timezone="Australia/Lord_Howe", sort="hour")["rows"]
    assert [dict(row) for row in found.table.rows] == told
    hours = [row["hour"][11:16] + row["hour"][19:] for row in told]
    assert hours[4:6] == ["01:00+11:00", "01:00+10:30"]


def test_the_hour_that_clocks_repeat_is_there_twice(house, tenant):
    time = "2026-10-25T01:05:00Z"
    event = {"type": "watched", "campaign": "night", "recipient": "a", "time": time, "duration_s": 600}
    tenant.send(event)
    found = shown(house, tenant, live.draw_concurrency, "night", timezone="Europe/Berlin")
    labels = [row["minute"][11:16] + row["minute"][19:] for row in found.table.rows]
    assert labels[:5] == [f"02:{minute}+02:00" for minute in range(55, 60)]
    assert labels[5:] == [f"02:0{minute}+01:00" for minute in range(5)]
    assert [row[PEAK] for row in found.table.rows] == [1] * 10


def hours(*full: tuple[str, int]):
    """Answers with these hours of viewers."""

    def ask(question):
        rows = [{"hour": f"{label}:00:00+00:00", PEAK: count, **dict.fromkeys(REACTIONS, 0)} for label, count in full]
        return Answer(question, rows, {}, len(rows))

    return ask


def test_the_airing_is_the_hours_around_the_fullest_or_the_latest(house, tenant):
    view = made_up(tenant.workspace)
    ask = hours(("2026-11-01T18", 90), ("2026-11-01T19", 100), ("2026-11-01T20", 4), ("2026-11-08T18", 50))

    def ms(text: str) -> int:
        return round(dt.datetime.fromisoformat(f"{text}:00+00:00").timestamp() * 1000)

    assert live.airing(view, ask) == Airing(ms("2026-11-01T18:00"), ms("2026-11-01T20:00"), "minute")
    assert live.airing(view, ask, latest=True) == Airing(ms("2026-11-08T18:00"), ms("2026-11-08T19:00"), "minute")
    clipped = replace(view, from_ms=ms("2026-11-01T18:20"), to_ms=ms("2026-11-01T19:40"))
    assert live.airing(clipped, ask) == Airing(ms("2026-11-01T18:20"), ms("2026-11-01T19:40"), "minute")
    assert live.airing(view, hours()) is None


def test_where_nothing_was_it_says_what_would_bring_it(house, sampled):
    for draw, word in (
        (live.draw_concurrency, "Nobody watched"),
        (live.draw_reactions, "No likes"),
        (live.draw_products, "No product"),
    ):
        found = shown(house, sampled, draw, "spring-sale")
        assert word in found.empty
        assert found.spec is None
        assert not found.table.rows


def test_products_without_a_name_and_too_many_are_said(house, tenant):
    tenant.send(
        *(
            {"type": "product_clicked", "campaign": "shop", "time": minute(n), "recipient": "a", "product": f"p{n:03}"}
            for n in range(110)
        ),
        *({"type": "product_clicked", "campaign": "shop", "time": minute(n), "recipient": "b"} for n in (1, 2, 3)),
    )
    found = shown(house, tenant, live.draw_products, "shop")
    assert found.table.rows[0] == {"product": "", "product_clicked_quantity": 3, "unique_product_clicked": 1}
    assert "no product named 3" in found.alt
    assert len(found.table.rows) == 100
    assert found.words[1:] == ("The 10 most clicked are drawn.", "The table has the 100 most clicked of 111.")


def test_every_mark_says_what_it_is_in_a_sentence(house, sampled):
    found = shown(house, sampled, live.draw_concurrency, SHOW)
    said = [value["said"] for value in found.spec["data"]["values"]]
    row = found.table.rows[3]
    assert said[3] == f"{row['minute'][11:16]} · {row[PEAK]} viewers at once"
    assert sum(bool(value["top"]) for value in found.spec["data"]["values"]) == 1


def test_who_watches_now_and_what_was_done_of_late(house, tenant):
    """By the view's own moment, whatever its range is."""
    tenant.send(
        watched("show", "anna", 0, 90),
        watched("show", "ben", 0, 59),
        watched("show", "ben", 59, 61, id="later"),
        watched("show", "eve", 0, 59.5),
        watched("other", "joe", 0, 90),
        {"type": "liked", "campaign": "show", "time": minute(20), "recipient": "anna", "quantity": 5},
        {"type": "liked", "campaign": "show", "time": minute(31), "recipient": "anna", "quantity": 2},
        {"type": "chatted", "campaign": "show", "time": minute(90), "recipient": "ben"},
        {"type": "liked", "campaign": "show", "time": minute(91), "recipient": "ben"},
    )
    now_ms = round((START + dt.timedelta(seconds=90)).timestamp() * 1000)
    seen = replace(look(house, tenant, "show"), now_ms=now_ms)
    found = presence(seen, house.services.statistics.ask)
    assert found.viewers == 2
    assert found.is_live
    nothing = dict.fromkeys(REACTIONS, 0)
    assert found.recent == {**nothing, "liked_quantity": 2, "chatted_quantity": 1}
    assert found.so_far == {**nothing, "liked_quantity": 8, "chatted_quantity": 1}
    later = presence(replace(seen, now_ms=now_ms + 31_000), house.services.statistics.ask)
    assert (later.viewers, later.is_live) == (0, False)
