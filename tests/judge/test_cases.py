"""The judge judged: every case by hand, without a server."""

from __future__ import annotations

import pytest
from tests.judge.cases import CASES
from tests.judge.small import court, minutes, number, table

OF_C = (("campaign", ("c",)),)


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str) -> None:
    case = CASES[name]
    judge = court(case.events, *case.goals)
    if case.placed_by == "send":
        found = table(judge, case.metric, "minute", filters=OF_C, placed_by="send")
        assert found == minutes(case.wanted)
    else:
        assert number(judge, case.metric, filters=OF_C) == case.wanted
