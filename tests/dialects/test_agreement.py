"""One set of events, asked through every room that can express a question, through our own API, and of the judge:
the numbers agree.

A line of the table is a question in words, as our own API is asked it, and for each room what to request and how to
read the same numbers out of its answer. Numbers are by key: a day, a variation, a country …; zeros are left out, since
rooms differ in which of them they show.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests import judge
from tests.dialects.agreement.reading import (
    LIVE,
    Read,
    batch,
    batch_arms,
    braze,
    braze_day,
    braze_kpi,
    emailconsul,
    ever,
    intarget,
    intarget_messages,
    numbers,
    orchestration,
    orchestration_arms,
    shoplive,
)
from tests.dialects.agreement.workspaces import Workspace, furnished
from tests.judge import Asked

from turnout.app import House
from turnout.dialects.batch import stats as batch_stats
from turnout.dialects.registry import ROOMS

ZONES = ("UTC", "Asia/Kolkata")

# ---- the table --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A question: the sum of `metrics` (those after a minus taken off), in USD where they are money."""

    words: str
    metrics: str
    dimensions: str
    rooms: dict[str, Read]
    filters: dict[str, str] = field(default_factory=dict)
    zone: str = "local"
    traffic: str = "human,proxy"
    by: str = "event"
    range_: dict[str, int] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [name.removeprefix("-") for name in self.metrics.split()]

    def asked(self, workspace: Workspace) -> Asked:
        """As our own API is asked it, together with what other lines ask alike."""
        asked = Asked(
            (),
            tuple(self.dimensions.split()),
            tuple((name, tuple(values.split(","))) for name, values in self.filters.items()),
            timezone=workspace.zone if self.zone == "local" else self.zone,
            traffic=judge.CLASSES if self.traffic == "all" else tuple(self.traffic.split(",")),
            placed_by=self.by,
            limit=100_000,
            **self.range_,
        )
        return replace(
            asked, metrics=tuple({name: None for line in TABLE if line.is_like(self) for name in line.names})
        )

    def is_like(self, other: Line) -> bool:
        """Whether both ask for numbers of the same events in the same groups."""
        return replace(self, words="", metrics="", rooms={}) == replace(other, words="", metrics="", rooms={})

    def read(self, row: dict[str, Any]) -> tuple[Any, Decimal]:
        """The key and the number of a row."""
        key = tuple(row[name] for name in self.dimensions.split())
        total = Decimal(0)
        for name in self.metrics.split():
            value = row[name.removeprefix("-")]
            value = value.get("USD", 0) if isinstance(value, dict) else value
            total += -Decimal(value) if name.startswith("-") else Decimal(value)
        return (key[0] if len(key) == 1 else key), total


AUTUMN, LETTER, TEXT = ({"campaign": name} for name in ("autumn", "letter", "text"))
ARMS = {"campaign": "autumn", "variation": "a,b"}
PUSH, MAIL, SMS = ("autumn", "android_push"), ("letter", "email"), ("text", "sms")

TABLE = [
    # ---- a push in a test ----
    Line("pushes sent, by day", "sent", "day", {
        "braze": braze(*PUSH, "sent"), "intarget": intarget("autumn", "sent", "local"),
    }, AUTUMN, traffic="all"),
    Line("pushes sent, by UTC day", "sent", "day", {
        "batch": batch("autumn", "sent"), "batch 2": orchestration("autumn", "sent"),
        "intarget": intarget("autumn", "sent", "UTC"),
    }, AUTUMN, "UTC", "all"),
    Line("pushes sent, ever", "sent", "", {
        "braze": ever(braze(*PUSH, "sent")), "batch": ever(batch("autumn", "sent")),
        "intarget": ever(intarget_messages("autumn", "sent")),
    }, AUTUMN, traffic="all"),
    Line("pushes sent, by day and arm", "sent", "day variation", {"braze": braze(*PUSH, "sent", by_arm=True)}, AUTUMN),
    Line("pushes sent, by UTC day and arm", "sent", "day variation", {
        "batch": batch_arms("autumn", "sent"), "batch 2": orchestration_arms("autumn", "sent"),
    }, AUTUMN, "UTC"),
    Line("sent to people who opted in", "sent_opted_in", "day variation", {
        "batch": batch_arms("autumn", "sent_optins"),
    }, AUTUMN, "UTC", "all"),
    Line("people that a push was sent to, by day", "unique_sent", "day", {
        "braze": braze_day("autumn", "unique_recipients"),
    }, AUTUMN, traffic="all"),
    Line("put in the control group, by day and arm", "enrolled", "day variation", {
        "braze": braze(*PUSH, "enrolled", by_arm=True),
    }, AUTUMN, traffic="all"),
    Line("pushes that came back for good, by day", "bounced rejected -bounced_soft -rejected_temporary", "day", {
        "braze": braze(*PUSH, "bounces"),
    }, AUTUMN, traffic="all"),
    Line("pushes not taken, by the UTC day of the send", "bounced rejected failed", "day", {
        "batch": batch("autumn", "errors"), "batch 2": orchestration("autumn", "total_bounce"),
    }, AUTUMN, "UTC", "all", "send"),
    Line("direct opens, by day", "opened_direct", "day", {"braze": braze(*PUSH, "direct_opens")}, AUTUMN),
    Line("direct opens, ever", "opened_direct", "", {
        "braze": ever(braze(*PUSH, "direct_opens")), "batch 2": ever(orchestration("autumn", "total_open")),
    }, AUTUMN),
    Line("people who opened, by the UTC day of the send", "unique_opened_direct", "day", {
        "batch": batch("autumn", "direct_open"), "batch 2": orchestration("autumn", "unique_open"),
    }, AUTUMN, "UTC", by="send"),
    Line("people who opened, by the UTC day of the send and arm", "unique_opened_direct", "day variation", {
        "batch": batch_arms("autumn", "direct_open"), "batch 2": orchestration_arms("autumn", "unique_open"),
    }, AUTUMN, "UTC", by="send"),
    Line("direct and influenced opens, by day", "total_opens", "day", {"braze": braze(*PUSH, "total_opens")}, AUTUMN),
    Line("people influenced to open the app, by the UTC day of the send", "unique_influenced_opens", "day", {
        "batch": batch("autumn", "influenced_open"),
    }, AUTUMN, "UTC", by="send"),
    Line("people influenced, by the UTC day of the send and arm", "unique_influenced_opens", "day variation", {
        "batch": batch_arms("autumn", "influenced_open"),
    }, AUTUMN, "UTC", by="send"),
    Line("people who came back, by the UTC day of the send", "unique_reengaged", "day", {
        "batch": batch("autumn", "reengaged"),
    }, AUTUMN, "UTC", by="send"),
    Line("clicks on the body, by day and arm", "clicked_body", "day variation", {
        "braze": braze(*PUSH, "body_clicks", by_arm=True),
    }, AUTUMN),
    # ---- what it led to ----
    *(
        Line(f"conversions of goal {goal or 0}, by day and arm", f"conversions{goal and f'_{goal}'}", "day variation", {
            "braze": braze(*PUSH, f"conversions{goal}", by_arm=True),
        }, AUTUMN)
        for goal in ("", "1", "2")
    ),
    *(
        Line(f"conversions of goal {goal or 0} but of the control group, by day", f"conversions{goal and f'_{goal}'}",
            "day", {"braze": braze_day("autumn", f"conversions{goal}")}, ARMS)
        for goal in ("", "1", "2")
    ),
    *(
        Line(f"conversions of goal {goal or 0}, by the day of the send and arm", f"conversions{goal and f'_{goal}'}",
            "day variation", {"braze": braze(*PUSH, f"conversions{goal}_by_send_time", by_arm=True)}, AUTUMN, by="send")
        for goal in ("", "1", "2")
    ),
    Line("revenue, by day and arm", "revenue", "day variation", {
        "braze": braze(*PUSH, "revenue", by_arm=True),
    }, {"campaign": "autumn", "variation": "a,b,ctl"}),
    Line("revenue but of the control group, by day", "revenue", "day", {"braze": braze_day("autumn", "revenue")}, ARMS),
    Line("purchases after a push, by message", "conversion_events", "message", {
        "intarget": intarget_messages("autumn", "deposits_count", "statistic-conversions"),
    }, AUTUMN),
    Line("buyers after a letter's click, by message", "unique_conversion_events", "message", {
        "intarget": intarget_messages("letter", "converted_users", "statistic-conversions"),
    }, LETTER),
    Line("what they spent, by message", "conversion_value", "message", {
        "intarget": intarget_messages("letter", "deposits_amount", "statistic-conversions"),
    }, LETTER),
    Line("what was spent after a text, by message", "conversion_value", "message", {
        "intarget": intarget_messages("text", "deposits_amount", "statistic-conversions"),
    }, TEXT),
    # ---- e-mail ----
    Line("letters delivered, by day", "delivered", "day", {"braze": braze(*MAIL, "delivered")}, LETTER, traffic="all"),
    Line("letters delivered, by message", "delivered", "message", {
        "intarget": intarget_messages("letter", "delivered"),
    }, LETTER, traffic="all"),
    Line("letters delivered, by the UTC day of the send", "delivered", "day", {
        "batch 2": orchestration("letter", "delivered"), "intarget": intarget("letter", "delivered", "UTC"),
    }, LETTER, "UTC", "all", "send"),
    Line("opens by anybody, by day", "opened", "day", {"braze": braze(*MAIL, "opens")}, LETTER, traffic="all"),
    Line("opens by machines, by day", "opened", "day", {
        "braze": braze(*MAIL, "machine_open"),
    }, LETTER, traffic="prefetch"),
    Line("opens by people, by UTC day", "opened", "day", {
        "emailconsul": emailconsul("pixel/stats/timeseries", "date", campaign_id="letter"),
    }, LETTER, "UTC"),
    Line("opens by people, by person", "opened", "recipient", {
        "emailconsul": emailconsul(
            "pixel/stats/aggregated", "subscriber_id", group="subscriber_id", campaign_id="letter",
        ),
    }, LETTER),
    Line("people who opened, by message", "unique_opened", "message", {
        "intarget": intarget_messages("letter", "opened"),
    }, LETTER),
    Line("people who opened, by the day of the send", "unique_opened", "day message", {
        "intarget": lambda workspace: numbers(
            ((row["day"], {"First": "m1", "Second": "m2"}[row["message_title"]]), row["opened"])
            for row in workspace.intarget("statistics", "letter", workspace.zone)
        ),
    }, LETTER, by="send"),
    Line("opens by machines, by the UTC day of the send", "unique_opened_direct", "day", {
        "batch 2": orchestration("letter", "unique_machine_open"),
    }, LETTER, "UTC", "prefetch", "send"),
    Line("clicks, by day", "clicked", "day", {"braze": braze(*MAIL, "clicks")}, LETTER),
    Line("clicks, by UTC day", "clicked", "day", {
        "emailconsul": emailconsul("link/stats/timeseries", "date", campaign_id="letter"),
    }, LETTER, "UTC"),
    Line("clicks, by the UTC day of the send", "clicked", "day", {
        "batch 2": orchestration("letter", "total_click"),
    }, LETTER, "UTC", by="send"),
    Line("clicks, ever", "clicked", "", {
        "braze": ever(braze(*MAIL, "clicks")), "batch 2": ever(orchestration("letter", "total_click")),
        "emailconsul": ever(emailconsul(
            "link/stats/aggregated", "campaign_id", group="campaign_id", campaign_id="letter",
        )),
    }, LETTER),
    Line("people who clicked, by message", "unique_clicked", "message", {
        "intarget": intarget_messages("letter", "clicked"),
    }, LETTER),
    *(
        Line(f"clicks, by {dimension}", "clicked", dimension, {
            "emailconsul": emailconsul("link/stats/aggregated", group, group=group),
        })
        for group, dimension in (
            ("campaign_id", "campaign"), ("subscriber_id", "recipient"), ("country", "country"), ("device", "device"),
            ("browser", "browser"), ("ip", "ip"), ("custom_link_title", "link_title"),
        )
    ),
    Line("clicks, by the parameters of their links", "clicked", "param param_value", {
        "emailconsul": emailconsul("link/stats/aggregated", "params_name", "params_value", group="params"),
    }),
    Line("clicks of a brand, by UTC day and country", "clicked", "day country", {
        "emailconsul": emailconsul("link/stats/timeseries", "date", "country", group="country", profile_id="brand"),
    }, {"profile": "brand"}, "UTC"),
    Line("letters that came back, by message", "bounced", "message", {
        "intarget": intarget_messages("letter", "bounced"),
    }, LETTER, traffic="all"),
    Line("complaints, by day", "complained", "day", {"braze": braze(*MAIL, "reported_spam")}, LETTER),
    Line("complaints, ever", "complained", "", {
        "braze": ever(braze(*MAIL, "reported_spam")), "batch 2": ever(orchestration("letter", "spam")),
        "intarget": ever(intarget_messages("letter", "complaint")),
    }, LETTER),
    Line("unsubscribed, ever", "unsubscribed", "", {
        "braze": ever(braze(*MAIL, "unsubscribes")), "batch 2": ever(orchestration("letter", "unsubscribe")),
    }, LETTER),
    # ---- texts ----
    *(
        Line(f"{words}, by day", metric, "day", {"braze": braze(*SMS, key)}, TEXT, traffic="all")
        for words, metric, key in (
            ("texts sent", "sent", "sent"), ("texts that the carrier took", "carrier_accepted", "sent_to_carrier"),
            ("texts delivered", "delivered", "delivered"), ("texts refused", "rejected", "rejected"),
            ("texts lost", "failed", "delivery_failed"), ("answers of stop", "replied_stop", "opt_out"),
            ("answers of help", "replied_help", "help"),
        )
    ),
    Line("texts delivered, ever", "delivered", "", {
        "braze": ever(braze(*SMS, "delivered")), "batch 2": ever(orchestration("text", "delivered")),
        "intarget": ever(intarget_messages("text", "delivered")),
    }, TEXT, traffic="all"),
    Line("texts lost for good", "failed -failed_temporary", "message", {
        "intarget": intarget_messages("text", "failed"),
    }, TEXT),
    Line("clicks in texts, by day", "clicked", "day", {"braze": braze(*SMS, "clicks")}, TEXT),
    # ---- shows ----
    *(
        Line(f"{metric} of shows", metric, "campaign", {"shoplive": shoplive(key)}, range_=LIVE)
        for metric, key in (
            ("viewers", "totalViewers"), ("login_viewers", "totalLoginViewers"),
            ("peak_concurrent_viewers", "peakConcurrentViewers"), ("new_login_viewers", "newLoginViewers"),
            ("viewing_time_s", "totalViewingTime"), ("liked_quantity", "likes"), ("unique_liked", "likeViewers"),
            ("chatted_quantity", "chats"), ("unique_chatted", "chatViewers"),
            ("product_clicked_quantity", "productClicks"), ("unique_product_clicked", "productClickViewers"),
            ("banner_clicked_quantity", "bannerClicks"),
        )
    ),
    # ---- the app ----
    Line("people in the app, by day", "unique_app_opened", "day", {"braze": braze_kpi("dau")}),
    Line("people new in the app, by day", "new_users", "day", {"braze": braze_kpi("new_users")}),
]  # fmt: skip


@pytest.fixture(scope="module")
def workspaces(house: House, url: str) -> Iterator[dict[str, Workspace]]:
    """The same events in a workspace of each zone."""
    with pytest.MonkeyPatch.context() as patch, httpx.Client(base_url=url, timeout=60) as client:
        # That API tells of the last six months only.
        patch.setattr(batch_stats, "_today", lambda call: dt.date(2026, 11, 1))
        yield {zone: furnished(house, client, zone) for zone in ZONES}


#: A zone matters to the lines that ask for days.
CASES = [(line, zone) for line in TABLE for zone in ZONES if zone == "UTC" or "day" in line.dimensions]


@pytest.mark.parametrize(("line", "zone"), CASES, ids=[f"{line.words}, {zone}" for line, zone in CASES])
def test_all_say_the_same(workspaces: dict[str, Workspace], line: Line, zone: str) -> None:
    workspace, asked = workspaces[zone], line.asked(workspaces[zone])
    wanted = numbers(line.read(row) for row in workspace.judged(asked).rows)
    assert wanted, "a question about nothing"
    assert {room: read(workspace) for room, read in line.rooms.items()} == dict.fromkeys(line.rooms, wanted)


def test_every_room_is_asked() -> None:
    asked = {name.split()[0] for line in TABLE for name in line.rooms}
    assert asked == {room.name for room in ROOMS if room.title}
