"""GET /v1/stats and the dictionary behind it: how questions are written and answers look.

That the numbers are right is held in tests/stats.
"""

from __future__ import annotations

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from turnout.stats.metrics import DIMENSIONS, METRICS

AWKWARD = ["=1+1", "a,b", "back\\", "x\\,y", "q\"'", "line\nbreak\t", "émoji 🎉", "+49", "-", "@x"]


@pytest.fixture
def asked(make_tenant):
    """A workspace in Kathmandu with a few opens of campaigns with awkward names."""
    tenant = make_tenant(timezone="Asia/Kathmandu")
    tenant.send(
        *(
            {"type": kind, "campaign": name, "recipient": "ann", "time": f"2026-10-05T1{number}:15:00Z"}
            for number, name in enumerate(AWKWARD)
            for kind in ("delivered", "opened")[: 1 + number % 2]
        ),
        {"type": "purchased", "campaign": "a,b", "time": "2026-10-05T11:00:00Z", "amount": 5, "currency": "EUR"},
        {"type": "purchased", "campaign": "a,b", "time": "2026-10-05T11:00:00Z", "amount": "0.10"},
        {"type": "watched", "campaign": "a,b", "time": "2026-10-05T11:00:00Z", "recipient": "x", "duration_s": 1.5},
    )
    return tenant


def test_an_answer_says_what_it_is_of(asked):
    body = asked.stats(
        "opened",
        dimensions="hour",
        from_="2026-10-05",
        to="2026-10-06T12:00:00.5Z",
        limit="2",
        offset="1",
        sort="-hour",
    )
    assert body["rows"] == [
        {"hour": "2026-10-05T23:00:00+05:45", "opened": 1},
        {"hour": "2026-10-05T21:00:00+05:45", "opened": 1},
    ]
    assert body["totals"] == {"opened": 5}
    assert body["meta"] == {
        "from": "2026-10-05T00:00:00+05:45",
        "to": "2026-10-06T17:45:00.500+05:45",
        "timezone": "Asia/Kathmandu",
        "traffic": ["human", "proxy"],
        "by": "event",
        "excluded": {"prefetch": 0, "preview": 0, "scanner": 0, "bot": 0},
        "metrics": ["opened"],
        "dimensions": ["hour"],
        "rows": 5,
        "limit": 2,
        "offset": 1,
    }


def test_days_are_the_workspaces_unless_the_question_brings_its_own(asked):
    days = [
        [row["day"] for row in asked.stats("delivered", dimensions="day", **zone)["rows"]]
        for zone in ({}, {"timezone": "UTC"})
    ]
    assert days == [["2026-10-05", "2026-10-06"], ["2026-10-05"]]


@pytest.mark.parametrize("name", AWKWARD)
def test_every_name_can_be_a_filter(asked, name):
    written = name.replace(",", "\\,")
    rows = asked.stats("delivered", dimensions="campaign", campaign=written)["rows"]
    assert rows == [{"campaign": name, "delivered": 1}]


def test_a_filter_takes_several_values(asked):
    together = asked.stats("delivered", dimensions="campaign", campaign="a\\,b,=1+1,nothing")["rows"]
    assert [row["campaign"] for row in together] == ["=1+1", "a,b"]
    answer = asked.client.get("/v1/stats?metrics=delivered&campaign=back\\&campaign=-&dimensions=campaign")
    assert [row["campaign"] for row in answer.json()["rows"]] == ["-", "back\\"]


def test_the_plus_of_an_offset_may_arrive_as_a_space(asked):
    answer = asked.client.get("/v1/stats?metrics=delivered&from=2026-10-05T16:00:00+05:45")
    assert answer.json()["meta"]["from"] == "2026-10-05T16:00:00+05:45"


QUESTION = {
    "metrics": "delivered,open_rate,revenue,viewing_time_s,average_viewing_time_s",
    "dimensions": "campaign",
    "sort": "-delivered,campaign",
}
COLUMNS = [
    *("campaign", "delivered", "open_rate", "open_rate_numerator", "open_rate_denominator", "revenue"),
    *("viewing_time_s", "average_viewing_time_s", "average_viewing_time_s_numerator"),
    "average_viewing_time_s_denominator",
]


def test_json_has_every_number_under_its_name(asked):
    rows = asked.client.get("/v1/stats", params=QUESTION).json()["rows"]
    assert all(list(row) == COLUMNS for row in rows)
    by_name = {row["campaign"]: row for row in rows}
    assert sorted(by_name) == sorted(AWKWARD) == [row["campaign"] for row in rows]
    assert by_name["a,b"] == {
        "campaign": "a,b", "delivered": 1, "open_rate": 1.0, "open_rate_numerator": 1, "open_rate_denominator": 1,
        "revenue": {"EUR": "5", "USD": "0.1"}, "viewing_time_s": 1.5, "average_viewing_time_s": 1.5,
        "average_viewing_time_s_numerator": 1.5, "average_viewing_time_s_denominator": 1,
    }  # fmt: skip
    assert by_name["-"]["average_viewing_time_s"] is None


def test_ndjson_has_the_rows_of_json(asked):
    answer = asked.client.get("/v1/stats", params={**QUESTION, "format": "ndjson"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    rows = [json.loads(line) for line in answer.text.split("\n")[:-1]]
    assert rows == asked.client.get("/v1/stats", params=QUESTION).json()["rows"]


def test_csv_is_safe_to_open_in_a_spreadsheet(asked):
    answer = asked.client.get("/v1/stats", params=QUESTION, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, *rows = csv.reader(io.StringIO(answer.text, newline=""))
    assert header == COLUMNS
    by_name = {row[0]: row[1:] for row in rows}
    assert set(by_name) == {f"'{name}" if name[0] in "=+-@" else name for name in AWKWARD}
    assert by_name["a,b"] == ["1", "1.0", "1", "1", "EUR 5; USD 0.1", "1.5", "1.5", "1.5", "1"]
    assert by_name["'=1+1"] == ["1", "0.0", "0", "1", "", "0", "", "0", "0"]


def test_parquet_has_types(asked):
    answer = asked.client.get("/v1/stats", params={**QUESTION, "format": "parquet"})
    table = pq.read_table(pa.BufferReader(answer.content))
    assert table.column_names == COLUMNS
    assert table.schema.field("delivered").type == pa.int64()
    assert table.schema.field("open_rate").type == pa.float64()
    assert table.schema.field("viewing_time_s").type == pa.float64()
    assert table.schema.field("revenue").type == pa.map_(pa.string(), pa.decimal128(38, 6))
    rows = {row["campaign"]: row for row in table.to_pylist()}
    assert {code: str(amount) for code, amount in rows["a,b"]["revenue"]} == {"EUR": "5.000000", "USD": "0.100000"}
    assert rows["-"]["average_viewing_time_s"] is None


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_an_answer_without_rows_is_a_whole_file(asked, form):
    answer = asked.client.get("/v1/stats", params={**QUESTION, "campaign": "none", "format": form})
    assert answer.status_code == 200
    if form == "parquet":
        assert pq.read_table(pa.BufferReader(answer.content)).num_rows == 0
    else:
        assert answer.text == (",".join(COLUMNS) + "\r\n" if form == "csv" else "")


@pytest.mark.parametrize(("end", "moment"), [("from_", "1970-01-02"), ("to", "2099-12-30"), ("to", "2060-07-01T12:00")])
def test_a_bound_may_be_far_away(asked, end, moment):
    for zone in ("Pacific/Kiritimati", "America/New_York"):
        for dimensions in ("day", "campaign", "minute"):
            body = asked.stats(
                "delivered,peak_concurrent_viewers", dimensions=dimensions, timezone=zone, **{end: moment}
            )
            assert body["totals"] == {"delivered": 10, "peak_concurrent_viewers": 1}


def test_the_dictionary_has_every_metric_and_dimension(tenant):
    body = tenant.client.get("/v1/metrics").json()
    assert [metric["name"] for metric in body["metrics"]] == list(METRICS)
    assert [dimension["name"] for dimension in body["dimensions"]] == list(DIMENSIONS)
    by_name = {metric["name"]: metric for metric in body["metrics"]}
    assert by_name["open_rate"]["numerator"] == "unique_opened"
    assert by_name["open_rate"]["denominator"] == "unique_delivered"
    assert by_name["unique_opened"]["unique_by"] == "recipient"
    assert "all classes" in by_name["unsubscribed"]["traffic"]
    for part in (list(METRICS)[:60], list(METRICS)[60:]):
        assert tenant.stats(",".join(part))["totals"].keys() >= set(part)


def test_recipients_of_no_campaign(tenant):
    answer = tenant.client.get("/v1/campaigns/none/recipients")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_by_send_places_events_at_their_message(tenant):
    tenant.client.put("/v1/campaigns/c", json={"goals": [{"event": "purchased", "window_s": 172_800}]})
    tenant.send(
        {"type": "sent", "time": "2026-10-05T12:00:00Z", "campaign": "c", "recipient": "a", "variation": "x"},
        {"type": "opened", "time": "2026-10-06T12:00:00Z", "campaign": "c", "recipient": "a", "variation": "x"},
        {"type": "opened", "time": "2026-10-06T12:00:00Z", "campaign": "c", "recipient": "never sent"},
        {"type": "purchased", "time": "2026-10-07T12:00:00Z", "recipient": "a", "amount": "9.90", "currency": "EUR"},
    )
    metrics = "opened,unique_opened,conversions,revenue"
    own = tenant.stats(metrics, dimensions="day,variation")
    assert own["rows"] == [
        {"day": "2026-10-06", "variation": "", "opened": 1, "unique_opened": 1, "conversions": 0, "revenue": {}},
        {"day": "2026-10-06", "variation": "x", "opened": 1, "unique_opened": 1, "conversions": 0, "revenue": {}},
        {
            "day": "2026-10-07", "variation": "x", "opened": 0, "unique_opened": 0, "conversions": 1,
            "revenue": {"EUR": "9.9"},
        },
    ]  # fmt: skip
    sent = tenant.stats(metrics, dimensions="day,variation", by="send", to="2026-10-06")
    assert sent["meta"]["by"] == "send"
    assert sent["rows"] == [
        {
            "day": "2026-10-05", "variation": "x", "opened": 1, "unique_opened": 1, "conversions": 1,
            "revenue": {"EUR": "9.9"},
        },
    ]  # fmt: skip
    refused = tenant.client.get("/v1/stats", params={"metrics": "opened", "by": "moon"})
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "by")
