"""Who is signed in: a cookie that says which key, until when, and that it was we who said so.

A key's secret enters once, at sign-in, and is kept nowhere. The cookie is

    base64url(JSON).base64url(HMAC-SHA256)

keyed with the server's session secret. A session ends when nobody was there for a while, at the latest some days
after it began, with its key, with signing out, and, where no session secret is set, with the server. Whoever has a
copy of the store can't make one. Who signed out is known in memory only: where a session secret is set, a cookie that
somebody kept is good again once the server was started anew, until its time is over or its key is revoked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from turnout.capture.links import public_base
from turnout.dialects.contract import Caller
from turnout.dialects.kept import PerHouse
from turnout.errors import Forbidden, InvalidInput, SignedOut
from turnout.services import Services
from turnout.settings import Settings

COOKIE = "turnout_session"

#: Where it is only sent over https it has this name, which a browser takes from nobody but this very server.
SECURE_COOKIE = "__Host-turnout_session"

#: How long a session lasts without a page being asked for, after which part of that it is renewed, and when it ends
#: whoever is there.
AGE_S = 12 * 3600
RENEWED_AFTER_S = 3600
LIFE_S = 14 * 86400

#: Sessions that were ended by signing out and aren't over yet; past it the oldest could come back to life.
ENDED_LIMIT = 10_000


class Session(msgspec.Struct, frozen=True):
    """One person's visit: a random name, the id of the key, when it began and was last renewed, in epoch seconds."""

    name: str
    key: str
    begun_s: int
    at_s: int


@dataclass(frozen=True)
class Sessions:
    """Makes and reads sessions, with the server's secret; `ended` are those that somebody signed out of."""

    secret: bytes
    ended: OrderedDict[str, None]

    def begin(self, key: str, now_s: int) -> Session:
        """A new session of this key."""
        return Session(secrets.token_urlsafe(12), key, now_s, now_s)

    def renewed(self, session: Session, now_s: int) -> Session:
        """The same session, of somebody who is still there."""
        return Session(session.name, session.key, session.begun_s, now_s)

    def cookie(self, session: Session) -> str:
        """What the browser keeps."""
        said = _base64(msgspec.json.encode(session))
        return f"{said}.{_base64(self._mac('session', said))}"

    def read(self, cookie: str, now_s: int) -> Session | None:
        """The session of a cookie; None if it is forged or over."""
        said, _, mac = cookie.partition(".")
        if not hmac.compare_digest(mac.encode(), _base64(self._mac("session", said)).encode()):
            return None
        try:
            session = msgspec.json.decode(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)), type=Session)
        except (msgspec.MsgspecError, binascii.Error, ValueError):
            return None
        over = not -60 <= now_s - session.at_s < AGE_S or now_s - session.begun_s >= LIFE_S
        return None if over or session.name in self.ended else session

    def end(self, session: Session) -> None:
        """Forget it, whoever has its cookie."""
        self.ended[session.name] = None
        while len(self.ended) > ENDED_LIMIT:
            self.ended.popitem(last=False)

    def form_token(self, session: Session) -> str:
        """What every form of this session carries, so that no other site can send one."""
        return _base64(self._mac("form", session.name))

    def _mac(self, purpose: str, said: str) -> bytes:
        return hmac.digest(self.secret, f"turnout {purpose}\0{said}".encode(), hashlib.sha256)


_ended: PerHouse[OrderedDict[str, None]] = PerHouse(OrderedDict)


def sessions_of(services: Services) -> Sessions:
    """The sessions of this server."""
    return Sessions(services.session_secret, _ended.of(services))


def signed_in(request: Request, services: Services) -> tuple[Session, Caller]:
    """Who is signed in. SignedOut if nobody is, or their key was revoked."""
    now_s = int(services.now().timestamp())
    session = sessions_of(services).read(cookie_of(request, services.settings), now_s)
    if session is None:
        raise SignedOut("nobody is signed in")
    key = services.catalog.key(session.key)
    if key is None or key.revoked_at is not None:
        raise SignedOut("the key of this session was revoked")
    return session, Caller(services.catalog.workspace(key.workspace), key)


def cookie_of(request: Request, settings: Settings) -> str:
    """The cookie of a session that the request carries; empty if it has none.

    Over https only the one that no neighbour can set: a site below the same domain, or whoever answers for it over
    plain http, could have somebody work in a session that isn't theirs.
    """
    return request.cookies.get(SECURE_COOKIE if is_secure(request, settings) else COOKIE, "")


def is_secure(request: Request, settings: Settings) -> bool:
    """Whether people reach this server over https."""
    try:
        return public_base(request, settings).startswith("https://")
    except InvalidInput:
        return False


def keep(response: Response, sessions: Sessions, session: Session, *, secure: bool) -> None:
    """Have the browser keep a session; it sends it to nobody else, and shows it to no script."""
    name, said = SECURE_COOKIE if secure else COOKIE, sessions.cookie(session)
    response.set_cookie(name, said, max_age=AGE_S, path="/", secure=secure, httponly=True, samesite="lax")


def drop(response: Response) -> None:
    """Have the browser forget its session, and the pages that it kept."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
    response.delete_cookie(SECURE_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    response.headers["Clear-Site-Data"] = '"cache"'


def must_be_ours(request: Request, settings: Settings) -> None:
    """Forbidden for a form that a page of another site sent."""
    site = request.headers.get("sec-fetch-site", "")
    origin = request.headers.get("origin", "")
    if site not in ("", "same-origin", "none"):
        raise Forbidden("this form was sent by another site")
    # A page of ours always names itself. What hides its origin is a sandboxed frame of somebody else's page; over
    # plain http that is all that tells of it.
    if origin and site != "same-origin" and not _is_here(origin, request, settings):
        raise Forbidden("this form was sent by another site", hint="behind a proxy, set TURNOUT_PUBLIC_URL")


def _is_here(origin: str, request: Request, settings: Settings) -> bool:
    if origin.partition("://")[2].lower() == request.headers.get("host", "").lower():
        return True
    try:
        return public_base(request, settings).lower() == origin.lower()
    except InvalidInput:
        return False


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
