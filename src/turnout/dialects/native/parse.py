"""Queries of the own API to questions. Pure: names, ranges and filters are checked, nothing is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from turnout.dialects.native import wire
from turnout.errors import InvalidInput, UnknownName
from turnout.model import Workspace
from turnout.stats.asking import moment, names, traffic, zone_of
from turnout.stats.metrics import DIMENSIONS
from turnout.stats.question import Filter, Question, Sort

T = TypeVar("T", bound=msgspec.Struct)
Pairs = Iterable[tuple[str, str]]

_COMMA = re.compile(r"(?<!\\),")


def query(kind: type[T], pairs: Pairs, *, filters: bool = False) -> tuple[T, tuple[Filter, ...]]:
    """The query string as `kind`, and as filters what names a dimension (where `filters` are allowed).

    UnknownName for any other parameter; InvalidInput for a value of the wrong type.
    """
    fields = kind.__struct_encode_fields__
    values: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            raise InvalidInput("a NUL character can't be asked for", field=name.replace("\0", ""))
        if name in fields:
            known = values.get(name)
            values[name] = value if known is None else f"{known},{value}"
        elif filters and name in DIMENSIONS:
            found.setdefault(name, []).extend(split(value))
        else:
            known_names = (*fields, *(DIMENSIONS if filters else ()))
            raise UnknownName("parameter", name, known_names, field=name[:100])
    try:
        parsed = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        text = str(error)
        path = re.search(r"`\$\.(\w+)`", text)
        raise InvalidInput(text.split(" - at ")[0], field=path[1] if path else "") from None
    return parsed, tuple(Filter(name, tuple(values)) for name, values in found.items())


def split(text: str) -> list[str]:
    """A comma-separated list; a comma that belongs to a value is written `\\,`."""
    return [part.replace("\\,", ",") for part in _COMMA.split(text)]


def question(asked: wire.StatsQuery, filters: tuple[Filter, ...], workspace: Workspace) -> Question:
    """The question of a /v1/stats query."""
    timezone = zone_of(asked.timezone, workspace)
    return Question(
        workspace=workspace.id,
        metrics=names(asked.metrics),
        dimensions=names(asked.dimensions),
        filters=filters,
        from_ms=moment(asked.from_, timezone, "from"),
        to_ms=moment(asked.to, timezone, "to"),
        timezone=timezone,
        traffic=traffic(asked.traffic),
        sort=tuple(Sort(name.removeprefix("-"), name.startswith("-")) for name in names(asked.sort)),
        limit=asked.limit,
        offset=asked.offset,
        placed_by=asked.by,
    )
