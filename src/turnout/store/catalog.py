"""Workspaces, campaigns, keys, links, hooks and schedules: kept whole in memory, written through to the store.

Every change is durable before it is visible. Another workspace's things do not exist: every look-up
takes the workspace it is for. What other processes change in a store that they share comes in by `Records.take`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

import msgspec

from turnout.errors import Conflict, NotFound
from turnout.model import SCOPES, ApiKey, Campaign, CampaignFields, Hook, Link, Workspace
from turnout.store.campaigns import Campaigns
from turnout.store.deliveries import Deliveries, Kept
from turnout.store.engine import Engine
from turnout.store.fleet import Fleet
from turnout.store.following import Following
from turnout.store.hooks import Hooks
from turnout.store.links import Links
from turnout.store.records import Change, Records
from turnout.store.schedules import Schedule, Schedules
from turnout.store.sightings import Sighting

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

#: How often it is asked what other processes have changed.
REFRESH_S = 1.0


class Catalog:
    """The registry. Reads are plain dictionary look-ups; changes are serialised and written first.

    What other processes of the `fleet` change is seen here after no more than `refresh_s` and one question to the
    store, once `start` was called; `on_change` is told whose things were changed.
    """

    def __init__(self, engine: Engine, now: Clock, fleet: Fleet | None = None, *, refresh_s: float = REFRESH_S) -> None:
        self._records = Records(engine, fleet)
        self._records.take = self._take
        self._following = Following(self._records.catch_up, interval_s=refresh_s)
        self._now = now
        self.on_change: Callable[[set[str]], None] = lambda workspaces: None
        #: Grows with everything that others have changed.
        self.taken = 0
        self._campaigns = Campaigns(self._records, now)
        self.links = Links(self._records, now)
        self.hooks = Hooks(self._records, now)
        self.schedules = Schedules(self._records, now)
        self.deliveries = Deliveries(self._records)
        self._workspaces: dict[str, Workspace] = {}
        self._keys: dict[str, ApiKey] = {}
        self._digests: dict[str, str] = {}
        self._load()

    # ---- with other processes -----------------------------------------------------------------

    def start(self) -> None:
        """Write what hooks received now and then, and follow what other processes change, where there may be any."""
        self.deliveries.start()
        if self._records.is_shared:
            self._following.start()

    def close(self) -> None:
        """Write what is noted, and follow nobody any more."""
        if self._records.is_shared:
            self._following.close()
        self.deliveries.close()

    def changing(self) -> AbstractContextManager[None]:
        """For several changes that belong together: nobody else changes anything meanwhile. Overloaded where another
        process is at it for long."""
        return self._records.changing()

    def refresh(self) -> None:
        """Know what other processes have changed until now. Blocks."""
        if self._records.is_shared:
            self._records.catch_up()

    async def looked(self) -> None:
        """The same for who has found nothing here: waits for a look at the store, within a bound."""
        if self._records.is_shared:
            await self._following.looked()

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
        for workspace in list(self._workspaces.values()):
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
        with self._records.changing():
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
        with self._records.changing():
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
        mine = [key for key in list(self._keys.values()) if key.workspace == workspace]
        return sorted(mine, key=lambda key: (key.created_at, key.id))

    def add_key(
        self, workspace: str, *, name: str = "", scopes: Iterable[str] = SCOPES, secret: str = ""
    ) -> tuple[ApiKey, str]:
        """Create a key and return it with its secret, which is shown this once and kept nowhere."""
        secret = secret or f"tk_{secrets.token_urlsafe(24)}"
        with self._records.changing():
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
        with self._records.changing():
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
        return self._campaigns.all(workspace)

    def campaign(self, workspace: str, name: str) -> Campaign:
        """The campaign with this id; NotFound otherwise."""
        return self._campaigns.get(workspace, name)

    def has_campaign(self, workspace: str, name: str) -> bool:
        """Whether there is a campaign with this id."""
        return self._campaigns.has(workspace, name)

    def has_campaigns(self, workspace: str) -> bool:
        """Whether there are any."""
        return self._campaigns.has_any(workspace)

    def find(self, workspace: str, kind: str, value: str | int) -> Campaign | None:
        """The campaign whose identifier `kind` (uuid, token, key, number) is `value`."""
        return self._campaigns.find(workspace, kind, value)

    def put_campaign(self, workspace: str, name: str, fields: CampaignFields) -> Campaign:
        """Set a campaign as given.

        Identifiers that are left out stay, or are generated; channels, messages and variations that are
        left out stay too, since events may have added them.
        """
        return self._campaigns.put(workspace, name, fields)

    def delete_campaign(self, workspace: str, name: str) -> None:
        """Forget a campaign's entry. Its events stay, and a new one brings the entry back."""
        self._campaigns.delete(workspace, name)

    def observe(self, workspace: str, sightings: Iterable[Sighting]) -> None:
        """Create the campaigns that events name first, and add the channels, messages and arms they show."""
        self._campaigns.observe(workspace, sightings)

    def _load(self) -> None:
        for kind, body in self._records.load():
            self._hold(kind, body)

    def _take(self, changes: Sequence[Change]) -> None:
        """What others have written, in the order in which they did."""
        workspaces = set()
        for one in changes:
            try:
                is_new = self._drop(one) if one.deleted else self._hold(one.kind, one.body)
            except msgspec.MsgspecError:
                # A later version's: whoever wrote it understands it, and this process goes on without.
                log.exception("a %s that another process has written can't be read", one.kind)
                continue
            if is_new and one.kind != "received":
                workspaces.add(one.workspace or one.id)
            self.taken += is_new
        if workspaces:
            self.on_change(workspaces)

    def _hold(self, kind: str, body: str) -> bool:
        """Know what the store has; whether that is not what was known."""
        if kind == "workspace":
            workspace = msgspec.json.decode(body, type=Workspace)
            before, self._workspaces[workspace.id] = self._workspaces.get(workspace.id), workspace
            return before != workspace
        if kind == "key":
            key = msgspec.json.decode(body, type=ApiKey)
            known = self._keys.get(key.id)
            self._hold_key(key)
            return known != key
        if kind == "campaign":
            return self._campaigns.hold(msgspec.json.decode(body, type=Campaign))
        if kind == "link":
            return self.links.hold(msgspec.json.decode(body, type=Link))
        if kind == "hook":
            return self.hooks.hold(msgspec.json.decode(body, type=Hook))
        if kind == "schedule":
            return self.schedules.hold(msgspec.json.decode(body, type=Schedule))
        if kind == "received":
            kept = msgspec.json.decode(body, type=Kept)
            self.deliveries.hold(kept.workspace, kept.received)
        return False

    def _drop(self, gone: Change) -> bool:
        """Know no longer what was deleted elsewhere; whether it was known."""
        if gone.kind == "schedule":
            return self.schedules.drop(gone.id)
        return gone.kind == "campaign" and self._campaigns.drop(gone.workspace, gone.id)


def digest_of(secret: str) -> str:
    """SHA-256 of a key's secret. Keys are long and random, so a slow hash would only slow requests."""
    return hashlib.sha256(secret.encode()).hexdigest()
