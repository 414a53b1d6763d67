"""The generic REST source of dlt, as a team would configure it for each vendor, against a real server process.

Nothing of it is told about Turnout: base URL, credentials, paginator and selector are all. Resources are read
without a destination. It may speak to the server and to nobody else.
"""

from __future__ import annotations

import datetime as dt
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

Events = list[dict[str, Any]]
Campaigns = dict[str, dict[str, Any]]
Read = Callable[..., list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What dlt writes goes to `tmp_path`, and it reports nothing to anybody."""
    for name in ("HOME", "DLT_DATA_DIR", "DLT_PROJECT_DIR", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.chdir(tmp_path)
    connect, elsewhere = socket.socket.connect, []

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            elsewhere.append(address)
            raise ConnectionRefusedError(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield
    assert elsewhere == []


@pytest.fixture
def read(served: Any) -> Read:
    """The rows of one resource: `read(path, auth, paginator, data_selector, params)`."""
    from dlt.sources.rest_api import rest_api_source  # slow to import, so only where it is used

    def rows(path: str, auth: dict[str, Any], paginator: Any, selector: str, **params: Any) -> list[dict[str, Any]]:
        source = rest_api_source(
            {
                "client": {"base_url": f"{served.url}/", "auth": auth, "paginator": paginator},
                "resources": [
                    {"name": "rows", "endpoint": {"path": path, "params": params, "data_selector": selector}}
                ],
            }
        )
        return list(source.resources["rows"])

    return rows


def count(events: Events, kind: str, **fields: Any) -> int:
    return sum(1 for one in events if one["type"] == kind and fields.items() <= one.items())


def people(events: Events, kind: str, **fields: Any) -> int:
    return len({one["recipient"] for one in events if one["type"] == kind and fields.items() <= one.items()})


# ---- InTarget ---------------------------------------------------------------------------------------

IN_TARGET = "rest/campaign/statistics"


@pytest.fixture
def wanted_rows(posted: Events, campaigns: Campaigns) -> list[tuple[Any, ...]]:
    """(number, start, sent, delivered, opened, clicked) of each campaign of messages, the latest first."""
    starts: dict[str, str] = {}
    for one in posted:
        if campaigns[one["campaign"]]["type"] != "live":
            starts[one["campaign"]] = min(one["time"], starts.get(one["campaign"], "9"))
    return [
        (
            campaigns[name]["number"], start.replace("T", " ").replace("Z", "+00"),
            count(posted, "sent", campaign=name), count(posted, "delivered", campaign=name),
            people(posted, "opened", campaign=name), people(posted, "clicked", campaign=name),
        )
        for name, start in sorted(starts.items(), key=lambda item: item[1], reverse=True)
    ]  # fmt: skip


def said(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    keys = ("campaign_id", "campaign_start_at", "sent", "delivered", "opened", "clicked")
    return [tuple(row[key] for key in keys) for row in rows]


@pytest.mark.parametrize(
    "paginator",
    [
        {"type": "page_number", "base_page": 1, "page_param": "page", "total_path": None},
        {"type": "header_link"},
        "header_link",
    ],
    ids=lambda value: value if isinstance(value, str) else value["type"],
)
@pytest.mark.parametrize("size", [{}, {"perPage": 53}, {"perPage": 106}, {"perPage": 500}], ids=str)
def test_in_target(
    read: Read, served: Any, wanted_rows: list[tuple[Any, ...]], paginator: Any, size: dict[str, int]
) -> None:
    auth = {"type": "api_key", "name": "access-token", "api_key": served.api_key, "location": "query"}
    assert len(wanted_rows) == 106
    assert said(read(IN_TARGET, auth, paginator, "$", **size)) == wanted_rows


@pytest.mark.parametrize("paginator", [{"type": "page_number", "base_page": 1, "total_path": None}, "header_link"])
def test_in_target_s_filters(
    read: Read, served: Any, campaigns: Campaigns, wanted_rows: list[tuple[Any, ...]], paginator: Any
) -> None:
    auth = {"type": "api_key", "name": "access-token", "api_key": served.api_key, "location": "query"}
    period = {"startFrom": "2026-10-05 00:30:00", "startTo": "2026-10-05 01:15:00"}
    within = [row for row in wanted_rows if "2026-10-05 00:30:00+00" <= row[1] <= "2026-10-05 01:15:00+00"]
    assert len(within) == 46
    assert said(read(IN_TARGET, auth, paginator, "$", **period)) == within
    numbers = [campaigns[f"mail-{at:03}"]["number"] for at in range(0, 100, 4)]
    some = [row for row in wanted_rows if row[0] in numbers]
    assert len(some) == 25
    assert said(read(IN_TARGET, auth, paginator, "$", **{"campaignIds[]": numbers})) == some


# ---- EmailConsul ------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["", "api/v1.0/"])
@pytest.mark.parametrize("group", ["campaign_id", "subscriber_id", "country"])
def test_email_consul(read: Read, served: Any, posted: Events, base: str, group: str) -> None:
    field = {"campaign_id": "campaign", "subscriber_id": "recipient", "country": "country"}[group]
    wanted = Counter(one[field] for one in posted if one["type"] == "clicked")
    rows = read(
        f"{base}tracking/link/stats/aggregated",
        {"type": "api_key", "name": "X-API-Key", "api_key": served.api_key, "location": "header"},
        {"type": "offset", "limit": 20, "offset_param": "offset", "limit_param": "limit", "total_path": "meta.count"},
        "data",
        period_from="2026-10-01T00:00:00.000Z",
        period_to="2026-10-31T23:59:59.999Z",
        group=group,
    )
    assert len(rows) == len(wanted)
    assert {row[group]: row["count"] for row in rows} == wanted
    if group == "campaign_id":
        assert len(rows) == 52  # three pages


# ---- Shoplive ---------------------------------------------------------------------------------------


def test_shoplive(read: Read, served: Any, campaigns: Campaigns) -> None:
    now = int(time.time())
    claims = {"accessKey": served.access_key, "iat": now, "exp": now + 600}
    secret = b"clients sign with the decoded bytes"
    rows = read(
        f"v2/{served.access_key}/campaign/stats",
        {"type": "bearer", "token": jwt.encode(claims, secret, algorithm="HS256")},
        "single_page",
        "results",
        **{"from": "2026-10-05T00:00:00Z", "to": "2026-10-12T00:00:00Z"},
    )
    (row,) = rows
    assert (row["campaignKey"], row["title"]) == ("1234fef8e8e3", "Show")
    assert row["campaignId"] == str(campaigns["show"]["number"])
    assert {
        key: row[key]
        for key in ("totalViewers", "totalLoginViewers", "peakConcurrentViewers", "newLoginViewers", "totalViewingTime")
    } == {
        "totalViewers": 3,
        "totalLoginViewers": 2,
        "peakConcurrentViewers": 2,
        "newLoginViewers": 2,
        "totalViewingTime": 1020,
    }
    assert (row["likes"], row["likeViewers"], row["chats"]) == (8, 2, 1)


# ---- Batch ------------------------------------------------------------------------------------------


@pytest.fixture
def batch_auth(served: Any) -> dict[str, str]:
    return {"type": "api_key", "name": "X-Authorization", "api_key": served.api_key, "location": "header"}


def test_batch(read: Read, served: Any, campaigns: Campaigns, batch_auth: dict[str, str]) -> None:
    token = campaigns["push"]["token"]
    path = f"1.1/{served.access_key}/campaigns/stats/{token}"
    assert read(path, batch_auth, "single_page", "detail") == [
        {
            "date": "2026-10-06", "sent": 6, "sent_optins": 3, "direct_open": 2, "influenced_open": 0, "reengaged": 0,
            "errors": 1,
        },
        {
            "date": "2026-10-08", "sent": 3, "sent_optins": 2, "direct_open": 2, "influenced_open": 0, "reengaged": 0,
            "errors": 0,
        },
    ]  # fmt: skip


@pytest.mark.parametrize("limit", [10, 53, 100])
def test_batch_s_list(read: Read, served: Any, campaigns: Campaigns, batch_auth: dict[str, str], limit: int) -> None:
    rows = read(
        f"1.1/{served.access_key}/campaigns/list",
        batch_auth,
        {"type": "offset", "limit": limit, "offset_param": "from", "limit_param": "limit", "total_path": None},
        "$",
    )
    tokens = [row["campaign_token"] for row in rows]
    assert len(set(tokens)) == len(tokens)
    assert {campaigns["push"]["token"], campaigns["mail-000"]["token"]} <= set(tokens)
    assert set(tokens) <= {one["token"] for one in campaigns.values()}


# ---- Braze ------------------------------------------------------------------------------------------


@pytest.fixture
def braze_auth(served: Any) -> dict[str, str]:
    return {"type": "bearer", "token": served.api_key}


def test_braze_s_list(read: Read, campaigns: Campaigns, braze_auth: dict[str, str]) -> None:
    pages = {"type": "page_number", "base_page": 0, "page_param": "page", "total_path": None}
    rows = read("campaigns/list", braze_auth, pages, "campaigns", sort_direction="asc")
    assert len(rows) == len(campaigns) == 107
    assert {row["id"]: row["name"] for row in rows} == {one["uuid"]: one["title"] for one in campaigns.values()}


def test_braze(read: Read, posted: Events, campaigns: Campaigns, braze_auth: dict[str, str]) -> None:
    def series(name: str) -> list[dict[str, Any]]:
        uuid = campaigns[name]["uuid"]
        ending = "2026-10-09T00:00:00Z"
        return read(
            "campaigns/data_series", braze_auth, "single_page", "data", campaign_id=uuid, length=5, ending_at=ending
        )

    days = [(dt.date(2026, 10, 4) + dt.timedelta(days=at)).isoformat() for at in range(5)]
    name = "mail-011"
    found = series(name)
    assert [row["time"] for row in found] == days
    wanted = {
        "sent": count(posted, "sent", campaign=name),
        "delivered": count(posted, "delivered", campaign=name),
        "opens": count(posted, "opened", campaign=name),
        "unique_opens": people(posted, "opened", campaign=name),
        "clicks": count(posted, "clicked", campaign=name),
        "unique_clicks": people(posted, "clicked", campaign=name),
    }
    assert wanted == {"sent": 4, "delivered": 4, "opens": 4, "unique_opens": 2, "clicks": 2, "unique_clicks": 1}
    for row in found:
        (entry,) = row["messages"]["email"]
        on_the_day = row["time"] == "2026-10-05"
        assert {key: entry[key] for key in wanted} == (wanted if on_the_day else dict.fromkeys(wanted, 0))
        assert row["unique_recipients"] == (4 if on_the_day else 0)

    pushed: dict[str, dict[str, int]] = defaultdict(dict)
    for row in series("push"):
        (entry,) = row["messages"]["ios_push"]
        pushed[row["time"]] = {key: entry[key] for key in ("sent", "direct_opens", "total_opens", "bounces")}
    nothing = {"sent": 0, "direct_opens": 0, "total_opens": 0, "bounces": 0}
    assert pushed == {
        **dict.fromkeys(days, nothing),
        "2026-10-06": {"sent": 6, "direct_opens": 2, "total_opens": 2, "bounces": 1},
        "2026-10-08": {"sent": 3, "direct_opens": 2, "total_opens": 2, "bounces": 0},
    }
