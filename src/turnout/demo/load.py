"""What is still to be loaded of the sample, given what is there.

The campaigns of a workspace and a moment enter; the sample that belongs there, or none, leaves, and its
events as chunks to be sent. An interrupted load is taken up with the sample of its own day: that has the
same events, so those that are in already count once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from turnout.capture.files import CHUNK_EVENTS, Chunk
from turnout.demo.sample import Sample, sample
from turnout.errors import Conflict

#: How long ago an interrupted load may have been.
_LOOK_BACK_DAYS = 400

_encode = msgspec.json.Encoder().encode


def missing(known: Mapping[str, Mapping[str, Any]], now: dt.datetime) -> Sample | None:
    """The sample to load, or None if all of it is there. `known` are campaigns by id, as GET speaks them.

    Conflict if the workspace has campaigns, but not of a sample.
    """
    today = sample(now)
    if not known:
        return today
    mine = _of_the_day(known, now)
    if mine is None:
        raise Conflict(
            "there are campaigns of another kind in this directory",
            hint="give the demo a directory of its own: --data DIR",
        )
    return None if in_order(mine)[-1]["id"] in known else mine


def in_order(found: Sample) -> list[dict[str, Any]]:
    """The campaigns in the order of loading: one that no event mentions comes last, and says that all is there."""
    return sorted(found.campaigns, key=lambda campaign: bool(campaign.get("draft")))


def chunks(found: Sample) -> Iterator[Chunk]:
    """The events, ready to be sent."""
    chunk = Chunk("sample", "item")
    for place, event in enumerate(found.events(), start=1):
        chunk.lines.append(_encode(event))
        chunk.places.append(place)
        if len(chunk.lines) >= CHUNK_EVENTS:
            chunk.position = place
            yield chunk
            chunk = Chunk("sample", "item")
    if chunk.lines:
        chunk.position = chunk.places[-1]
        yield chunk


def _of_the_day(known: Mapping[str, Mapping[str, Any]], now: dt.datetime) -> Sample | None:
    """The sample that these campaigns are of, up to the end of its day at most."""
    for days in range(_LOOK_BACK_DAYS):
        moment = now - dt.timedelta(days=days)
        if days:
            moment = moment.astimezone(dt.UTC).replace(hour=23, minute=59, second=59, microsecond=0)
        found = sample(moment)
        first = found.campaigns[0]
        there = known.get(first["id"])
        if there is None:
            return None
        if there["started_at"] and _instant(there["started_at"]) == _instant(first["started_at"]):
            return found
    return None


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
