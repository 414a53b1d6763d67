"""Whatever a query says, the answer is the vendor's: 200 or 400 in its shape, never a failure."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.app import House
from turnout.dialects.braze.routes import ROUTES
from turnout.model import CampaignFields, Message, Variation

#: As they stand in the URL.
NASTY = (
    "", "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%F0%9F%92%A9", "-1", "0", "1e9", "0x10", "%2B1", "1.5", "NaN", "null",
    "[]", "true", "%27%20OR%201=1--", "{x:String}", "9" * 400, "2026-10-07T00:00:00%2B99:99", "0000-00-00",
    "0001-01-01", "9999-12-31T23:59:59-23:59", "1969-12-31", "2026-10-07T24:00:00", "%0d%0aX-Injected:%201", "x" * 3000,
)  # fmt: skip

_SERIES = ("length", "ending_at")
_LIST = ("page", "include_archived", "sort_direction", "last_edit.time[gt]")
_BREAKDOWNS = ("include_variant_breakdown", "include_step_breakdown", "include_deleted_step_data")
PARAMETERS = {
    "/campaigns/data_series": ("campaign_id", *_SERIES, "anything"),
    "/campaigns/details": ("campaign_id", "post_launch_draft_version"),
    "/campaigns/list": _LIST,
    "/sends/data_series": ("campaign_id", "send_id", *_SERIES),
    "/canvas/list": _LIST,
    "/canvas/details": ("canvas_id",),
    "/canvas/data_series": ("canvas_id", *_SERIES, "starting_at", *_BREAKDOWNS),
    "/canvas/data_summary": ("canvas_id", *_SERIES, "starting_at", *_BREAKDOWNS),
    "/kpi/dau/data_series": (*_SERIES, "app_id"),
    "/kpi/mau/data_series": (*_SERIES, "app_id"),
    "/kpi/new_users/data_series": (*_SERIES, "app_id"),
    "/kpi/uninstalls/data_series": (*_SERIES, "app_id"),
}


def test_every_path_is_tried() -> None:
    assert set(PARAMETERS) == {route.path for route in ROUTES}


@pytest.fixture
def good(house: House, tenant: Any) -> dict[str, str]:
    """A query that every path answers."""
    fields = CampaignFields(
        messages=(Message(id="m", channel="email"), Message(id="n", channel="push")),
        variations=(Variation(id="a"), Variation(id="z", control=True)),
    )
    one = house.services.catalog.put_campaign(tenant.workspace.id, "c", fields).uuid
    return {"campaign_id": one, "canvas_id": one, "send_id": "s", "length": "2", "ending_at": "2026-10-07"}


@pytest.mark.parametrize("path", PARAMETERS)
def test_nothing_in_a_query_makes_it_fail(tenant: Any, good: dict[str, str], path: str) -> None:
    fine = "&".join(f"{name}={value}" for name, value in good.items())
    assert tenant.client.get(f"{path}?{fine}").status_code == 200
    for name in PARAMETERS[path]:
        rest = "&".join(f"{other}={value}" for other, value in good.items() if other != name)
        for value in NASTY:
            answer = tenant.client.get(f"{path}?{rest}&{name}={value}")
            assert answer.status_code in (200, 400), (name, value, answer.text)
            assert answer.headers["content-type"] == "application/json"
            assert "x-injected" not in answer.headers
            if answer.status_code == 400:
                assert list(answer.json()) == ["message"]


def test_a_query_that_says_things_twice_or_not_at_all(tenant: Any, good: dict[str, str]) -> None:
    fine = "&".join(f"{name}={value}" for name, value in good.items())
    for path in PARAMETERS:
        for query in ("", "&&&", "=", "length", "%", f"{fine}&{fine}", f"length=x&{fine}", f"{fine}&length=x"):
            answer = tenant.client.get(f"{path}?{query}")
            assert answer.status_code in (200, 400), (path, query, answer.text)


def test_names_of_campaigns_come_back_as_they_are(house: House, tenant: Any) -> None:
    odd = 'Sp"ring\\ </script> \u2028 \U0001f4a9'
    fields = CampaignFields(
        title=odd, type="Canvas", tags=(odd,), description=odd, channels=(odd,),
        messages=(Message(id=odd, title=odd, channel="email"),), variations=(Variation(id=odd, name=odd),),
    )  # fmt: skip
    one = house.services.catalog.put_campaign(tenant.workspace.id, "c", fields).uuid
    tenant.send(
        {
            "type": "sent", "campaign": "c", "message": odd, "variation": odd, "channel": "email", "recipient": odd,
            "send_id": odd, "time": "2026-10-06T12:00:00Z",
        }
    )  # fmt: skip
    query = {"campaign_id": one, "canvas_id": one, "send_id": odd, "length": "1", "ending_at": "2026-10-07"}
    everything = {**query, "include_variant_breakdown": "true", "include_step_breakdown": "true"}
    details = tenant.client.get("/canvas/details", params=query).json()
    assert (details["name"], details["tags"], details["steps"][0]["name"]) == (odd, [odd], odd)
    (day,) = tenant.client.get("/canvas/data_series", params=everything).json()["data"]["stats"]
    assert [(part["name"], part["entries"]) for part in day["variant_stats"].values()] == [(odd, 1)]
    (sent,) = tenant.client.get("/sends/data_series", params=query).json()["data"][0]["messages"]["email"]
    assert (sent["variation_name"], sent["sent"]) == (odd, 1)
