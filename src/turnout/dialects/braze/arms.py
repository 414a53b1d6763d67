"""Which entries a campaign's `messages` hold: its channels, and in each the arms of its test or its messages.

A campaign and what its events were seen with go in; a `Layout` comes out. Pure. The layout is of the
campaign's whole life, so that every day of a series has the same entries.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from turnout.dialects.braze.wire import CHANNELS, channel_key
from turnout.model import Campaign

#: Identity of a control group that no variation names. No event can carry it: NUL is refused at the door.
UNNAMED_CONTROL = "\0control"

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class Seen:
    """What some events of the campaign say, and whether they enrol in the control group or are of a message."""

    channel: str
    message: str
    variation: str
    enrols: bool = False
    of_message: bool = True


@dataclass(frozen=True)
class Arm:
    """One entry: `id` as events write it (empty: they write none), and what Braze's clients see."""

    id: str
    api_id: str
    name: str
    control: bool = False


@dataclass(frozen=True)
class Layout:
    """The entries of a campaign. `by` is the dimension whose values are the arms.

    `bare_is_control`: no message was seen without a channel and an arm, so what has neither was led to by being
    put in the control group.
    """

    by: Literal["variation", "message"]
    multivariate: bool
    channels: dict[str, tuple[Arm, ...]]
    controls: tuple[str, ...] = ()
    bare_is_control: bool = False
    _message_keys: Mapping[str, str] = field(default_factory=dict)
    _only_key: str | None = None

    def key_of(self, channel: str, arm: str) -> str | None:
        """The channel of an event: what it says; else its message's; else the campaign's only one."""
        if channel:
            return channel_key(channel)
        return self._message_keys.get(arm, self._only_key) if self.by == "message" else self._only_key

    def places(self, channel: str, arm: str) -> list[tuple[str, str]]:
        """The entries, as (key, arm id), that an event belongs to.

        It is one; none for a channel that Braze's series don't have; and every channel's for a control
        group that is held back from several.
        """
        key = self.key_of(channel, arm)
        if key is not None:
            return [(key, arm)] if key in self.channels else []
        if not channel and arm in self.controls:
            return [(each, arm) for each in self.channels]
        return []

    def control_of(self, arm: str) -> str:
        """The control group that an enrolment is in: the one it names, else the first."""
        return arm if arm in self.controls or not self.controls else self.controls[0]

    def credited_to(self, channel: str, arm: str) -> str:
        """The arm that a conversion belongs to whose touch says this channel and arm."""
        return self.control_of(arm) if self.bare_is_control and not channel and not arm else arm


def is_uuid(text: str) -> bool:
    """Whether this is written as a UUID."""
    return _UUID.fullmatch(text) is not None


def api_id(campaign: Campaign, name: str) -> str:
    """The stable UUID of a variation or message: its own id if that is one, else made from the campaign's and it."""
    if is_uuid(name):
        return name
    space = uuid.UUID(campaign.uuid) if is_uuid(campaign.uuid) else uuid.uuid5(uuid.NAMESPACE_OID, campaign.uuid)
    return str(uuid.uuid5(space, name))


def layout(campaign: Campaign, seen: Iterable[Seen], *, of_steps: bool = False) -> Layout:
    """The entries of a campaign that was seen with these channels, messages and variations.

    `of_steps`: the arms are its messages, also where it is a test.
    """
    seen = list(seen)
    of_message = [one for one in seen if one.of_message]
    controls = () if of_steps else controls_of(campaign, seen)
    is_test = not of_steps and bool(campaign.variations or controls or any(one.variation for one in of_message))
    message_keys = {one.id: key for one in campaign.messages if (key := channel_key(one.channel))}
    declared = _keys([*campaign.channels, *(one.channel for one in campaign.messages)])
    named = declared | _keys(one.channel for one in seen)
    if not named:
        named = _keys([campaign.type])
    empty = Layout(
        "variation" if is_test else "message", False, {}, controls,
        bool(controls) and all(one.channel or one.variation for one in of_message),
        message_keys, next(iter(named)) if len(named) == 1 else None,
    )  # fmt: skip
    arms_seen: dict[str, list[str]] = {key: [] for key in CHANNELS if key in named}
    for one in of_message:
        arm = one.variation if is_test else one.message
        key = empty.key_of(one.channel, arm)
        if key in arms_seen and arm not in arms_seen[key]:
            arms_seen[key].append(arm)
    arms = _test_arms(campaign, controls, arms_seen) if is_test else _message_arms(campaign, message_keys, arms_seen)
    multivariate = is_test and (bool(controls) or any(len(found) > 1 for found in arms.values()))
    return replace(empty, multivariate=multivariate, channels=arms)


def controls_of(campaign: Campaign, seen: Iterable[Seen]) -> tuple[str, ...]:
    """The control groups: those that are declared, else one without a name where somebody was put in it."""
    declared = tuple(one.id for one in campaign.variations if one.control)
    return declared or ((UNNAMED_CONTROL,) if any(one.enrols for one in seen) else ())


def variation_names(campaign: Campaign, controls: Iterable[str]) -> dict[str, str]:
    """What the variations are called, in the order in which they are declared."""
    names = {one.id: one.name or one.id for one in campaign.variations}
    if UNNAMED_CONTROL in controls:
        names[UNNAMED_CONTROL] = "Control Group"
    return names


def _keys(words: Iterable[str]) -> set[str]:
    return {key for word in words if (key := channel_key(word))}


def _test_arms(
    campaign: Campaign, controls: tuple[str, ...], seen: Mapping[str, list[str]]
) -> dict[str, tuple[Arm, ...]]:
    """Variations, in the order they are declared. One that was only seen in other channels is not in this one."""
    names = variation_names(campaign, controls)
    anywhere = {arm for found in seen.values() for arm in found}
    arms = {}
    for key, here in seen.items():
        ids = [arm for arm in names if arm in here or arm in controls or arm not in anywhere]
        ids += sorted(arm for arm in here if arm not in names)
        ids.sort(key=lambda arm: arm in controls)
        arms[key] = tuple(Arm(arm, api_id(campaign, arm), names.get(arm, arm), arm in controls) for arm in ids)
    return arms


def _message_arms(
    campaign: Campaign, message_keys: Mapping[str, str], seen: Mapping[str, list[str]]
) -> dict[str, tuple[Arm, ...]]:
    """Messages of the channel, in the order they are declared; an unnamed one where there are none at all."""
    titles = {one.id: one.title or one.id for one in campaign.messages}
    anywhere = {arm for found in seen.values() for arm in found}
    arms = {}
    for key, here in seen.items():
        ids = [
            arm for arm in titles
            if arm in here or message_keys.get(arm) == key or (arm not in message_keys and arm not in anywhere)
        ]  # fmt: skip
        ids += sorted(arm for arm in here if arm not in titles)
        if not ids and not titles:
            ids = [""]
        arms[key] = tuple(Arm(arm, api_id(campaign, arm or key), titles.get(arm, arm)) for arm in ids)
    return arms
