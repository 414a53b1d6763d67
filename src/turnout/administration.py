"""What a workspace's administrators may change, and the rules of it: the same for an API as for a page.

What is asked enters as one of the shapes below, made of JSON or of a form; what became of it leaves: a workspace, a
key, a hook. InvalidInput says which field is wrong. All functions ask the store, and so block.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any
from urllib.parse import quote

from msgspec import Meta, Struct

from turnout.capture.webhooks.registry import PROVIDERS
from turnout.errors import InvalidInput, UnknownName
from turnout.ingest.traffic import network_of
from turnout.model import SCOPES, Addresses, Allowed, ApiKey, Hook, Id, LiveTokens, Name, Text, Workspace
from turnout.services import Services
from turnout.stats import calendar

#: What a workspace may choose; see `model.Workspace`.
CHOICES = (
    "influence_window_s", "dormant_s", "addresses", "allow_agents", "allow_networks", "retention_days", "live_tokens",
)  # fmt: skip

_CREDENTIALS = ("name", "timezone", "access_key", "signing_secret")

#: Of a part of a user agent that is allowed; less is part of nearly every one.
AGENT_LEAST_CHARS = 3


class WorkspaceFields(Struct, frozen=True, forbid_unknown_fields=True):
    """Fields of a workspace to be set. Of the first four what is empty is generated or kept, of the others None."""

    name: Text = ""
    timezone: Name = ""
    access_key: Id = ""
    signing_secret: Id = ""
    influence_window_s: Annotated[int, Meta(ge=1, le=2_592_000)] | None = None
    dormant_s: Annotated[int, Meta(ge=1, le=31_536_000)] | None = None
    addresses: Addresses | None = None
    allow_agents: Allowed | None = None
    allow_networks: Allowed | None = None
    retention_days: Annotated[int, Meta(ge=0, le=36_500)] | None = None
    live_tokens: LiveTokens | None = None


class KeyFields(Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be made; without scopes it has all of them."""

    name: Name = ""
    scopes: Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=100)] = ()


class HookFields(Struct, frozen=True, forbid_unknown_fields=True):
    """A hook to be made. `secret` is what the provider signs with, or the key that its signatures are checked with."""

    provider: Name
    name: Name = ""
    secret: Annotated[str, Meta(max_length=4096)] = ""
    campaign: Name = ""
    options: dict[str, Annotated[str, Meta(max_length=2048)]] = {}


def add_workspace(services: Services, name: str, asked: WorkspaceFields) -> tuple[Workspace, str]:
    """Make a workspace and its first key; that one's secret is kept nowhere. Conflict if the id is taken."""
    if not name:
        raise InvalidInput("a workspace needs an id", field="id")
    calendar.zone(asked.timezone or "UTC")
    choices = _chosen(asked)
    catalog = services.catalog
    workspace = catalog.add_workspace(
        name,
        title=asked.name,
        timezone=asked.timezone or "UTC",
        access_key=asked.access_key,
        signing_secret=asked.signing_secret,
    )
    if choices:
        workspace = catalog.change_workspace(workspace.id, **choices)
    _, secret = catalog.add_key(workspace.id, name="first key")
    return workspace, secret


def change_workspace(services: Services, name: str, asked: WorkspaceFields) -> Workspace:
    """Set what is given of a workspace. Answers that were remembered of it are made anew."""
    if asked.timezone:
        calendar.zone(asked.timezone)
    given = {field: value for field in _CREDENTIALS if (value := getattr(asked, field))}
    workspace = services.catalog.change_workspace(name, **given, **_chosen(asked))
    services.statistics.changed([name])
    return workspace


def add_key(services: Services, workspace: str, asked: KeyFields) -> tuple[ApiKey, str]:
    """Make a key; its secret is kept nowhere."""
    for scope in asked.scopes:
        # A dotted word is a permission of some room's own, finer than a scope.
        if scope not in SCOPES and "." not in scope:
            raise UnknownName("scope", scope, SCOPES, field="scopes")
    return services.catalog.add_key(workspace, name=asked.name, scopes=asked.scopes or SCOPES)


def is_last_admin(keys: Sequence[ApiKey], key: ApiKey) -> bool:
    """Whether no living key but this one may administrate: without it only the server's machine can make a new one."""
    living = [one.id for one in keys if one.revoked_at is None and "admin" in one.scopes]
    return living == [key.id]


def add_hook(services: Services, workspace: str, asked: HookFields) -> tuple[Hook, str]:
    """Make a hook; its token is kept nowhere. TooLarge where there are too many."""
    provider = PROVIDERS.get(asked.provider)
    if provider is None:
        raise UnknownName("provider", asked.provider, PROVIDERS, field="provider")
    for name in asked.options:
        if not any(fnmatchcase(name, known) for known in provider.options):
            raise UnknownName(f"option of {provider.name}", name, provider.options, field="options")
    if asked.secret and provider.verify is None and provider.greet is None:
        raise InvalidInput(f"{provider.title} proves nothing that a secret could check", field="secret")
    return services.catalog.hooks.add(
        workspace,
        provider.name,
        name=asked.name,
        secret=asked.secret.strip(),
        campaign=asked.campaign,
        options=asked.options,
    )


def hook_address(base: str, hook: Hook, token: str) -> str:
    """Where a provider calls."""
    return f"{base}/hooks/{quote(hook.provider, safe='')}/{token}"


def is_checked(hook: Hook) -> bool:
    """Whether requests to this hook must prove that they are the provider's."""
    provider = PROVIDERS.get(hook.provider)
    return provider is not None and provider.verify is not None and bool(hook.secret or provider.always_verifies)


def _chosen(asked: WorkspaceFields) -> dict[str, Any]:
    """What is chosen. InvalidInput for an allow list that would let in everybody, or what is no network."""
    for name in asked.allow_networks or ():
        if network_of(name).prefixlen == 0:
            raise InvalidInput(f"'{name}' is every address there is", field="allow_networks")
    for agent in asked.allow_agents or ():
        if len(agent.strip()) < AGENT_LEAST_CHARS:
            raise InvalidInput(
                f"'{agent}' is in too many user agents: at least {AGENT_LEAST_CHARS} characters", field="allow_agents"
            )
    return {name: value for name in CHOICES if (value := getattr(asked, name)) is not None}
