"""Spreads, ratios and verdicts, and the table made of them."""

import io

import pytest
from rich.console import Console

from turnout.bench.findings import Budget, finding, spread
from turnout.bench.report import tables


def test_spread_is_median_extremes_and_nearest_rank() -> None:
    found = spread([5.0, 1.0, 3.0])
    assert (found.p50, found.minimum, found.maximum, found.p99, found.samples) == (3.0, 1.0, 5.0, 5.0, 3)
    assert spread([float(n) for n in range(1, 201)]).p99 == 198.0
    assert spread([7.0]).p99 == 7.0


def test_ratio_is_of_each_round_not_of_the_medians() -> None:
    found = finding("g", "w", "events/s", [10.0, 40.0, 30.0], against="r", reference=[10.0, 10.0, 60.0])
    assert found.ratio is not None
    assert (found.ratio.p50, found.ratio.minimum, found.ratio.maximum) == (1.0, 0.5, 4.0)
    assert found.verdict == ""


@pytest.mark.parametrize(
    ("budgets", "verdict"),
    [
        ((Budget("ratio", 0.5, at_least=True),), "ok"),
        ((Budget("ratio", 0.51, at_least=True),), "short"),
        ((Budget("value", 10.0),), "ok"),
        ((Budget("value", 9.9),), "short"),
        ((Budget("value", 10.0), Budget("p99 / p50", 1.9)), "short"),
        ((Budget("value", 10.0), Budget("p99 / p50", 2.0)), "ok"),
    ],
)
def test_every_budget_must_hold(budgets: tuple[Budget, ...], verdict: str) -> None:
    assert finding("g", "w", "ms", [10.0, 10.0, 20.0], reference=[20.0] * 3, budgets=budgets).verdict == verdict


def test_the_table_says_measured_reference_ratio_budget_and_verdict() -> None:
    found = finding(
        "ingest", "10,000 events a request", "events/s", [150_000.0, 120_000.0],
        against="bare INSERT", reference=[100_000.0, 100_000.0], budgets=(Budget("ratio", 1.0, at_least=True),),
    )  # fmt: skip
    text = io.StringIO()
    Console(file=text, width=180).print(*tables([found]))
    (line,) = [line for line in text.getvalue().splitlines() if "10,000 events a request" in line]
    for part in ("135,000 events/s (120,000–150,000)", "100,000 bare INSERT", "1.35 x (1.20–1.50)", "≥ 1.00 x", "ok"):
        assert part in line
