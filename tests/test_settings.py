"""Settings from the environment: what is no number, or can't be one of these, is refused by the variable's name."""

from __future__ import annotations

import pytest

from turnout.errors import InvalidInput
from turnout.settings import ENVIRONMENT, Settings, from_environment

NUMBERS = [(variable, name) for variable, name in ENVIRONMENT.items() if isinstance(getattr(Settings, name), int)]


@pytest.mark.parametrize(("variable", "name"), NUMBERS)
def test_no_limit_is_below_nothing(variable, name):
    for text in ("-1", "1.5", "many", "9" * 30):
        with pytest.raises(InvalidInput, match=variable):
            from_environment({variable: text})
    assert getattr(from_environment({variable: "8192"}), name) == 8192


@pytest.mark.parametrize("variable", ["TURNOUT_READERS", "TURNOUT_CONNECTION_LIMIT", "TURNOUT_BODY_TIMEOUT_S"])
def test_a_server_that_could_do_nothing_does_not_start(variable):
    with pytest.raises(InvalidInput, match=f"{variable} must be 1 or more, not 0"):
        from_environment({variable: "0"})


@pytest.mark.parametrize("variable", ["TURNOUT_PORT", "TURNOUT_FREE_FLOOR_BYTES", "TURNOUT_CACHE_ENTRIES"])
def test_nothing_is_something_where_it_says_so(variable):
    assert getattr(from_environment({variable: "0"}), ENVIRONMENT[variable]) == 0


def test_a_session_secret_that_could_be_guessed_is_refused():
    with pytest.raises(InvalidInput, match="TURNOUT_SESSION_SECRET must have at least 32") as refused:
        from_environment({"TURNOUT_SESSION_SECRET": "hunter2" * 4})
    assert "hunter2" not in refused.value.message
    assert from_environment({"TURNOUT_SESSION_SECRET": "s" * 32}).session_secret == "s" * 32


def test_what_the_command_line_says_wins():
    assert from_environment({"TURNOUT_PORT": "1", "TURNOUT_HOST": "::1"}, port=2, host=None) == Settings(
        port=2, host="::1"
    )
