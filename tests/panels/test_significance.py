"""Intervals and tests against published worked examples, and against what must hold whatever the counts are."""

from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.panels import significance
from turnout.panels.significance import Share


@pytest.mark.parametrize(
    ("people", "of", "low", "high"),
    # Newcombe, Statist. Med. 17 (1998) 857, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_rate_is_the_published_one(people, of, low, high):
    found = significance.wilson(Share(people, of))
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    # Newcombe, Statist. Med. 17 (1998) 873, table II, method 10.
    [
        (Share(56, 70), Share(48, 80), 0.0524, 0.3339),
        (Share(9, 10), Share(3, 10), 0.1705, 0.8090),
        (Share(6, 7), Share(2, 7), 0.0582, 0.8062),
        (Share(5, 56), Share(0, 29), -0.0381, 0.1926),
    ],
)
def test_the_interval_of_a_difference_is_the_published_one(one, other, low, high):
    found = significance.newcombe(one, other)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_two_rates_are_told_apart_as_in_the_textbook():
    # The physicians' aspirin study: chi-square 25.01 on one degree (Agresti, Categorical Data Analysis, section 3.2).
    placebo, aspirin = Share(189, 11_034), Share(104, 11_037)
    found = significance.two_proportions(placebo, aspirin)
    assert found == pytest.approx(significance.chi_square_above(25.01, 1), rel=0.01)
    assert found == pytest.approx(5.7e-7, rel=0.01)


def test_probabilities_are_corrected_for_their_number_as_holm_does():
    # The four hypotheses of Wikipedia's article on the method; the same as R's p.adjust(…, "holm").
    assert significance.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert significance.holm([0.6, 0.9]) == (1.0, 1.0)
    assert significance.holm([]) == ()


def test_the_sample_that_is_needed_is_that_of_power_prop_test():
    # R: power.prop.test(p1 = .50, p2 = .75, power = .90) gives n = 76.7.
    assert round(significance.needed(0.5, 0.75, power=0.9), 1) == 76.7
    assert significance.needed(0.5, 0.5) == math.inf


@pytest.mark.parametrize(
    ("degrees", "value", "above"),
    # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4, critical values of the chi-square distribution.
    [
        (1, 3.841, 0.05), (2, 5.991, 0.05), (3, 7.815, 0.05), (4, 9.488, 0.05), (5, 11.070, 0.05), (10, 18.307, 0.05),
        (11, 19.675, 0.05), (1, 10.828, 0.001), (2, 13.816, 0.001), (7, 24.322, 0.001),
    ],
)  # fmt: skip
def test_chi_square_is_that_of_the_tables(degrees, value, above):
    assert significance.chi_square_above(value, degrees) == pytest.approx(above, rel=0.002)


def test_unequal_arms_are_noticed_and_chance_is_not():
    # Kohavi, Tang and Xu, Trustworthy Online Controlled Experiments (2020), chapter 21: p = 1.8E-6.
    assert significance.uneven([821_588, 815_482]) == pytest.approx(1.8e-6, rel=0.03)
    assert significance.uneven([1_012, 988]) > 0.5
    assert significance.uneven([5]) == significance.uneven([0, 0]) == 1.0


shares = st.integers(1, 3000).flatmap(lambda of: st.builds(Share, st.integers(0, of), st.just(of)))


@given(shares, shares)
def test_what_holds_for_any_two_shares(one, other):
    inside = significance.wilson(one)
    assert 0 <= inside.low <= one.rate <= inside.high <= 1
    # Who did and who did not are one another's mirror.
    mirrored = significance.wilson(Share(one.of - one.people, one.of))
    assert mirrored.low == pytest.approx(1 - inside.high, abs=1e-12)
    between, back = significance.newcombe(one, other), significance.newcombe(other, one)
    assert (between.low, between.high) == pytest.approx((-back.high, -back.low), abs=1e-12)
    assert between.low - 1e-12 <= one.rate - other.rate <= between.high + 1e-12
    # z squared is Pearson's chi-square of the four cells, counted here from the cells.
    cells = [one.people, one.of - one.people, other.people, other.of - other.people]
    expected = [
        size * did / (one.of + other.of)
        for size in (one.of, other.of)
        for did in (one.people + other.people, one.of + other.of - one.people - other.people)
    ]
    assert significance.least_expected(one, other) == pytest.approx(min(expected))
    if min(expected):
        pearson = sum((cell - mean) ** 2 / mean for cell, mean in zip(cells, expected, strict=True))
        assert significance.two_proportions(one, other) == pytest.approx(
            significance.chi_square_above(pearson, 1), rel=1e-6, abs=1e-300
        )
    else:
        assert significance.two_proportions(one, other) == 1


def test_intervals_hold_the_truth_and_chance_is_rarely_called_a_difference():
    runs, of, rate = 4000, 400, 0.08
    held = between = called = 0
    for people in numpy.random.default_rng(6).binomial(of, rate, (runs, 2)).tolist():
        one, other = (Share(number, of) for number in people)
        inside, difference = significance.wilson(one), significance.newcombe(one, other)
        held += inside.low <= rate <= inside.high
        between += difference.low <= 0 <= difference.high
        called += significance.two_proportions(one, other) < significance.ALPHA
    assert 0.935 < held / runs < 0.97
    assert 0.935 < between / runs < 0.97
    assert 0.03 < called / runs < 0.065
