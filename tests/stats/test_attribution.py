"""Attribution against a judge in plain Python: a list of events, loops and no cleverness."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnout.app import House
from turnout.model import BEHAVIOURS, DEFAULT_TRAFFIC, Goal
from turnout.stats import attribution
from turnout.stats.attribution import Conversions

BASE_MS = int(dt.datetime(2026, 10, 5, tzinfo=dt.UTC).timestamp() * 1000)
STEP_MS = 600_000
#: Three buckets of unequal length, with room before and behind for what reaches in from there.
EDGES = tuple(BASE_MS + STEP_MS * step for step in (10, 14, 22, 25))

_numbers = itertools.count()


@dataclass(frozen=True)
class Happened:
    """An event of the judge; `step` is its time in steps of ten minutes."""

    type: str
    step: int
    recipient: str
    campaign: bool = True
    variation: str = ""
    goal: int = 0
    amount: int = 0
    order: str = ""
    name: str = ""
    traffic: str = "human"

    @property
    def at(self) -> int:
        return BASE_MS + STEP_MS * self.step


def sendable(one: Happened, index: int, prefix: str) -> dict[str, Any]:
    """As POST /v1/events takes it. Ids are in the order of the list, so that nothing is a duplicate by accident."""
    fields: dict[str, Any] = {
        "id": f"{prefix}-{index}", "type": one.type, "time": one.at,
        "recipient": f"{prefix}-{one.recipient}" if one.recipient else "", "traffic": one.traffic,
    }  # fmt: skip
    if one.campaign:
        fields |= {"campaign": prefix, "variation": one.variation}
    if one.type in ("purchased", "converted"):
        fields |= {"amount": one.amount, "order": f"{prefix}-{one.order}" if one.order else ""}
    if one.type == "converted":
        fields["goal"] = one.goal
    if one.type == "performed":
        fields["name"] = f"{prefix}-{one.name}"
    return fields


# ---- the judge --------------------------------------------------------------------------------------


def bucket(moment: int) -> int | None:
    for index, (start, end) in enumerate(itertools.pairwise(EDGES)):
        if start <= moment < end:
            return index
    return None


def latest_touch(events: list[Happened], types: set[str], recipient: str, moment: int) -> Happened | None:
    touches = [
        one for one in events
        if one.campaign and one.type in types and one.traffic in DEFAULT_TRAFFIC
        and one.recipient == recipient != "" and one.at <= moment
    ]  # fmt: skip
    return max(touches, key=lambda one: (one.at, one.variation), default=None)


def first_of_orders(events: list[Happened]) -> list[Happened]:
    """Without the repeats of an order; those without an order are all there."""
    found: dict[str, Happened] = {}
    for one in events:
        if one.order and (one.order not in found or one.at < found[one.order].at):
            found[one.order] = one
    return [one for one in events if not one.order or found[one.order] is one]


def judged(events: list[Happened], index: int, goal: Goal | None) -> Counter[tuple[int | None, int | None, str]]:
    """(bucket, bucket of the touch, variation) -> conversions."""
    types = {goal.after if goal else "sent", "enrolled"}
    counts: Counter[tuple[int | None, int | None, str]] = Counter()

    def credit(one: Happened, touch: Happened | None, variation: str) -> None:
        where = bucket(one.at), bucket(touch.at if touch else one.at), variation
        if where[:2] != (None, None):
            counts[where] += 1

    said_touches = set()
    for one in events:
        if one.type == "converted" and one.goal == index:
            touch = latest_touch(events, types, one.recipient, one.at)
            if touch:
                said_touches.add((one.recipient, touch.at))
            credit(one, touch, one.variation or (touch.variation if touch else ""))
    if goal is None:
        return counts
    done = [
        one for one in events
        if one.type == goal.event and (one.campaign or goal.event in BEHAVIOURS)
        and (not goal.name or one.name == goal.name)
    ]  # fmt: skip
    credited = set(said_touches)
    for one in sorted(first_of_orders(done), key=lambda one: one.at):
        touch = latest_touch(events, types, one.recipient, one.at)
        if one.traffic not in DEFAULT_TRAFFIC or touch is None or one.at - touch.at > goal.window_s * 1000:
            continue
        if (one.recipient, touch.at) not in credited:
            credited.add((one.recipient, touch.at))
            credit(one, touch, touch.variation)
    return counts


def judged_earnings(events: list[Happened], goal: Goal) -> Counter[tuple[int, str]]:
    """(bucket, variation) -> amount."""
    amounts: Counter[tuple[int, str]] = Counter()
    own = {one.order for one in events if one.campaign and one.type in ("purchased", "converted") and one.goal == 0}
    for one in first_of_orders([one for one in events if one.type == "purchased" and not one.campaign]):
        touch = latest_touch(events, {goal.after, "enrolled"}, one.recipient, one.at)
        where = bucket(one.at)
        if (
            where is not None and touch is not None and one.at - touch.at <= goal.window_s * 1000
            and one.traffic in DEFAULT_TRAFFIC and not (one.order and one.order in own)
        ):  # fmt: skip
            amounts[where, touch.variation] += one.amount
    return amounts


# ---- against it -------------------------------------------------------------------------------------

_TRAFFIC = st.sampled_from(["human", "human", "human", "human", "proxy", "bot"])
_RECIPIENTS = st.sampled_from(["r", "r", "r", "r", "s", "s", ""])
#: Around the buckets, so that most things touch each other.
_STEPS = st.integers(6, 28)


def _touches() -> st.SearchStrategy[Happened]:
    return st.builds(
        Happened, type=st.sampled_from(["sent", "sent", "opened", "enrolled"]), step=_STEPS,
        recipient=_RECIPIENTS, variation=st.sampled_from(["a", "b", ""]), traffic=_TRAFFIC,
    )  # fmt: skip


def _deeds() -> st.SearchStrategy[Happened]:
    return st.builds(
        Happened, type=st.sampled_from(["purchased", "purchased", "performed", "app_opened"]), step=_STEPS,
        recipient=_RECIPIENTS, campaign=st.sampled_from([False, False, True]), amount=st.integers(1, 9),
        order=st.sampled_from(["", "o", "p"]), name=st.sampled_from(["x", "y"]), traffic=_TRAFFIC,
    )  # fmt: skip


def _said() -> st.SearchStrategy[Happened]:
    return st.builds(
        Happened, type=st.just("converted"), step=st.integers(0, 40), recipient=_RECIPIENTS,
        variation=st.sampled_from(["a", ""]), goal=st.integers(0, 1), amount=st.integers(1, 9),
        order=st.sampled_from(["", "o"]),
    )  # fmt: skip


_GOALS = st.builds(
    Goal,
    event=st.sampled_from(["purchased", "purchased", "performed", "app_opened", "opened"]),
    window_s=st.integers(1, 10).map(lambda steps: steps * STEP_MS // 1000),
    after=st.sampled_from(["sent", "sent", "opened", "enrolled"]),
)


def plain(one: Happened) -> Happened:
    """Without what its type can't say."""
    if one.type != "purchased" and one.type != "converted":
        one = replace(one, order="")
    return replace(one, name="" if one.type != "performed" else one.name)


def aimed(touches: list[Happened], deeds: list[Happened], goal: Goal) -> list[Happened]:
    """The events, most of them made what the goal is about; left to chance, few would ever meet."""
    touches = [replace(one, type=goal.after) if index % 4 else one for index, one in enumerate(touches)]
    deeds = [replace(one, type=goal.event) if index % 4 else one for index, one in enumerate(deeds)]
    return [replace(one, campaign=one.campaign or one.type not in BEHAVIOURS) for one in (*touches, *deeds)]


@settings(
    max_examples=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    touches=st.lists(_touches(), min_size=2, max_size=10),
    # Two purchases of one order at one instant would leave it open which is the first.
    deeds=st.lists(_deeds(), min_size=3, max_size=12, unique_by=lambda one: one.step),
    said=st.lists(_said(), max_size=2),
    goal=_GOALS,
    is_named=st.booleans(),
    is_set=st.sampled_from([True, True, True, False]),
)
def test_against_the_judge(
    tenant: Any,
    house: House,
    touches: list[Happened],
    deeds: list[Happened],
    said: list[Happened],
    goal: Goal,
    is_named: bool,
    is_set: bool,
) -> None:
    prefix = f"c{next(_numbers)}"
    events = [plain(one) for one in (*aimed(touches, deeds, goal), *said)]
    tenant.send(*(sendable(one, index, prefix) for index, one in enumerate(events)))
    name = "x" if is_named and goal.event == "performed" else ""
    judge_goal = Goal(event=goal.event, name=name, window_s=goal.window_s, after=goal.after) if is_set else None
    asked_goal = None
    if judge_goal is not None:
        asked_goal = Goal(
            event=goal.event, name=f"{prefix}-{name}" if name else "", window_s=goal.window_s, after=goal.after
        )
    for index in (0, 1):
        asked = Conversions(tenant.workspace.id, prefix, index, asked_goal, EDGES)
        found = attribution.conversions(house.services.engine, asked)
        counts = {(one.bucket, one.touch_bucket, one.variation): one.conversions for one in found}
        assert len(counts) == len(found)
        assert counts == dict(judged(events, index, judge_goal))
    if asked_goal is not None and judge_goal is not None:
        asked = Conversions(tenant.workspace.id, prefix, 0, asked_goal, EDGES)
        earned = attribution.earnings(house.services.engine, asked, "USD")
        amounts = {(one.bucket, one.variation): one.amount for one in earned}
        assert amounts == {key: Decimal(value) for key, value in judged_earnings(events, judge_goal).items()}


# ---- and by hand ------------------------------------------------------------------------------------

_SENT = Happened("sent", 10, "r", variation="a")
_BUY = Happened("purchased", 11, "r", campaign=False, amount=5)
_GOAL = Goal(event="purchased", window_s=6000)

#: (events, conversions of the goal) in the buckets 10..14, 14..22 and 22..25; the window is ten steps.
CASES: dict[str, tuple[list[Happened], dict[tuple[int | None, int | None, str], int]]] = {
    "within the window": ([_SENT, _BUY], {(0, 0, "a"): 1}),
    "at the very end of it": ([_SENT, replace(_BUY, step=20)], {(1, 0, "a"): 1}),
    "a step after it": ([_SENT, replace(_BUY, step=21)], {}),
    "at the instant of the touch": ([_SENT, replace(_BUY, step=10)], {(0, 0, "a"): 1}),
    "before the touch": ([_SENT, replace(_BUY, step=9)], {}),
    "once per touch": ([_SENT, _BUY, replace(_BUY, step=12)], {(0, 0, "a"): 1}),
    "again after another touch": (
        [_SENT, _BUY, Happened("sent", 15, "r", variation="b"), replace(_BUY, step=16)],
        {(0, 0, "a"): 1, (1, 1, "b"): 1},
    ),
    "an order once": (
        [_SENT, replace(_BUY, order="o"), replace(_SENT, step=15), replace(_BUY, step=16, order="o")],
        {(0, 0, "a"): 1},
    ),
    "an order that is older than the touch": (
        [replace(_BUY, step=9, order="o"), _SENT, replace(_BUY, order="o")], {},
    ),
    "the first was before the buckets": ([replace(_SENT, step=8), replace(_BUY, step=9), _BUY], {}),
    "touched before the buckets": ([replace(_SENT, step=8), _BUY], {(0, None, "a"): 1}),
    "bought behind the buckets": ([replace(_SENT, step=24), replace(_BUY, step=30)], {(None, 2, "a"): 1}),
    "behind them, after another touch there": (
        [replace(_SENT, step=24), replace(_SENT, step=26), replace(_BUY, step=30)], {},
    ),
    "by another recipient": ([_SENT, replace(_BUY, recipient="s")], {}),
    "touched by a bot": ([replace(_SENT, traffic="bot"), _BUY], {}),
    "by a bot": ([_SENT, replace(_BUY, traffic="bot")], {}),
    "the control group": (
        [Happened("enrolled", 10, "r", variation="ctl"), _BUY], {(0, 0, "ctl"): 1},
    ),
    "said already of this touch": (
        [_SENT, _BUY, Happened("converted", 13, "r")], {(0, 0, "a"): 1},
    ),
    "said long after the touch": ([replace(_SENT, step=0), Happened("converted", 23, "r")], {(2, None, "a"): 1}),
    "said of somebody unknown": ([Happened("converted", 23, "", variation="b")], {(2, 2, "b"): 1}),
    "said of another goal": ([_SENT, Happened("converted", 13, "r", goal=1)], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_by_hand(tenant: Any, house: House, name: str) -> None:
    events, wanted = CASES[name]
    tenant.send(*(sendable(one, index, "c") for index, one in enumerate(events)))
    found = attribution.conversions(house.services.engine, Conversions(tenant.workspace.id, "c", 0, _GOAL, EDGES))
    assert {(one.bucket, one.touch_bucket, one.variation): one.conversions for one in found} == wanted
    assert dict(judged(events, 0, _GOAL)) == wanted


def test_another_workspace_credits_nothing(make_tenant: Any, house: House) -> None:
    mine, theirs = make_tenant(), make_tenant()
    mine.send(sendable(_SENT, 0, "c"))
    theirs.send(sendable(_BUY, 1, "c"))
    for tenant in (mine, theirs):
        asked = Conversions(tenant.workspace.id, "c", 0, _GOAL, EDGES)
        assert attribution.conversions(house.services.engine, asked) == []
        assert attribution.earnings(house.services.engine, asked, "USD") == []
