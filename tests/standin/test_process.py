"""What the stand-in must not hide: its own end, and what a server would not remember from one request to the next."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import httpx
import pytest


@pytest.fixture
def ask(standin):
    """Asks the stand-in as any client of a server may: `ask(sql, setting=value)`."""
    where = urlsplit(standin.url)
    user = where.username, unquote(where.password)
    with httpx.Client(base_url=f"http://{standin.address}", auth=user, timeout=60) as client:

        def post(sql: str, **parameters: str) -> httpx.Response:
            return client.post("/", params={"wait_end_of_query": "1", **parameters}, content=sql)

        yield post


def setting(ask, name: str, **given: str) -> str:
    answer = ask(f"SELECT value, changed FROM system.settings WHERE name = '{name}'", **given)
    assert answer.status_code == 200, answer.text
    return answer.text.split()


def test_a_request_leaves_nothing_to_the_next(ask):
    name = "max_result_rows"
    for _ in range(3):
        assert setting(ask, name, **{name: "7"}) == ["7", "1"]
        assert setting(ask, name)[0] == "0"
    assert ask("SET max_result_rows = 7").status_code == 200
    assert setting(ask, name)[0] == "0"
    assert ask("CREATE TEMPORARY TABLE left (a UInt8)").status_code == 200
    assert "UNKNOWN_TABLE" in ask("SELECT * FROM left").text
    assert "UNKNOWN_SETTING" in ask("SELECT 1", no_such_setting="1").text
    assert ask("SELECT 1").text == "1\n"


def test_an_answer_that_failed_is_not_part_of_the_next(ask):
    for _ in range(3):
        assert ask("SELECT throwIf(number = 70000) FROM numbers(100000)").status_code == 500
        assert ask("SELECT 1").text == "1\n"


def test_a_database_that_is_gone_is_not_there(ask, standin):
    name = urlsplit(standin.new_database()).path.strip("/")
    assert ask("SELECT currentDatabase()", database=name).text == f"{name}\n"
    assert ask(f"DROP DATABASE {name}").status_code == 200
    assert "UNKNOWN_DATABASE" in ask("SELECT 1", database=name).text


def test_one_that_ended_fails_whoever_needs_it_with_its_last_words(start_standin):
    mine = start_standin()
    mine.must_run()
    mine.said.write_text("the engine's last words")
    mine.process.kill()
    mine.process.wait()
    with pytest.raises(pytest.fail.Exception, match="stand-in ended with -9: the engine's last words"):
        mine.must_run()
