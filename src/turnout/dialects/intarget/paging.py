"""Where a page stands among all: the framework's headers for it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

#: Of the header with the links. A longer one (many campaigns are named) only says how to go on, since
#: proxies refuse answers whose headers are long.
LINK_LIMIT_BYTES = 4096

_HOST = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,255}")

Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """Page `number` (from 1) of `total` rows, `size` on each."""

    number: int
    size: int
    total: int

    @property
    def count(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.size)

    @property
    def rows(self) -> slice:
        """Which of all rows are on it."""
        return slice((self.number - 1) * self.size, self.number * self.size)

    def headers(self, address: str, pairs: Pairs) -> dict[str, str]:
        """The five headers; `pairs` are the parameters of the request at `address`."""
        return {
            "X-Pagination-Total-Count": str(self.total),
            "X-Pagination-Page-Count": str(self.count),
            "X-Pagination-Current-Page": str(self.number),
            "X-Pagination-Per-Page": str(self.size),
            "Link": self._links(f"{address}?{_query(pairs)}"),
        }

    def _links(self, address: str) -> str:
        numbers = {"self": self.number}
        if self.count:
            numbers["first"] = 1
        if self.number > 1:
            # Past the end, the way back is the last page.
            numbers["prev"] = max(1, min(self.number - 1, self.count))
        if self.number < self.count:
            numbers["next"] = self.number + 1
        if self.count:
            numbers["last"] = self.count
        links = {name: f"<{address}page={number}&perPage={self.size}>; rel={name}" for name, number in numbers.items()}
        whole = ", ".join(links.values())
        return whole if len(whole) <= LINK_LIMIT_BYTES else links.get("next", links["self"])


def address(scheme: str, host: str, path: str) -> str:
    """Where the request went to; the path alone where what it calls this host is no host's name."""
    return f"{scheme}://{host}{path}" if _HOST.fullmatch(host) else path


def _query(pairs: Pairs) -> str:
    """The parameters but for the page, each once (the last counts), in their order; ready for more."""
    kept: dict[str, tuple[str, str]] = {}
    for name, value in pairs:
        if name not in ("page", "perPage"):
            kept[f"{name}\0{value}" if name.endswith("]") else name] = name, value
    return "".join(f"{quote(name, safe='')}={quote(value, safe='')}&" for name, value in kept.values())
