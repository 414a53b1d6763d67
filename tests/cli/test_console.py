"""How values are written."""

from __future__ import annotations

import pytest

from turnout.cli import console


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (1234567, "1,234,567"),
        (12.34, "12.3"),
        ({}, "–"),
        ({"EUR": "1234.5", "USD": "2"}, "EUR 1,234.50 + USD 2.00"),
    ],
)
def test_numbers(value, text):
    assert console.number(value) == text


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([0, 0], "▁▁"),
        ([5], "█"),
        ([0, 1, 1000], "▁▂█"),
        ([1, 2, 3, 4, 5, 6, 7], "▂▃▄▅▆▇█"),
    ],
)
def test_sparklines_show_whatever_is_not_nothing(values, line):
    assert console.sparkline(values) == line


def test_a_long_series_is_summed_into_the_width():
    assert console.sparkline([1] * 50 + [3] * 50, width=2) == "▃█"
    assert len(console.sparkline(list(range(1000)), width=40)) == 40


def test_text_of_others_steers_no_terminal():
    assert console.plain("a\x1b[31mred\x07\u202eb\nc") == "a\ufffd[31mred\ufffd\ufffdb\ufffdc"
    assert console.plain("Frühling ✿") == "Frühling ✿"


def test_a_piped_table_is_whole(capsys):
    made = console.table("name", "text")
    made.add_row("x" * 300, "[bold]y[/bold] " + "z" * 300)
    console.out().print(made)
    out = capsys.readouterr().out
    assert "x" * 300 in out
    assert "[bold]y[/bold] " + "z" * 300 in out
    assert "\x1b" not in out


def test_progress_is_silent_in_a_pipe(capsys):
    with console.progress("events") as bar:
        bar.update(bar.add_task("x", total=2), completed=1)
    assert capsys.readouterr() == ("", "")


def test_a_record_is_written_for_people(capsys):
    found = {"id": "a", "draft": False, "ended_at": None, "number": 1234, "events": 1234, "tags": ["x", {"y": 1}]}
    console.out().print(console.record(found))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["id", "a"], ["draft", "no"], ["ended_at"], ["number", "1234"], ["events", "1,234"],
        ["tags", "x,", '{"y":', "1}"],
    ]  # fmt: skip
