"""GET /campaigns/details and /canvas/details: what a campaign is, in the vendor's keys, order and words."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from turnout.app import House
from turnout.model import CampaignFields, Goal, Message, Variation

D1 = "2026-10-05"
Sample = Callable[[str], dict[str, Any]]

SPRING = "3bbc4555-8fa0-4c9b-a5c0-4505edf3e064"
VARIANT = "668b8529-fcbd-4a29-9722-055942db7ab5"


def put(house: House, tenant: Any, name: str, **fields: Any) -> Any:
    return house.services.catalog.put_campaign(tenant.workspace.id, name, CampaignFields(**fields))


def details(tenant: Any, one: str, kind: str = "campaign") -> dict[str, Any]:
    path = "/campaigns/details" if kind == "campaign" else "/canvas/details"
    answer = tenant.client.get(path, params={f"{kind}_id": one})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def test_a_campaign(house: House, tenant: Any, sample: Sample) -> None:
    one = put(
        house, tenant, "c", title="Spring promo", description="Everything must go", uuid=SPRING, tags=("a", "b"),
        channels=("email", "sms", "line"), messages=(Message(id=VARIANT, title="Hello", channel="email"),),
    )  # fmt: skip
    for time, kind, channel in (
        ("08:59:59.999", "queued", "email"), ("09:00:00.500", "sent", "email"), ("10:30:00", "sent", "sms"),
        ("11:00:00", "opened", "email"),
    ):  # fmt: skip
        tenant.send({"type": kind, "campaign": "c", "channel": channel, "recipient": "r", "time": f"{D1}T{time}Z"})
    found = details(tenant, SPRING)
    assert list(found) == sample("documented_details")["campaign"]
    stamp = one.created_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    messages = found.pop("messages")
    edited = found.pop("updated_at")
    assert dt.datetime.fromisoformat(edited) >= dt.datetime.fromisoformat(stamp)
    assert list(found.items()) == [
        ("message", "success"), ("created_at", stamp), ("archived", False), ("draft", False), ("enabled", True),
        ("has_post_launch_draft", False), ("name", "Spring promo"), ("description", "Everything must go"),
        ("schedule_type", "time_based"), ("channels", ["email", "sms", "line"]),
        ("first_sent", f"{D1}T09:00:00+00:00"), ("last_sent", f"{D1}T10:30:00+00:00"),
        ("tags", ["a", "b"]), ("teams", []), ("conversion_behaviors", []),
    ]  # fmt: skip
    assert messages[VARIANT] == {"channel": "email", "name": "Hello"}
    # what was sent without a message has an entry of its own, as in the series
    day = tenant.client.get("/campaigns/data_series", params={"campaign_id": SPRING, "length": "1"}).json()["data"][0]
    ids = [entry["variation_api_id"] for entries in day["messages"].values() for entry in entries]
    assert list(messages) == ids


def test_a_campaign_that_was_never_sent(house: House, tenant: Any) -> None:
    one = put(house, tenant, "c", type="API", draft=True)
    found = details(tenant, one.uuid)
    assert (found["first_sent"], found["last_sent"], found["channels"], found["messages"]) == (None, None, [], {})
    assert (found["draft"], found["enabled"], found["schedule_type"]) == (True, False, "api_triggered")


def test_what_is_enabled(house: House, tenant: Any) -> None:
    for fields, enabled in (
        ({}, True), ({"archived": True}, False), ({"draft": True}, False),
        ({"ended_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}, False),
        ({"ended_at": dt.datetime(2099, 1, 1, tzinfo=dt.UTC)}, True),
    ):  # fmt: skip
        found = details(tenant, put(house, tenant, "c", **fields).uuid)
        assert found["enabled"] is enabled
        assert found["archived"] is ("archived" in fields)


def test_a_test_with_a_control_group(house: House, tenant: Any) -> None:
    one = put(
        house, tenant, "c", channels=("in_app", "whatsapp"),
        variations=(Variation(id=VARIANT, name="Variant 1"), Variation(id="ctl", name="Control Group", control=True)),
    )  # fmt: skip
    found = details(tenant, one.uuid)
    assert found["channels"] == ["whats_app", "in-app_message"]
    assert list(found["messages"].values()) == [
        {"channel": "whats_app", "name": "Variant 1"},
        {"channel": "whats_app", "type": "control"},
        {"channel": "in-app_message", "name": "Variant 1"},
        {"channel": "in-app_message", "type": "control"},
    ]
    first, control, second, _ = found["messages"]
    assert (first, second) == (VARIANT, str(uuid.uuid5(uuid.UUID(VARIANT), "trigger_in_app_message")))
    day = tenant.client.get("/campaigns/data_series", params={"campaign_id": one.uuid, "length": "1"}).json()["data"][0]
    assert [entry["variation_api_id"] for entry in day["messages"]["whats_app"]] == [first, control]


def test_goals_in_the_words_of_the_document(house: House, tenant: Any) -> None:
    def behaviors(*goals: Goal) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = details(tenant, put(house, tenant, "c", goals=goals).uuid)["conversion_behaviors"]
        return found

    assert behaviors(
        Goal(event="purchased", window_s=86_400), Goal(event="performed", name="signup", window_s=60),
        Goal(event="opened", window_s=259_200), Goal(event="clicked", window_s=1),
    ) == [
        {"type": "Makes Any Purchase", "window": 86_400},
        {"type": "Performs Custom Event", "window": 60, "custom_event_name": "signup"},
        {"type": "Opens Email", "window": 259_200},
        {"type": "Clicks Email", "window": 1},
    ]  # fmt: skip
    specific, session, other = behaviors(
        Goal(event="purchased", name="Feline Body Armor"), Goal(event="app_opened"), Goal(event="delivered")
    )
    assert list(specific.items()) == [
        ("type", "Makes Specific Purchase"), ("window", 259_200), ("product", "Feline Body Armor"),
    ]  # fmt: skip
    assert list(session.items()) == [("type", "Starts Session"), ("window", 259_200), ("app_ids", None)]
    assert (other["type"], other["custom_event_name"]) == ("Performs Custom Event", "delivered")


def test_what_properties_say(house: House, tenant: Any) -> None:
    def said(**properties: Any) -> tuple[str, list[str]]:
        found = details(tenant, put(house, tenant, "c", properties=properties).uuid)
        return found["schedule_type"], found["teams"]

    assert said(schedule_type="action_based", teams=["Growth", 7, "EMEA"]) == ("action_based", ["Growth", "EMEA"])
    assert said(schedule_type={"a": 1}, teams="Growth") == ("time_based", [])


# ---- canvases ---------------------------------------------------------------------------------------


def test_a_canvas(house: House, tenant: Any, sample: Sample) -> None:
    wanted = sample("documented_details")
    messages = (
        Message(id="hello", title="Hello", channel="email"),
        Message(id="again", title="Again", channel="push"),
        Message(id="bye", channel="sms"),
    )
    variations = (
        Variation(id="a", name="Variant 1"),
        Variation(id="b", name="Variant 2"),
        Variation(id="ctl", name="Control", control=True),
    )
    one = put(house, tenant, "c", title="Onboarding", type="Canvas", messages=messages, variations=variations)
    of = {"campaign": "c", "recipient": "r"}
    tenant.send(
        {"type": "enrolled", "variation": "ctl", "time": f"{D1}T07:00:00Z", **of},
        {"type": "sent", "variation": "a", "message": "hello", "time": f"{D1}T08:00:00Z", **of},
        {"type": "sent", "variation": "a", "message": "bye", "time": f"{D1}T09:00:00Z", **of},
        {"type": "opened", "variation": "a", "message": "bye", "time": f"{D1}T10:00:00Z", **of},
    )
    found = details(tenant, one.uuid, "canvas")
    assert list(found) == wanted["canvas"]
    assert (found["name"], found["message"], found["enabled"]) == ("Onboarding", "success", True)
    assert (found["first_entry"], found["last_entry"]) == (f"{D1}T07:00:00+00:00", f"{D1}T09:00:00+00:00")
    assert found["channels"] == ["android_push", "email", "sms"]
    hello, again, bye = (step["id"] for step in found["steps"])
    # the first variant never saw the second step; of the other one nothing is known, so it has them all
    assert [(variant["name"], variant["first_step_ids"]) for variant in found["variants"]] == [
        ("Variant 1", [hello]), ("Variant 2", [hello]), ("Control", []),
    ]  # fmt: skip
    assert list(found["variants"][0]) == wanted["variant"]
    assert found["variants"][0]["first_step_id"] == hello
    assert "first_step_id" not in found["variants"][2]
    assert [(step["name"], step["type"], step["channels"]) for step in found["steps"]] == [
        ("Hello", "message", ["email"]), ("Again", "message", ["android_push"]), ("bye", "message", ["sms"]),
    ]  # fmt: skip
    assert [step["next_step_ids"] for step in found["steps"]] == [[bye, again], [bye], []]
    assert all(list(step) == wanted["step"] for step in found["steps"])
    assert found["steps"][0]["next_paths"] == [
        {"name": None, "next_step_id": bye},
        {"name": None, "next_step_id": again},
    ]
    assert found["steps"][0]["messages"] == {hello: {"channel": "email", "name": "Hello"}}


def test_a_canvas_of_one_channel_without_messages(house: House, tenant: Any) -> None:
    one = put(house, tenant, "c", title="Bare", type=" canvas ")
    tenant.send({"type": "sent", "campaign": "c", "channel": "email", "recipient": "r", "time": f"{D1}T08:00:00Z"})
    found = details(tenant, one.uuid, "canvas")
    (step,), (variant,) = found["steps"], found["variants"]
    assert (step["name"], step["channels"], step["next_step_ids"]) == ("Bare", ["email"], [])
    assert (variant["name"], variant["first_step_ids"]) == ("Variant 1", [step["id"]])


# ---- which campaigns are canvases -------------------------------------------------------------------


def test_lists_of_campaigns_and_of_canvases(house: House, tenant: Any) -> None:
    two = (Message(id="m"), Message(id="n"))
    for name, fields in (
        ("plain", {}), ("one", {"messages": two[:1]}), ("several", {"messages": two, "type": "Email"}),
        ("declared", {"type": "Canvas", "tags": ("x",)}), ("old", {"type": "CANVAS", "archived": True}),
    ):  # fmt: skip
        put(house, tenant, name, **fields)

    def listed(path: str, key: str, query: str = "") -> list[str]:
        body = tenant.client.get(f"{path}{query}").json()
        assert list(body) == [key, "message"]
        return [one["name"] for one in body[key]]

    assert listed("/campaigns/list", "campaigns") == ["plain", "one", "several"]
    assert listed("/canvas/list", "canvases") == ["several", "declared"]
    assert listed("/canvas/list", "canvases", "?include_archived=true&sort_direction=desc") == [
        "old", "declared", "several",
    ]  # fmt: skip
    assert listed("/canvas/list", "canvases", "?page=1") == []
    assert listed("/canvas/list", "canvases", "?last_edit.time[gt]=2099-01-01") == []
    entry = tenant.client.get("/canvas/list").json()["canvases"][1]
    declared = house.services.catalog.campaign(tenant.workspace.id, "declared")
    # documented: these keys in this order
    assert list(entry.items()) == [
        ("id", declared.uuid),
        ("last_edited", declared.updated_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")),
        ("name", "declared"),
        ("tags", ["x"]),
    ]


def test_what_is_no_canvas(house: House, tenant: Any, make_tenant: Any) -> None:
    plain = put(house, tenant, "plain").uuid
    theirs = put(house, make_tenant(), "theirs", type="Canvas").uuid
    for path in ("details", "data_series", "data_summary"):
        for one in (plain, theirs, str(uuid.uuid4()), "non-existing", "", "\0", "x" * 5000):
            query = {"canvas_id": one, "length": "1", "ending_at": D1}
            answer = tenant.client.get(f"/canvas/{path}", params=query)
            # live
            message = {"message": "canvas_id must be a string of the Canvas api identifier"}
            assert (answer.status_code, answer.json()) == (400, message)


def test_what_is_no_campaign(house: House, tenant: Any, make_tenant: Any) -> None:
    theirs = put(house, make_tenant(), "theirs").uuid
    for one, message in (
        (theirs, "Campaign does not exist"),
        (str(uuid.uuid4()), "Campaign does not exist"),
        ("c", "campaign_id must be a string of the campaign api identifier"),
        ("", "campaign_id must be a string of the campaign api identifier"),
    ):
        for path, query in (("/campaigns/details", {}), ("/sends/data_series", {"send_id": "s", "length": "1"})):
            answer = tenant.client.get(path, params={"campaign_id": one, **query})
            assert (answer.status_code, answer.json()) == (400, {"message": message})
