"""The settings' sections of webhooks and of dead letters: what they show, and what their forms do.

A hook's address has its token and is in the answer that made it, once. What a hook received is shown as numbers; what a
dead letter says is shown to whoever opens it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from starlette.responses import Response

from turnout import administration
from turnout.capture.links import public_base
from turnout.capture.webhooks.registry import PROVIDERS
from turnout.capture.webhooks.replay import replay as parse_again
from turnout.dashboard import pages, settings_forms
from turnout.dashboard.settings_forms import Form
from turnout.dialects.contract import Call
from turnout.errors import NotFound
from turnout.model import Hook
from turnout.panels import wording
from turnout.stats import calendar
from turnout.store.deadletters import Described, place_of

PAGE = "/dashboard/settings"

#: Reasons of dead letters that are listed, letters of a page, and of how long a letter the beginning is shown.
REASONS_LIMIT = 50
LETTERS_LIMIT = 50
SHOWN_LIMIT_BYTES = 64 * 1024

#: Keys or hooks of a table; the oldest beyond that are left out, and it is said how many there are.
ROWS_LIMIT = 200

#: Letters that one press of the button looks at; each is parsed and its events accepted before the next.
REPLAY_LIMIT = 500
_PAGE_LETTERS = 100


def when(call: Call, moment: dt.datetime | None, *, to: str = "minutes") -> str:
    """A moment in the workspace's zone, as 2026-10-05 14:05; empty for none."""
    if moment is None:
        return ""
    local = moment.astimezone(calendar.zone(call.workspace.timezone)).replace(tzinfo=None)
    return local.isoformat(" ", to)


def unkept(response: Response) -> Response:
    """A page that nobody keeps: no browser on its disk, no cache on the way."""
    response.headers["Cache-Control"] = "no-store"
    return response


# ---- hooks --------------------------------------------------------------------------------------------------------


async def webhooks(call: Call, form: Form) -> dict[str, Any]:
    """All hooks; or one with its last deliveries; and the form of a new one, for a provider."""
    query = call.request.query_params
    hooks = call.services.catalog.hooks
    mine = hooks.all(call.workspace.id)
    living, ended = ([hook for hook in mine if bool(hook.revoked_at) is gone] for gone in (False, True))
    provider = PROVIDERS.get(form.text("provider") or query.get("provider", ""))
    waiting, _ = await call.services.run(call.services.dead_letters.count, call.workspace.id)
    return {
        "living": [_row(call, hook) for hook in living[-ROWS_LIMIT:]],
        "living_count": len(living),
        "ended": [_row(call, hook) for hook in ended[-ROWS_LIMIT:]],
        "ended_count": len(ended),
        "opened": _opened(call, hooks.get(call.workspace.id, query["hook"])) if query.get("hook") else None,
        "is_ending": "revoke" in query,
        "providers": sorted(PROVIDERS.values(), key=lambda one: one.title.lower()),
        "provider": provider,
        "takes_secret": provider is not None and (provider.verify is not None or provider.greet is not None),
        "letters_held": waiting,
    }


def _row(call: Call, hook: Hook) -> dict[str, Any]:
    received = call.services.catalog.deliveries.of(hook)
    provider = PROVIDERS.get(hook.provider)
    return {
        "hook": hook,
        "title": provider.title if provider is not None else hook.provider,
        "is_checked": administration.is_checked(hook),
        "made": when(call, hook.created_at),
        "revoked": when(call, hook.revoked_at),
        "received": received,
        "last": when(call, received.last.at if received.last else None),
        "last_error": when(call, received.last_error.at if received.last_error else None),
    }


def _opened(call: Call, hook: Hook) -> dict[str, Any]:
    row = _row(call, hook)
    deliveries = [{"one": one, "at": when(call, one.at, to="seconds")} for one in row["received"].recent]
    return {**row, "deliveries": deliveries}


async def add(call: Call, form: Form) -> Response:
    """The one page that shows a hook's address."""
    asked = settings_forms.hook(form)
    base = public_base(call.request, call.services.settings)
    hook, token = await call.services.run(administration.add_hook, call.services, call.workspace.id, asked)
    response = pages.page(
        call,
        "settings_hook_made.html",
        "A new webhook",
        hook=hook,
        provider=PROVIDERS[hook.provider],
        is_checked=administration.is_checked(hook),
        address=administration.hook_address(base, hook, token),
        is_public=bool(call.services.settings.public_url),
    )
    return unkept(response)


async def revoke(call: Call, form: Form) -> Response:
    """End a hook."""
    await call.services.run(call.services.catalog.hooks.revoke, call.workspace.id, form.text("id"))
    return pages.go(PAGE, section="webhooks", said="revoked")


# ---- dead letters ---------------------------------------------------------------------------------------------------


async def letters(call: Call, form: Form) -> dict[str, Any]:
    """Reasons with their counts; a page of the letters of one; one letter whole."""
    query, held = call.request.query_params, call.services.dead_letters
    provider, reason = query.get("provider", ""), query.get("reason", "")
    shown: dict[str, Any] = {"opened": None, "listed": None, "onward": "", "provider": provider, "reason": reason}
    if query.get("letter"):
        shown["opened"] = await _letter(call, query["letter"])
    elif "list" in query:
        found = await _page(call, provider, query.get("after", ""), LETTERS_LIMIT)
        shown["listed"] = [_described(call, one) for one in found if _is_of(one, reason)]
        shown["onward"] = place_of(found[-1]) if len(found) == LETTERS_LIMIT else ""
    waiting = await call.services.run(held.waiting, call.workspace.id, REASONS_LIMIT)
    count, size = await call.services.run(held.count, call.workspace.id)
    limits = call.services.settings
    return {
        **shown,
        "waiting": [{"of": one, "last": when(call, one.last)} for one in waiting],
        "held_count": count,
        "held_bytes": size,
        "reasons_limit": REASONS_LIMIT,
        "is_dropping": "drop" in query,
        "done": _done(call),
        "more": query.get("more", ""),
        "limit_rows": limits.dead_letter_limit_rows,
        "limit_bytes": limits.dead_letter_limit_bytes,
        "limit_days": limits.dead_letter_age_limit_days,
    }


def _done(call: Call) -> str:
    """What a replay came to, from the address that it led to: numbers, which are all that is taken from there."""
    query = call.request.query_params
    found = [query.get(name, "") for name in ("understood", "still", "events")]
    if not all(text.isascii() and text.isdigit() and len(text) < 10 for text in found):
        return ""
    understood, still, events = map(int, found)
    counted = f"{wording.many(understood, 'letter')} understood, {wording.many(events, 'event')} counted"
    return f"{counted}; {still:,} still not understood."


async def _letter(call: Call, name: str) -> dict[str, Any]:
    found = await call.services.run(call.services.dead_letters.get, call.workspace.id, name[:64])
    return {
        **_described(call, found),
        "body": found.body[:SHOWN_LIMIT_BYTES].decode("utf-8", "backslashreplace").replace("\0", "\\x00"),
        "is_cut": len(found.body) > SHOWN_LIMIT_BYTES,
        "headers": found.headers,
        "query": found.query,
    }


def _described(call: Call, one: Described) -> dict[str, Any]:
    return {"of": one, "at": when(call, one.received, to="seconds"), "replayed": when(call, one.replayed)}


def _is_of(one: Described, reason: str) -> bool:
    """Whether a letter waits for exactly this reason; every letter where none is named."""
    return not reason or one.reason == reason


async def _page(call: Call, provider: str, after: str, limit: int, *, everything: bool = False) -> list[Described]:
    return await call.services.run(
        lambda: call.services.dead_letters.listing(
            call.workspace.id, provider=provider, everything=everything, after=after, limit=limit
        )
    )


async def replay(call: Call, form: Form) -> Response:
    """Parse letters of a reason again, or all that wait: at most `REPLAY_LIMIT` at once."""
    provider, reason = form.text("provider"), form.text("reason")
    understood, still, events, after, looked = 0, 0, 0, form.text("after"), 0
    while True:
        found = await _page(call, provider, after, _PAGE_LETTERS)
        wanted = [one for one in found if _is_of(one, reason)]
        done = await parse_again(call.services, call.workspace, wanted)
        understood, still, events = understood + done.understood, still + done.still, events + done.accepted
        looked += len(wanted)
        if len(found) < _PAGE_LETTERS:
            after = ""
            break
        after = place_of(found[-1])
        if looked >= REPLAY_LIMIT:
            break
    counts = {"understood": str(understood), "still": str(still), "events": str(events)}
    return pages.go(PAGE, section="letters", provider=provider, reason=reason, more=after, **counts)


async def drop(call: Call, form: Form) -> Response:
    """Forget the letters that wait for a reason; one letter; or all there are, understood ones too."""
    name = form.text("id")
    if name:
        found = await call.services.run(call.services.dead_letters.get, call.workspace.id, name[:64])
        await call.services.run(call.services.dead_letters.drop, call.workspace.id, [found.id])
        return pages.go(PAGE, section="letters", said="dropped")
    provider, reason, after = form.text("provider"), form.text("reason"), ""
    if not provider and not reason and form.text("all") != "yes":
        raise NotFound("it is not said which letters to delete")
    while True:
        page = await _page(call, provider, after, _PAGE_LETTERS * 10, everything=not reason)
        wanted = [one.id for one in page if _is_of(one, reason)]
        await call.services.run(call.services.dead_letters.drop, call.workspace.id, wanted)
        if len(page) < _PAGE_LETTERS * 10:
            return pages.go(PAGE, section="letters", said="dropped")
        after = place_of(page[-1])
