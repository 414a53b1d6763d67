"""Every number of /v1/stats against the judge: hypothesis makes the events and the questions, the real
server takes and answers them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests import judge
from tests.judge import Asked, Judge
from tests.judge.hearing import Asker, hold

from turnout.app import House
from turnout.stats import calendar, compile
from turnout.stats.metrics import DIMENSIONS, METRICS
from turnout.stats.plan import Plan, Read, bounded, plan
from turnout.stats.question import Filter, Question, Sort
from turnout.store.engine import Engine, rows

OpenWorkspace = Callable[[str], Asker]

#: Zones with instants at which their clocks change (or don't, where they never do).
WINDOWS = [
    ("America/New_York", "2024-03-10T07:00:00Z"),
    ("America/New_York", "2024-11-03T06:00:00Z"),
    ("Europe/Berlin", "2024-03-31T01:00:00Z"),
    ("Europe/Berlin", "2024-10-27T01:00:00Z"),
    ("Australia/Lord_Howe", "2024-04-06T15:00:00Z"),
    ("Australia/Lord_Howe", "2024-10-05T15:30:00Z"),
    ("Asia/Kolkata", "2024-12-31T18:30:00Z"),
    ("Asia/Kathmandu", "2024-02-29T18:15:00Z"),
    ("Pacific/Chatham", "2024-04-06T14:00:00Z"),
    ("Pacific/Chatham", "2024-09-28T14:00:00Z"),
    ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
    ("America/Sao_Paulo", "2019-02-17T02:00:00Z"),
    ("America/St_Johns", "2010-11-07T02:31:00Z"),
    ("America/St_Johns", "2011-03-13T03:31:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("UTC", "2024-01-01T00:00:00Z"),
]
SLOT_MS = 900_000
AWKWARD = [
    *("spring", "a,b", "back\\slash", "trailing\\", "quote'\"`", "tab\tline\nreturn\r", "émoji 🎉 한글", "{p0:String}"),
    *("'; DROP TABLE events; --", "\\N", "\\'", "[1,2]", " ", "%", "\u202eright", "z" * 256),
]
names = st.sampled_from([*AWKWARD, ""]) | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=4)
named = names.filter(bool)
people = st.sampled_from(["ann@ex.org", "bob@EX.org", "eve@x@sub.example", "guest-1", "ïd\\'\n", "a@", "ann", ""])
amounts = st.decimals(-(10**6), 10**6, places=6).map(str) | st.sampled_from(
    ["0.000001", "-0.000001", "999999999999.999999", "-999999999999.999999", "0", "19.99"]
)


# ---- what hypothesis makes ------------------------------------------------------------------------


def moments(centre_ms: int) -> st.SearchStrategy[int]:
    """Around a change of clocks: on the borders of slots, a millisecond beside them, anywhere; seldom far away."""
    slot = st.integers(-110, 110).map(lambda slots: centre_ms // SLOT_MS * SLOT_MS + slots * SLOT_MS)
    beside = st.sampled_from([0, 0, -1, 1, 60_000, 59_999, 61_234])
    near = st.builds(int.__add__, slot, beside | st.integers(0, SLOT_MS - 1))
    change = st.sampled_from([-60_001, -30_000, -1, 0, 1, 30_000, 600_000]).map(lambda more: centre_ms + more)
    return near | near | change | near.flatmap(lambda at: st.integers(-40, 40).map(lambda days: at + days * 86_400_000))


def times(moment_ms: int) -> st.SearchStrategy[str | int]:
    """The ways to write a moment."""
    moment = judge.EPOCH + dt.timedelta(milliseconds=moment_ms)
    nepal = dt.timezone(dt.timedelta(hours=5, minutes=45))
    return st.sampled_from(
        [
            moment_ms,
            moment.isoformat(),
            moment.astimezone(nepal).isoformat(),
            (moment + dt.timedelta(microseconds=999)).isoformat(),
        ]
    )


@st.composite
def events(draw: st.DrawFn, centre_ms: int) -> dict[str, Any]:
    kind = draw(st.sampled_from([*judge.TYPES, "sent", "delivered", "opened", "clicked", "watched", "watched"]))
    event: dict[str, Any] = {"type": kind, "time": draw(times(draw(moments(centre_ms))))}
    needs_none = kind in ("app_opened", "purchased", "performed")
    event["campaign"] = draw(names if needs_none else named)
    event["recipient"] = draw(people)
    event["traffic"] = draw(st.sampled_from([*judge.CLASSES, "human", "human", "human", ""])) or None
    for name in draw(st.lists(st.sampled_from(["message", "variation", "channel", "profile", "send_id", "device"]))):
        event[name] = draw(names)
    event["ip"] = draw(st.sampled_from(["", "", "192.0.2.1", "2001:db8::1"]))
    if draw(st.booleans()):
        event["id"] = draw(st.sampled_from(["1", "2", "3", "ж\\'", "turnout"]) | named)
    event |= draw(_own_fields(kind))
    return event


def _own_fields(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    money = {"amount": amounts, "currency": st.sampled_from(["EUR", "USD", "JPY", ""])}
    goal = {"goal": st.integers(0, 3)}
    params = st.dictionaries(named, names | st.integers(-9, 9) | st.booleans() | st.just([1]), max_size=3)
    links = {
        "params": params,
        "url": names,
        "link": names,
        "link_title": names,
        "position": st.sampled_from([0, 1, 2, 10, 10_000]),
        "country": st.sampled_from(["DE", "IN", ""]),
    }
    field, words = judge.ATTRIBUTES.get(kind, ("", ()))
    if kind == "sent":
        return st.fixed_dictionaries({}, optional={"opted_in": st.booleans(), **goal})
    if kind == "clicked":
        return st.fixed_dictionaries({field: st.sampled_from([*words, ""])}, optional=links)
    if field:
        return st.fixed_dictionaries({field: st.sampled_from([*words, ""])})
    if kind == "purchased":
        return st.fixed_dictionaries(money, optional=goal)
    if kind == "converted":
        return st.fixed_dictionaries({}, optional=goal) | st.fixed_dictionaries({**money, **goal})
    if kind == "performed":
        return st.fixed_dictionaries({"name": named})
    if kind == "watched":
        seconds = st.integers(0, 6 * 3_600_000).map(lambda ms: ms / 1000)
        seconds |= st.sampled_from([0, 60, 900, 3600, 0.001, 30 * 3600])
        return st.fixed_dictionaries({"duration_s": seconds}, optional={"anonymous": st.booleans()})
    if kind in judge.REACTIONS:
        return st.fixed_dictionaries({}, optional={"quantity": st.integers(0, 1000), "product": names})
    return st.just({})


@st.composite
def stories(draw: st.DrawFn) -> tuple[str, list[list[dict[str, Any]]]]:
    """A zone, and events around a change of its clocks: in batches, out of order, some of them again."""
    zone, centre = draw(st.sampled_from(WINDOWS))
    centre_ms = int(dt.datetime.fromisoformat(centre).timestamp() * 1000)
    said = draw(st.lists(events(centre_ms), min_size=1, max_size=24))
    again = draw(st.lists(st.sampled_from(said), max_size=6))
    sent = draw(st.permutations([*said, *again])) if again else said
    cut = draw(st.integers(0, len(sent)))
    return zone, [
        batch for batch in (sent[:cut], sent[cut:], draw(st.lists(st.sampled_from(said), max_size=3))) if batch
    ]


@st.composite
def questions(draw: st.DrawFn, zone: str, known: list[dict[str, Any]]) -> Asked:
    """Of these events, with filters and bounds that meet some of them."""
    others = [name for name, _ in WINDOWS]
    timezone = draw(st.sampled_from([zone, zone, zone, *others]))
    dims = draw(st.lists(st.sampled_from(sorted(set(DIMENSIONS) - set(judge.TIMES))), max_size=2, unique=True))
    dims += draw(st.sampled_from([[], [], *([name] for name in judge.TIMES)]))
    metrics = tuple(draw(st.lists(st.sampled_from(_likely(known)), min_size=1, max_size=6, unique=True)))
    bounds = st.none() | st.sampled_from(known).flatmap(
        lambda event: st.sampled_from([-1, 0, 1, -event["at_ms"] % SLOT_MS]).map(lambda more: event["at_ms"] + more)
    )
    ends = sorted(draw(st.tuples(bounds, bounds)), key=lambda one: one or 0)
    filters = []
    # The parameter of that name is the question's own traffic.
    filterable = sorted(set(DIMENSIONS) - {"minute", "hour", "traffic"})
    for name in draw(st.lists(st.sampled_from(filterable), max_size=2, unique=True)):
        chosen = draw(st.lists(st.sampled_from(known), min_size=1, max_size=4))
        values = {value for event in chosen for value in judge.values_of(name, event, event["at_ms"], timezone)}
        values |= set(draw(st.lists(names, max_size=1)))
        # Of parameters there may be none to ask for.
        filters += [(name, tuple(sorted(values)))] if values else []
    sortable = [*dims, *(name for name in metrics if METRICS[name].kind != "money")]
    sort = draw(st.lists(st.tuples(st.sampled_from(sortable), st.booleans()), max_size=2)) if sortable else []
    return Asked(
        metrics,
        tuple(draw(st.permutations(dims))),
        tuple(filters),
        from_ms=ends[0],
        to_ms=ends[1],
        timezone=timezone,
        traffic=draw(st.sampled_from([("human", "proxy"), judge.CLASSES, ("bot",), ("human", "scanner")])),
        sort=tuple({name: (name, down) for name, down in sort}.values()),
        limit=draw(st.sampled_from([1000, 1000, 1, 2, 0])),
        offset=draw(st.sampled_from([0, 0, 0, 1, 3, 50])),
        placed_by=draw(st.sampled_from(["event", "event", "send"])),
    )


def _likely(known: list[dict[str, Any]]) -> list[str]:
    """Metrics that look at some of the events, and a few that may not.

    Of two events of one recipient at one instant, nobody says which is the one that others belong to, or the first.
    """
    places = [(event["recipient"], event["at_ms"]) for event in known if event.get("recipient")]
    is_clear = len(set(places)) == len(places)
    found = [
        name
        for name, measure in judge.MEASURES.items()
        if any(map(measure.looks_at, known)) and (is_clear or not measure.credits)
    ]
    rates = [name for name in judge.RATES if is_clear or name != "conversion_rate"]
    return [*found, *rates, *(["revenue", "reengaged"] if is_clear else []), "sent", "peak_concurrent_viewers"]


# ---- the tests ------------------------------------------------------------------------------------


@settings(
    max_examples=16,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_answers_are_what_the_judge_says(house: House, open_workspace: OpenWorkspace, data: st.DataObject) -> None:
    zone, batches = data.draw(stories(), label="story")
    asker, court = open_workspace(zone), Judge()
    for number, batch in enumerate(batches):
        assert asker.post(batch, as_lines=bool(number % 2)) == court.post(batch)
    for _ in range(3):
        asked = data.draw(questions(zone, court.events), label="question")
        hold(asker.ask(asked), court.ask(asked))
    hold_raw(house.services.engine, asker, asked)


def hold_raw(engine: Engine, asker: Asker, asked: Asked) -> None:
    """Rollup and raw edges together say the same as raw alone."""
    question = Question(
        asker.workspace,
        asked.metrics,
        asked.dimensions,
        tuple(Filter(name, values) for name, values in asked.filters),
        from_ms=asked.from_ms,
        to_ms=asked.to_ms,
        timezone=asked.timezone,
        traffic=asked.traffic,
        sort=tuple(Sort(name, down) for name, down in asked.sort),
    )
    chosen = plan(question, calendar.offsets(asked.timezone))
    additive = tuple(dict.fromkeys(metric for read in chosen.reads for metric in read.metrics if metric.additive))
    others = tuple(read for read in chosen.reads if not read.metrics[0].additive)
    if additive:
        raw = Plan((Read("events", additive, (bounded(question),)), *others), chosen.offsets)
        assert _rows(engine, question, raw) == _rows(engine, question, chosen)


def _rows(engine: Engine, question: Question, chosen: Plan) -> list[list[Any]]:
    statement = compile.page(question, chosen)
    return rows(engine, statement.sql, statement.parameters)


def _everything(chance: random.Random) -> list[dict[str, Any]]:
    """Events of every type, with every field that a metric or dimension looks at."""
    found = []
    for kind in judge.TYPES * 6:
        field, words = judge.ATTRIBUTES.get(kind, ("properties", ({"a": [1]},)))
        event = {
            "type": kind,
            "time": 1_711_846_800_000 + chance.randrange(-200, 200) * 450_000,
            "campaign": chance.choice(["spring", "a,b", *([""] * 2 if kind in judge.BEHAVIOURS else [])]),
            "recipient": chance.choice(["ann@ex.org", "bob@EX.org", "gina@Gmail.com", "yo@yahoo.co.uk", "guest", ""]),
            "traffic": chance.choice([*judge.CLASSES, "human", "human"]),
            "amount": str(Decimal(chance.randrange(-(10**9), 10**9)) / 1000),
            "currency": chance.choice(["EUR", "USD"]),
            "goal": chance.randrange(4),
            "duration_s": chance.randrange(0, 9_000_000) / 1000,
            "quantity": chance.randrange(5),
            "anonymous": chance.random() < 0.5,
            "opted_in": chance.random() < 0.5,
            field: chance.choice(words),
        }
        some = ("message", "variation", "channel", "profile", "send_id", "device", "browser", "product", "name")
        for name in (*some, "os", "browser_version", "city", "network"):
            event[name] = chance.choice(["x", "y\\", "ü"])
        for name in ("url", "link", "link_title"):
            event[name] = chance.choice(["", "https://ex.org/?a=1,2", "b"])
        event["position"] = chance.choice([0, 0, 1, 12])
        event["params"] = chance.choice([{}, {"a": "x", "b": "x", "c": 1}, {"a": "ü,"}])
        event["ip"] = chance.choice(["", "10.0.0.1", "2001:db8::1"])
        event["country"] = chance.choice(["DE", "IN", ""])
        found.append(event)
    return found


@pytest.fixture(scope="module")
def whole(open_workspace: OpenWorkspace) -> tuple[Asker, Judge]:
    """A workspace with everything in it."""
    asker, court = open_workspace("Europe/Berlin"), Judge()
    for campaign, after in (("spring", "sent"), ("a,b", "impression")):
        goals = [
            {"event": event, "after": after, "window_s": 30 * 86_400}
            for event in ("purchased", "performed", "clicked", "app_opened")
        ]
        asker.put(campaign, {"goals": goals})
        court.put(campaign, {"goals": goals})
    events = _everything(random.Random(7))
    assert asker.post(events) == court.post(events)
    return asker, court


#: Credited events have these; of the others one stands for all.
OF_CREDITS = ("", "hour", "campaign", "message", "traffic", "recipient", "country", "param")


@pytest.mark.parametrize(
    ("dimension", "placed_by"),
    [("", "event"), *((name, "event") for name in DIMENSIONS), *((name, "send") for name in ("", "day", "traffic"))],
)
def test_every_metric_by_every_dimension(whole: tuple[Asker, Judge], dimension: str, placed_by: str) -> None:
    asker, court = whole
    dimensions = (dimension,) if dimension else ()
    credited = [*(name for name, measure in judge.MEASURES.items() if measure.credits), "conversion_rate"]
    plain = [name for name in judge.NAMES if name not in credited]
    half = len(plain) // 2
    for metrics in (plain[:half], plain[half:], credited if dimension in OF_CREDITS else []):
        asked = Asked(tuple(metrics), dimensions, timezone="Europe/Berlin", limit=100_000, placed_by=placed_by)
        if metrics:
            hold(asker.ask(asked), court.ask(asked))
