"""The workspace's settings: a section of them at a time, and what may be changed there.

Whoever may read sees what is set; keys, webhooks and forms are for keys with the scope `admin`. A secret is shown in
the answer that made it, once, and that answer is kept by nobody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import msgspec
from starlette.responses import Response

from turnout import __version__, administration
from turnout.capture.links import public_base
from turnout.dashboard import pages, session, settings_forms, settings_hooks
from turnout.dashboard.settings_forms import LABELS, UNITS_S, Form
from turnout.dashboard.settings_hooks import ROWS_LIMIT, when
from turnout.dialects.contract import Call
from turnout.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Overloaded,
    StoreError,
    TooLarge,
    TurnoutError,
)
from turnout.ingest.traffic import RULE_VERSION
from turnout.model import SCOPES, ApiKey, Workspace
from turnout.privacy import cut_ms, retain
from turnout.services import Services
from turnout.settings import ENVIRONMENT
from turnout.store import inventory
from turnout.store.retention import Expired

PAGE = "/dashboard/settings"

Show = Callable[[Call, Form], Awaitable[dict[str, Any]]]
Act = Callable[[Call, Form], Awaitable[Response]]


@dataclass(frozen=True)
class Section:
    """A part of the page: what it is called, what its template shows, and whether that is for administrators only."""

    title: str
    show: Show
    is_private: bool = False


@dataclass(frozen=True)
class Action:
    """What a form does, and the section it stands in."""

    section: str
    act: Act


async def settings(call: Call) -> Response:
    """A section of the settings."""
    return await _page(call, call.request.query_params.get("section", "workspace"), Form())


async def change(call: Call) -> Response:
    """Do what a form asks for; what is wrong with it is said beside it, and nothing that was written is lost."""
    form = Form(await pages.form(call))
    action = ACTIONS.get(form.text("action"))
    if action is None:
        raise InvalidInput("there is nothing like that to do", field="action")
    try:
        return await action.act(call, form)
    except (InvalidInput, Conflict, TooLarge) as error:
        return await _page(call, action.section, form, wrong=error)


async def _page(call: Call, name: str, form: Form, wrong: TurnoutError | None = None, **more: Any) -> Response:
    section = SECTIONS.get(name)
    if section is None:
        raise NotFound("there is no such section")
    is_admin = _is_admin(call)
    if section.is_private and not is_admin:
        raise Forbidden("only a key with the scope admin sees this")
    shown = {**await section.show(call, form), **more}
    return pages.page(
        call,
        "settings.html",
        f"{section.title} · Settings",
        400 if wrong is not None else 200,
        section=name,
        sections={one: of.title for one, of in SECTIONS.items() if is_admin or not of.is_private},
        form=form,
        wrong=wrong,
        said=SAID.get(call.request.query_params.get("said", ""), ""),
        zone=call.workspace.timezone,
        **shown,
    )


def _is_admin(call: Call) -> bool:
    key = call.caller.key if call.caller is not None else None
    return key is not None and "admin" in key.scopes


# ---- what the sections show -------------------------------------------------------------------------------------


async def _workspace(call: Call, form: Form) -> dict[str, Any]:
    spans = {}
    for name in ("influence_window_s", "dormant_s"):
        number, unit = settings_forms.split(getattr(call.workspace, name))
        spans[name] = form.text(name, str(number)), form.text(f"{name}.unit", unit)
    return {
        "spans": spans,
        "labels": LABELS,
        "units": tuple(UNITS_S),
        "in_words": settings_forms.words,
        "zones": _zones(),
        "made": when(call, call.workspace.created_at),
    }


@cache
def _zones() -> tuple[str, ...]:
    """Every zone there is; to find them takes a walk through the tz database."""
    return tuple(sorted(available_timezones()))


async def _keys(call: Call, form: Form) -> dict[str, Any]:
    keys = call.services.catalog.keys(call.workspace.id)
    chosen = call.request.query_params.get("revoke", "")
    ending = next((key for key in keys if key.id == chosen and key.revoked_at is None), None)
    rows = [
        {
            "key": key,
            "made": when(call, key.created_at),
            "used": when(call, call.services.keys_used.get(key.id)),
            "revoked": when(call, key.revoked_at),
            "is_mine": _is_mine(call, key),
        }
        for key in keys
    ]
    living, ended = ([row for row in rows if bool(row["revoked"]) is gone] for gone in (False, True))
    return {
        # The newest: those are whom somebody looks for.
        "living": living[-ROWS_LIMIT:],
        "living_count": len(living),
        "ended": ended[-ROWS_LIMIT:],
        "ended_count": len(ended),
        "scopes": {scope: _SCOPES.get(scope, "") for scope in SCOPES},
        "ending": ending,
        "ending_is_mine": ending is not None and _is_mine(call, ending),
        "ending_is_last": ending is not None and administration.is_last_admin(keys, ending),
        "ending_is_set": ending is not None and _is_set(call, ending),
    }


async def _traffic(call: Call, form: Form) -> dict[str, Any]:
    own = call.workspace
    return {
        "agents": form.text("allow_agents", "\n".join(own.allow_agents)),
        "networks": form.text("allow_networks", "\n".join(own.allow_networks)),
        "policies": _POLICIES,
        "rule_version": RULE_VERSION,
    }


async def _privacy(call: Call, form: Form) -> dict[str, Any]:
    least, most = settings_forms.bounds("retention_days")
    letters_days = call.services.settings.dead_letter_age_limit_days
    return {"least": least, "most": most, "letters_days": letters_days, "confirming": None}


async def _server(call: Call, form: Form) -> dict[str, Any]:
    services = call.services

    def measure() -> tuple[int | None, int | None]:
        try:
            free_bytes: int | None = inventory.free_bytes(services.settings)
        except OSError:
            free_bytes = None
        try:
            return free_bytes, sum(table.bytes for table in inventory.tables(services.engine))
        except TurnoutError:
            return free_bytes, None

    free_bytes, held_bytes = await services.run(measure)
    found = services.settings
    # Numbers only: the others are secrets, or where things are.
    limits = {variable: getattr(found, name) for variable, name in ENVIRONMENT.items() if name != "port"}
    return {
        "running": __version__,
        "is_embedded": not found.store or found.store.startswith("chdb://"),
        "free_bytes": free_bytes,
        "held_bytes": held_bytes,
        "now": when(call, services.now()),
        "limits": {name: value for name, value in sorted(limits.items()) if isinstance(value, int)},
    }


# ---- what its forms do ------------------------------------------------------------------------------------------


async def _set_workspace(call: Call, form: Form) -> Response:
    return await _set(call, settings_forms.workspace(form), "workspace")


async def _set_traffic(call: Call, form: Form) -> Response:
    return await _set(call, settings_forms.traffic(form), "traffic")


async def _set_privacy(call: Call, form: Form) -> Response:
    """Keep what is personal for so long; where that takes something out for good, only after saying how much."""
    asked = settings_forms.privacy(form)
    days, before = asked.retention_days or 0, call.workspace.retention_days
    if days and (not before or days < before) and form.text("confirmed") != str(days):
        wanted = msgspec.structs.replace(call.workspace, retention_days=days)
        expired = await call.services.run(_expired, call.services, wanted)
        cut = dt.datetime.fromtimestamp(cut_ms(wanted, call.services.now()) / 1000, dt.UTC)
        confirming = {"days": days, "before": when(call, cut), "expired": expired}
        return await _page(call, "privacy", form, confirming=confirming)
    return await _set(call, asked, "privacy")


def _expired(services: Services, wanted: Workspace) -> Expired | None:
    """What would be taken out; None where that can't be said in time. Blocks."""
    try:
        return retain(services, wanted, dry_run=True)
    except (StoreError, Overloaded):
        return None


async def _set(call: Call, asked: administration.WorkspaceFields, section: str) -> Response:
    await call.services.run(administration.change_workspace, call.services, call.workspace.id, asked)
    return pages.go(PAGE, section=section, said="saved")


async def _add_key(call: Call, form: Form) -> Response:
    """The one page that shows a key's secret."""
    asked = settings_forms.key(form)
    key, secret = await call.services.run(administration.add_key, call.services, call.workspace.id, asked)
    response = pages.page(call, "settings_key_made.html", "A new key", key=key, secret=secret, base=_base(call))
    return settings_hooks.unkept(response)


async def _revoke_key(call: Call, form: Form) -> Response:
    """End a key; with the key of this visit, the visit."""
    key = await call.services.run(call.services.catalog.revoke_key, call.workspace.id, form.text("id"))
    if not _is_mine(call, key):
        return pages.go(PAGE, section="keys", said="revoked")
    session.sessions_of(call.services).end(call.request.state.session)
    response = pages.go("/sign-in")
    session.drop(response)
    return response


def _is_mine(call: Call, key: ApiKey) -> bool:
    mine = call.caller.key if call.caller is not None else None
    return mine is not None and mine.id == key.id


def _is_set(call: Call, key: ApiKey) -> bool:
    """Whether the environment names this key: with a revoked one the server would not start again."""
    secret = call.services.settings.api_key
    known = call.services.catalog.key_of(secret) if secret else None
    return known is not None and known.id == key.id


def _base(call: Call) -> str:
    try:
        return public_base(call.request, call.services.settings)
    except InvalidInput:
        return ""


SECTIONS: Mapping[str, Section] = {
    "workspace": Section("Workspace", _workspace),
    "keys": Section("Keys", _keys, is_private=True),
    "webhooks": Section("Webhooks", settings_hooks.webhooks, is_private=True),
    "letters": Section("Dead letters", settings_hooks.letters, is_private=True),
    "traffic": Section("Traffic rules", _traffic),
    "privacy": Section("Privacy", _privacy),
    "server": Section("Server", _server, is_private=True),
}

ACTIONS: Mapping[str, Action] = {
    "workspace": Action("workspace", _set_workspace),
    "traffic": Action("traffic", _set_traffic),
    "privacy": Action("privacy", _set_privacy),
    "add-key": Action("keys", _add_key),
    "revoke-key": Action("keys", _revoke_key),
    "add-hook": Action("webhooks", settings_hooks.add),
    "revoke-hook": Action("webhooks", settings_hooks.revoke),
    "replay": Action("letters", settings_hooks.replay),
    "drop": Action("letters", settings_hooks.drop),
}

#: What is said after something was done. An address names one of these, never words of its own.
SAID = {
    "saved": "Saved.",
    "revoked": "Revoked. Whoever still uses it is refused from now on.",
    "replayed": "Parsed again.",
    "dropped": "Deleted.",
}

_SCOPES = {
    "ingest": "send events, change tracked links",
    "read": "ask for statistics, look at these pages",
    "admin": "everything: campaigns, keys, webhooks, settings",
}

_POLICIES = {
    "full": "the whole address",
    "truncated": "its network: the first 24 bits of IPv4, 48 of IPv6",
    "none": "nothing: only the country that follows from it",
}
