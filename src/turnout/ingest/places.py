"""Addresses of requests: which address a text is, what is kept of it, and where in the world it is.

The text of an event's `ip` enters, which may be anything; an address, a `Place`, or the text to keep leaves.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from turnout.errors import InvalidInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Different addresses that are remembered, of all workspaces together.
ADDRESSES_KEPT = 16_384

#: What a truncated address says: the network of a customer, not one of its machines.
TRUNCATED_BITS = {4: 24, 6: 48}

#: As a column of the store takes it; a database says less.
_NAME_LIMIT = 256

#: An address as proxies write it: with a port, in brackets, with the zone of a link.
_DRESSED = re.compile(r"\[([0-9A-Fa-f:.]+)(?:%[^\]]*)?\](?::\d{1,5})?|(\d+\.\d+\.\d+\.\d+):\d{1,5}|([0-9A-Fa-f:.]+)%.*")


class Place(NamedTuple):
    """Where an address is, as far as it is known: ISO 3166 alpha-2, a city's English name, who runs the network."""

    country: str = ""
    city: str = ""
    network: str = ""


NOWHERE = Place()


class Seen(NamedTuple):
    """What a text said of an address is: what is kept of it in full and truncated, and where it is.

    In full, an address is written the one way that there is, and what is none stays as it was said. Truncated, it is
    the first address of its network, and nothing stays of a text that is no address.
    """

    full: str
    truncated: str
    place: Place


def address_of(text: str) -> Address | None:
    """The address that a text is, without port, brackets and zone; None if it is none."""
    found = _plain(text)
    if found is None and (dressed := _DRESSED.fullmatch(text.strip())):
        found = _plain(next(part for part in dressed.groups() if part))
    if isinstance(found, ipaddress.IPv6Address):
        return found.ipv4_mapped or found
    return found


def _is_ipv4(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True


def _plain(text: str) -> Address | None:
    try:
        return ipaddress.IPv6Address(text.split("%")[0]) if ":" in text else ipaddress.IPv4Address(text)
    except ValueError:
        return None


def truncated(address: Address) -> str:
    """The first address of the network that is kept of an address."""
    bits = address.max_prefixlen - TRUNCATED_BITS[address.version]
    return str(type(address)(int(address) >> bits << bits))


class Places:
    """Countries of the embedded data, or what the user's own databases (.mmdb) say."""

    def __init__(self, databases: str = "") -> None:
        """`databases` are paths, comma-separated: for each thing to know, the first that says it is believed.

        InvalidInput if one of them can't be read.
        """
        self._readers = [_opened(path.strip()) for path in databases.split(",") if path.strip()]
        # Beside the method, since what it remembers must not outlive this.
        self.seen = lru_cache(maxsize=ADDRESSES_KEPT)(self._seen)

    def close(self) -> None:
        """Close the databases."""
        for reader in self._readers:
            reader.close()

    def _seen(self, text: str) -> Seen:
        """What an event's `ip` is; nowhere, if it is no address."""
        if _is_ipv4(text):
            # As nearly all are; its own text is the one way to write it.
            return Seen(text, text[: text.rindex(".")] + ".0", self._place(text))
        found = address_of(text)
        if found is None:
            return Seen(text, "", NOWHERE)
        full = str(found)
        return Seen(full, truncated(found), self._place(full))

    def _place(self, address: str) -> Place:
        if not self._readers:
            return _in_country(_embedded(address))
        country, city, network = "", "", ""
        for reader in self._readers:
            record = _record(reader, address)
            country = country or _country(record)
            city = city or _text(record, "city")
            network = network or _network(record)
        return Place(country or _embedded(address), city, network)


def _opened(path: str) -> Any:
    import maxminddb

    try:
        return maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise InvalidInput(f"can't read the database '{path}': {error}", field="TURNOUT_MMDB") from None


def _record(reader: Any, address: str) -> Mapping[str, Any]:
    import maxminddb

    try:
        found = reader.get(address)
    except (ValueError, maxminddb.InvalidDatabaseError):
        # An IPv6 address, and a database of IPv4 alone; or one that is damaged there.
        return {}
    return found if isinstance(found, dict) else {}


def _country(record: Mapping[str, Any]) -> str:
    found = record.get("country")
    code = found.get("iso_code") if isinstance(found, dict) else record.get("country_code", found)
    return code if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isupper() else ""


def _text(record: Mapping[str, Any], name: str) -> str:
    """A name: plain, or in several languages."""
    found = record.get(name)
    if isinstance(found, dict):
        names = found.get("names")
        found = names.get("en") if isinstance(names, dict) else None
    return found[:_NAME_LIMIT] if isinstance(found, str) else ""


def _network(record: Mapping[str, Any]) -> str:
    for name in ("autonomous_system_organization", "as_name", "isp", "organization"):
        if found := _text(record, name):
            return found
    number = record.get("autonomous_system_number")
    return f"AS{number}" if isinstance(number, int) else _text(record, "asn")


def _embedded(address: str) -> str:
    return _embedded_data()(address) or ""


@cache
def _embedded_data() -> Callable[[str], str | None]:
    import iptocc

    return iptocc.country_code


@lru_cache(maxsize=1024)
def _in_country(country: str) -> Place:
    """One for each country, since there are so many more addresses."""
    return Place(country)
