"""Values as texts."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest

from turnout.panels import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0.00 %"),
        (0.325, "32.5 %"),
        (0.0251, "2.51 %"),
        (0.00042, "0.042 %"),
        (1, "100.0 %"),
        (0.9999, "99.9 %"),
        (0.99951, "99.9 %"),
        (12.5, "1,250.0 %"),
        (0.0000001, "< 0.001 %"),
        (-0.0000001, "> -0.001 %"),
        (-0.012, "-1.20 %"),
    ],
)
def test_rates_keep_their_first_digits_and_only_nothing_is_0_and_only_all_is_100(value, text):
    assert wording.percent(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (12.5, "12.5 s"),
        (59, "59 s"),
        (61, "1 min 01 s"),
        (3600, "1 h 00 min"),
        (4_000_000, "1,111 h 06 min"),
    ],
)
def test_durations(seconds, text):
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "–"),
        ({"USD": Decimal("2"), "EUR": Decimal("1234.5")}, "EUR 1,234.50 + USD 2.00"),
        ({"JPY": Decimal("1E+3")}, "JPY 1,000.00"),
        ({"EUR": "0.1250"}, "EUR 0.125"),
        ({"EUR": Decimal("-1234567890123456789012345678.3456")}, "EUR -1,234,567,890,123,456,789,012,345,678.3456"),
    ],
)
def test_money_keeps_every_digit_and_adds_no_currencies(value, text):
    assert wording.money(value) == text


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("2026-10-05", "2026-10-05"),
        ("2026-10", "2026-10"),
        ("2026-10-25T02:00:00+02:00", "2026-10-25 02:00 +02:00"),
        ("2026-10-25T02:00:00+01:00", "2026-10-25 02:00 +01:00"),
    ],
)
def test_an_hour_that_is_repeated_is_told_from_the_other(label, text):
    assert wording.moment(label) == text


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "count", "–"),
        (1234567, "count", "1,234,567"),
        (12.34, "count", "12.3"),
        (0.5, "ratio", "50.0 %"),
        ({"EUR": Decimal(5)}, "money", "EUR 5.00"),
        (61, "seconds", "1 min 01 s"),
        ("aaaaaaaaaaTaaaaaaaaaaaaaa", "text", "aaaaaaaaaaTaaaaaaaaaaaaaa"),
        ("In all", "time", "In all"),
    ],
)
def test_a_cell_is_written_by_its_kind(value, kind, text):
    assert wording.cell(value, kind) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 events"), (1, "1 event"), (1234, "1,234 events")])
def test_one_of_something_is_one(count, text):
    assert wording.many(count, "event") == text


@pytest.mark.parametrize(
    ("parts", "text"), [((), ""), (("a",), "a"), (("a", "b"), "a and b"), (("a", "b", "c"), "a, b and c")]
)
def test_lists_are_sentences(parts, text):
    assert wording.listed(parts) == text


def test_commands_start_without_what_the_server_needs():
    """Every command imports this module; what is heavy would be felt at each."""
    heavy = "{'msgspec', 'jinja2', 'turnout.model', 'turnout.stats.metrics', 'zoneinfo'}"
    script = f"import sys, turnout.panels.wording; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
