"""The hooks of every workspace: where providers' webhooks come in. Part of the catalog.

A hook is known by a token in its address, of which only a hash is kept. Changes are durable before they are visible.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from turnout.errors import NotFound, TooLarge
from turnout.model import Hook
from turnout.store.records import Records

#: Hooks of one workspace, revoked ones included: they are all in memory.
LIMIT_HOOKS = 1000


class Hooks:
    """The registry. Reads are dictionary look-ups; changes are serialised and written first."""

    def __init__(self, records: Records, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now
        self._hooks: dict[str, Hook] = {}
        self._digests: dict[str, str] = {}

    def all(self, workspace: str) -> list[Hook]:
        """The hooks of a workspace, oldest first, revoked ones included."""
        mine = [hook for hook in list(self._hooks.values()) if hook.workspace == workspace]
        return sorted(mine, key=lambda hook: (hook.created_at, hook.id))

    def get(self, workspace: str, hook_id: str) -> Hook:
        """The hook with this id, even if it is revoked; NotFound if the workspace has none."""
        found = self._hooks.get(hook_id)
        if found is None or found.workspace != workspace:
            raise NotFound(f"no hook '{hook_id[:100]}'", field="id")
        return found

    def add(
        self,
        workspace: str,
        provider: str,
        *,
        name: str = "",
        secret: str = "",
        campaign: str = "",
        options: Mapping[str, str] | None = None,
    ) -> tuple[Hook, str]:
        """Make a hook and return it with its token, which is shown this once and kept nowhere.

        TooLarge past `LIMIT_HOOKS`.
        """
        token = f"hk_{secrets.token_urlsafe(24)}"
        with self._records.changing():
            if len(self.all(workspace)) >= LIMIT_HOOKS:
                raise TooLarge(f"a workspace has at most {LIMIT_HOOKS} hooks")
            hook = Hook(
                id=secrets.token_hex(6),
                workspace=workspace,
                provider=provider,
                name=name,
                digest=_digest(token),
                secret=secret,
                campaign=campaign,
                options=dict(options or {}),
                created_at=self._now(),
            )
            return self._keep(hook), token

    def revoke(self, workspace: str, hook_id: str) -> Hook:
        """End a hook; it stays in the list, without its secret. NotFound if the workspace has none with this id."""
        with self._records.changing():
            hook = self.get(workspace, hook_id)
            return self._keep(msgspec.structs.replace(hook, secret="", revoked_at=hook.revoked_at or self._now()))

    def of_token(self, token: str) -> Hook | None:
        """The living hook with this token."""
        digest = _digest(token)
        # How long the look-up takes tells of a digest, which says nothing of the token.
        hook = self._hooks.get(self._digests.get(digest, ""))
        if hook is None or hook.revoked_at is not None or not hmac.compare_digest(hook.digest, digest):
            return None
        return hook

    def hold(self, hook: Hook) -> bool:
        """Know a hook that the store has; whether it is not what was known."""
        before, self._hooks[hook.id] = self._hooks.get(hook.id), hook
        self._digests[hook.digest] = hook.id
        return before != hook

    def _keep(self, hook: Hook) -> Hook:
        self._records.write("hook", [(hook.workspace, hook.id, hook)])
        self.hold(hook)
        return hook


def _digest(token: str) -> str:
    """SHA-256; tokens are long and random, so a slow hash would only slow requests."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
