"""The campaigns of every workspace: by their ids, by the identifiers that vendors give them, and as events show them.

Part of the catalog. Kept whole in memory, written through to the store; changes are durable before they are visible.
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime

from turnout.errors import Conflict, InvalidInput, NotFound
from turnout.model import Campaign, CampaignFields
from turnout.store.records import Records
from turnout.store.sightings import Sighting, by_campaign, extended

#: Sightings that are known to be in the catalog; past it they are looked at once more.
_REMEMBERED_LIMIT = 1_000_000

#: A campaign's id that is written like an identifier is that identifier too.
_IDENTIFIERS = {
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "token": re.compile(r"[0-9a-f]{32}"),
    "key": re.compile(r"[0-9a-f]{12}"),
    "number": re.compile(r"[1-9][0-9]{0,8}"),
}


class Campaigns:
    """The registry. Reads are plain dictionary look-ups; changes are serialised and written first."""

    def __init__(self, records: Records, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now
        self._highest_number: dict[str, int] = {}
        self._campaigns: dict[str, dict[str, Campaign]] = {}
        self._names: dict[tuple[str, str, str | int], str] = {}
        self._sighted: set[tuple[str, Sighting]] = set()

    def all(self, workspace: str) -> list[Campaign]:
        """All campaigns of a workspace, in the order of their creation."""
        mine = self._campaigns.get(workspace, {})
        return sorted(mine.values(), key=lambda campaign: (campaign.created_at, campaign.number))

    def get(self, workspace: str, name: str) -> Campaign:
        """The campaign with this id; NotFound otherwise."""
        found = self._campaigns.get(workspace, {}).get(name)
        if found is None:
            raise NotFound(f"no campaign '{name}'", field="campaign")
        return found

    def has(self, workspace: str, name: str) -> bool:
        """Whether there is a campaign with this id."""
        return name in self._campaigns.get(workspace, {})

    def has_any(self, workspace: str) -> bool:
        """Whether there are any."""
        return bool(self._campaigns.get(workspace))

    def find(self, workspace: str, kind: str, value: str | int) -> Campaign | None:
        """The campaign whose identifier `kind` (uuid, token, key, number) is `value`."""
        name = self._names.get((workspace, kind, value))
        return self._campaigns.get(workspace, {}).get(name) if name is not None else None

    def put(self, workspace: str, name: str, fields: CampaignFields) -> Campaign:
        """Set a campaign as given.

        Identifiers that are left out stay, or are generated; channels, messages and variations that are
        left out stay too, since events may have added them.
        """
        with self._records.changing():
            before = self._campaigns.get(workspace, {}).get(name)
            campaign = self._complete(workspace, name, fields, before)
            for kind in ("uuid", "token", "key", "number"):
                holder = self._names.get((workspace, kind, getattr(campaign, kind)))
                if holder is not None and holder != name:
                    raise Conflict(f"campaign '{holder}' has that {kind} already", field=kind)
            self._keep(campaign, before)
            return campaign

    def delete(self, workspace: str, name: str) -> None:
        """Forget a campaign's entry. Its events stay, and a new one brings the entry back."""
        with self._records.changing():
            campaign = self.get(workspace, name)
            self._records.write("campaign", [(workspace, name, campaign)], deleted=True)
            self._forget(campaign)

    def observe(self, workspace: str, sightings: Iterable[Sighting]) -> None:
        """Create the campaigns that events name first, and add the channels, messages and arms they show."""
        new = {s for s in sightings if (workspace, s) not in self._sighted}
        if not new:
            return
        with self._records.lock:
            # What the campaigns have already costs nobody a turn.
            if not self._unlisted(workspace, new):
                self._remember(workspace, new)
                return
        with self._records.changing():
            changed: list[tuple[Campaign, Campaign | None]] = []
            for name, fields, before in self._unlisted(workspace, new):
                # Later ones must see the numbers that earlier ones of this same call were given.
                campaign = self._complete(workspace, name, fields, before)
                changed.append((campaign, before))
                self._place(campaign, before)
            try:
                self._records.write("campaign", [(one.workspace, one.id, one) for one, _ in changed])
            except BaseException:
                # What was not written must be new again when it is tried the next time.
                for campaign, before in reversed(changed):
                    self._take_back(campaign, before)
                raise
            self._remember(workspace, new)

    def hold(self, campaign: Campaign) -> bool:
        """Know a campaign that the store has; whether it is not what was known."""
        before = self._campaigns.get(campaign.workspace, {}).get(campaign.id)
        self._place(campaign, before)
        return before != campaign

    def drop(self, workspace: str, name: str) -> bool:
        """Know a campaign no longer that another process has deleted; whether it was known."""
        campaign = self._campaigns.get(workspace, {}).get(name)
        if campaign is not None:
            self._forget(campaign)
        return campaign is not None

    def _unlisted(self, workspace: str, seen: Iterable[Sighting]) -> list[tuple[str, CampaignFields, Campaign | None]]:
        """The campaigns that lack something of what was seen of them, as they should be and as they are."""
        there = self._campaigns.get(workspace, {})
        found = []
        for name, mine in by_campaign(seen).items():
            before = there.get(name)
            fields = extended(before or CampaignFields(id=name), mine)
            if before is None or fields != before:
                found.append((name, fields, before))
        return found

    def _remember(self, workspace: str, seen: Iterable[Sighting]) -> None:
        if len(self._sighted) > _REMEMBERED_LIMIT:
            self._sighted.clear()
        self._sighted.update((workspace, sighting) for sighting in seen)

    def _complete(self, workspace: str, name: str, fields: CampaignFields, before: Campaign | None) -> Campaign:
        given = {field: getattr(fields, field) for field in CampaignFields.__struct_fields__}
        for kind in ("uuid", "token", "key", "number"):
            given[kind] = given[kind] or (getattr(before, kind) if before else self._generate(workspace, kind, name))
        if before is not None:
            for part in ("channels", "messages", "variations"):
                given[part] = given[part] or getattr(before, part)
        for moment in ("scheduled_at", "started_at", "ended_at"):
            if given[moment] is not None and given[moment].tzinfo is None:
                raise InvalidInput("a time needs its offset, e.g. 2026-03-17T10:00:00Z", field=moment)
        now = self._now()
        return Campaign(
            **{**given, "id": name, "title": given["title"] if given["title"].strip() else name},
            workspace=workspace,
            created_at=before.created_at if before else now,
            updated_at=now,
        )

    def _generate(self, workspace: str, kind: str, name: str) -> str | int:
        # Whoever writes events under a vendor's identifier means that one.
        if _IDENTIFIERS[kind].fullmatch(name):
            meant = int(name) if kind == "number" else name
            if (workspace, kind, meant) not in self._names:
                return meant
        if kind == "uuid":
            return str(uuid.uuid4())
        if kind == "token":
            return secrets.token_hex(16)
        if kind == "key":
            return secrets.token_hex(6)
        return self._highest_number.get(workspace, 0) + 1

    def _keep(self, campaign: Campaign, before: Campaign | None) -> None:
        self._records.write("campaign", [(campaign.workspace, campaign.id, campaign)])
        self._place(campaign, before)

    def _place(self, campaign: Campaign, before: Campaign | None) -> None:
        if before is not None:
            self._unname(before)
        self._campaigns.setdefault(campaign.workspace, {})[campaign.id] = campaign
        for kind in ("uuid", "token", "key", "number"):
            self._names[campaign.workspace, kind, getattr(campaign, kind)] = campaign.id
        highest = self._highest_number.get(campaign.workspace, 0)
        self._highest_number[campaign.workspace] = max(highest, campaign.number)

    def _take_back(self, campaign: Campaign, before: Campaign | None) -> None:
        if before is not None:
            self._place(before, campaign)
        else:
            self._unname(campaign)
            del self._campaigns[campaign.workspace][campaign.id]

    def _forget(self, campaign: Campaign) -> None:
        del self._campaigns[campaign.workspace][campaign.id]
        self._unname(campaign)
        gone = (campaign.workspace, campaign.id)
        self._sighted = {(ws, s) for ws, s in self._sighted if (ws, s.campaign) != gone}

    def _unname(self, campaign: Campaign) -> None:
        for kind in ("uuid", "token", "key", "number"):
            named = campaign.workspace, kind, getattr(campaign, kind)
            # Another one may have got it meanwhile.
            if self._names.get(named) == campaign.id:
                del self._names[named]
