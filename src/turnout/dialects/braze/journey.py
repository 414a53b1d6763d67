"""A campaign read as a canvas: a campaign and what its events were seen with go in, steps and variants come out. Pure.

The steps are its messages, in their order; the variants are its variations. A variant's path is the steps
that its events were seen with, or all of them before there are any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from turnout.dialects.braze.arms import Arm, Layout, Seen, api_id, controls_of, layout, variation_names
from turnout.model import Campaign

_CANVAS = "canvas"


@dataclass(frozen=True)
class Step:
    """One message: `id` as events write it (empty: they write none). `deleted`: events have it, the campaign not."""

    id: str
    api_id: str
    name: str
    channels: tuple[str, ...]
    deleted: bool = False


@dataclass(frozen=True)
class Journey:
    """The steps and variants, by which steps each variant goes, and which come right after a step in any of them.

    `layout` has the steps as arms. `bare_is_control` as there: no message was seen without an id and a variation.
    """

    layout: Layout
    steps: tuple[Step, ...]
    variants: tuple[Arm, ...]
    paths: dict[str, tuple[Step, ...]]
    following: dict[str, tuple[Step, ...]]
    bare_is_control: bool

    @property
    def controls(self) -> tuple[str, ...]:
        """The ids of the control groups."""
        return tuple(one.id for one in self.variants if one.control)

    def variant_of(self, variation: str, message: str) -> str:
        """The variant that a conversion belongs to whose touch says this variation and message."""
        bare = self.bare_is_control and not variation and not message
        return self.controls[0] if bare else variation


def is_canvas(campaign: Campaign) -> bool:
    """Whether it says so, or has several messages."""
    return is_only_canvas(campaign) or len(campaign.messages) > 1


def is_only_canvas(campaign: Campaign) -> bool:
    """Whether its type says that it is a canvas, so that it is in no list of campaigns."""
    return campaign.type.strip().lower() == _CANVAS


def journey(campaign: Campaign, seen: Iterable[Seen]) -> Journey:
    """Steps, variants and paths of a campaign that was seen with these messages and variations."""
    seen = list(seen)
    by_step = layout(campaign, seen, of_steps=True)
    steps = _steps(campaign, by_step)
    variants = _variants(campaign, seen)
    shown: dict[str, set[str]] = defaultdict(set)
    for one in seen:
        if one.of_message:
            shown[one.variation].add(one.message)
    paths = {one.id: () if one.control else _path(steps, shown.get(one.id)) for one in variants}
    bare = any(one.control for one in variants) and "" not in shown.get("", ())
    return Journey(by_step, steps, variants, paths, _following(paths.values()), bare)


def _path(steps: Iterable[Step], shown: set[str] | None) -> tuple[Step, ...]:
    """The steps that these messages are, or all of them before there are any."""
    return tuple(step for step in steps if not step.deleted and (shown is None or step.id in shown))


def _following(paths: Iterable[tuple[Step, ...]]) -> dict[str, tuple[Step, ...]]:
    found: dict[str, dict[Step, None]] = defaultdict(dict)
    for path in paths:
        for step, after in pairwise(path):
            found[step.id][after] = None
    return {name: tuple(after) for name, after in found.items()}


def _steps(campaign: Campaign, by_step: Layout) -> tuple[Step, ...]:
    """The messages that the campaign has, then those that only events still have."""
    channels: dict[str, list[str]] = {one.id: [] for one in campaign.messages}
    for key, arms in by_step.channels.items():
        for arm in arms:
            channels.setdefault(arm.id, []).append(key)
    names = {one.id: one.title or one.id for one in campaign.messages}
    return tuple(
        Step(
            id=name,
            api_id=api_id(campaign, name),
            name=names.get(name, name) or campaign.title,
            channels=tuple(keys),
            deleted=bool(names) and name not in names,
        )
        for name, keys in channels.items()
    )


def _variants(campaign: Campaign, seen: list[Seen]) -> tuple[Arm, ...]:
    """The variations as they are declared, those that only events have, the control groups last; one at least."""
    controls = controls_of(campaign, seen)
    names = variation_names(campaign, controls)
    shown = {one.variation for one in seen if one.of_message}
    ids = [*names, *sorted(shown - names.keys())]
    if all(one in controls for one in ids):
        ids.append("")
    if [one for one in ids if one not in controls] == [""]:
        names[""] = "Variant 1"
    ids.sort(key=lambda one: one in controls)
    return tuple(Arm(one, api_id(campaign, one or "variant"), names.get(one, one), one in controls) for one in ids)
