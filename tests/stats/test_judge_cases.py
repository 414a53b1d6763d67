"""Every case that a person has judged from docs/attribution.md, answered by the real server: each in campaigns and with
people of its own, all in one workspace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.judge import Asked
from tests.judge.cases import CASES
from tests.judge.hearing import Asker, numbers_of
from tests.judge.small import minutes


@pytest.fixture(scope="module")
def asker(open_workspace: Callable[..., Asker]) -> Asker:
    """A workspace in which every case has happened."""
    opened = open_workspace("UTC")
    events = []
    for index, case in enumerate(CASES.values()):
        if case.goals:
            opened.put(f"c{index}", {"goals": case.goals})
        events += [_apart(event, index) | {"id": f"{index}-{place}"} for place, event in enumerate(case.events)]
    assert opened.post(events) == (len(events), 0)
    return opened


def _apart(event: dict[str, Any], index: int) -> dict[str, Any]:
    """The event with its campaign, its recipient and its order only in this case."""
    own = {"campaign": "{1}{0}", "recipient": "{1}{0}", "order": "{1}{0}"}
    return event | {name: form.format(index, event[name]) for name, form in own.items() if event.get(name)}


@pytest.mark.parametrize(("metric", "placed_by"), sorted({(case.metric, case.placed_by) for case in CASES.values()}))
def test_cases(asker: Asker, metric: str, placed_by: str) -> None:
    mine = {
        f"c{index}": (name, case)
        for index, (name, case) in enumerate(CASES.items())
        if (case.metric, case.placed_by) == (metric, placed_by)
    }
    by_send = placed_by == "send"
    asked = Asked(
        (metric,), ("campaign", *(["minute"] if by_send else [])), (("campaign", tuple(mine)),), placed_by=placed_by
    )
    found: dict[str, Any] = {name: {} if by_send or metric == "revenue" else 0 for name, _ in mine.values()}
    for row in numbers_of(asker.ask(asked)["rows"]):
        name, _ = mine[row["campaign"]]
        if by_send:
            found[name][row["minute"]] = row[metric]
        else:
            found[name] = row[metric]
    assert found == {name: minutes(case.wanted) if by_send else case.wanted for name, case in mine.values()}
