"""The response models of Braze's own client, as a schema for what we answer.

`braze-mcp-server` is written by Braze. Importing it needs Python 3.12 and a dozen packages; its models need pydantic
only, so they are loaded by themselves. They are strict about what is there, and take what they don't know;
here what they don't know must be named.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DAY = "2026-10-05"
Check = Callable[[str, str, dict[str, str]], set[str]]

#: Keys that Braze sends (seen live, or in its document) and its own models leave out.
CONVERSIONS = {f"conversions{goal}{late}" for goal in ("", "1", "2", "3") for late in ("", "_by_send_time")}
BLOCK = {"revenue", "unique_recipients", *CONVERSIONS}
MACHINE_OPENS = {"machine_open", "machine_amp_open"}


@pytest.fixture(scope="module")
def models() -> Iterator[ModuleType]:
    """`braze_mcp.models`, without the package around it."""
    package = importlib.util.find_spec("braze_mcp")
    if package is None or not package.submodule_search_locations:
        pytest.skip("braze-mcp-server is not installed; `make test-clients` installs and runs it")
    (where,) = package.submodule_search_locations
    name = "braze_models"
    spec = importlib.util.spec_from_file_location(name, Path(where, "models", "__init__.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    for each in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
        del sys.modules[each]


def unknown(value: Any) -> set[str]:
    """Keys, anywhere in an answer, that its model doesn't have."""
    if isinstance(value, list):
        return {key for one in value for key in unknown(one)}
    if isinstance(value, dict):
        return {key for one in value.values() for key in unknown(one)}
    if not hasattr(type(value), "model_fields"):
        return set()
    found = set(value.model_extra or {})
    for name in type(value).model_fields:
        found |= unknown(getattr(value, name))
    return found


@pytest.fixture
def check(tenant: Any, models: ModuleType) -> Check:
    """Ask, and hold the answer to a model by its bytes; returns the keys that the model doesn't have."""

    def ask(path: str, model: str, query: dict[str, str]) -> set[str]:
        answer = tenant.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        found = getattr(models, model).model_validate_json(answer.content, strict=True)
        assert found.message == "success"
        return unknown(found)

    return ask


CHANNELS = (
    "ios_push", "android_push", "kindle_push", "web_push", "webhook", "email", "sms", "whats_app", "content_cards",
    "trigger_in_app_message",
)  # fmt: skip
KINDS = (
    "sent", "delivered", "opened", "clicked", "bounced", "impression", "dismissed", "carrier_accepted", "unsubscribed",
)  # fmt: skip
SERIES = {"length": "2", "ending_at": "2026-10-06T00:00:00Z"}
GOALS = [{"event": "purchased", "window_s": 86_400}, {"event": "app_opened", "window_s": 3600, "after": "opened"}]


def put(tenant: Any, name: str, **fields: Any) -> str:
    answer = tenant.client.put(f"/v1/campaigns/{name}", json=fields)
    assert answer.status_code in (200, 201), answer.text
    found: str = answer.json()["uuid"]
    return found


def happen(tenant: Any, campaign: str, **fields: Any) -> None:
    """One event of each kind in each channel, and what led on from them."""
    of = {"campaign": campaign, "recipient": "r", "time": f"{DAY}T12:00:00Z", **fields}
    tenant.send(
        *({**of, "type": kind, "channel": channel} for kind in KINDS for channel in CHANNELS),
        {"type": "purchased", "recipient": "r", "time": f"{DAY}T12:30:00Z", "amount": "12.50"},
        {"type": "app_opened", "recipient": "r", "time": f"{DAY}T12:40:00Z"},
    )


def test_the_list_of_campaigns(tenant: Any, check: Check) -> None:
    for name in ("one", "two"):
        put(tenant, name, title=name, tags=["a", "b"], type="API" if name == "two" else "Email")
    assert check("/campaigns/list", "CampaignListResponse", {"include_archived": "true"}) == set()


def test_a_series_of_every_channel(tenant: Any, check: Check) -> None:
    one = put(tenant, "c", goals=GOALS)
    happen(tenant, "c")
    found = check("/campaigns/data_series", "CampaignDataSeriesResponse", {"campaign_id": one, **SERIES})
    assert found == {*MACHINE_OPENS, "variation_api_id"}  # the latter of in-app messages


def test_a_series_of_a_test(tenant: Any, check: Check) -> None:
    one = put(tenant, "c", goals=GOALS, variations=[{"id": "a", "name": "Variant 1"}, {"id": "b"}])
    happen(tenant, "c", variation="a")
    happen(tenant, "c", variation="b", recipient="s")
    found = check("/campaigns/data_series", "CampaignDataSeriesResponse", {"campaign_id": one, **SERIES})
    # Only the models of iOS push, webhooks and in-app messages know that a test has more.
    assert found == {*MACHINE_OPENS, "variation_api_id", "variation_name", *BLOCK}


def test_a_series_with_a_control_group(tenant: Any, check: Check) -> None:
    """In these channels only: the models of the others insist on counters, which a control group doesn't have."""
    variations = [{"id": "a", "name": "Variant 1"}, {"id": "ctl", "name": "Control", "control": True}]
    one = put(tenant, "c", goals=GOALS, variations=variations)
    of = {"campaign": "c", "recipient": "r", "time": f"{DAY}T12:00:00Z"}
    tenant.send(
        *({**of, "type": "sent", "variation": "a", "channel": channel} for channel in ("ios_push", "webhook", "email")),
        {**of, "type": "impression", "variation": "a", "channel": "trigger_in_app_message"},
        {**of, "type": "enrolled", "variation": "ctl", "recipient": "s"},
    )
    found = check("/campaigns/data_series", "CampaignDataSeriesResponse", {"campaign_id": one, **SERIES})
    assert found == {*MACHINE_OPENS, "variation_api_id", "enrolled", *BLOCK}


def test_a_campaign_in_detail(tenant: Any, check: Check) -> None:
    one = put(
        tenant, "c", title="C", description="D", tags=["a"], goals=GOALS, started_at=f"{DAY}T11:00:00Z",
        messages=[{"id": "m", "title": "Hello", "channel": "email"}],
    )  # fmt: skip
    happen(tenant, "c", message="m")
    assert check("/campaigns/details", "CampaignDetails", {"campaign_id": one}) == {"app_ids"}


def test_a_series_of_a_send(tenant: Any, check: Check) -> None:
    one = put(tenant, "c", goals=GOALS)
    happen(tenant, "c", send_id="s")
    found = check("/sends/data_series", "SendDataSeriesResponse", {"campaign_id": one, "send_id": "s", **SERIES})
    # Only the model of iOS push knows what a send has more.
    more = {"variation_api_id", "variation_name", "delivered", "undelivered", "delivery_failed", *BLOCK}
    assert found == {*MACHINE_OPENS, *more}


@pytest.fixture
def canvas(tenant: Any) -> str:
    """A journey of two steps in two variants and a control group."""
    one = put(
        tenant, "j", title="Onboarding", type="Canvas", goals=GOALS, tags=["a"],
        messages=[{"id": "hello", "title": "Hello", "channel": "email"}, {"id": "bye", "channel": "sms"}],
        variations=[{"id": "a", "name": "A"}, {"id": "b", "name": "B"}, {"id": "ctl", "name": "C", "control": True}],
    )  # fmt: skip
    happen(tenant, "j", message="hello", variation="a")
    happen(tenant, "j", message="bye", variation="b", recipient="s")
    return one


def test_the_list_of_canvases(canvas: str, check: Check) -> None:
    assert check("/canvas/list", "CanvasListResponse", {}) == set()


def test_a_canvas_in_detail(canvas: str, check: Check) -> None:
    assert check("/canvas/details", "CanvasDetails", {"canvas_id": canvas}) == {"name"}  # of a message


PARTS = {"include_variant_breakdown": "true", "include_step_breakdown": "true"}

#: The models know two channels of a step in a series, with some of their counters, and a few counters of a summary.
IN_A_SERIES = {
    *CHANNELS, *MACHINE_OPENS, "delivered", "reported_spam", "bounces", "unsubscribes", "unique_clicks",
} - {"email", "sms"}  # fmt: skip
IN_A_SUMMARY = {
    *MACHINE_OPENS, "delivered", "reported_spam", "unsubscribes", "clicks", "unique_opens", "unique_clicks",
    "body_clicks", "sent_to_carrier", "rejected", "delivery_failed", "opt_out", "help", "failed", "read", "errors",
    "impressions", "first_button_clicks", "second_button_clicks", "total_clicks", "total_dismissals",
    "total_impressions", "unique_dismissals", "unique_impressions",
}  # fmt: skip


@pytest.mark.parametrize(("more", "extra"), [({}, set()), (PARTS, IN_A_SERIES)], ids=["whole", "parts"])
def test_a_canvas_day_by_day(canvas: str, check: Check, more: dict[str, str], extra: set[str]) -> None:
    assert check("/canvas/data_series", "CanvasDataSeriesResponse", {"canvas_id": canvas, **SERIES, **more}) == extra


@pytest.mark.parametrize(("more", "extra"), [({}, set()), (PARTS, IN_A_SUMMARY)], ids=["whole", "parts"])
def test_a_canvas_in_one(canvas: str, check: Check, more: dict[str, str], extra: set[str]) -> None:
    assert check("/canvas/data_summary", "CanvasDataSummaryResponse", {"canvas_id": canvas, **SERIES, **more}) == extra


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("dau", "DAUDataSeriesResponse"),
        ("mau", "MAUDataSeriesResponse"),
        ("new_users", "NewUsersDataSeriesResponse"),
        ("uninstalls", "UninstallsDataSeriesResponse"),
    ],
)
def test_key_figures(tenant: Any, check: Check, name: str, model: str) -> None:
    happen(tenant, "c")
    assert check(f"/kpi/{name}/data_series", model, SERIES) == set()
