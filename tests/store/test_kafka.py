"""Events that ClickHouse's own Kafka engine reads, against the same events over HTTP.

There is no broker: a table that keeps nothing stands where the topic's table would, with the same columns. All else is
the shipped SQL, on a server's protocol, with the house's own tables and view behind it.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pytest
from tests.store.conftest import StandIn

from turnout import sql
from turnout.errors import StoreError
from turnout.model import BEHAVIOURS, EVENT_TYPES, TRAFFIC_CLASSES
from turnout.store.engine import Engine, rows
from turnout.store.migrate import migrate
from turnout.store.server import ServerEngine

PAGE = Path(__file__).parents[2] / "docs" / "kafka.md"
STATEMENTS = {
    path.name: path.read_text(encoding="utf-8").strip().rstrip(";")
    for path in sorted((files(sql) / "kafka").iterdir(), key=lambda path: path.name)
    if path.name.endswith(".sql")
}

#: The engine's virtual columns as columns.
TOPIC = """
CREATE TABLE IF NOT EXISTS kafka_messages
(raw String, _topic LowCardinality(String), _partition UInt64, _offset UInt64, _raw_message String, _error String)
ENGINE = Null
"""

SOURCE = {"brokers": "localhost:9092", "topic": "events", "group": "turnout"}
START = 1_791_200_000

#: What a row says of its event. `received` is when it came.
COLUMNS = """
workspace, campaign, type, time, id, recipient, anonymous, message, variation, channel, send_id, profile, detail, goal,
amount, currency, order_id, name, duration_ms, product, quantity, url, link, link_title, position, params, properties,
ip, user_agent, country, city, network, device, os, browser, browser_version, traffic, reasons, rule_version,
recipient_domain
"""
ROWS = f"SELECT {COLUMNS} FROM events WHERE workspace = {{workspace:String}} ORDER BY id"
COUNTS = """
SELECT campaign, type, slot, traffic, channel, message, variation, profile, detail, goal, currency,
    sum(events), sum(quantity), sum(duration_ms), sum(amount), min(first_time), max(last_time)
FROM counts WHERE workspace = {workspace:String} GROUP BY ALL ORDER BY ALL
"""


@dataclass
class Stream:
    """A store with the views, and its stand-in of a topic."""

    engine: Engine
    workspace: str
    sent: int = 0

    def deliver(self, *messages: object, error: str = "") -> None:
        """One block of messages: objects are made JSON, texts stay."""
        texts = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in messages]
        size = len(texts)
        self.engine.insert(
            "kafka_messages",
            pa.record_batch(
                {
                    "raw": pa.array([""] * size if error else texts),
                    "_topic": pa.array(["events"] * size),
                    "_offset": pa.array(range(self.sent, self.sent + size), pa.uint64()),
                    "_raw_message": pa.array(texts if error else [""] * size),
                    "_error": pa.array([error] * size),
                }
            ),
        )
        self.sent += size

    def events(self) -> list[list[object]]:
        """The stored rows."""
        return rows(self.engine, ROWS, {"workspace": self.workspace})

    def counts(self) -> list[list[object]]:
        """The rollup."""
        return rows(self.engine, COUNTS, {"workspace": self.workspace})

    def refused(self) -> list[list[str]]:
        """Field, error and text of what was refused, in order."""
        asked = "SELECT field, error, body FROM kafka_refused WHERE workspace = {workspace:String} ORDER BY offset"
        return rows(self.engine, asked, {"workspace": self.workspace})


def streaming(engine: Engine, workspace: str, *, keep_addresses: bool = True) -> Stream:
    """Run the shipped statements in their order, but for the topic's; the view that begins it always anew."""
    for name, statement in STATEMENTS.items():
        text = statement if name != "5_messages.sql" else TOPIC
        if name == "6_reading.sql":
            engine.execute("DROP VIEW IF EXISTS kafka_reading")
        engine.execute(text, {"workspace": workspace, "keep_addresses": keep_addresses})
    return Stream(engine, workspace)


@pytest.fixture(scope="module")
def store(standin: StandIn) -> Iterator[Engine]:
    """One store for the tests of this file; each has a workspace of its own."""
    engine = ServerEngine(standin.new_database())
    migrate(engine)
    yield engine
    engine.close()


@pytest.fixture
def stream(store: Engine) -> Stream:
    return streaming(store, f"w{uuid.uuid4().hex[:12]}")


def some_event(dice: random.Random, number: int) -> dict[str, object]:
    """An event that says much of what events can say, in one of the forms in which it can be said."""
    kind = dice.choice(EVENT_TYPES)
    moment = START + dice.randrange(3_000_000)
    event: dict[str, object] = {
        "id": dice.choice(
            [f"e{number}", f'é"\\/{number}', f"turnout:{dice.getrandbits(128):032x}", f"turnout:{number}"]
        ),
        "type": kind,
        "time": dice.choice(
            [
                moment,
                moment * 1000 + dice.randrange(1000),
                moment + dice.randrange(10**6) / 10**6,
                f"2026-10-0{dice.randint(1, 9)}T1{number % 10}:07:09.{dice.randrange(10**9):09d}Z",
                f"2026-10-0{dice.randint(1, 9)} 1{number % 10}:07:09.{dice.randrange(10**6):06d}+05:30",
                f"2026-10-0{dice.randint(1, 9)}T1{number % 10}:07:09-0800",
                f"2026-10-0{dice.randint(1, 9)}T1{number % 10}:07",
                f"2026-10-0{dice.randint(1, 9)}",
            ]
        ),
    }
    if kind not in BEHAVIOURS or dice.random() < 0.5:
        event["campaign"] = dice.choice(["spring", "Herbst 'ö'", "x" * 256])
    needed = {"watched": ("duration_s", 12.3455), "performed": ("name", "sign up"), "purchased": ("amount", "19.90")}
    if kind in needed:
        field, value = needed[kind]
        event[field] = value
    said: dict[str, list[object]] = {
        "recipient": ["ann@Example.ORG", "b\\'\"\t", "日本語"],
        "anonymous": [True, False],
        "message": ["m1"],
        "variation": ["a"],
        "channel": ["email", "push"],
        "send_id": ["s1"],
        "profile": ["p"],
        "properties": [{}, None, {"a": [1, {"b": None, "c/": "é\n"}], "n": -1.25}, {"k": True}],
        "opted_in": [True, False, None],
        "bounce": ["hard", ""],
        "failure": ["temporary"],
        "open": ["influenced"],
        "target": ["button_1"],
        "url": ["https://example.org/?a=1&b=é"],
        "link": ["l1"],
        "link_title": ['See "it"'],
        "position": [3, 10_000],
        "params": [{"utm": "x"}, {}],
        "keyword": ["stop"],
        "amount": [None, 12, "0.000001", 7.5, "-999999999999.999999", "3.100000000"],
        "currency": ["EUR", ""],
        "order": ["o-1"],
        "name": ["other"],
        "goal": [0, 3],
        "duration_s": [None, 0, 604_800, 0.0005, 0.0015, 7.1234],
        "product": ["p1"],
        "quantity": [None, 0, 1_000_000],
        "country": ["DE", ""],
        "city": ["Köln"],
        "network": ["AS1"],
        "device": ["phone"],
        "os": ["iOS"],
        "browser": ["Safari"],
        "browser_version": ["17"],
        "traffic": [None, *TRAFFIC_CLASSES],
    }
    for field in dice.sample(sorted(said), dice.randrange(12)):
        if field not in event:
            event[field] = dice.choice(said[field])
    return event


def test_what_a_topic_says_is_stored_as_what_a_request_says(store, tenant, house):
    stream = streaming(store, tenant.workspace.id)
    dice = random.Random(7)
    sent = [some_event(dice, number) for number in range(400)]
    stream.deliver(*sent)
    assert stream.refused() == []
    assert tenant.send(*sent)["accepted"] == 400
    # A question waits until all of that is in the store.
    assert tenant.stats("events", traffic="all")["totals"] == {"events": 400}
    there = {"workspace": stream.workspace}
    assert stream.events() == rows(house.services.engine, ROWS, there)
    assert stream.counts() == rows(house.services.engine, COUNTS, there)
    assert len(stream.events()) == 400


def test_a_repeated_message_counts_once(stream):
    one = {"type": "sent", "time": START, "campaign": "spring", "id": "e1", "recipient": "r"}
    others = [{**one, "id": f"e{number}", "time": START + number} for number in range(2, 50)]
    stream.deliver(one, one, *others, one)
    assert len(stream.events()) == 49
    # A block that is delivered again, alone and beside new ones; and one of another workspace's id is another event.
    stream.deliver(one, *others)
    stream.deliver(*others, {**one, "id": "new"}, *others)
    assert len(stream.events()) == 50
    assert [row[11] for row in stream.counts()] == [50]


def test_the_same_id_at_another_time_is_found_by_looking_for_repeats(stream):
    """The view looks where a repeat must be; what else an id was used for, docs/kafka.md says how to find."""
    one = {"type": "sent", "time": START, "campaign": "spring", "id": "e1"}
    stream.deliver(one)
    stream.deliver({**one, "time": START + 1})
    (found,) = [text for text in blocks("sql") if "HAVING count() > 1" in text]
    repeats = rows(stream.engine, found.rstrip(";"), {"workspace": stream.workspace})
    assert [row[1] for row in repeats] == [2]


REFUSED: list[tuple[object, str]] = [
    ({"time": START}, "type"),
    ({"type": "Sent", "time": START, "campaign": "c"}, "type"),
    ({"type": "sent", "campaign": "c"}, "time"),
    ({"type": "sent", "time": "yesterday", "campaign": "c"}, "time"),
    ({"type": "sent", "time": "2026-02-30T10:00:00Z", "campaign": "c"}, "time"),
    ({"type": "sent", "time": "2026-10-01T24:00:00Z", "campaign": "c"}, "time"),
    ({"type": "sent", "time": None, "campaign": "c"}, "time"),
    ({"type": "sent", "time": 1e16, "campaign": "c"}, "time"),
    ({"type": "sent", "time": "1999-12-31T23:59:59Z", "campaign": "c"}, "time"),
    ({"type": "sent", "time": "2099-01-01T00:00:00Z", "campaign": "c"}, "time"),
    ({"type": "sent", "time": -1, "campaign": "c"}, "time"),
    ({"type": "sent", "time": START}, "campaign"),
    ({"type": "sent", "time": START, "campaign": 7}, "campaign"),
    ({"type": "sent", "time": START, "campaign": None}, "campaign"),
    ({"type": "sent", "time": START, "campaign": "é" * 257}, "campaign"),
    ({"type": "sent", "time": START, "campaign": "c", "camp": "x"}, "camp"),
    ({"type": "sent", "time": START, "campaign": "c", "": "x"}, ""),
    ({"type": "sent", "time": START, "campaign": "c", "recipient": "r" * 513}, "recipient"),
    ({"type": "sent", "time": START, "campaign": "c", "recipient": "a\0b"}, "recipient"),
    ({"type": "watched", "time": START, "campaign": "c"}, "duration_s"),
    ({"type": "watched", "time": START, "campaign": "c", "duration_s": -1}, "duration_s"),
    ({"type": "watched", "time": START, "campaign": "c", "duration_s": 604_801}, "duration_s"),
    ({"type": "performed", "time": START}, "name"),
    ({"type": "performed", "time": START, "name": ""}, "name"),
    ({"type": "purchased", "time": START}, "amount"),
    ({"type": "purchased", "time": START, "amount": "1.0000001"}, "amount"),
    ({"type": "purchased", "time": START, "amount": "1000000000000"}, "amount"),
    ({"type": "purchased", "time": START, "amount": "NaN"}, "amount"),
    ({"type": "purchased", "time": START, "amount": "ten"}, "amount"),
    ({"type": "purchased", "time": START, "amount": 1, "currency": "eur"}, "currency"),
    ({"type": "sent", "time": START, "campaign": "c", "country": "Germany"}, "country"),
    ({"type": "bounced", "time": START, "campaign": "c", "bounce": "soggy"}, "bounce"),
    ({"type": "clicked", "time": START, "campaign": "c", "target": "x"}, "target"),
    ({"type": "clicked", "time": START, "campaign": "c", "position": 10_001}, "position"),
    ({"type": "clicked", "time": START, "campaign": "c", "position": -1}, "position"),
    ({"type": "liked", "time": START, "campaign": "c", "quantity": 1_000_001}, "quantity"),
    ({"type": "sent", "time": START, "campaign": "c", "goal": 4}, "goal"),
    ({"type": "sent", "time": START, "campaign": "c", "goal": "1"}, "goal"),
    ({"type": "sent", "time": START, "campaign": "c", "anonymous": "yes"}, "anonymous"),
    ({"type": "sent", "time": START, "campaign": "c", "traffic": "alien"}, "traffic"),
    ({"type": "sent", "time": START, "campaign": "c", "params": "a=b"}, "params"),
    ({"type": "sent", "time": START, "campaign": "c", "properties": {"a": "x" * 65_536}}, "properties"),
]


def test_what_a_request_refuses_a_topic_refuses_for_the_same_field(stream, tenant):
    bad = [
        ({**event, "id": f"bad{number}"} if isinstance(event, dict) else event, field)
        for number, (event, field) in enumerate(REFUSED)
    ]
    good = {"type": "sent", "time": START, "campaign": "c", "id": "good"}
    messages = [event for event, _ in bad]
    stream.deliver(*messages, good)
    assert len(stream.events()) == 1
    refused = stream.refused()
    assert [json.loads(text) for _, _, text in refused] == messages
    assert all(error for _, error, _ in refused)
    answer = tenant.client.post("/v1/events", content="\n".join(json.dumps(one) for one in [*messages, good])).json()
    assert answer["accepted"] == 1
    assert [(one["index"], one["field"]) for one in answer["rejected"]] == [(n, f) for n, (_, f) in enumerate(bad)]
    said = {text: field for field, _, text in refused}
    for event, field in bad:
        # That a NUL stands somewhere is known, and not where.
        expected = "" if "\\x00" in repr(event) else field
        assert said[json.dumps(event, ensure_ascii=False)] == expected, event


def test_what_only_a_topic_refuses(stream):
    whole = {"type": "sent", "time": START, "campaign": "c", "id": "e"}
    without_id = {name: value for name, value in whole.items() if name != "id"}
    cases: list[tuple[object, str]] = [
        ("", ""),
        ("nonsense", ""),
        ("[1]", ""),
        ('{"type": "sent"', ""),
        ('{"type":"sent","type":"opened","time":1791200000,"campaign":"c","id":"e"}', ""),
        (without_id, "id"),
        ({**whole, "id": ""}, "id"),
        ({**whole, "amount": "1e3"}, "amount"),
        ({**whole, "time": "20261001T100000Z"}, "time"),
        ({**whole, "reasons": ["known_bot"], "rule_version": 3}, "reasons"),
        ({**whole, "properties": {"a": [[]] * 64}}, "properties"),
    ]
    stream.deliver(*[event for event, _ in cases])
    assert [field for field, _, _ in stream.refused()] == [field for _, field in cases]
    stream.deliver("{torn", error="Cannot parse JSON object")
    assert stream.refused()[-1] == ["", "the message is not JSON: Cannot parse JSON object", "{torn"]
    assert stream.events() == []


def test_numbers_in_properties_are_equal_in_value(stream):
    said = {"whole": 1.0, "large": 1e22, "small": 1.5e-9, "big": 12345678901234567890, "zero": -0.0}
    stream.deliver({"type": "sent", "time": START, "campaign": "c", "id": "e", "properties": said})
    assert json.loads(str(stream.events()[0][26])) == said


def test_addresses_stay_out_where_they_are_not_kept(store):
    stream = streaming(store, "discreet", keep_addresses=False)
    event = {"type": "opened", "time": START, "campaign": "c", "id": "e", "ip": "192.0.2.7", "user_agent": "curl/8"}
    stream.deliver(event)
    assert [row[27:29] for row in stream.events()] == [["", "curl/8"]]


def test_turnout_answers_from_what_a_topic_brought(turnout_process, standin, tmp_path):
    database = standin.new_database()
    server = turnout_process(tmp_path / "data", TURNOUT_STORE=database, TURNOUT_REVIEW_DELAY_S="0")
    engine = ServerEngine(database)
    stream = streaming(engine, "default")
    agent = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    opened = {"type": "opened", "campaign": "spring", "channel": "email"}
    stream.deliver(
        *({**opened, "time": START + n, "id": f"e{n}", "recipient": f"r{n % 4}"} for n in range(9)),
        {**opened, "time": START + 9, "id": "bot", "recipient": "r9", "user_agent": agent, "ip": "66.249.66.1"},
    )
    with server.client() as client:

        def totals() -> dict[str, int]:
            asked = {"metrics": "opened,unique_opened", "campaign": "spring"}
            return client.get("/v1/stats", params=asked).json()["totals"]

        assert totals() == {"opened": 10, "unique_opened": 5}
        assert client.post("/v1/check", json={}).json()["differences"] == []
        # The same event over HTTP is a repeat.
        again = {**opened, "time": START, "id": "e0", "recipient": "r0"}
        assert client.post("/v1/events", json=again).json()["duplicates"] == 1
        assert client.put("/v1/campaigns/spring", json={"title": "Spring"}).status_code == 201
        assert client.get("/v1/campaigns/spring").json()["title"] == "Spring"
        # The rules have not looked at these events yet.
        found = client.post("/v1/reclassify", json={}).json()
        assert (found["changed"], found["classes"]) == (1, [{"from": "human", "to": "bot", "events": 1}])
        assert totals() == {"opened": 9, "unique_opened": 4}
        # What the view can't see is found afterwards, and mended.
        stream.deliver({**opened, "time": START + 86_400, "id": "e0", "recipient": "r0"})
        assert totals()["opened"] == 10
        assert [one["copies"] for one in client.post("/v1/check/duplicates").json()["duplicates"]] == [2]
        assert client.post("/v1/rebuild/duplicates").json()["dropped"] == 1
        assert totals() == {"opened": 9, "unique_opened": 4}
        assert client.post("/v1/check", json={}).json()["differences"] == []
    engine.close()


def blocks(language: str) -> Iterator[str]:
    """The blocks of code of the page."""
    for found in re.finditer(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S):
        yield found[1].strip()


def on_cluster(tmp_path: Path) -> dict[str, str]:
    """The statements as the page's command makes them for a cluster."""
    (command,) = [text for text in blocks("sh") if "sed -E" in text]
    for name, statement in STATEMENTS.items():
        (tmp_path / name).write_text(statement + ";\n", encoding="utf-8")
    subprocess.run(["sh", "-ec", command], cwd=tmp_path, check=True, timeout=30)
    return {name: (tmp_path / "cluster" / name).read_text(encoding="utf-8").strip().rstrip(";") for name in STATEMENTS}


def test_the_engine_can_read_the_statements(store, tmp_path):
    for statement in (*STATEMENTS.values(), *on_cluster(tmp_path).values()):
        asked = {**SOURCE, "workspace": "w", "keep_addresses": True}
        tree = store.query(f"EXPLAIN AST {statement}", asked, "TSVRaw").decode()
        assert tree.startswith("CreateQuery kafka_")


def test_on_a_cluster_every_statement_is_for_all_nodes(tmp_path):
    made = on_cluster(tmp_path)
    assert all("ON CLUSTER 'main'\n" in text or "ON CLUSTER 'main' TO" in text for text in made.values())
    assert "ENGINE = ReplicatedMergeTree('/turnout/{database}/kafka_refused', '{replica}')" in made["1_refused.sql"]


def test_the_topics_table_is_one_that_the_engine_has(fresh_engine: Engine):
    """chDB makes the table, and can't read from a topic, which it says."""
    with pytest.raises(StoreError):
        fresh_engine.execute(STATEMENTS["5_messages.sql"], SOURCE)
    made = rows(
        fresh_engine,
        "SELECT engine_full FROM system.tables WHERE name = 'kafka_messages' AND database = currentDatabase()",
    )
    assert made[0][0].startswith("Kafka('localhost:9092', 'events', 'turnout', 'JSONAsString')")


def test_the_page_names_every_file_and_the_columns_agree(stream):
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in STATEMENTS if name not in page] == []
    described: Callable[[str], dict[str, str]] = lambda table: {  # noqa: E731
        str(row[0]): str(row[1]) for row in rows(stream.engine, f"DESCRIBE TABLE {table}")
    }
    stored, read = described("events"), described("kafka_read")
    shared = {name: kind for name, kind in read.items() if name in stored}
    assert shared == {name: stored[name] for name in shared}
    # All but what is computed, and what only the rules say.
    assert sorted(set(stored) - set(shared)) == ["recipient_domain", "rule_version"]
