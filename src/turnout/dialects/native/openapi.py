"""OpenAPI 3.1, generated from the tables of routes and the types of the wire.

Described is what is our own: the rooms that speak as a vendor does are in COMPATIBILITY.md, and pages are for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from turnout import __version__
from turnout.dialects.contract import Room, Route
from turnout.dialects.native import wire
from turnout.stats.metrics import DIMENSIONS

_DESCRIPTION = "Campaign statistics: events in, exact numbers out."
_REF = "#/components/schemas/{name}"
_ERRORS = {
    "400": "The request can't be understood",
    "401": "No credentials, or wrong ones",
    "403": "The key lacks the scope",
    "404": "No such thing in this workspace",
    "405": "Not by that method",
    "408": "The body did not come in time",
    "409": "It clashes with what is there",
    "413": "Over a limit",
    "415": "A format that is not spoken",
    "429": "Too often; Retry-After says when",
    "503": "Not now; Retry-After says when",
}


#: The room of the pages.
_PAGES = "dashboard"


def described(rooms: Iterable[Room]) -> tuple[Route, ...]:
    """The routes of these rooms that are our own API."""
    return tuple(route for room in rooms if not room.title and room.name != _PAGES for route in room.routes)


def document(routes: tuple[Route, ...]) -> bytes:
    """The description of these routes as JSON."""
    types = [wire.ErrorAnswer]
    for route in routes:
        types += [kind for kind in (route.query, route.body, *route.answers.values()) if kind is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    refs = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = re.sub(r":path\}", "}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, refs, components)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Turnout", "version": __version__, "description": _DESCRIPTION},
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            },
        }
    )  # fmt: skip


def _operation(route: Route, refs: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "description": (route.handler.__doc__ or "").strip(),
        "operationId": f"{route.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', route.path.lower()).strip('_') or 'index'}",
        "parameters": [*_path_parameters(route.path), *_query_parameters(route, components)],
        "responses": _responses(route, refs),
    }
    if route.scopes:
        operation["security"] = [{"key": []}]
    if route.body is not None:
        schema = refs[repr(route.body)]
        operation["requestBody"] = {
            "content": {
                media: {"schema": schema if media == "application/json" else {"type": "string"}}
                for media in route.body_types
            }
        }
    return operation


def _path_parameters(path: str) -> Iterable[dict[str, Any]]:
    # As `Id` and `Name` of the model have it.
    longest = 512 if path.startswith("/v1/recipients/") else 256
    for name in re.findall(r"\{(\w+)", path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": longest},
        }


def _query_parameters(route: Route, components: dict[str, Any]) -> Iterable[dict[str, Any]]:
    if route.query is None:
        return
    own = components[route.query.__name__]["properties"]
    for name, schema in own.items():
        yield {"name": name, "in": "query", "required": False, "schema": schema}
    if route.path in ("/v1/stats", "/v1/events") or route.path.endswith("/recipients"):
        for dimension in DIMENSIONS.values():
            # `traffic` says which classes count, and is described as that.
            if dimension.name not in ("minute", "hour", *own):
                yield {
                    "name": dimension.name,
                    "in": "query",
                    "required": False,
                    "description": f"Only these, comma-separated. {dimension.definition}",
                    "schema": {"type": "string"},
                }


def _responses(route: Route, refs: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, kind in route.answers.items():
        found[str(status)] = {"description": route.summary}
        if kind is not None:
            found[str(status)]["content"] = {"application/json": {"schema": refs[repr(kind)]}}
    for code, text in _ERRORS.items():
        # What a route says itself comes first.
        told = {"application/json": {"schema": refs[repr(wire.ErrorAnswer)]}}
        found.setdefault(code, {"description": text, "content": told} if route.says_json else {"description": text})
    return found
