"""How early behaviours came, held against a plain list."""

from __future__ import annotations

import random

from turnout.stats import behaviours
from turnout.stats.behaviours import Behaviours


def test_the_earliest_since_any_arrival_is_that_of_a_plain_list() -> None:
    dice = random.Random(7)
    arrivals: list[int] = []
    kept = Behaviours()
    for _ in range(300):
        arrivals.append(dice.randrange(1000))
        kept.add(arrivals[-1])
        assert kept.count == len(arrivals)
        since = dice.randrange(len(arrivals))
        assert kept.earliest_since(since) == min(arrivals[since:])
    assert kept.earliest_since(kept.count) > 10**15


def test_what_is_merged_never_seems_later_than_it_was(monkeypatch) -> None:
    monkeypatch.setattr(behaviours, "_LIMIT", 4)
    arrivals = [10, 20, 30, 40, 50, 60, 70, 55, 80, 90, 100]
    kept = Behaviours()
    for arrival in arrivals:
        kept.add(arrival)
    assert len(kept._counts) == len(kept._times_ms) <= 4
    for since in range(len(arrivals)):
        assert kept.earliest_since(since) <= min(arrivals[since:])
    assert kept.earliest_since(len(arrivals) - 1) == 100
    assert kept.earliest_since(len(arrivals)) > 10**15
