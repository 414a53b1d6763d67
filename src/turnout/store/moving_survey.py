"""What a move would do, without doing it: both stores come in, as they are; a `Survey` leaves."""

from __future__ import annotations

from pathlib import Path

import msgspec

from turnout.store.engine import Engine, rows
from turnout.store.fleet import Single
from turnout.store.moving_checks import Checks
from turnout.store.moving_progress import Progress, unfinished
from turnout.store.moving_slices import sizes, slices

_IS_THERE = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name IN ('events', 'catalog')"


class Survey(msgspec.Struct, frozen=True):
    """What the source holds, in so many `slices`, and how many events the target has of it. `is_begun`: a move into the
    target has not ended, and `verified` slices of it were."""

    events: int
    campaigns: int
    slices: int
    records: int
    letters: int
    target_events: int = 0
    is_begun: bool = False
    verified: int = 0


def survey(source: Engine, target: Engine | None, slice_events: int) -> Survey:
    """Look at both. Conflict where the move would be refused before it begins; None is a target that is not there."""
    checks = Checks(source, target or source, Single(), Path("/nonexistent"))
    checks.source_is_ready()
    found = sizes(source)
    pieces = slices(source, found, slice_events)
    events, begun, progress = 0, False, None
    if target is not None and int(rows(target, _IS_THERE)[0][0]) == 2:
        checks.nobody_there()
        checks.target_is_fit(None, overwrite=True)
        checks.nothing_foreign(found)
        events = sum(one.events for one in sizes(target))
        if begun := unfinished(target):
            progress = Progress(target)
            progress.read()
    count = verified = 0
    for piece in pieces:
        count += 1
        verified += progress is not None and progress.is_done(piece)
    return Survey(
        events=sum(one.events for one in found),
        campaigns=len(found),
        slices=count,
        records=int(rows(source, "SELECT count() FROM catalog FINAL")[0][0]),
        letters=int(rows(source, "SELECT count() FROM deadletters FINAL")[0][0]),
        target_events=events,
        is_begun=begun,
        verified=verified,
    )
