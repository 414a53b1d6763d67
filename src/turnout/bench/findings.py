"""What a run finds: numbers with their spread, the ratio to a reference, and the budget they are held to.

Samples enter; `Finding`s leave, which `report` prints and writes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Literal

import msgspec

Verdict = Literal["ok", "short", ""]
Unit = Literal["events/s", "requests/s", "ms", "ns", "s", "bytes", "MiB", "µs an event", "x"]


class Spread(msgspec.Struct, frozen=True):
    """Several samples of one number: the median, the extremes, and the 99th percentile (nearest rank)."""

    p50: float
    minimum: float
    maximum: float
    p99: float
    samples: int


class Budget(msgspec.Struct, frozen=True):
    """A bound of the median of the measured number (`value`), of its ratio to the reference, or of p99 / p50."""

    of: Literal["value", "ratio", "p99 / p50"]
    limit: float
    at_least: bool = False

    def holds(self, found: float) -> bool:
        """Whether it is kept."""
        return found >= self.limit if self.at_least else found <= self.limit


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report. `ratio` is the spread of the rounds' own ratios, measured to reference."""

    group: str
    what: str
    unit: Unit
    measured: Spread
    reference_name: str = ""
    reference: Spread | None = None
    ratio: Spread | None = None
    budgets: tuple[Budget, ...] = ()
    verdict: Verdict = ""


def spread(samples: Sequence[float]) -> Spread:
    """The spread of at least one sample."""
    ordered = sorted(samples)
    rank = max(math.ceil(0.99 * len(ordered)), 1)
    return Spread(statistics.median(ordered), ordered[0], ordered[-1], ordered[rank - 1], len(ordered))


def finding(
    group: str,
    what: str,
    unit: Unit,
    measured: Sequence[float],
    *,
    against: str = "",
    reference: Sequence[float] = (),
    budgets: tuple[Budget, ...] = (),
) -> Finding:
    """A finding with its verdict. `measured` and `reference` are paired: one of each a round."""
    own = spread(measured)
    ratio = spread([mine / other for mine, other in zip(measured, reference, strict=True)]) if reference else None
    found = {"value": own.p50, "p99 / p50": own.p99 / own.p50 if own.p50 else 1.0, "ratio": ratio.p50 if ratio else 0.0}
    verdict: Verdict = ""
    if budgets:
        verdict = "ok" if all(budget.holds(found[budget.of]) for budget in budgets) else "short"
    return Finding(
        group=group,
        what=what,
        unit=unit,
        measured=own,
        reference_name=against,
        reference=spread(reference) if reference else None,
        ratio=ratio,
        budgets=budgets,
        verdict=verdict,
    )
