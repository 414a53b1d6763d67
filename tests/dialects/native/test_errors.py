"""One shape for every error of the own API, whoever produces it; and no traceback anywhere."""

from __future__ import annotations

import pytest

from turnout import errors
from turnout.dialects.contract import STATUS
from turnout.dialects.native.routes import ROUTES

STATS = "/v1/stats"


def every_error(base=errors.TurnoutError):
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
        yield from every_error(kind)


def test_every_error_has_a_status_and_a_code_of_its_own():
    kinds = list(every_error())
    assert {kind for kind in kinds if kind not in STATUS} == set()
    assert len({kind.code for kind in kinds}) == len(kinds)


def assert_shape(answer, status, field=None):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "field", "hint"}
    assert all(isinstance(value, str) for value in body["error"].values())
    assert body["error"]["message"]
    assert "Traceback" not in answer.text
    assert "SELECT" not in answer.text
    if field is not None:
        assert body["error"]["field"] == field
    return body["error"]


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({}, "metrics", "no metric"),
        ({"metrics": "unique_openend"}, "metrics", "unique_opened"),
        ({"metrics": "sent,sent"}, "metrics", "twice"),
        ({"metrics": "sent", "dimensions": "contry"}, "dimensions", "country"),
        ({"metrics": "sent", "dimensions": "day,hour"}, "dimensions", "one time"),
        ({"metrics": "sent", "timezone": "Europe/Berln"}, "timezone", "Europe/Berlin"),
        ({"metrics": "sent", "timezone": "../../etc/passwd"}, "timezone", "unknown"),
        ({"metrics": "sent", "from": "2026-10-06", "to": "2026-10-05"}, "to", "ends before"),
        ({"metrics": "sent", "from": "soon"}, "from", "not a date"),
        ({"metrics": "sent", "to": "9" * 400}, "to", "not a date"),
        ({"metrics": "sent", "from": "0001-01-01T00:00:00+23:59"}, "from", ""),
        ({"metrics": "sent", "traffic": "robots"}, "traffic", "unknown traffic"),
        ({"metrics": "sent", "sort": "opened"}, "sort", "can't sort"),
        ({"metrics": "revenue", "sort": "revenue"}, "sort", "money"),
        ({"metrics": "sent", "limit": "-1"}, "limit", ""),
        ({"metrics": "sent", "limit": "many"}, "limit", ""),
        ({"metrics": "sent", "limit": "100001"}, "limit", ""),
        ({"metrics": "sent", "offset": "1.5"}, "offset", ""),
        ({"metrics": "sent", "campain": "x"}, "campain", "campaign"),
        ({"metrics": "sent", "hour": "2026"}, "hour", "use from and to"),
        ({"metrics": "sent", "campaign": "a\0"}, "campaign", "NUL"),
        ({"metrics": "sent", "campaign": "," * 10_000}, "campaign", "10000"),
    ],
)
def test_a_bad_question_is_refused_with_its_field(tenant, query, field, words):
    status = 413 if words == "10000" else 400
    error = assert_shape(tenant.client.get(STATS, params=query), status, field)
    assert words in error["message"] + error["hint"]


def test_an_unknown_format(tenant):
    assert_shape(tenant.client.get(STATS, params={"metrics": "sent", "format": "xml"}), 415, "format")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/campaigns/c", b"{", "body"),
        ("/v1/campaigns/c", b"[]", "body"),
        ("/v1/campaigns/c", b'{"titel": "x"}', "body"),
        ("/v1/campaigns/c", b'{"title": 3}', "title"),
        ("/v1/campaigns/c", b'{"id": "other"}', "id"),
        ("/v1/campaigns/c", b'{"title": "\\u0000"}', "body"),
        ("/v1/campaigns/c", b'{"title": "\xff"}', "body"),
        ("/v1/campaigns/c", b'{"started_at": "2026-10-05T10:00:00"}', "started_at"),
        ("/v1/campaigns/c", b'{"goals": [{"event": "nothing"}]}', "goals[0].event"),
        ("/v1/campaigns/" + "x" * 257, b"{}", "id"),
    ],
)
def test_a_bad_campaign_is_refused(tenant, path, body, field):
    assert_shape(tenant.client.put(path, content=body), 400, field)
    assert tenant.client.get("/v1/campaigns").json()["total"] == 0


def test_a_campaign_body_over_its_limit(tenant):
    assert_shape(tenant.client.put("/v1/campaigns/c", content=b" " * (1 << 21)), 413)


def test_unknown_things_and_verbs(tenant):
    for path in ("/v1/campaigns/none", "/v1/campaigns/none/recipients", "/v1/nothing", "/nothing", "/v1/stats/"):
        assert_shape(tenant.client.get(path), 404)
    assert_shape(tenant.client.delete("/v1/campaigns/none"), 404)
    assert_shape(tenant.client.delete("/v1/keys/none"), 404)
    for route in ROUTES:
        if "{" not in route.path:
            answer = tenant.client.request("TRACE", route.path)
            assert answer.status_code in (404, 405)


def test_an_unforeseen_failure_says_nothing_of_the_inside(tenant, monkeypatch, caplog):
    from turnout.stats.run import Statistics

    def broken(self, question):
        raise RuntimeError("SELECT secret FROM inside")

    monkeypatch.setattr(Statistics, "ask", broken)
    error = assert_shape(tenant.client.get(STATS, params={"metrics": "clicked"}), 500)
    assert "secret" not in error["message"]
    assert "SELECT secret FROM inside" in caplog.text
