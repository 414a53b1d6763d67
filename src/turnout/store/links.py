"""Registered links: addresses that clicks go through, under an id that events name in `link`.

Kept whole in memory, written through to the store. A deleted link is found no more, but the clicks that
went through it keep its title, and neither its id nor its code is ever given to another.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from turnout.errors import Conflict, InvalidInput, NotFound, TooLarge
from turnout.model import Link, Name, Text, Url
from turnout.store.records import Records

#: Links of one workspace, deleted ones included: they are all in memory.
LIMIT_LINKS = 100_000

_URL_LIMIT = 8192
_PARAMS_LIMIT = 2048

#: What no address has as it is sent: spaces, control characters, what browsers read as a slash.
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f-\x9f\\<>\"]")

#: A query by RFC 3986, and the brackets and bars that are in many of them unescaped.
_QUERY = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]{}|]|%[0-9A-Fa-f]{2})*")

#: What a link's own code may be: part of an address, read aloud and typed. No dot, since a token follows one.
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,63}")


class LinkFields(msgspec.Struct, kw_only=True, frozen=True):
    """What a link is registered with; see `model.Link`."""

    url: Url
    title: Text = ""
    params: Text = ""
    profile: Name = ""
    campaign: Name = ""
    message: Name = ""
    code: Name = ""
    hidden: bool = False
    expires_at: datetime | None = None


class Links:
    """The links of every workspace. Reads are dictionary look-ups; changes are serialised and written first."""

    def __init__(self, records: Records, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now
        self._links: dict[str, dict[str, Link]] = {}
        #: Every link by its id, and by its code where that is another.
        self._by_code: dict[str, Link] = {}
        #: The id of the last link that was registered with such fields, by their hash within this process.
        self._alike: dict[int, str] = {}

    def all(self, workspace: str) -> list[Link]:
        """The links of a workspace, in the order of their creation."""
        # A copy first: another thread may add one meanwhile.
        mine = [link for link in list(self._links.get(workspace, {}).values()) if link.deleted_at is None]
        return sorted(mine, key=lambda link: (link.created_at, link.id))

    def get(self, workspace: str, link_id: str) -> Link:
        """The link with this id; NotFound if there is none, or no longer."""
        found = self._links.get(workspace, {}).get(link_id)
        if found is None or found.deleted_at is not None:
            raise NotFound(f"no link '{link_id[:200]}'", field="link")
        return found

    def by_code(self, code: str) -> Link | None:
        """The link of any workspace whose code or id this is, a deleted or expired one too."""
        return self._by_code.get(code)

    def titles(self, workspace: str) -> dict[str, str]:
        """The title of every link that has one by its id, deleted links included."""
        return {link.id: link.title for link in list(self._links.get(workspace, {}).values()) if link.title}

    def add(self, workspace: str, **fields: Any) -> Link:
        """Register a link with these `LinkFields` under a new id.

        InvalidInput for what is no address, Conflict for a code that is taken, TooLarge past `LIMIT_LINKS`.
        """
        wanted = LinkFields(**fields)
        _check(wanted)
        with self._records.changing():
            return self._add(workspace, [wanted])[0]

    def ensure(self, workspace: str, wanted: Sequence[LinkFields]) -> list[tuple[Link, bool]]:
        """A living link for each of these fields, and whether it is new: one that is there already with the very same
        fields, else one that is made. All of them or none; raises what `add` does.
        """
        for fields in wanted:
            _check(fields)
        with self._records.lock:
            found = {fields: self._find(workspace, fields) for fields in wanted}
        if (known := [link for link in found.values() if link is not None]) and len(known) == len(found):
            return [(link, False) for fields in wanted if (link := found[fields]) is not None]
        with self._records.changing():
            found = {fields: self._find(workspace, fields) for fields in wanted}
            missing = [fields for fields, link in found.items() if link is None]
            made = dict(zip(missing, self._add(workspace, missing), strict=True))
            return [(found[fields] or made[fields], fields in made) for fields in wanted]

    def change(self, workspace: str, link_id: str, **changes: Any) -> Link:
        """Set some of a link's `LinkFields` but its code; NotFound if there is none."""
        if "url" in changes:
            check_url(changes["url"])
        check_params(changes.get("params", ""))
        with self._records.changing():
            link = self.get(workspace, link_id)
            return self._keep([msgspec.structs.replace(link, **changes, updated_at=self._now())])[0]

    def delete(self, workspace: str, link_id: str) -> None:
        """End a link; NotFound if there is none."""
        with self._records.changing():
            now = self._now()
            link = self.get(workspace, link_id)
            self._keep([msgspec.structs.replace(link, updated_at=now, deleted_at=now)])

    def hold(self, link: Link) -> bool:
        """Know a link that the store has; whether it is not what was known."""
        before = self._links.get(link.workspace, {}).get(link.id)
        self._links.setdefault(link.workspace, {})[link.id] = link
        self._by_code[link.id] = link
        if link.code:
            self._by_code[link.code] = link
        self._alike[_likeness(link.workspace, _fields(link))] = link.id
        return before != link

    def _find(self, workspace: str, wanted: LinkFields) -> Link | None:
        """A living link of exactly these fields."""
        link = self._by_code.get(wanted.code or self._alike.get(_likeness(workspace, wanted), ""))
        # Of two that are alike in their hash only, one is not found, and made anew.
        alike = link is not None and link.workspace == workspace and _fields(link) == wanted
        return link if link is not None and alike and link.deleted_at is None else None

    def _add(self, workspace: str, wanted: Sequence[LinkFields]) -> list[Link]:
        if len(self._links.get(workspace, {})) + len(wanted) > LIMIT_LINKS:
            raise TooLarge(f"a workspace has at most {LIMIT_LINKS} links")
        codes = [fields.code for fields in wanted if fields.code]
        if len(set(codes)) < len(codes) or not self._by_code.keys().isdisjoint(codes):
            raise Conflict("that code belongs to another link", field="code")
        now = self._now()
        return self._keep(
            [
                Link(
                    id=self._new_id(),
                    workspace=workspace,
                    **msgspec.structs.asdict(fields),
                    created_at=now,
                    updated_at=now,
                )
                for fields in wanted
            ]
        )

    def _keep(self, links: list[Link]) -> list[Link]:
        self._records.write("link", [(link.workspace, link.id, link) for link in links])
        for link in links:
            self.hold(link)
        return links

    def _new_id(self) -> str:
        """One that no workspace has: an id alone says where a click goes."""
        while True:
            found = secrets.token_hex(8)
            if found not in self._by_code:
                return found


def _fields(link: Link) -> LinkFields:
    return LinkFields(**{name: getattr(link, name) for name in LinkFields.__struct_fields__})


def _likeness(workspace: str, fields: LinkFields) -> int:
    return hash((workspace, fields))


def _check(fields: LinkFields) -> None:
    check_url(fields.url)
    check_params(fields.params)
    if fields.code and not CODE.fullmatch(fields.code):
        raise InvalidInput(
            "a code has 3 to 64 letters, digits, dashes and underscores, the first of them a letter or digit",
            field="code",
        )


def check_url(url: str) -> None:
    """Raise InvalidInput unless this is an absolute http or https address."""
    if len(url) > _URL_LIMIT:
        raise InvalidInput(f"an address has at most {_URL_LIMIT} characters", field="url")
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or _UNFIT.search(url):
        raise InvalidInput(
            "the address must begin with http:// or https://, name a host and have no blanks", field="url"
        )


def check_params(params: str) -> None:
    """Raise InvalidInput unless this is a URL-encoded query, without its question mark."""
    if len(params) > _PARAMS_LIMIT:
        raise InvalidInput(f"parameters have at most {_PARAMS_LIMIT} characters", field="params")
    if not _QUERY.fullmatch(params):
        raise InvalidInput("the parameters must be URL-encoded, e.g. utm_source=mail&utm_term=a%20b", field="params")
