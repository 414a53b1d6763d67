"""How sure a rate is, and whether two differ: counts of people enter, intervals and probabilities leave. Pure.

What each function computes, and who published it, stands in its docstring; docs/variations.md says which is used where.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

#: How sure an interval is.
CONFIDENCE = 0.95

#: A difference is called one when chance alone makes one as large less often than this.
ALPHA = 0.05

#: How often a difference that is there is to be found.
POWER = 0.8

#: With fewer expected people in any cell, the normal approximation isn't to be trusted (Cochran 1954).
LEAST_EXPECTED = 5.0

_NORMAL = NormalDist()


@dataclass(frozen=True)
class Share:
    """`people` of whom `of` did something; 0 <= people <= of, and of > 0."""

    people: int
    of: int

    @property
    def rate(self) -> float:
        """The share as a ratio."""
        return self.people / self.of


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, both ratios."""

    low: float
    high: float


@lru_cache(maxsize=64)
def deviate(probability: float) -> float:
    """What a standard normal variable stays below with this probability."""
    return _NORMAL.inv_cdf(probability)


def wilson(share: Share, confidence: float = CONFIDENCE) -> Interval:
    """The interval of a rate: Wilson's score interval, without continuity correction.

    E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209; method 3 of R. G. Newcombe, Statist. Med. 17 (1998) 857.
    """
    z = deviate(0.5 + confidence / 2)
    n, p = share.of, share.rate
    middle = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    below = 1 + z * z / n
    # At either end the formula gives the end itself, but for rounding.
    low = 0.0 if share.people == 0 else max(0.0, (middle - half) / below)
    high = 1.0 if share.people == n else min(1.0, (middle + half) / below)
    return Interval(low, high)


def newcombe(one: Share, other: Share, confidence: float = CONFIDENCE) -> Interval:
    """The interval of `one.rate - other.rate`: Newcombe's hybrid of two score intervals.

    Method 10 of R. G. Newcombe, Statist. Med. 17 (1998) 873.
    """
    first, second = wilson(one, confidence), wilson(other, confidence)
    difference = one.rate - other.rate
    return Interval(
        difference - math.hypot(one.rate - first.low, second.high - other.rate),
        difference + math.hypot(first.high - one.rate, other.rate - second.low),
    )


def two_proportions(one: Share, other: Share) -> float:
    """How often chance alone makes two rates differ this much or more, either way, if they are the same.

    The two-proportion z-test with the pooled variance; z squared is Pearson's chi-square of the 2 x 2 table.
    """
    pooled = (one.people + other.people) / (one.of + other.of)
    variance = pooled * (1 - pooled) * (1 / one.of + 1 / other.of)
    if variance == 0:
        return 1.0
    return math.erfc(abs(one.rate - other.rate) / math.sqrt(2 * variance))


def least_expected(one: Share, other: Share) -> float:
    """The smallest number of people that any cell of the 2 x 2 table would have, were the two rates the same."""
    pooled = (one.people + other.people) / (one.of + other.of)
    return min(one.of, other.of) * min(pooled, 1 - pooled)


def holm(probabilities: Sequence[float]) -> tuple[float, ...]:
    """Probabilities corrected for their number, in their order: below alpha are those that hold together.

    S. Holm, Scand. J. Statist. 6 (1979) 65, as adjusted probabilities: the i-th smallest of m is multiplied by m - i,
    counted from 0, and none is smaller than one before it.
    """
    found = [0.0] * len(probabilities)
    reached = 0.0
    for rank, index in enumerate(sorted(range(len(probabilities)), key=probabilities.__getitem__)):
        reached = max(reached, min(1.0, probabilities[index] * (len(probabilities) - rank)))
        found[index] = reached
    return tuple(found)


def needed(rate: float, changed: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """Recipients that each of two arms needs for a change from one rate to another to be found with this power.

    `alpha` is two-sided. J. L. Fleiss, Statistical Methods for Rates and Proportions, without continuity correction;
    the same as R's power.prop.test. Infinite where nothing changes.
    """
    if rate == changed:
        return math.inf
    middle = (rate + changed) / 2
    alike = deviate(1 - alpha / 2) * math.sqrt(2 * middle * (1 - middle))
    apart = deviate(power) * math.sqrt(rate * (1 - rate) + changed * (1 - changed))
    return ((alike + apart) / (rate - changed)) ** 2


def uneven(counts: Sequence[int]) -> float:
    """How often chance alone makes groups as unequal as these, if everybody was as likely to come into each.

    Pearson's chi-square against equal parts; for a sample ratio mismatch, as in A. Fabijan et al., KDD 2019.
    """
    everyone = sum(counts)
    if len(counts) < 2 or everyone == 0:
        return 1.0
    expected = everyone / len(counts)
    return chi_square_above(sum((count - expected) ** 2 for count in counts) / expected, len(counts) - 1)


def chi_square_above(value: float, degrees: int) -> float:
    """How often a chi-square variable of so many degrees of freedom is above a value.

    The closed sums for even and odd degrees: M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions, 26.4.4
    and 26.4.5.
    """
    half = value / 2
    if degrees % 2:
        found, term, first = math.erfc(math.sqrt(half)), math.sqrt(2 * value / math.pi) * math.exp(-half), 3
    else:
        found, term, first = 0.0, math.exp(-half), 2
    for below in range(first, degrees + 1, 2):
        found += term
        term *= value / below
    return min(1.0, found)
