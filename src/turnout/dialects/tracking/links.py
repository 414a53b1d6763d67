"""GET /r/{code}: a redirect, or a page that says in a few words why there is none.

The pages are the same for everybody: nothing of the request is in them, and they load and run nothing.
"""

from __future__ import annotations

import base64
import hashlib

from starlette.responses import Response

from turnout import errors
from turnout.capture.links import way
from turnout.capture.recording import context_of, record
from turnout.dialects.contract import Call

#: Where a link stood is the target's to know as far as browsers tell it by themselves, and the token is no part of it:
#: a redirect's own address is never a referrer.
_REFERRER_POLICY = b"strict-origin-when-cross-origin"

_REDIRECT = (
    (b"cache-control", b"no-store"),
    (b"content-length", b"0"),
    (b"referrer-policy", _REFERRER_POLICY),
    (b"x-robots-tag", b"noindex"),
)

_STYLE = "body{font:1.1em/1.5 sans-serif;max-width:30em;margin:20vh auto;padding:0 1em}"
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGE = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    "<title>{title}</title><style>" + _STYLE.replace("{", "{{").replace("}", "}}") + "</style></head>\n"
    "<body><h1>{title}</h1><p>{words}</p></body></html>\n"
)
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}

#: What a page says, by status.
_WORDS = {
    400: ("This address is not complete", "Part of the link may have been cut off. Try to copy all of it."),
    404: ("This link leads nowhere", "Nothing is known under this address. It may have been mistyped."),
    405: ("This is a link", "It can be followed, and nothing else."),
    410: ("This link has ended", "What it led to is no longer offered."),
    500: ("Something went wrong", "It is not your fault. Please try again in a moment."),
    503: ("Not just now", "Too much is going on here. Please try again in a moment."),
}
_STATUS: dict[type[errors.TurnoutError], int] = {
    errors.InvalidInput: 400,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Gone: 410,
    errors.Overloaded: 503,
}


async def follow(call: Call) -> Response:
    """Send whoever follows a link to where it leads. The click is on disk before, or the patience for it is over."""
    request, services = call.request, call.services
    scope = request.scope
    found = way(services.catalog, scope["path_params"]["code"], scope["query_string"], services.now())
    # Whoever asks with HEAD only looks where it leads.
    if scope["method"] == "GET":
        event = found.event
        event.ip, event.user_agent, ahead = context_of(request, services.settings.proxy_hops)
        if ahead:
            event.reasons = (*event.reasons, "prefetch_header")
        await record(services, found.workspace, event, "click")
    return Redirect(found.location)


class Redirect(Response):
    """302, which no browser keeps. Made without what other responses find out about their body."""

    def __init__(self, location: str) -> None:
        self.status_code = 302
        self.body = b""
        self.background = None
        self.raw_headers = [*_REDIRECT, (b"location", location.encode("ascii"))]


def page(error: errors.TurnoutError) -> Response:
    """What a person sees whose link leads nowhere."""
    status = _STATUS.get(type(error), 500)
    title, words = _WORDS[status]
    return Response(_PAGE.format(title=title, words=words), status, _PAGE_HEADERS, "text/html")
