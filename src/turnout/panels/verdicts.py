"""Which arm of a test does better, in plain words. Measured arms enter, comparisons and sentences leave. Pure.

docs/variations.md says why it is done in this way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from turnout.panels import significance, wording
from turnout.panels.significance import ALPHA, Interval, Share

#: The change, as a part of the rate, that a test must have recipients enough to find before it says "no difference".
LEAST_CHANGE = 0.2

#: Equal arms are this unequal by chance once in a thousand tests.
UNEVEN_BELOW = 0.001

#: Arms that are named in one sentence; the others are a number.
LIMIT_NAMED = 4


@dataclass(frozen=True)
class Measured:
    """One arm in one rate: `people` of its `of` recipients. `share` is None where that is no share of anybody."""

    arm: str
    people: int
    of: int

    @property
    def share(self) -> Share | None:
        """The share, unless nobody could do it, or more did than could."""
        return Share(self.people, self.of) if self.of > 0 and self.people <= self.of else None


@dataclass(frozen=True)
class Compared:
    """One arm held against another in one rate.

    `interval` is that of the difference of the rates. `p` is corrected for the number of comparisons. `needed` are the
    recipients that each arm has to have before "no difference" can be said.
    """

    rate: str
    arm: Measured
    against: Measured
    one: Share
    other: Share
    interval: Interval
    p: float
    needed: int

    @property
    def difference(self) -> float:
        """The arm's rate less that of the other."""
        return self.one.rate - self.other.rate

    @property
    def is_found(self) -> bool:
        """There is a difference: chance is unlikely to make one as large, and there are people enough to know that."""
        return self.p < ALPHA and significance.least_expected(self.one, self.other) >= significance.LEAST_EXPECTED

    @property
    def is_early(self) -> bool:
        """There are too few recipients to say that there is no difference."""
        return not self.is_found and min(self.one.of, self.other.of) < self.needed


def compare(pairs: Iterable[tuple[str, Measured, Measured]]) -> tuple[Compared, ...]:
    """Hold arms against others: (rate, arm, against) enter; all that is compared together is corrected together.

    A pair of which nobody, or everybody, did it is left out: there is nothing to tell apart.
    """
    found = []
    for rate, arm, against in pairs:
        one, other = arm.share, against.share
        if one is None or other is None or not 0 < arm.people + against.people < arm.of + against.of:
            continue
        p = significance.two_proportions(one, other)
        found.append(Compared(rate, arm, against, one, other, significance.newcombe(one, other), p, 0))
    corrected = significance.holm([each.p for each in found])
    return tuple(
        replace(each, p=p, needed=_needed(each.one, each.other, len(found)))
        for each, p in zip(found, corrected, strict=True)
    )


def _needed(one: Share, other: Share, comparisons: int) -> int:
    """Recipients an arm: enough for the change that is to be found, and for no cell to be nearly empty."""
    pooled = (one.people + other.people) / (one.of + other.of)
    cells = significance.LEAST_EXPECTED / min(pooled, 1 - pooled)
    return math.ceil(max(cells, significance.needed(pooled, changed(pooled), ALPHA / comparisons)))


def changed(rate: float) -> float:
    """The rate after the least change that is to be found: upwards, or downwards where there is no room above."""
    above = rate * (1 + LEAST_CHANGE)
    return above if above < 1 else rate * (1 - LEAST_CHANGE)


def sentences(compared: Sequence[Compared], *, running: bool) -> tuple[str, ...]:
    """What the comparisons come to, rate by rate: differences first, then what is too early, then what is alike."""
    found = []
    for rate in dict.fromkeys(each.rate for each in compared):
        for against in dict.fromkeys(each.against.arm for each in compared if each.rate == rate):
            group = [each for each in compared if each.rate == rate and each.against.arm == against]
            found += _of_group(group, len(compared), running)
    return tuple(found)


def _of_group(group: Sequence[Compared], comparisons: int, running: bool) -> list[str]:
    """Sentences about all that is held against one arm in one rate."""
    different = sorted((each for each in group if each.is_found), key=lambda each: each.p)
    said = [_different(each, comparisons) for each in different[:LIMIT_NAMED]]
    if len(different) > LIMIT_NAMED:
        rest = [each.arm.arm for each in different[LIMIT_NAMED:]]
        said.append(
            f"On {group[0].rate}, {names(rest)} differ{'s' * (len(rest) == 1)} from {group[0].against.arm}, too."
        )
    early = [each for each in group if each.is_early]
    if early:
        said.append(_early(early, running))
    alike = [each for each in group if not each.is_found and not each.is_early]
    if alike:
        said.append(_alike(alike, comparisons))
    return said


def _different(each: Compared, comparisons: int) -> str:
    word = "better" if each.difference > 0 else "worse"
    return f"{each.arm.arm} is {word} than {each.against.arm} on {each.rate}: {_figures(each, comparisons)}."


def _alike(group: Sequence[Compared], comparisons: int) -> str:
    first = group[0]
    if len(group) == 1:
        said = f"No difference was found on {first.rate} between {first.arm.arm} and {first.against.arm}: "
        said += _figures(first, comparisons)
    else:
        arms = names([each.arm.arm for each in group])
        said = f"No difference from {first.against.arm} was found on {first.rate} in {arms}"
    return f"{said}. There are recipients enough to find a change of a fifth four times out of five."


def _early(group: Sequence[Compared], running: bool) -> str:
    """What is missing, for the comparison that misses most."""
    most = max(group, key=lambda each: each.needed)
    opening = "Too early to say" if running else "Too few recipients to say"
    arms = names([each.arm.arm for each in group])
    verb = "differs" if len(group) == 1 else "differ"
    pooled = (most.one.people + most.other.people) / (most.one.of + most.other.of)
    said = f"{opening} whether {arms} {verb} from {most.against.arm} on {most.rate}"
    if len(group) == 1:
        said += f" ({wording.percent(most.one.rate)} against {wording.percent(most.other.rate)})"
    missing = [
        f"{most.needed - share.of:,} more in {arm.arm}"
        for arm, share in ((most.arm, most.one), (most.against, most.other))
        if share.of < most.needed
    ]
    change = f"a change of a fifth, from {wording.percent(pooled)} to {wording.percent(changed(pooled))},"
    return (
        f"{said}: to find {change} four times out of five takes {most.needed:,} recipients in each arm, "
        f"{' and '.join(missing)}."
    )


def _figures(each: Compared, comparisons: int) -> str:
    after = f" after correction for {comparisons} comparisons" if comparisons > 1 else ""
    change, interval = difference(each)
    p = probability(each.p)
    return (
        f"{wording.percent(each.one.rate)} against {wording.percent(each.other.rate)}, {change} points (95 % interval "
        f"{interval}); p {p if p.startswith('<') else f'= {p}'}{after}"
    )


def difference(each: Compared) -> tuple[str, str]:
    """The difference of two rates in percentage points, and its interval: `+0.9` and `0.4 to 1.4`."""
    digits = 1 if max(abs(each.interval.low), abs(each.interval.high)) >= 0.01 else 2
    low, high = (points(end, digits) for end in (each.interval.low, each.interval.high))
    sign = "+" if each.difference > 0 else ""
    return f"{sign}{points(each.difference, digits)}", f"{low} to {high}"


def points(ratio: float, digits: int) -> str:
    """A ratio in percentage points, with a minus that is as wide as a plus; never a minus before zero."""
    text = f"{abs(ratio) * 100:.{digits}f}"
    return f"−{text}" if ratio < 0 and float(text) else text


def probability(p: float) -> str:
    """`0.012`, `0.35`, `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{p:.{3 if p < 0.1 else 2}f}"


def uneven(sizes: Sequence[tuple[str, int]]) -> str:
    """A warning where arms are less equal than chance would make them; empty where they are not."""
    p = significance.uneven([size for _, size in sizes])
    if p >= UNEVEN_BELOW:
        return ""
    given = ", ".join(f"{arm} {size:,}" for arm, size in sizes[:LIMIT_NAMED])
    more = f" and {len(sizes) - LIMIT_NAMED} others" if len(sizes) > LIMIT_NAMED else ""
    return (
        f"The arms are not equally large ({given}{more}), and chance makes them so unequal less than once in a "
        "thousand times. If they were meant to be equal, some people got lost on the way: find out why before you "
        "trust the rest."
    )


def names(arms: Sequence[str]) -> str:
    """A list of arms in a sentence; a long one ends in a number."""
    if len(arms) <= LIMIT_NAMED:
        return wording.listed(arms)
    shown = arms[: LIMIT_NAMED - 1]
    return wording.listed([*shown, f"{len(arms) - len(shown)} others"])
