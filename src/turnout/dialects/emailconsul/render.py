"""Answers as EmailConsul's clients read them, key by key. Pure: numbers and links go in, JSON bytes come out."""

from __future__ import annotations

from typing import Any

import msgspec

from turnout.dialects.emailconsul.counts import Counts
from turnout.dialects.emailconsul.parse import Page
from turnout.dialects.emailconsul.wire import CustomLink, Group
from turnout.model import Link

encode = msgspec.json.Encoder().encode


def aggregated(found: Counts, group: Group | None, page: Page) -> bytes:
    """A row a group: the group's fields, then its count."""
    fields = group.fields if group else ()
    return encode({"data": _rows(found, fields), "meta": _meta(found.total, page)})


def timeseries(found: Counts, group: Group | None) -> bytes:
    """The same with the date first, and without `meta`."""
    return encode({"data": _rows(found, ("date", *(group.fields if group else ())))})


def links(found: list[Link], page: Page) -> bytes:
    """A page of custom links."""
    shown = found[page.offset : page.offset + page.limit]
    return encode({"data": [_link(one) for one in shown], "meta": _meta(len(found), page)})


def link(one: Link) -> bytes:
    """One custom link."""
    return encode({"data": _link(one)})


def error(message: str, details: str) -> bytes:
    """The one shape of every error: `details` are for a person, and left out where there are none."""
    return encode({"message": message, "details": details} if details else {"message": message})


def _rows(found: Counts, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    names = (*fields, "count")
    return [dict(zip(names, (*values, number), strict=True)) for values, number in found.rows]


def _meta(count: int, page: Page) -> dict[str, int]:
    return {"count": count, "offset": page.offset, "limit": page.limit}


def _link(one: Link) -> CustomLink:
    return CustomLink(one.id, one.workspace, one.profile or None, one.title, one.url, one.params or None)
