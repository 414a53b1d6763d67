"""Registered links: addresses that clicks go through, under an id that events name in `link`.

Kept whole in memory, written through to the store. A deleted link is found no more, but the clicks that
went through it keep its title, and its id is never given to another.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from turnout.errors import InvalidInput, NotFound, TooLarge
from turnout.model import Link
from turnout.store.records import Records

#: Links of one workspace, deleted ones included: they are all in memory.
LIMIT_LINKS = 100_000

_URL_LIMIT = 8192
_PARAMS_LIMIT = 2048

#: What no address has as it is sent: spaces, control characters, what browsers read as a slash.
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f-\x9f\\<>\"]")

#: A query by RFC 3986, and the brackets and bars that are in many of them unescaped.
_QUERY = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]{}|]|%[0-9A-Fa-f]{2})*")


class Links:
    """The links of every workspace. Reads are dictionary look-ups; changes are serialised and written first."""

    def __init__(self, records: Records, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now
        self._links: dict[str, dict[str, Link]] = {}
        self._owners: dict[str, str] = {}

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

    def titles(self, workspace: str) -> dict[str, str]:
        """The title of every link that has one by its id, deleted links included."""
        return {link.id: link.title for link in list(self._links.get(workspace, {}).values()) if link.title}

    def add(
        self,
        workspace: str,
        *,
        url: str,
        title: str = "",
        params: str = "",
        profile: str = "",
        campaign: str = "",
        message: str = "",
    ) -> Link:
        """Register a link under a new id. InvalidInput for what is no address, TooLarge past `LIMIT_LINKS`."""
        check_url(url)
        check_params(params)
        with self._records.lock:
            if len(self._links.get(workspace, {})) >= LIMIT_LINKS:
                raise TooLarge(f"a workspace has at most {LIMIT_LINKS} links")
            now = self._now()
            link = Link(
                id=self._new_id(),
                workspace=workspace,
                title=title,
                url=url,
                params=params,
                profile=profile,
                campaign=campaign,
                message=message,
                created_at=now,
                updated_at=now,
            )
            return self._keep(link)

    def change(self, workspace: str, link_id: str, **changes: str) -> Link:
        """Set some of a link's title, url, params, profile, campaign and message; NotFound if there is none."""
        if "url" in changes:
            check_url(changes["url"])
        check_params(changes.get("params", ""))
        with self._records.lock:
            link = self.get(workspace, link_id)
            return self._keep(msgspec.structs.replace(link, **changes, updated_at=self._now()))

    def delete(self, workspace: str, link_id: str) -> None:
        """End a link; NotFound if there is none."""
        with self._records.lock:
            now = self._now()
            link = self.get(workspace, link_id)
            self._keep(msgspec.structs.replace(link, updated_at=now, deleted_at=now))

    def hold(self, link: Link) -> None:
        """Know a link that the store has."""
        self._links.setdefault(link.workspace, {})[link.id] = link
        self._owners[link.id] = link.workspace

    def _keep(self, link: Link) -> Link:
        self._records.write("link", [(link.workspace, link.id, link)])
        self.hold(link)
        return link

    def _new_id(self) -> str:
        """One that no workspace has: an id alone says where a click goes."""
        while True:
            found = secrets.token_hex(8)
            if found not in self._owners:
                return found


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
