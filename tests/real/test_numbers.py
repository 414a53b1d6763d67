"""Counts, distinct recipients and attribution on the servers, held against the brute-force judge."""

from __future__ import annotations

import json
import os
import uuid
from collections import defaultdict
from itertools import islice

import pytest
from tests.cluster.test_house import GOALS, QUESTIONS, made
from tests.judge import Asked, Judge
from tests.judge.cases import CASES
from tests.judge.hearing import Asker, hold
from tests.processes import Command
from tests.real.field import until

pytestmark = pytest.mark.usefixtures("own_processes")

#: Stand-ins are asked this much, so that these tests stay able to run; their numbers have tests of their own.
FEW = ("counts of campaigns", "uniques of days", "attribution", "viewers of days")
FEW_CASES = 6


@pytest.fixture(scope="module")
def askers(both, store):
    """Both processes, for a workspace that has nothing else in it."""
    if store.kind == "miniature":
        pytest.skip("tests/cluster asks the same there")
    one, two = both
    name = f"judged{uuid.uuid4().hex[:8]}"
    command = Command(["workspaces", "add", name, "--data", str(one.data), "--json"], dict(os.environ))
    try:
        said = command.stdout.read()
        assert command.wait(30) == 0, said
    finally:
        command.close()
    headers = {"Authorization": f"Bearer {json.loads(said)['api_key']}"}
    until(lambda: two.client.get("/v1/campaigns", headers=headers).status_code == 200)
    return Asker(one.client, name, headers), Asker(two.client, name, headers)


@pytest.fixture(scope="module")
def judged(askers):
    """Events that went to one process and the other by turns, and the judge who has heard them all."""
    events, judge = made(), Judge()
    for campaign in ("spring", "autumn"):
        for one in (askers[0], judge):
            one.put(campaign, {"goals": GOALS})
    for first in range(0, len(events), 50):
        askers[first // 50 % 2].post(events[first : first + 50])
    judge.post(events)
    until(lambda: all(_count(one) == len(events) for one in askers))
    return judge


def _count(asker: Asker) -> int:
    return asker.ask(Asked(("events",), traffic=("human", "proxy", "bot")))["totals"]["events"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_both_answer_what_the_judge_does(askers, judged, store, name):
    if store.kind != "servers" and name not in FEW:
        pytest.skip("asked of servers only: stand-ins have tests of their own for it")
    for asker in askers:
        answer = asker.ask(QUESTIONS[name])
        assert answer["rows"]
        hold(answer, judged.ask(QUESTIONS[name]))


def test_what_a_person_read_in_the_rules_of_attribution(askers, judged, store):
    counted = {name: case for name, case in CASES.items() if case.placed_by == "event" and case.metric != "revenue"}
    if store.kind != "servers":
        counted = dict(islice(counted.items(), 0, None, len(counted) // FEW_CASES))
    asked = defaultdict(dict)
    events = []
    for index, (name, case) in enumerate(counted.items()):
        if case.goals:
            askers[0].put(f"c{index}", {"goals": case.goals})
        events += [_apart(event, index) | {"id": f"{index}-{place}"} for place, event in enumerate(case.events)]
        asked[case.metric][f"c{index}"] = name
    assert askers[1].post(events) == (len(events), 0)
    assert len(counted) >= FEW_CASES
    for metric, campaigns in asked.items():
        wanted = {name: counted[name].wanted for name in campaigns.values()}

        def found(metric: str = metric, campaigns: dict[str, str] = campaigns) -> dict[str, int]:
            rows = askers[0].ask(Asked((metric,), ("campaign",), (("campaign", tuple(campaigns)),)))["rows"]
            return dict.fromkeys(campaigns.values(), 0) | {campaigns[row["campaign"]]: row[metric] for row in rows}

        until(lambda found=found, wanted=wanted: found() == wanted)


def _apart(event: dict, index: int) -> dict:
    """The event with its campaign, its recipient and its order only in this case."""
    own = {"campaign": "{1}{0}", "recipient": "{1}{0}", "order": "{1}{0}"}
    return event | {name: form.format(index, event[name]) for name, form in own.items() if event.get(name)}
