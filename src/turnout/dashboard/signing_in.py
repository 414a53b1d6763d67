"""Signing in with a key, and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from turnout.capture.address import client_address
from turnout.dashboard import pages, session
from turnout.dashboard.session import RENEWED_AFTER_S, Session, sessions_of
from turnout.dialects.contract import Call
from turnout.errors import RateLimited, SignedOut

#: Where one goes who asked for nothing in particular.
HOME = "/"

#: What signing in leads on to; a longer address is forgotten.
ONWARD_LIMIT_CHARS = 4096


async def ask(call: Call) -> Response:
    """The form that asks for a key; whoever is signed in already goes on."""
    onward = call.request.query_params.get("next", "")
    try:
        session.signed_in(call.request, call.services)
    except SignedOut:
        return _form(call, onward, is_over=bool(session.cookie_of(call.request, call.services.settings)))
    return pages.go(_ours(onward))


async def sign_in(call: Call) -> Response:
    """Begin a session with a key that may read; of wrong ones only so many are tried in a minute."""
    session.must_be_ours(call.request, call.services.settings)
    fields = await pages.fields_of(call)
    onward, secret = fields.get("next", [""])[0], fields.get("key", [""])[0].strip()
    address = client_address(call.request.scope, call.services.settings.proxy_hops)
    attempts, key = call.attempts, await call.services.sought(lambda: call.services.catalog.key_of(secret))
    wait_s = attempts.wait_s(address) if attempts is not None else 0
    if attempts is not None and wait_s and not (key is not None and attempts.knows(address, key.id)):
        raise RateLimited(f"too many wrong keys; try again in {wait_s} seconds", retry_after_s=wait_s)
    if key is None:
        call.services.telemetry.unauthenticated.labels("dashboard").inc()
        if attempts is not None:
            attempts.failed(address)
        return _form(call, onward, "This key is not known, or it was revoked.", 401)
    if attempts is not None:
        attempts.succeeded(address, key.id)
    if not {"read", "admin"} & set(key.scopes):
        return _form(call, onward, "This key may not read. A key with the scope read is needed here.", 403)
    response = pages.go(_ours(onward))
    begun = sessions_of(call.services).begin(key.id, _now_s(call))
    session.keep(
        response, sessions_of(call.services), begun, secure=session.is_secure(call.request, call.services.settings)
    )
    return response


async def sign_out(call: Call) -> Response:
    """End the session, wherever its cookie is."""
    await pages.form(call)
    sessions_of(call.services).end(call.request.state.session)
    response = pages.go("/sign-in")
    session.drop(response)
    return response


def first(request: Request) -> Response:
    """To the form, and back to where one wanted to go."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    known = request.method == "GET" and wanted != HOME and len(wanted) <= ONWARD_LIMIT_CHARS
    return pages.go("/sign-in", next=wanted if known else "")


def renew(call: Call, response: Response) -> None:
    """A session lasts as long as somebody is there."""
    known: Session | None = getattr(call.request.state, "session", None)
    if known is None or response.status_code != 200 or _now_s(call) - known.at_s < RENEWED_AFTER_S:
        return
    sessions = sessions_of(call.services)
    session.keep(
        response,
        sessions,
        sessions.renewed(known, _now_s(call)),
        secure=session.is_secure(call.request, call.services.settings),
    )


def _form(call: Call, onward: str, wrong: str = "", status: int = 200, *, is_over: bool = False) -> Response:
    shown = {"next": onward if _ours(onward) == onward else "", "wrong": wrong, "is_over": is_over}
    return pages.page(call, "sign_in.html", "Sign in", status, **shown)


def _ours(onward: str) -> str:
    """A page of this server: a path that the dashboard has, and nothing that a browser takes for another site."""
    path, _, _ = onward.partition("?")
    ours = path == HOME or path.startswith("/dashboard/")
    return onward if ours and "\\" not in onward and len(onward) <= ONWARD_LIMIT_CHARS else HOME


def _now_s(call: Call) -> int:
    return int(call.services.now().timestamp())
