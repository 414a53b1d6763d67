"""What `POST /v1/reclassify` takes and answers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from turnout.model import Name


class Reclassify(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose events to classify anew, and of what time; everything if left out. A `dry_run` only counts."""

    campaigns: Annotated[tuple[Name, ...], Meta(max_length=10_000)] = ()
    from_: str = field(default="", name="from")
    to: str = ""
    dry_run: bool = False


class ClassChange(Struct, frozen=True):
    """So many events that were of class `from` are of class `to`."""

    from_: str = field(name="from")
    to: str
    events: int


class ReclassifyAnswer(Struct, frozen=True):
    """What a reclassification did, or, if it was a `dry_run`, would do.

    `events` were looked at: those of which anything of the request is known, and whose class their sender has not said.
    Of these `changed` differ in class, reasons or version of the rules; `classes` counts those of another class, and
    `reasons` all that have a reason, several to an event.
    """

    rule_version: int
    dry_run: bool
    events: int
    changed: int
    classes: list[ClassChange]
    reasons: dict[str, int]
