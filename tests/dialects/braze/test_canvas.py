"""GET /canvas/data_series and /canvas/data_summary over real events: the documented shapes and every number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from turnout.app import House
from turnout.model import CampaignFields, Goal, Message, Variation

D1, D2, D3 = "2026-10-05", "2026-10-06", "2026-10-07"
Sample = Callable[[str], dict[str, Any]]

EVERYTHING = {
    "include_variant_breakdown": "true",
    "include_step_breakdown": "true",
    "include_deleted_step_data": "true",
}

MESSAGES = (
    Message(id="hello", title="Hello", channel="email"),
    Message(id="nudge", title="Nudge", channel="ios_push"),
    Message(id="bye", title="Goodbye", channel="sms"),
)
VARIATIONS = (
    Variation(id="a", name="Variant 1"),
    Variation(id="b", name="Variant 2"),
    Variation(id="ctl", name="Control", control=True),
)


def put(house: House, tenant: Any, **fields: Any) -> str:
    fields = {"title": "Onboarding", "type": "Canvas", **fields}
    found: str = house.services.catalog.put_campaign(tenant.workspace.id, "c", CampaignFields(**fields)).uuid
    return found


def get(tenant: Any, path: str, **query: str) -> dict[str, Any]:
    answer = tenant.client.get(f"/canvas/{path}", params=query)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    # documented: the payload first
    assert list(body) == ["data", "message"]
    assert body["message"] == "success"
    data: dict[str, Any] = body["data"]
    assert data["name"] == "Onboarding"
    return data


def series(tenant: Any, one: str, **query: str) -> list[dict[str, Any]]:
    data = get(tenant, "data_series", canvas_id=one, **{"length": "3", "ending_at": "2026-10-08", **query})
    assert list(data) == ["name", "stats"]
    stats: list[dict[str, Any]] = data["stats"]
    return stats


def summary(tenant: Any, one: str, **query: str) -> dict[str, Any]:
    return get(tenant, "data_summary", canvas_id=one, **{"length": "3", "ending_at": "2026-10-08", **query})


def named(stats: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Variants or steps by their names."""
    return {one["name"]: one for one in stats.values()}


def column(stats: list[dict[str, Any]], key: str) -> list[Any]:
    return [day["total_stats"][key] for day in stats]


# ---- shapes -----------------------------------------------------------------------------------------


def test_a_day_without_breakdowns_is_as_seen_live(house: House, tenant: Any, sample: Sample) -> None:
    live = sample("live_canvas_day")["day"]
    one = put(house, tenant, messages=MESSAGES, variations=VARIATIONS)
    (day,) = series(tenant, one, length="1", ending_at="2022-09-02")
    assert day == live
    assert list(day) == list(live)
    assert [(key, type(value)) for key, value in day["total_stats"].items()] == [
        (key, type(value)) for key, value in live["total_stats"].items()
    ]


def test_breakdowns_have_the_documented_keys(house: House, tenant: Any, sample: Sample) -> None:
    wanted = sample("documented_canvas")
    one = put(house, tenant, messages=MESSAGES, variations=VARIATIONS)
    for found, keys in (
        (series(tenant, one, length="1", **EVERYTHING)[0], wanted["series"]),
        (summary(tenant, one, **EVERYTHING), wanted["summary"]),
    ):
        assert list(found)[1:] == ["total_stats", "variant_stats", "step_stats"]
        assert [one["name"] for one in found["variant_stats"].values()] == ["Variant 1", "Variant 2", "Control"]
        assert [one["name"] for one in found["step_stats"].values()] == ["Hello", "Nudge", "Goodbye"]
        for part in ("variant", "step"):
            for entry in found[f"{part}_stats"].values():
                assert list(entry) == keys[part]
                assert isinstance(entry["revenue"], float)
                assert isinstance(entry["conversions"], int)
    steps = named(found["step_stats"])
    (push,), (sms,) = steps["Nudge"]["messages"]["ios_push"], steps["Goodbye"]["messages"]["sms"]
    assert list(push)[:4] == wanted["summary"]["push"]
    assert list(sms) == wanted["series"]["sms"]
    ids = [step["id"] for step in tenant.client.get("/canvas/details", params={"canvas_id": one}).json()["steps"]]
    assert list(found["step_stats"]) == ids


def test_a_breakdown_is_there_only_when_asked_for(house: House, tenant: Any) -> None:
    one = put(house, tenant, messages=MESSAGES)
    plain = ["time", "total_stats"]
    for query, keys in (
        ({}, plain),
        ({"include_variant_breakdown": "false", "include_step_breakdown": "0"}, plain),
        ({"include_variant_breakdown": "true"}, [*plain, "variant_stats"]),
        ({"include_step_breakdown": "1"}, [*plain, "step_stats"]),
        ({"include_deleted_step_data": "true"}, plain),
    ):
        assert list(series(tenant, one, **query)[0]) == keys
        assert list(summary(tenant, one, **query)) == ["name", *keys[1:]]


# ---- numbers ----------------------------------------------------------------------------------------


def journeys() -> list[dict[str, Any]]:
    """Three people in two variants and one held back; x comes twice, y is told `hello` twice on one day."""
    sent = [
        ("a", "hello", "email", "x", f"{D1}T08:00:00Z"), ("a", "nudge", "ios_push", "x", f"{D2}T08:00:00Z"),
        ("a", "bye", "sms", "x", f"{D3}T08:00:00Z"), ("a", "hello", "email", "x", f"{D3}T09:00:00Z"),
        ("a", "hello", "email", "y", f"{D1}T08:00:00Z"), ("a", "hello", "email", "y", f"{D1}T18:00:00Z"),
        ("b", "nudge", "ios_push", "z", f"{D2}T08:00:00Z"), ("b", "bye", "sms", "z", f"{D3}T08:00:00Z"),
    ]  # fmt: skip
    events: list[dict[str, Any]] = [
        {"type": "sent", "variation": variation, "message": message, "channel": channel, "recipient": who, "time": time}
        for variation, message, channel, who, time in sent
    ]
    events += [
        {"type": "enrolled", "variation": "ctl", "recipient": "w", "time": f"{D1}T08:00:00Z"},
        {"type": "enrolled", "recipient": "w", "time": f"{D1}T09:00:00Z"},
        *(
            {
                "type": "opened", "variation": "a", "message": "hello", "channel": "email", "recipient": who,
                "time": f"{day}T20:00:00Z",
            }
            for who, day in (("x", D1), ("y", D1), ("x", D3))
        ),
    ]  # fmt: skip
    return [{**one, "campaign": "c"} for one in events]


def test_entries_are_people_at_the_first_step(house: House, tenant: Any) -> None:
    one = put(house, tenant, messages=MESSAGES, variations=VARIATIONS)
    tenant.send(*journeys())
    days = series(tenant, one, **EVERYTHING)
    # x and y, and w who was held back; z, whose variant begins with the nudge; x again
    assert column(days, "entries") == [3, 1, 1]
    variants = [{name: part["entries"] for name, part in named(day["variant_stats"]).items()} for day in days]
    assert variants == [
        {"Variant 1": 2, "Variant 2": 0, "Control": 1},
        {"Variant 1": 0, "Variant 2": 1, "Control": 0},
        {"Variant 1": 1, "Variant 2": 0, "Control": 0},
    ]
    whole = summary(tenant, one, **EVERYTHING)
    assert whole["total_stats"]["entries"] == 5
    assert {name: part["entries"] for name, part in named(whole["variant_stats"]).items()} == {
        "Variant 1": 3, "Variant 2": 1, "Control": 1,
    }  # fmt: skip


def test_the_counters_of_steps(house: House, tenant: Any) -> None:
    one = put(house, tenant, messages=MESSAGES, variations=VARIATIONS)
    tenant.send(*journeys())
    days = series(tenant, one, **EVERYTHING)

    def counters(stats: dict[str, Any], step: str, key: str) -> dict[str, int]:
        (entry,) = named(stats["step_stats"])[step]["messages"][key]
        return {name: value for name, value in entry.items() if value}

    assert [counters(day, "Hello", "email") for day in days] == [
        {"sent": 3, "opens": 2, "unique_opens": 2}, {}, {"sent": 1, "opens": 1, "unique_opens": 1},
    ]  # fmt: skip
    assert [counters(day, "Nudge", "ios_push") for day in days] == [{}, {"sent": 2}, {}]
    assert [counters(day, "Goodbye", "sms") for day in days] == [{}, {}, {"sent": 2}]
    # who opened on two days is one person of the whole
    assert counters(summary(tenant, one, **EVERYTHING), "Hello", "email") == {"sent": 4, "opens": 3, "unique_opens": 2}


def test_conversions_and_revenue(house: House, tenant: Any) -> None:
    one = put(
        house, tenant, messages=MESSAGES, variations=VARIATIONS, goals=(Goal(event="purchased", window_s=2 * 86_400),)
    )
    tenant.send(*journeys())

    def bought(who: str, amount: str, time: str, **more: Any) -> dict[str, Any]:
        return {"type": "purchased", "recipient": who, "amount": amount, "time": time, **more}

    tenant.send(
        bought("x", "10.50", f"{D2}T07:00:00Z"),  # after hello
        bought("x", "1.25", f"{D2}T07:30:00Z"),  # money, but the touch has converted already
        bought("z", "4", f"{D3}T07:00:00Z"),  # after the nudge
        bought("z", "3", f"{D3}T08:30:00Z", currency="EUR"),  # after the goodbye, and no dollars
        bought("w", "99", f"{D2}T08:00:00Z"),  # held back
        bought("nobody", "50", f"{D2}T08:00:00Z"),
    )
    days = series(tenant, one, **EVERYTHING)
    assert column(days, "conversions") == [0, 2, 2]
    assert column(days, "revenue") == [0.0, 110.75, 4.0]
    assert column(days, "conversions_by_entry_time") == [2, 1, 1]

    def of(part: str, key: str) -> list[dict[str, Any]]:
        return [{name: one[key] for name, one in named(day[part]).items() if one[key]} for day in days]

    assert of("variant_stats", "conversions") == [{}, {"Variant 1": 1, "Control": 1}, {"Variant 2": 2}]
    assert of("variant_stats", "conversions_by_entry_time") == [
        {"Variant 1": 1, "Control": 1}, {"Variant 2": 1}, {"Variant 2": 1},
    ]  # fmt: skip
    assert of("variant_stats", "revenue") == [{}, {"Variant 1": 11.75, "Control": 99.0}, {"Variant 2": 4.0}]
    assert of("step_stats", "conversions") == [{}, {"Hello": 1}, {"Nudge": 1, "Goodbye": 1}]
    assert of("step_stats", "conversions_by_entry_time") == [{"Hello": 1}, {"Nudge": 1}, {"Goodbye": 1}]
    assert of("step_stats", "revenue") == [{}, {"Hello": 11.75}, {"Nudge": 4.0}]
    whole = summary(tenant, one, **EVERYTHING)
    assert whole["total_stats"] == {
        "revenue": 114.75, "entries": 5, "conversions": 4, "conversions_by_entry_time": 4,
    }  # fmt: skip
    assert named(whole["variant_stats"])["Variant 2"] == {
        "name": "Variant 2", "revenue": 4.0, "conversions": 2, "entries": 1,
    }  # fmt: skip


def test_a_canvas_without_variations(house: House, tenant: Any) -> None:
    one = put(house, tenant, messages=MESSAGES)
    of = {"campaign": "c"}
    tenant.send(
        {"type": "impression", "message": "hello", "recipient": "x", "time": f"{D1}T08:00:00Z", **of},
        {"type": "sent", "message": "hello", "recipient": "y", "time": f"{D1}T08:00:00Z", **of},
        {"type": "sent", "message": "hello", "recipient": "", "time": f"{D1}T08:00:00Z", **of},
        {"type": "sent", "message": "nudge", "recipient": "y", "time": f"{D2}T08:00:00Z", **of},
        # held back without a name, and converted there
        {"type": "enrolled", "recipient": "w", "time": f"{D1}T08:00:00Z", **of},
        {"type": "converted", "recipient": "w", "amount": 5, "time": f"{D2}T08:00:00Z", **of},
        {"type": "converted", "recipient": "y", "message": "hello", "amount": 3, "time": f"{D2}T09:00:00Z", **of},
    )
    days = series(tenant, one, **EVERYTHING)
    assert [list(named(day["variant_stats"])) for day in days] == [["Variant 1", "Control Group"]] * 3
    assert [part["entries"] for part in days[0]["variant_stats"].values()] == [2, 1]
    assert [part["conversions"] for part in days[1]["variant_stats"].values()] == [1, 1]
    assert [part["revenue"] for part in days[1]["variant_stats"].values()] == [3.0, 5.0]
    assert (days[0]["total_stats"]["entries"], days[1]["total_stats"]["revenue"]) == (3, 8.0)


def test_steps_that_the_campaign_has_no_more(house: House, tenant: Any) -> None:
    one = put(house, tenant, messages=MESSAGES[:2])
    common = {"campaign": "c", "channel": "email", "recipient": "r"}
    tenant.send(*({"type": "sent", "message": name, "time": f"{D1}T08:00:00Z", **common} for name in ("hello", "old")))
    house.services.writer.settle(tenant.workspace.id)
    put(house, tenant, messages=MESSAGES[:2], uuid=one)
    deleted = {**EVERYTHING, "include_deleted_step_data": "false"}
    assert list(named(series(tenant, one, **deleted)[0]["step_stats"])) == ["Hello", "Nudge"]
    steps = named(series(tenant, one, **EVERYTHING)[0]["step_stats"])
    assert list(steps) == ["Hello", "Nudge", "old"]
    assert steps["old"]["messages"]["email"][0]["sent"] == 1


def test_a_campaign_of_several_messages_is_a_canvas_too(house: House, tenant: Any) -> None:
    one = put(house, tenant, type="Email", messages=MESSAGES[:2])
    tenant.send({"type": "sent", "campaign": "c", "message": "hello", "recipient": "r", "time": f"{D1}T08:00:00Z"})
    assert column(series(tenant, one), "entries") == [1, 0, 0]


def test_an_answer_is_kept_until_something_changes(house: House, tenant: Any) -> None:
    one = put(house, tenant, messages=MESSAGES)
    event = {"type": "sent", "campaign": "c", "message": "hello", "time": f"{D1}T08:00:00Z"}
    tenant.send({**event, "recipient": "x"})
    assert (column(series(tenant, one), "entries"), column(series(tenant, one), "entries")) == ([1, 0, 0], [1, 0, 0])
    assert "total_stats" in summary(tenant, one)  # the same query of another path is another answer
    tenant.send({**event, "recipient": "y"})
    assert column(series(tenant, one), "entries") == [2, 0, 0]


# ---- the window -------------------------------------------------------------------------------------

WINDOWS = [
    ({"length": "2", "ending_at": "2026-10-08"}, [D2, D3]),
    ({"length": "2", "ending_at": "2026-10-07T12:00:00Z"}, [D2, D3]),
    ({"starting_at": D1, "ending_at": "2026-10-08"}, [D1, D2, D3]),
    ({"starting_at": "2026-10-05T23:59:59-5:00", "ending_at": "2026-10-07T12:00:00Z"}, [D2, D3]),
    ({"starting_at": f"{D3}T00:00:00", "ending_at": f"{D3}T00:00:01"}, [D3]),
    # documented: an example has both
    ({"length": "5", "starting_at": D2, "ending_at": "2026-10-08"}, [D2, D3]),
    ({"length": "1", "starting_at": D1, "ending_at": "2026-10-08"}, [D3]),
    ({"length": "", "starting_at": D2, "ending_at": "2026-10-08"}, [D2, D3]),
]


def test_windows(house: House, tenant: Any) -> None:
    one = put(house, tenant)
    for query, days in WINDOWS:
        stats = get(tenant, "data_series", canvas_id=one, **query)["stats"]
        assert [day["time"] for day in stats] == days, query


_NEITHER = "either length or starting_at is required"
_LENGTH = "length must be between 1 and 14"


REFUSED = [
    ({}, _NEITHER),
    ({"ending_at": D1}, _NEITHER),
    ({"length": "0"}, _LENGTH),
    ({"length": "15"}, _LENGTH),
    ({"length": "x", "starting_at": D1}, _LENGTH),
    ({"length": "1", "ending_at": "soon"}, "ending_at must be an ISO 8601 datetime"),
    ({"length": "14", "ending_at": "0001-01-02"}, "ending_at must be an ISO 8601 datetime"),
    ({"length": "1", "ending_at": "9999-12-31T12:00:00"}, "ending_at must be an ISO 8601 datetime"),
    ({"starting_at": "lately"}, "starting_at must be an ISO 8601 datetime"),
    ({"starting_at": "0001-01-01T00:00:00+14:00", "ending_at": D1}, "starting_at must be an ISO 8601 datetime"),
    ({"starting_at": D2, "ending_at": D2}, "starting_at must be before ending_at"),
    ({"starting_at": "2026-01-01", "ending_at": D2}, "starting_at must be within 100 days before ending_at"),
    ({"length": "1", "include_step_breakdown": "perhaps"}, "include_step_breakdown must be true or false"),
]


def test_what_is_refused(house: House, tenant: Any) -> None:
    one = put(house, tenant)
    for query, message in REFUSED:
        for path in ("data_series", "data_summary"):
            answer = tenant.client.get(f"/canvas/{path}", params={"canvas_id": one, **query})
            assert (answer.status_code, answer.json()) == (400, {"message": message}), query


def test_without_an_end_it_is_now(house: House, tenant: Any) -> None:
    one = put(house, tenant)
    assert len(get(tenant, "data_series", canvas_id=one, length="14")["stats"]) == 14


def test_where_no_event_can_be(house: House, tenant: Any) -> None:
    one = put(house, tenant, messages=MESSAGES)
    for far in ("1800-05-05", "2000-01-01", "2099-12-31", "2300-05-05"):
        assert column(series(tenant, one, ending_at=far, **EVERYTHING), "entries") == [0, 0, 0]
        assert summary(tenant, one, ending_at=far)["total_stats"]["conversions"] == 0
