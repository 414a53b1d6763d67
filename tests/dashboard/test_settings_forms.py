"""What forms of the settings say, without a server: spans of time, lines, and words about what is wrong."""

from __future__ import annotations

import msgspec
import pytest

from turnout.dashboard import settings_forms
from turnout.dashboard.settings_forms import Form
from turnout.errors import InvalidInput
from turnout.model import Workspace


@pytest.mark.parametrize(
    ("seconds", "number", "unit", "words"),
    [
        (1, 1, "seconds", "1 second"),
        (90, 90, "seconds", "90 seconds"),
        (5400, 90, "minutes", "90 minutes"),
        (10_800, 3, "hours", "3 hours"),
        (86_400, 1, "days", "1 day"),
        (31_536_000, 365, "days", "365 days"),
    ],
)
def test_a_span_is_shown_in_the_largest_unit_that_says_it_exactly_and_comes_back(seconds, number, unit, words):
    assert settings_forms.split(seconds) == (number, unit)
    assert settings_forms.words(seconds) == words
    form = Form({"name": ["x"], "timezone": ["UTC"], "live_tokens": ["optional"],
                 "influence_window_s": [str(number)], "influence_window_s.unit": [unit],
                 "dormant_s": [str(number)], "dormant_s.unit": [unit]})  # fmt: skip
    if seconds <= settings_forms.bounds("influence_window_s")[1]:
        assert settings_forms.workspace(form).influence_window_s == seconds
        assert settings_forms.workspace(form).dormant_s == seconds
    else:
        with pytest.raises(InvalidInput, match="from 1 second to 30 days"):
            settings_forms.workspace(form)


@pytest.mark.parametrize("name", ["influence_window_s", "dormant_s", "retention_days"])
def test_bounds_are_those_of_a_workspace(name):
    (known,) = [one.type for one in msgspec.inspect.type_info(Workspace).fields if one.name == name]
    assert settings_forms.bounds(name) == (known.ge, known.le)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e3", "٣", "1_000", "9" * 13, " "])
def test_what_is_no_whole_number_is_none(text):
    with pytest.raises(InvalidInput, match="a whole number is needed"):
        settings_forms.privacy(Form({"retention_days": [text]}))


def test_lines_are_taken_once_and_without_the_space_around_them():
    form = Form({"allow_agents": [" b\r\na \n\n\tb\n"]})
    assert form.lines("allow_agents") == ("b", "a")
    assert Form().lines("allow_agents") == ()


def test_a_box_is_as_it_was_sent_and_else_as_it_is_at_first():
    assert Form().ticked("scopes", "read", True)
    sent = Form({"scopes": ["ingest"]})
    assert sent.ticked("scopes", "ingest", False)
    assert not sent.ticked("scopes", "read", True)


def test_options_are_fields_of_their_own_or_lines():
    form = Form({"provider": ["p"], "options": ["a = b=c\n"], "option.d": [" e "], "option.empty": [" "]})
    assert settings_forms.hook(form).options == {"a": "b=c", "d": "e"}
