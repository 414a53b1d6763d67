"""Workspaces, campaigns, keys, links, hooks and schedules: kept whole in memory, written through to the store.

Every change is durable before it is visible. Another workspace's things do not exist: every look-up
takes the workspace it is for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

import msgspec

from turnout.errors import Conflict, InvalidInput, NotFound
from turnout.model import SCOPES, ApiKey, Campaign, CampaignFields, Hook, Link, Message, Variation, Workspace
from turnout.store.deliveries import Deliveries, Kept
from turnout.store.engine import Engine
from turnout.store.hooks import Hooks
from turnout.store.links import Links
from turnout.store.records import Records
from turnout.store.schedules import Schedule, Schedules

Clock = Callable[[], datetime]
T = TypeVar("T")

#: Messages and variations that events may add to a campaign by themselves.
_DISCOVERED_LIMIT = 1000

#: Sightings that are known to be in the catalog; past it they are looked at once more.
_REMEMBERED_LIMIT = 1_000_000


#: A campaign's id that is written like an identifier is that identifier too.
_IDENTIFIERS = {
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "token": re.compile(r"[0-9a-f]{32}"),
    "key": re.compile(r"[0-9a-f]{12}"),
    "number": re.compile(r"[1-9][0-9]{0,8}"),
}


class Sighting(msgspec.Struct, frozen=True):
    """What events say of a campaign: where, by what and in which arm it was seen."""

    campaign: str
    channel: str = ""
    message: str = ""
    variation: str = ""
    control: bool = False


class Catalog:
    """The registry. Reads are plain dictionary look-ups; changes are serialised and written first."""

    def __init__(self, engine: Engine, now: Clock) -> None:
        self._records = Records(engine)
        self._lock = self._records.lock
        self._now = now
        self.links = Links(self._records, now)
        self.hooks = Hooks(self._records, now)
        self.schedules = Schedules(self._records, now)
        self.deliveries = Deliveries(self._records)
        self._workspaces: dict[str, Workspace] = {}
        self._keys: dict[str, ApiKey] = {}
        self._digests: dict[str, str] = {}
        self._highest_number: dict[str, int] = {}
        self._campaigns: dict[str, dict[str, Campaign]] = {}
        self._names: dict[tuple[str, str, str | int], str] = {}
        self._sighted: set[tuple[str, Sighting]] = set()
        self._load()

    # ---- workspaces ---------------------------------------------------------------------------

    def workspaces(self) -> list[Workspace]:
        """All of them, by id."""
        return [self._workspaces[name] for name in sorted(self._workspaces)]

    def workspace(self, name: str) -> Workspace:
        """The workspace called `name`; NotFound otherwise."""
        found = self._workspaces.get(name)
        if found is None:
            raise NotFound(f"no workspace '{name}'")
        return found

    def workspace_by_access_key(self, access_key: str) -> Workspace | None:
        """The workspace whose public id this is."""
        wanted = access_key.encode()
        for workspace in self._workspaces.values():
            if hmac.compare_digest(workspace.access_key.encode(), wanted):
                return workspace
        return None

    def add_workspace(
        self,
        name: str,
        *,
        title: str = "",
        timezone: str = "UTC",
        access_key: str = "",
        signing_secret: str = "",
    ) -> Workspace:
        """Create a workspace; what isn't given is generated. Conflict if the id or access key is taken."""
        with self._lock:
            if name in self._workspaces:
                raise Conflict(f"there is a workspace '{name}' already")
            if access_key and self.workspace_by_access_key(access_key):
                raise Conflict("that access key belongs to another workspace", field="access_key")
            workspace = Workspace(
                id=name,
                name=title or name,
                timezone=timezone,
                access_key=access_key or secrets.token_hex(8),
                # Clients take it for base64, of the standard alphabet and padded, and sign with what that says.
                signing_secret=signing_secret or base64.b64encode(secrets.token_bytes(32)).decode(),
                created_at=self._now(),
            )
            self._records.write("workspace", [("", name, workspace)])
            self._workspaces[name] = workspace
            return workspace

    def change_workspace(self, name: str, /, **changes: str | int | tuple[str, ...]) -> Workspace:
        """Set some fields of a workspace."""
        with self._lock:
            access_key = str(changes.get("access_key", ""))
            taken = self.workspace_by_access_key(access_key) if access_key else None
            if taken is not None and taken.id != name:
                raise Conflict("that access key belongs to another workspace", field="access_key")
            workspace = msgspec.structs.replace(self.workspace(name), **changes)
            self._records.write("workspace", [("", name, workspace)])
            self._workspaces[name] = workspace
            return workspace

    # ---- keys ---------------------------------------------------------------------------------

    def keys(self, workspace: str) -> list[ApiKey]:
        """The keys of a workspace, oldest first, revoked ones included."""
        mine = [key for key in self._keys.values() if key.workspace == workspace]
        return sorted(mine, key=lambda key: (key.created_at, key.id))

    def add_key(
        self, workspace: str, *, name: str = "", scopes: Iterable[str] = SCOPES, secret: str = ""
    ) -> tuple[ApiKey, str]:
        """Create a key and return it with its secret, which is shown this once and kept nowhere."""
        secret = secret or f"tk_{secrets.token_urlsafe(24)}"
        with self._lock:
            self.workspace(workspace)
            digest = digest_of(secret)
            if self._by_digest(digest) is not None:
                raise Conflict("that key exists already")
            key = ApiKey(
                id=secrets.token_hex(6),
                workspace=workspace,
                name=name,
                digest=digest,
                scopes=tuple(scopes),
                created_at=self._now(),
            )
            self._records.write("key", [(workspace, key.id, key)])
            self._hold_key(key)
            return key, secret

    def revoke_key(self, workspace: str, key_id: str) -> ApiKey:
        """End a key; it stays in the list."""
        with self._lock:
            key = self._keys.get(key_id)
            if key is None or key.workspace != workspace:
                raise NotFound(f"no key '{key_id}'")
            key = msgspec.structs.replace(key, revoked_at=key.revoked_at or self._now())
            self._records.write("key", [(workspace, key.id, key)])
            self._hold_key(key)
            return key

    def key(self, key_id: str) -> ApiKey | None:
        """The key with this id, even if it is revoked."""
        return self._keys.get(key_id)

    def key_of(self, secret: str) -> ApiKey | None:
        """The living key with this secret."""
        key = self._by_digest(digest_of(secret))
        return key if key is not None and key.revoked_at is None else None

    def _by_digest(self, digest: str) -> ApiKey | None:
        # How long the look-up takes tells of a SHA-256 digest, which says nothing of the secret; what it
        # finds is compared in constant time.
        key = self._keys.get(self._digests.get(digest, ""))
        return key if key is not None and hmac.compare_digest(key.digest, digest) else None

    def _hold_key(self, key: ApiKey) -> None:
        self._keys[key.id] = key
        self._digests[key.digest] = key.id

    # ---- campaigns ----------------------------------------------------------------------------

    def campaigns(self, workspace: str) -> list[Campaign]:
        """All campaigns of a workspace, in the order of their creation."""
        mine = self._campaigns.get(workspace, {})
        return sorted(mine.values(), key=lambda campaign: (campaign.created_at, campaign.number))

    def campaign(self, workspace: str, name: str) -> Campaign:
        """The campaign with this id; NotFound otherwise."""
        found = self._campaigns.get(workspace, {}).get(name)
        if found is None:
            raise NotFound(f"no campaign '{name}'", field="campaign")
        return found

    def has_campaign(self, workspace: str, name: str) -> bool:
        """Whether there is a campaign with this id."""
        return name in self._campaigns.get(workspace, {})

    def has_campaigns(self, workspace: str) -> bool:
        """Whether there are any."""
        return bool(self._campaigns.get(workspace))

    def find(self, workspace: str, kind: str, value: str | int) -> Campaign | None:
        """The campaign whose identifier `kind` (uuid, token, key, number) is `value`."""
        name = self._names.get((workspace, kind, value))
        return self._campaigns[workspace].get(name) if name is not None else None

    def put_campaign(self, workspace: str, name: str, fields: CampaignFields) -> Campaign:
        """Set a campaign as given.

        Identifiers that are left out stay, or are generated; channels, messages and variations that are
        left out stay too, since events may have added them.
        """
        with self._lock:
            before = self._campaigns.get(workspace, {}).get(name)
            campaign = self._complete(workspace, name, fields, before)
            for kind in ("uuid", "token", "key", "number"):
                holder = self._names.get((workspace, kind, getattr(campaign, kind)))
                if holder is not None and holder != name:
                    raise Conflict(f"campaign '{holder}' has that {kind} already", field=kind)
            self._keep(campaign, before)
            return campaign

    def delete_campaign(self, workspace: str, name: str) -> None:
        """Forget a campaign's entry. Its events stay, and a new one brings the entry back."""
        with self._lock:
            campaign = self.campaign(workspace, name)
            self._records.write("campaign", [(workspace, name, campaign)], deleted=True)
            del self._campaigns[workspace][name]
            self._unname(campaign)
            self._sighted = {(ws, s) for ws, s in self._sighted if (ws, s.campaign) != (workspace, name)}

    def observe(self, workspace: str, sightings: Iterable[Sighting]) -> None:
        """Create the campaigns that events name first, and add the channels, messages and arms they show."""
        new = {s for s in sightings if (workspace, s) not in self._sighted}
        if not new:
            return
        with self._lock:
            by_campaign: dict[str, list[Sighting]] = {}
            for sighting in sorted(new, key=msgspec.structs.astuple):
                by_campaign.setdefault(sighting.campaign, []).append(sighting)
            changed: list[tuple[Campaign, Campaign | None]] = []
            for name, seen in by_campaign.items():
                before = self._campaigns.get(workspace, {}).get(name)
                fields = _extended(before or CampaignFields(id=name), seen)
                if before is None or fields != before:
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
            if len(self._sighted) > _REMEMBERED_LIMIT:
                self._sighted.clear()
            self._sighted.update((workspace, sighting) for sighting in new)

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

    def _unname(self, campaign: Campaign) -> None:
        for kind in ("uuid", "token", "key", "number"):
            self._names.pop((campaign.workspace, kind, getattr(campaign, kind)), None)

    def _load(self) -> None:
        for kind, body in self._records.load():
            if kind == "workspace":
                workspace = msgspec.json.decode(body, type=Workspace)
                self._workspaces[workspace.id] = workspace
            elif kind == "key":
                self._hold_key(msgspec.json.decode(body, type=ApiKey))
            elif kind == "campaign":
                self._place(msgspec.json.decode(body, type=Campaign), None)
            elif kind == "link":
                self.links.hold(msgspec.json.decode(body, type=Link))
            elif kind == "hook":
                self.hooks.hold(msgspec.json.decode(body, type=Hook))
            elif kind == "schedule":
                self.schedules.hold(msgspec.json.decode(body, type=Schedule))
            elif kind == "received":
                kept = msgspec.json.decode(body, type=Kept)
                self.deliveries.hold(kept.workspace, kept.received)


def digest_of(secret: str) -> str:
    """SHA-256 of a key's secret. Keys are long and random, so a slow hash would only slow requests."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _extended(fields: CampaignFields, seen: list[Sighting]) -> CampaignFields:
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
