"""Tracked links: registering them, signing addresses of them, and putting them into a body of HTML."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from turnout.capture import rewriting
from turnout.capture.links import public_base, tracked_url
from turnout.capture.pixel import pixel_url
from turnout.capture.tokens import Claim, sign
from turnout.dialects.contract import Call
from turnout.dialects.native import parse, render, wire_links
from turnout.dialects.native.campaigns import read_body
from turnout.errors import InvalidInput, NotFound, TooLarge
from turnout.model import Link, Workspace
from turnout.store.links import LinkFields

#: Different links of one body.
_LIMIT_LINKS = 1000

#: All bodies of one answer together, in characters.
_LIMIT_BODIES_CHARS = 32_000_000

_LIMIT_LEFT = 1000


async def listing(call: Call) -> Response:
    """A page of links, without those that were deleted."""
    asked, _ = parse.query(wire_links.LinksQuery, call.request.query_params.multi_items())
    base = public_base(call.request, call.services.settings)
    found = [one for one in call.services.catalog.links.all(call.workspace.id) if _matches(one, asked)]
    page = found[asked.offset : asked.offset + asked.limit]
    return _json(wire_links.LinksAnswer([_answer(one, base) for one in page], len(found)))


async def get(call: Call) -> Response:
    """One link, by its id or its code."""
    return _json(_answer(_asked_for(call), public_base(call.request, call.services.settings)))


async def add(call: Call) -> Response:
    """Register a link: 201 with a new one, 200 with the one that is there already with the very same fields."""
    asked = await read_body(call, wire_links.NewLink)
    base = public_base(call.request, call.services.settings)
    links, workspace = call.services.catalog.links, call.workspace
    fields = LinkFields(
        url=asked.url, title=asked.title, params=_params(asked.params), profile=asked.profile, campaign=asked.campaign,
        message=asked.message, code=asked.code, hidden=asked.hidden, expires_at=_moment(asked.expires_at),
    )  # fmt: skip
    ((link, is_new),) = await call.services.run(links.ensure, workspace.id, [fields])
    if is_new:
        call.services.statistics.changed([workspace.id])
    addressing = wire_links.Addressing(
        recipients=asked.recipients, variation=asked.variation, send_id=asked.send_id, channel=asked.channel
    )
    addresses = _addresses(link, workspace, addressing, base) if asked.recipients else UNSET
    return _json(msgspec.structs.replace(_answer(link, base), addresses=addresses), 201 if is_new else 200)


async def change(call: Call) -> Response:
    """Set some of a link's fields. Its clicks are counted under its new title."""
    asked = await read_body(call, wire_links.LinkChange)
    link = _asked_for(call)
    changes: dict[str, Any] = {
        name: value for name in asked.__struct_fields__ if (value := getattr(asked, name)) is not UNSET
    }
    if "params" in changes:
        changes["params"] = _params(changes["params"])
    if "expires_at" in changes:
        changes["expires_at"] = _moment(changes["expires_at"])
    links, workspace = call.services.catalog.links, call.workspace.id
    link = await call.services.run(lambda: links.change(workspace, link.id, **changes))
    call.services.statistics.changed([workspace])
    return _json(_answer(link, public_base(call.request, call.services.settings)))


async def delete(call: Call) -> Response:
    """End a link: who follows it is told so. Its clicks stay, and keep its title."""
    links, workspace = call.services.catalog.links, call.workspace.id
    await call.services.run(links.delete, workspace, _asked_for(call).id)
    call.services.statistics.changed([workspace])
    return Response(status_code=204)


async def addresses(call: Call) -> Response:
    """Signed addresses of a link, one for each recipient."""
    asked = await read_body(call, wire_links.Addressing)
    base = public_base(call.request, call.services.settings)
    return _json(wire_links.AddressesAnswer(_addresses(_asked_for(call), call.workspace, asked, base)))


async def rewrite(call: Call) -> Response:
    """A body of HTML with tracked links in the place of its own, and a pixel; nothing else of it changes."""
    asked = await read_body(call, wire_links.Rewrite)
    if asked.recipients and asked.recipient:
        raise InvalidInput("give one recipient or several, not both", field="recipients")
    base = public_base(call.request, call.services.settings)
    answer, are_new = await call.services.run(_rewritten, call, asked, base)
    if are_new:
        call.services.statistics.changed([call.workspace.id])
    return _json(answer)


def _rewritten(call: Call, asked: wire_links.Rewrite, base: str) -> tuple[wire_links.RewriteAnswer, bool]:
    """The answer, and whether links were registered for it."""
    body = rewriting.read(asked.html, base, asked.exclude)
    wanted = list(rewriting.distinct(body.addresses))
    if len(wanted) > _LIMIT_LINKS:
        raise TooLarge(f"a body has at most {_LIMIT_LINKS} different links", field="html")
    if len(body.html) * max(len(asked.recipients), 1) > _LIMIT_BODIES_CHARS and not asked.token:
        message = f"the bodies of one answer have at most {_LIMIT_BODIES_CHARS} characters together"
        raise TooLarge(message, field="recipients", hint="ask for fewer at once, or for tokens: see docs/links.md")
    fields = [
        LinkFields(url=url, title=title, profile=asked.profile, campaign=asked.campaign, message=asked.message)
        for url, title in wanted
    ]
    ensured = call.services.catalog.links.ensure(call.workspace.id, fields)
    codes = {one: link.code or link.id for one, (link, _) in zip(wanted, ensured, strict=True)}
    placed = [codes[one.url, one.title] for one in body.addresses]
    writer = _Writer(body, placed, asked, call.workspace, base)
    html, pixel = writer.body(asked.recipient)
    several = bool(asked.recipients)
    answer = wire_links.RewriteAnswer(
        html=html,
        pixel=pixel,
        links=_links(ensured, placed, base),
        left=[wire_links.LeftAddress(url, reason) for url, reason in body.left[:_LIMIT_LEFT]],
        bodies=[wire_links.RewrittenBody(one, *writer.body(one)) for one in asked.recipients]
        if several and not asked.token
        else UNSET,
        tokens=[wire_links.RecipientToken(one, writer.whole_token(one)) for one in asked.recipients]
        if several and asked.token
        else UNSET,
    )
    return answer, any(is_new for _, is_new in ensured)


class _Writer:
    """Writes the body of any recipient."""

    def __init__(
        self, body: rewriting.Body, codes: list[str], asked: wire_links.Rewrite, workspace: Workspace, base: str
    ) -> None:
        self._body = body
        self._codes = codes
        self._asked = asked
        self._workspace = workspace
        self._base = base

    def body(self, recipient: str) -> tuple[str, str]:
        """The HTML and the address of its pixel."""
        asked = self._asked
        has_pixel = asked.pixel and self._body.pixel_at >= 0
        pixel = pixel_url(self._base, asked.token or self.whole_token(recipient)) if has_pixel else ""
        token = asked.token or self._link_token(recipient)
        addresses = [tracked_url(self._base, code, token, place) for place, code in enumerate(self._codes, 1)]
        return rewriting.write(self._body, addresses, pixel), pixel

    def whole_token(self, recipient: str) -> str:
        """One that serves the pixel and every link."""
        asked = self._asked
        return self._sign(
            Claim(
                workspace=self._workspace.id, campaign=asked.campaign, message=asked.message, recipient=recipient,
                variation=asked.variation, send_id=asked.send_id, profile=asked.profile, channel=asked.channel,
            )
        )  # fmt: skip

    def _link_token(self, recipient: str) -> str:
        """One without what registered links say themselves; empty if it would say nothing."""
        asked = self._asked
        claim = Claim(recipient=recipient, variation=asked.variation, send_id=asked.send_id, channel=asked.channel)
        return self._sign(claim) if claim != Claim() else ""

    def _sign(self, claim: Claim) -> str:
        return sign(claim, self._workspace.signing_secret, "recipient")


def _links(ensured: Sequence[tuple[Link, bool]], placed: Sequence[str], base: str) -> list[wire_links.RewrittenLink]:
    places: dict[str, list[int]] = {}
    for place, code in enumerate(placed, 1):
        places.setdefault(code, []).append(place)
    return [
        wire_links.RewrittenLink(
            link.id, code := link.code or link.id, tracked_url(base, code), link.url, link.title, len(places[code]),
            places[code],
        )
        for link, _ in ensured
    ]  # fmt: skip


def _addresses(
    link: Link, workspace: Workspace, asked: wire_links.Addressing, base: str
) -> list[wire_links.SignedAddress]:
    expires_at = _moment(asked.expires_at)
    found = []
    for recipient in asked.recipients:
        claim = Claim(
            recipient=recipient, variation=asked.variation, send_id=asked.send_id, channel=asked.channel,
            expires_s=int(expires_at.timestamp()) if expires_at else 0,
        )  # fmt: skip
        token = sign(claim, workspace.signing_secret, "recipient")
        found.append(wire_links.SignedAddress(recipient, tracked_url(base, link.code or link.id, token), token))
    return found


def _asked_for(call: Call) -> Link:
    """The link of the path: by its id, else by its code."""
    name, links = call.request.path_params["id"], call.services.catalog.links
    link = links.by_code(name)
    if link is None or link.workspace != call.workspace.id:
        raise NotFound(f"no link '{name[:200]}'", field="link")
    return links.get(call.workspace.id, link.id)


def _answer(link: Link, base: str) -> wire_links.LinkAnswer:
    shared = {name: getattr(link, name) for name in LinkFields.__struct_fields__ if name != "code"}
    code = link.code or link.id
    return wire_links.LinkAnswer(
        id=link.id, code=code, tracked_url=tracked_url(base, code), created_at=link.created_at,
        updated_at=link.updated_at, **shared,
    )  # fmt: skip


def _matches(link: Link, asked: wire_links.LinksQuery) -> bool:
    words = asked.search.casefold()
    return (
        (not words or any(words in text.casefold() for text in (link.title, link.url, link.code, link.id)))
        and asked.campaign in ("", link.campaign)
        and asked.message in ("", link.message)
        and asked.profile in ("", link.profile)
    )


def _params(given: wire_links.Params) -> str:
    """URL-encoded, without a question mark."""
    return given.removeprefix("?") if isinstance(given, str) else urlencode(given, doseq=True)


def _moment(given: dt.datetime | None) -> dt.datetime | None:
    """In UTC; without an offset it is UTC."""
    return given.replace(tzinfo=dt.UTC) if given is not None and given.tzinfo is None else given


def _json(body: object, status: int = 200) -> Response:
    return Response(render.encode(body), status, media_type="application/json")
