"""The dictionary of metrics and dimensions is complete and hangs together."""

from __future__ import annotations

import pytest
from tests import judge

from turnout.model import EVENT_TYPES, REACTIONS
from turnout.stats import metrics
from turnout.stats.metrics import DIMENSIONS, METRICS, base_metrics


def test_names_are_unique_and_their_own() -> None:
    built = [*metrics._counts(), *metrics._conversions(), *metrics._app_opens(), *metrics._live(), *metrics._rates()]
    assert len(built) == len(METRICS)
    assert all(metric.name == name for name, metric in METRICS.items())
    assert all(dimension.name == name for name, dimension in DIMENSIONS.items())
    assert not set(METRICS) & set(DIMENSIONS)


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_event_type_has_a_count_and_a_distinct_count(kind: str) -> None:
    assert (METRICS[kind].kind, METRICS[kind].types) == ("count", (kind,))
    assert (METRICS[f"unique_{kind}"].kind, METRICS[f"unique_{kind}"].types) == ("unique", (kind,))
    if kind in REACTIONS:
        assert METRICS[f"{kind}_quantity"].column == "quantity"


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_defined(name: str) -> None:
    metric = METRICS[name]
    assert metric.definition.endswith(".")
    assert len(metric.definition) > 10
    assert set(metric.types) <= set(EVENT_TYPES)
    assert name.endswith("_rate") == (metric.unit == "ratio")
    if metric.kind == "ratio":
        parts = METRICS[metric.numerator], METRICS[metric.denominator]
        assert all(part.kind in ("count", "unique", "sum") for part in parts)
    else:
        assert not metric.numerator
        assert not metric.denominator


def test_every_dimension_is_defined_and_has_a_column_or_is_a_time() -> None:
    for dimension in DIMENSIONS.values():
        assert dimension.definition.endswith(".")
        sources = [dimension.column, dimension.is_time, dimension.of_pair, dimension.of_reasons]
        assert [bool(source) for source in sources].count(True) == 1


def test_the_judge_knows_every_metric_and_no_other() -> None:
    assert set(judge.NAMES) == set(METRICS)


def test_base_metrics_are_the_parts_once() -> None:
    found = base_metrics(("open_rate", "unique_opened", "click_to_open_rate", "sent"))
    assert [metric.name for metric in found] == ["unique_opened", "unique_delivered", "unique_clicked", "sent"]
