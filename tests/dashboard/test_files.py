"""Panels as files: what is in them, how they are called, who gets them."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest

from turnout.panels import sheets
from turnout.panels.contract import Column, Table
from turnout.stats.cells import text

PAGE = "/dashboard/panel"


def get(client, **query):
    query = {name.rstrip("_"): value for name, value in query.items()}
    return client.get(PAGE, params={"id": "spring-sale", "panel": "series", **query})


def test_csv_and_parquet_hold_what_the_api_says(sampled, visit):
    client = visit(sampled)
    view = {"from": "2026-11-06", "to": "2026-11-09", "timezone": "Asia/Kolkata", "grain": "day"}
    metrics = "sent,unique_opened,open_rate,revenue"
    asked = {"metrics": metrics, "dimensions": "day", "campaign": "spring-sale", **view}
    del asked["grain"]
    rows = sampled.client.get("/v1/stats", params=asked).json()["rows"]
    assert len(rows) == 3

    answer = get(client, metrics=metrics, format="csv", **view)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    found = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["day"], int(row["sent"]), int(row["unique_opened"])) for row in found] == [
        (row["day"], row["sent"], row["unique_opened"]) for row in rows
    ]
    assert [float(row["open_rate"]) if row["open_rate"] else None for row in found] == [
        row["open_rate"] for row in rows
    ]

    table = pq.read_table(io.BytesIO(get(client, metrics=metrics, format="parquet", **view).content))
    raw = table.to_pylist()
    assert [(row["day"], row["unique_opened"], row["open_rate"]) for row in raw] == [
        (row["day"], row["unique_opened"], row["open_rate"]) for row in rows
    ]
    assert [dict(row["revenue"]) for row in raw] == [
        {code: Decimal(amount) for code, amount in row["revenue"].items()} for row in rows
    ]


def test_charts_are_pictures(sampled, visit):
    client = visit(sampled)
    begins = {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF"}
    for form, first in begins.items():
        answer = get(client, format=form, panel="funnel")
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(first)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"].startswith("attachment;")


def test_names_say_campaign_panel_and_range_and_are_safe_everywhere(sampled, tenant, visit):
    client = visit(sampled)
    name = get(client, from_="2026-11-06", to="2026-11-09").headers["content-disposition"]
    assert 'filename="spring-sale-series-2026-11-06-2026-11-08.csv"' in name
    assert f"filename*=UTF-8''{quote('Frühling-für-alle-series-2026-11-06-2026-11-08.csv')}" in name
    assert 'filename="spring-sale-series-all.csv"' in get(client).headers["content-disposition"]
    hostile = '../..\\"x\r\nSet-Cookie: a=b; \u202e" c:nul?*<>|' + "y" * 200
    tenant.client.put("/v1/campaigns/%2e%2e%22", json={"title": hostile}).raise_for_status()
    (made,) = (one["id"] for one in tenant.client.get("/v1/campaigns").json()["campaigns"])
    answer = visit(tenant).get(PAGE, params={"id": made, "panel": "funnel"})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    said = answer.headers["content-disposition"]
    assert said.startswith("attachment; filename=\"campaign-funnel-all.csv\"; filename*=UTF-8''x-Set-Cookie-a-b-")
    assert not set(said.split("UTF-8''")[1]) & set('/\\"<>|?*:;\r\n ')
    assert len(said) < 250


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"format": "xls"}, 400),
        ({"panel": "nothing"}, 400),
        ({"timezone": "Mars/X"}, 400),
        ({"id": "nothing"}, 404),
        ({"id": "summer-preview", "panel": "funnel", "format": "png"}, 404),
    ],
)
def test_what_there_is_not_is_said_so(sampled, visit, query, status):
    assert get(visit(sampled), **query).status_code == status


def test_another_workspace_gets_nothing(sampled, tenant, visit):
    assert get(visit(tenant)).status_code == 404


def test_no_cell_is_a_formula():
    columns = (Column("name", "Name", "text"), Column("people", "People", "count"), Column("sum", "Sum", "money"))
    rows = (
        {"name": "=HYPERLINK(1)", "people": 3, "sum": {"EUR": Decimal("1.50"), "USD": Decimal("2")}},
        {"name": 'a,"b"\nc', "people": None, "sum": {}},
    )
    written = sheets.sheet(Table(columns, rows), "csv").decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(written))) == [
        ["name", "people", "sum"],
        ["'=HYPERLINK(1)", "3", "EUR 1.50; USD 2"],
        ['a,"b"\nc', "", ""],
    ]
    assert [text(value) for value in ("+1", "-1", "@a", "\tx", -1, 0.5, "1")] == [
        "'+1",
        "'-1",
        "'@a",
        "'\tx",
        -1,
        0.5,
        "1",
    ]


def test_a_column_of_words_and_numbers_is_one_of_words():
    columns = (Column("day", "Day", "time"), Column("people", "People", "count"), Column("mean", "Mean", "count"))
    rows = ({"day": "2026-10-05", "people": 3, "mean": 1.5}, {"day": "In all", "people": "many", "mean": 2})
    found = pq.read_table(io.BytesIO(sheets.sheet(Table(columns, rows), "parquet"))).to_pylist()
    assert found == [
        {"day": "2026-10-05", "people": "3", "mean": 1.5},
        {"day": "In all", "people": "many", "mean": 2.0},
    ]
