"""The description is generated, complete, and what the server does (schemathesis holds it to that)."""

from __future__ import annotations

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from turnout.dashboard.routes import ROOM as DASHBOARD
from turnout.dialects.native.openapi import described
from turnout.dialects.registry import ROOMS
from turnout.stats.metrics import DIMENSIONS

ROUTES = described((*ROOMS, DASHBOARD))


@pytest.fixture(scope="session")
def document(url):
    return httpx.get(f"{url}/openapi.json").json()


def test_every_route_is_described(document):
    assert document["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.path.replace(":path}", "}")) for route in ROUTES}


def test_what_speaks_as_a_vendor_does_and_pages_for_people_are_not_described(document):
    named = {room.name: {route.path for route in room.routes} for room in (*ROOMS, DASHBOARD)}
    assert {"/r/{code}", "/v1/live/{campaign}", "/hooks/{provider}/{token}", "/v1/stats"} <= set(document["paths"])
    assert "/dashboard/show" in named["dashboard"]
    others = set.union(*(paths for name, paths in named.items() if name not in ("native", "tracking")))
    assert not others & set(document["paths"])


def test_what_is_not_told_as_json_is_not_described_as_that(document):
    def told(path: str, method: str, status: str) -> set[str]:
        return set(document["paths"][path][method]["responses"][status].get("content", {}))

    assert told("/v1/live/{campaign}", "post", "404") == {"application/json"}
    assert told("/r/{code}", "get", "404") == set()
    assert told("/hooks/{provider}/{token}", "post", "200") == {"application/json"}


def test_the_filters_of_a_question_are_described(document):
    names = {parameter["name"] for parameter in document["paths"]["/v1/stats"]["get"]["parameters"]}
    assert names >= {*DIMENSIONS} - {"minute", "hour"}
    assert names >= {"metrics", "from", "to", "timezone", "traffic", "sort", "limit", "offset", "format"}


def test_a_parameter_is_described_once(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found = [(parameter["in"], parameter["name"]) for parameter in operation["parameters"]]
            assert len(found) == len(set(found)), f"{method} {path}"


def test_an_id_is_described_as_long_as_it_may_be(document):
    def longest(path: str, method: str) -> int:
        (found,) = (one for one in document["paths"][path][method]["parameters"] if one["in"] == "path")
        return found["schema"]["maxLength"]

    assert longest("/v1/campaigns/{id}", "get") == 256
    assert longest("/v1/recipients/{id}", "delete") == 512


def test_protected_routes_say_so(document):
    for route in ROUTES:
        operation = document["paths"][route.path.replace(":path}", "}")][route.method.lower()]
        assert ("security" in operation) == bool(route.scopes)


@pytest.fixture(scope="session")
def schema(url):
    return schemathesis.openapi.from_url(f"{url}/openapi.json")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_the_server_does_what_the_description_says(schema, tenant, route):
    operation = schema[route.path.replace(":path}", "}")][route.method]

    @given(case=operation.as_strategy())
    @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def holds(case):
        case.call_and_validate(
            headers={"Authorization": f"Bearer {tenant.key}"},
            checks=[
                not_a_server_error,
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
            ],
        )

    holds()
