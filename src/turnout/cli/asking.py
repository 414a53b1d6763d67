"""Questions of the command line as queries of the API, for every command that asks."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from turnout.cli.connection import Connection, Refused, path
from turnout.errors import InvalidInput, NotFound

LISTING_LIMIT = 10_000


@dataclass(frozen=True)
class Range:
    """What several options say together: which events are looked at, and whose days."""

    from_: str = ""
    to: str = ""
    timezone: str = ""
    traffic: str = ""
    filters: tuple[str, ...] = ()
    by: str = ""

    def query(self, campaign: str = "") -> dict[str, str]:
        """As parameters of the API. InvalidInput for a filter that isn't one."""
        found = {
            "from": self.from_, "to": self.to, "timezone": self.timezone, "traffic": self.traffic, "by": self.by,
        }  # fmt: skip
        for one in self.filters:
            name, sign, values = one.partition("=")
            if not sign or not name:
                raise InvalidInput(
                    f"'{one}' is not DIMENSION=VALUES", field="--filter", hint="e.g. --filter country=DE,AT"
                )
            found[name] = f"{found[name]},{values}" if found.get(name) else values
        if campaign:
            found["campaign"] = campaign.replace(",", "\\,")
        return {name: value for name, value in found.items() if value}


def campaign(server: Connection, name: str) -> dict[str, Any]:
    """A campaign. NotFound with the nearest id if there is none."""
    try:
        found: dict[str, Any] = server.get(path("campaigns", name))
    except Refused as error:
        if error.status != 404:
            raise
        ids = [one["id"] for one in campaigns(server)]
        near = difflib.get_close_matches(name, ids, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else "turnout campaigns list shows them"
        raise NotFound(f"no campaign '{name}'", hint=hint) from None
    return found


def campaigns(server: Connection, query: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """All campaigns, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        page = server.get("/v1/campaigns", {"limit": str(LISTING_LIMIT), "offset": str(len(found)), **(query or {})})
        found += page["campaigns"]
        if not page["campaigns"] or len(found) >= page["total"]:
            return found
