"""Erasure beneath the API: what is interrupted goes on under the same names, and nothing of anybody is left."""

from __future__ import annotations

import uuid

import pytest

from turnout.errors import StoreError
from turnout.store.engine import rows
from turnout.store.erasure import _MENTIONS, Erasure, _pattern
from turnout.store.events import EventStore

ANNA = "anna@mail.example"


class Breaking:
    """The engine, until a statement with `words` comes: then it fails, before it or after it is done."""

    def __init__(self, engine, words, *, after=False):
        self._engine, self._words, self._after = engine, words, after

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def execute(self, sql, parameters=None):
        if self._words in sql:
            if self._after:
                self._engine.execute(sql, parameters)
            raise StoreError("the disk is gone")
        self._engine.execute(sql, parameters)


@pytest.fixture
def erasing(house, tenant, tmp_path):
    """Makes an Erasure on the shared store, of which `words` make a statement fail."""

    def make(words=None, *, after=False):
        engine = house.services.engine
        broken = engine if words is None else Breaking(engine, words, after=after)
        return Erasure(broken, EventStore(broken, tmp_path / f"{uuid.uuid4().hex}.json"))

    yield make
    house.services.writer.exclusively(lambda: make().finish())


def recipients(house, tenant):
    asked = "SELECT DISTINCT recipient FROM events WHERE workspace = {workspace:String} ORDER BY recipient"
    return [name for (name,) in rows(house.services.engine, asked, {"workspace": tenant.workspace.id})]


@pytest.mark.parametrize(
    ("words", "after"),
    [
        ("match(", True),
        ("TRUNCATE", False),
    ],
)
def test_what_is_interrupted_is_ended_under_one_name(house, tenant, erasing, words, after):
    tenant.send(
        {"type": "sent", "time": 1759658400, "campaign": "c", "recipient": ANNA},
        {
            "type": "clicked",
            "time": 1759658460,
            "campaign": "c",
            "recipient": ANNA,
            "url": f"https://x.example/?e={ANNA}",
        },
        {
            "type": "clicked",
            "time": 1759658470,
            "campaign": "c",
            "recipient": "ben",
            "url": f"https://x.example/?e={ANNA}",
        },
    )
    tenant.stats("sent")
    broken = erasing(words, after=after)

    def fail():
        with pytest.raises(StoreError):
            broken.erase(tenant.workspace.id, ANNA)

    house.services.writer.exclusively(fail)
    again = erasing()
    house.services.writer.exclusively(lambda: again.erase(tenant.workspace.id, ANNA))
    ben, anna = recipients(house, tenant)
    assert ben == "ben"
    assert anna.startswith("erased:")
    assert rows(house.services.engine, "SELECT count() FROM leaving") == [[0]]
    asked = "SELECT DISTINCT url FROM events WHERE workspace = {workspace:String} AND type = 'clicked'"
    urls = rows(house.services.engine, asked, {"workspace": tenant.workspace.id})
    assert urls == [[f"https://x.example/?e={anna.partition('@')[0]}"]]


def test_the_engine_keeps_no_text_of_it(house, tenant, erasing):
    tenant.send({"type": "sent", "time": 1759658400, "campaign": "c", "recipient": ANNA})
    tenant.stats("sent")
    house.services.writer.exclusively(lambda: erasing().erase(tenant.workspace.id, ANNA))
    assert rows(house.services.engine, "SELECT count() FROM system.mutations WHERE table = 'events'") == [[0]]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        (ANNA, True),
        ("https://x.example/?e=anna%40mail.example&n=1", True),
        ("https://x.example/?e%3DANNA%40Mail.example", True),
        ("o-anna@mail.example", True),
        (r'{"note":"from:\nanna@mail.example"}', True),
        (r'{"note":"from:\u001fanna@mail.example"}', True),
        ("joanna@mail.example", False),
        ("anna@mail.examples", False),
        ("anna@mailxexample", False),
    ],
)
def test_an_id_is_found_in_texts_however_it_is_written(house, text, is_found):
    asked = {"text": text, "pattern": _pattern(ANNA)}
    assert rows(house.services.engine, "SELECT match({text:String}, {pattern:String})", asked) == [[int(is_found)]]


@pytest.mark.parametrize(
    "recipient", ["a\\b@c.example", "(.*)@c.example", "ü+ö@c.example", "'; DROP--@c.example", "x\ny@c"]
)
def test_an_id_is_no_expression(house, recipient):
    asked = {"text": recipient, "other": "anything@c.example", "pattern": _pattern(recipient)}
    found = rows(
        house.services.engine,
        "SELECT match({text:String}, {pattern:String}), match({other:String}, {pattern:String})",
        asked,
    )
    assert found == [[1, 0]]


def test_an_id_that_may_be_part_of_anything_is_looked_for_in_nobody_else_s_events():
    assert _pattern("42") == _pattern("r1") == ""
    assert _pattern("customer-4711")
    assert "properties" in _MENTIONS
