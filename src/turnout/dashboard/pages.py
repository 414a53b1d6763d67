"""Pages: a template and what it shows enter, a response leaves, with the headers that keep it safe.

Templates are Jinja's with every value escaped; nothing is ever marked as safe but drawings that `charts` made.
"""

from __future__ import annotations

import hashlib
import hmac
import mimetypes
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlencode

import jinja2
import msgspec
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from turnout import __version__
from turnout.capture import body as bodies
from turnout.dashboard import session as sessions
from turnout.dashboard.session import Session
from turnout.dialects.contract import Call, Caller
from turnout.errors import Forbidden, InvalidInput, NotDrawn, Overloaded, TooLarge, TurnoutError
from turnout.panels.contract import Cell, Shown, words
from turnout.reports.templating import environment
from turnout.services import Services

#: No script but our own files, nothing from elsewhere, no frame around us.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}

#: A form of a page; the largest is a list of networks.
FORM_LIMIT_BYTES = 256 << 10


def page(call: Call, template: str, title: str, status: int = 200, **shown: Any) -> Response:
    """A whole page: `templates/TEMPLATE` with what it shows, and what every page knows."""
    body = (
        _environment()
        .get_template(template)
        .render(title=title, **frame(call.request, call.services, call.caller), **shown)
    )
    return Response(body, status, HEADERS, "text/html; charset=utf-8")


def part(call: Call, template: str, **shown: Any) -> Response:
    """A part of a page, for a script that puts it in the place of an older one."""
    return page(call, template, "", **shown)


def go(where: str, **query: str) -> Response:
    """On to another page, with GET."""
    given = {name: value for name, value in query.items() if value}
    return RedirectResponse(f"{where}?{urlencode(given)}" if given else where, 303, HEADERS)


async def form(call: Call) -> dict[str, list[str]]:
    """The fields of a form of ours. Forbidden if another site sent it, or if it is of another session."""
    sessions.must_be_ours(call.request, call.services.settings)
    fields = await fields_of(call)
    session: Session = call.request.state.session
    expected = sessions.sessions_of(call.services).form_token(session)
    given = fields.get("form_token", [""])[0]
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise Forbidden("this form is of another session", hint="go back, load the page again and send it once more")
    return fields


async def fields_of(call: Call) -> dict[str, list[str]]:
    """The fields of a form, whoever sent it."""
    raw = await bodies.read(call.request.stream(), FORM_LIMIT_BYTES)
    try:
        found = parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=200, errors="strict")
    except ValueError:
        raise InvalidInput("this is no form", field="body") from None
    if any("\0" in value for values in found.values() for value in values):
        raise InvalidInput("a NUL character can't be kept", field="body")
    return found


def static(name: str) -> tuple[bytes, str] | None:
    """A file of ours and its media type; None if there is none."""
    return _files().get(name)


def address_of(name: str) -> str:
    """Where a file of ours is; another place whenever it changes, so browsers may keep it."""
    body, _ = _files()[name]
    return f"/dashboard/static/{name}?v={hashlib.sha256(body).hexdigest()[:12]}"


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    return {
        one.name: (one.read_bytes(), mimetypes.guess_type(one.name)[0] or "application/octet-stream")
        for one in (files("turnout.dashboard") / "static").iterdir()
        if not one.name.startswith((".", "_"))
    }


@cache
def _environment() -> jinja2.Environment:
    made = environment("turnout.dashboard")
    made.filters["words"] = words
    made.filters["raw"] = raw
    made.filters["tied"] = tied
    made.filters["told"] = told
    made.globals["static"] = address_of
    made.globals["link"] = link
    return made


def link(path: str, **query: object) -> str:
    """An address with its query, names and values encoded; what is None or empty is left out."""
    given = [(name.rstrip("_"), value) for name, value in query.items() if value not in (None, "")]
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def raw(value: Cell) -> str:
    """A cell as /v1/stats writes it: a text as it is, else JSON; empty for null."""
    if value is None or isinstance(value, str):
        return value or ""
    return msgspec.json.encode(value).decode()


def tied(text: str) -> str:
    """A value in words that stays together with its unit: a line may end after a +, and nowhere else."""
    return text.replace(" ", "\N{NO-BREAK SPACE}").replace("+\N{NO-BREAK SPACE}", "+ ")


def told(error: TurnoutError) -> str:
    """What is wrong and what to do about it, as sentences: errors begin small and end without a stop."""
    parts = (one[:1].upper() + one[1:] for one in (error.message, error.hint) if one)
    return " ".join(one if one.endswith((".", "?", "!")) else f"{one}." for one in parts)


def drawing(services: Services, shown: Shown) -> Markup | None:
    """The chart of a panel, by our own renderer, which escaped the texts in it. None where there is nothing to draw, or
    it could not be drawn, since the table says the same. Blocks."""
    try:
        return None if shown.spec is None else Markup(services.renderer.svg(shown.spec))
    except (NotDrawn, Overloaded, TooLarge):
        return None


def frame(request: Request, services: Services, caller: Caller | None) -> dict[str, Any]:
    """What every page shows of whoever looks at it."""
    session: Session | None = getattr(request.state, "session", None)
    return {
        "version": __version__,
        "path": request.url.path,
        "workspace": caller.workspace if caller is not None else None,
        "is_admin": caller is not None and "admin" in (caller.key.scopes if caller.key is not None else ()),
        "form_token": sessions.sessions_of(services).form_token(session) if session is not None else "",
    }


def failure(request: Request, error: TurnoutError, status: int) -> Response:
    """A page that says what went wrong, in words; in the frame of whoever is known to have asked."""
    nobody = {"version": __version__, "path": "", "workspace": None, "is_admin": False, "form_token": ""}
    shown = getattr(request.state, "frame", nobody) | {"path": ""}
    title = _FAILURES.get(status, "That did not work")
    body = _environment().get_template("error.html").render(title=title, error=error, status=status, **shown)
    headers = dict(HEADERS)
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return Response(body, status, headers, "text/html; charset=utf-8")


_FAILURES = {
    400: "This can’t be understood",
    401: "Sign in first",
    403: "This is not allowed",
    404: "There is no such thing here",
    405: "This address is not asked like that",
    409: "This is in the way of something else",
    413: "This is too large",
    429: "Too many attempts",
    503: "Not just now",
}
