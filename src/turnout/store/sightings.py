"""What events say of campaigns: sightings go in, and a campaign with what it lacked of them comes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from turnout.model import CampaignFields, Message, Variation

#: Messages and variations that events may add to a campaign by themselves.
_DISCOVERED_LIMIT = 1000


class Sighting(msgspec.Struct, frozen=True):
    """What events say of a campaign: where, by what and in which arm it was seen."""

    campaign: str
    channel: str = ""
    message: str = ""
    variation: str = ""
    control: bool = False


def by_campaign(seen: Iterable[Sighting]) -> dict[str, list[Sighting]]:
    """The sightings of each campaign, all of them in an order that is always the same."""
    found: dict[str, list[Sighting]] = {}
    for sighting in sorted(seen, key=msgspec.structs.astuple):
        found.setdefault(sighting.campaign, []).append(sighting)
    return found


def extended(fields: CampaignFields, seen: Sequence[Sighting]) -> CampaignFields:
    """The campaign with the channels, messages and variations of the sightings that it lacks."""
    channels = list(fields.channels)
    messages = {message.id: message for message in fields.messages}
    variations = {variation.id: variation for variation in fields.variations}
    for sighting in seen:
        if sighting.channel and sighting.channel not in channels and len(channels) < 50:
            channels.append(sighting.channel)
        if sighting.message and sighting.message not in messages and len(messages) < _DISCOVERED_LIMIT:
            messages[sighting.message] = Message(id=sighting.message, channel=sighting.channel)
        if sighting.variation and sighting.variation not in variations and len(variations) < _DISCOVERED_LIMIT:
            variations[sighting.variation] = Variation(id=sighting.variation, control=sighting.control)
    return msgspec.structs.replace(
        fields,
        channels=tuple(channels),
        messages=tuple(messages.values()),
        variations=tuple(variations.values()),
    )
