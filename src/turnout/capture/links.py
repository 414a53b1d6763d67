"""GET /r/{code}: from what stands in the address to where it leads, and the click that it is.

The last segment of the path and the query enter; a `Way` leaves: the workspace, the address, and the event without
what is known of the request. Three forms of the segment: `CODE` of a registered link, `CODE.TOKEN` with a token that
says who follows it, and `s.TOKEN` with a token that says where it leads. The first may have its token in the query
(`_token`) too. Nothing else leads anywhere.

Of a registered link, the place in its message may stand behind the code: `CODE.3` and `CODE.3.TOKEN`. It is not signed:
one token serves every link of a message, also where a mailer puts it in itself; and who changes a place could as well
follow the link that stands there.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from starlette.requests import Request

from turnout.capture import tokens
from turnout.capture.recording import new_id
from turnout.capture.tokens import Claim
from turnout.errors import Gone, InvalidInput, NotFound
from turnout.model import POSITION_LIMIT, Event, Link, Workspace
from turnout.settings import Settings
from turnout.store.catalog import Catalog
from turnout.store.links import check_url

#: The code of links that say themselves where they lead. Shorter than a code of a registered one may be.
SIGNED = "s"

#: The parameter of a request that may hold the token. It is never handed on.
TOKEN_PARAMETER = "_token"

#: Whose the clicks are that no campaign is known of.
NO_CAMPAIGN = "links"

#: A longer query is not handed on, and not kept.
QUERY_LIMIT_BYTES = 8192

#: Parameters of one click that are kept, and characters of each name and value.
PARAMS_LIMIT = 100
PARAM_LIMIT_CHARS = 1024

_URL_LIMIT_CHARS = 8192
_REMEMBERED_ADDRESSES = 4096

_TOKEN_PREFIX = f"{TOKEN_PARAMETER}=".encode()

#: A code as links have had it: those of every room, and those that somebody chose.
_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: A place and what follows it. No token begins with a digit.
_PLACED = re.compile(r"([0-9]{1,5})(?:\.(.*))?")

#: A query that can stand in an address as it came.
_PLAIN_QUERY = re.compile(rb"[A-Za-z0-9\-._~!$&'()*+,;=:@/?%\[\]{}|]*")

#: A Host header: a name or an address, and a port.
_HOST = re.compile(r"[A-Za-z0-9.\-_]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")

_NOT_QUOTED = "!$&'()*+,;=:@/?%-._~[]{}|"


class Way(NamedTuple):
    """Where somebody is sent, and the click, complete but for what is known of the request."""

    workspace: Workspace
    location: str
    event: Event


def way(catalog: Catalog, segment: str, query: bytes, now: dt.datetime) -> Way:
    """Where the address leads. NotFound, Gone or InvalidInput where it leads nowhere.

    A token that is forged, cut off or over its time does not keep anybody from a registered link: an old mail still
    works, and the click is one of nobody in particular.
    """
    code, _, token = segment.partition(".")
    if len(query) > QUERY_LIMIT_BYTES:
        query = b""
    if code == SIGNED:
        return _signed(catalog, token, query, now)
    if not _CODE.fullmatch(code):
        raise InvalidInput("this is not the address of a link")
    link = catalog.links.by_code(code)
    if link is None:
        raise NotFound("there is no such link")
    if link.deleted_at is not None or (link.expires_at is not None and link.expires_at <= now):
        raise Gone("this link has ended")
    position, token = _placed(token)
    if _TOKEN_PREFIX in query:
        query, given = _without_token(query)
        token = token or given
    workspace = catalog.workspace(link.workspace)
    claim = tokens.recipient_claim(token, workspace, now) if token else None
    location = _joined(_parts(link.url, link.params), query)
    event = _click(_registered(link, claim or _NOBODY), catalog, location, query, now, link)
    event.position = position or event.position
    return Way(workspace, location, event)


def _signed(catalog: Catalog, token: str, query: bytes, now: dt.datetime) -> Way:
    """Where a token leads that says so itself."""
    known = tokens.known(token, catalog, "target")
    if known is None:
        raise InvalidInput("this is not the whole address of a link")
    workspace, claim = known
    if claim.has_ended(now):
        raise Gone("this link has ended")
    check_url(claim.url)
    # Mailers append the token to every link alike; whom it names is not for the target to know.
    query, _ = _without_token(query) if _TOKEN_PREFIX in query else (query, "")
    location = _joined(_parts(claim.url, ""), query)
    return Way(workspace, location, _click(claim, catalog, location, query, now))


def _placed(token: str) -> tuple[int, str]:
    """The place in the message (0: not said) and the token of what stands behind a code."""
    found = _PLACED.fullmatch(token) if token else None
    if found is None:
        return 0, token
    position = int(found[1])
    return position if position <= POSITION_LIMIT else 0, found[2] or ""


_NOBODY = Claim()


def _registered(link: Link, said: Claim) -> Claim:
    """What is known of a click on a registered link: what the link says, and for the rest what the token does."""
    # With a link of another campaign, a token would say things of the wrong one.
    if link.campaign and said.campaign not in ("", link.campaign):
        said = Claim(recipient=said.recipient)
    return Claim(
        campaign=link.campaign or said.campaign,
        message=link.message or said.message,
        recipient=said.recipient,
        variation=said.variation,
        send_id=said.send_id,
        profile=link.profile or said.profile,
        channel=said.channel,
        link=link.id,
        # A link of no campaign is another room's, which looks titles up when it is asked: a new one is that of old
        # clicks too.
        title=link.title if link.campaign else "",
        position=said.position,
    )


def _click(
    claim: Claim, catalog: Catalog, location: str, query: bytes, now: dt.datetime, link: Link | None = None
) -> Event:
    return Event(
        type="clicked",
        target="link",
        id=new_id(),
        time=now,
        campaign=claim.campaign or NO_CAMPAIGN,
        message=claim.message,
        variation=claim.variation,
        channel=claim.channel,
        recipient=claim.recipient,
        send_id=claim.send_id,
        profile=claim.profile,
        url=location[:_URL_LIMIT_CHARS],
        link=claim.link,
        link_title=claim.title,
        position=claim.position,
        params=params_of(query) if query else None,
        reasons=("hidden_link",) if link is not None and link.hidden else (),
    )


# ---- addresses --------------------------------------------------------------------------------------


@lru_cache(_REMEMBERED_ADDRESSES)
def _parts(url: str, params: str) -> tuple[str, str, str]:
    """An address up to its query, its query with the link's own parameters, and its fragment with its hash; ASCII."""
    scheme, host, path, query, fragment = urlsplit(url)
    if not host.isascii():
        user, at, name = host.rpartition("@")
        name, colon, port = name.partition(":")
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            name = quote(name)
        host = f"{quote(user, safe=_NOT_QUOTED)}{at}{name}{colon}{port}"
    query = "&".join(part for part in (quote(query, safe=_NOT_QUOTED), params) if part)
    fragment = quote(fragment, safe=_NOT_QUOTED + "#")
    return urlunsplit((scheme, host, quote(path, safe=_NOT_QUOTED), "", "")), query, f"#{fragment}" if fragment else ""


def _joined(parts: tuple[str, str, str], query: bytes) -> str:
    """The address with a request's query after its own: a parameter that both have is there twice."""
    address, own, fragment = parts
    if query:
        text = query.decode() if _PLAIN_QUERY.fullmatch(query) else quote(query, safe=_NOT_QUOTED)
        own = f"{own}&{text}" if own else text
    return f"{address}?{own}{fragment}" if own else address + fragment


def _without_token(query: bytes) -> tuple[bytes, str]:
    """A query without the token, and the token."""
    rest, token = [], ""
    for part in query.split(b"&"):
        if part.startswith(_TOKEN_PREFIX):
            token = part[len(_TOKEN_PREFIX) :].decode("ascii", "replace")
        else:
            rest.append(part)
    return b"&".join(rest), token


def params_of(query: bytes) -> dict[str, Any] | None:
    """A query as an event has it: each name with its value, or its values if it is there more than once.

    At most `PARAMS_LIMIT` names and values of `PARAM_LIMIT_CHARS`; what is no UTF-8 is replaced, and NUL left out.
    """
    text = query.decode("utf-8", "replace")
    pairs = parse_qsl("&".join(text.split("&", PARAMS_LIMIT)[:PARAMS_LIMIT]), keep_blank_values=True, errors="replace")
    found: dict[str, Any] = {}
    for raw_name, raw_value in pairs:
        name, value = (one[:PARAM_LIMIT_CHARS].replace("\0", "") for one in (raw_name, raw_value))
        before = found.get(name)
        if before is None:
            found[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            found[name] = [before, value]
    return found or None


def public_base(request: Request, settings: Settings) -> str:
    """Where people reach this server: the setting, else where this request did. InvalidInput if that can't be said."""
    if settings.public_url:
        try:
            check_url(settings.public_url)
        except InvalidInput as error:
            raise InvalidInput(f"this is no address: {error.message}", field="TURNOUT_PUBLIC_URL") from None
        return settings.public_url.rstrip("/")
    headers = request.headers
    scheme = request.scope.get("scheme", "http")
    if settings.proxy_hops:
        scheme = headers.get("x-forwarded-proto", scheme).split(",")[-1].strip().lower()
    host = headers.get("host", "")
    if scheme not in ("http", "https") or not _HOST.fullmatch(host):
        raise InvalidInput("the request does not say where it was sent", field="Host", hint="set TURNOUT_PUBLIC_URL")
    return f"{scheme}://{host}"


def tracked_url(base: str, code: str, token: str = "", position: int = 0) -> str:
    """The address of a link, at a server that is reached at `base`; `position` is its place in the message."""
    placed = f"{code}.{position}" if 0 < position <= POSITION_LIMIT else code
    return f"{base}/r/{placed}.{token}" if token else f"{base}/r/{placed}"
