"""The judge: every number by brute force, from the words of the product and none of its code.

Events as they are posted and campaigns as they are put go in; what /v1/stats must answer comes out. Lists,
loops, sets, zoneinfo and Decimal; nothing is clever and nothing is fast.

`events` understands what is posted, `asking` is what is asked, `credits` is docs/attribution.md, `measures` says
which events each metric counts, `court` counts them.
"""

from __future__ import annotations

from tests.judge.asking import TIMES, Asked, label, value_of, values_of
from tests.judge.court import Judge, Verdict
from tests.judge.events import (
    ATTRIBUTES,
    BEHAVIOURS,
    CLASSES,
    EPOCH,
    REACTIONS,
    TYPES,
    Event,
    Row,
    identity,
    understood,
)
from tests.judge.measures import MEASURES, NAMES, RATES, Measure

__all__ = [
    "ATTRIBUTES",
    "BEHAVIOURS",
    "CLASSES",
    "EPOCH",
    "MEASURES",
    "NAMES",
    "RATES",
    "REACTIONS",
    "TIMES",
    "TYPES",
    "Asked",
    "Event",
    "Judge",
    "Measure",
    "Row",
    "Verdict",
    "identity",
    "label",
    "understood",
    "value_of",
    "values_of",
]
