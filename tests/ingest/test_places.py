"""What a text said of an address is, what is kept of it, and where it is."""

from __future__ import annotations

import pytest
from tests.ingest.mmdb import database

from turnout.errors import InvalidInput
from turnout.ingest.places import NOWHERE, Place, Places, address_of

#: A text, the address in full, and truncated.
ADDRESSES = [
    ("203.0.113.77", "203.0.113.77", "203.0.113.0"),
    ("203.0.113.77:4711", "203.0.113.77", "203.0.113.0"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
    ("2001:DB8:0001::1", "2001:db8:1::1", "2001:db8:1::"),
    ("[2001:db8:1::1]", "2001:db8:1::1", "2001:db8:1::"),
    ("[2001:db8:1::1]:443", "2001:db8:1::1", "2001:db8:1::"),
    ("fe80::1%eth0", "fe80::1", "fe80::"),
    ("[fe80::1%eth0]:80", "fe80::1", "fe80::"),
    ("::ffff:203.0.113.77", "203.0.113.77", "203.0.113.0"),
    (" 203.0.113.77", " 203.0.113.77", ""),
    ("203.0.113", "203.0.113", ""),
    ("203.0.113.077", "203.0.113.077", ""),
    ("203.0.113.256", "203.0.113.256", ""),
    ("unknown", "unknown", ""),
    ("'; DROP TABLE events", "'; DROP TABLE events", ""),
    ("é" * 64, "é" * 64, ""),
    ("1:" * 32, "1:" * 32, ""),
    ("\0", "\0", ""),
]


@pytest.mark.parametrize(("text", "full", "truncated"), ADDRESSES)
def test_addresses(text, full, truncated):
    found = Places().seen(text)
    assert (found.full, found.truncated) == (full, truncated)
    assert (address_of(text) is None) == (truncated == "")


def test_countries_are_embedded():
    places = Places()
    assert places.seen("8.8.8.8").place == Place("US")
    assert places.seen("211.231.100.1").place == Place("KR")
    assert places.seen("[2001:4860:4860::8888]:1").place == Place("US")
    for nowhere in ("10.0.0.1", "192.0.2.1", "::1", "x", ""):
        assert places.seen(nowhere).place == NOWHERE


def test_databases_of_the_user_s_come_first(tmp_path):
    city, network = tmp_path / "city.mmdb", tmp_path / "asn.mmdb"
    city.write_bytes(
        database(
            {
                "8.8.0.0/16": {"country": {"iso_code": "CH"}, "city": {"names": {"de": "Genf", "en": "Geneva"}}},
                "2001:db8::/32": {"country": {"iso_code": "?"}, "city": {"names": {"de": "Genf"}}},
                "9.9.9.0/24": {"country_code": "FR", "city": "Lyon"},
            }
        )
    )
    network.write_bytes(
        database(
            {
                "8.8.8.0/24": {"autonomous_system_number": 15169, "autonomous_system_organization": "GOOGLE"},
                "9.0.0.0/8": {"autonomous_system_number": 19281},
            }
        )
    )
    places = Places(f"{city}, {network}")
    assert places.seen("8.8.8.8").place == Place("CH", "Geneva", "GOOGLE")
    assert places.seen("8.8.4.4").place == Place("CH", "Geneva", "")
    assert places.seen("9.9.9.9").place == Place("FR", "Lyon", "AS19281")
    assert places.seen("2001:db8::1").place == NOWHERE
    assert places.seen("211.231.100.1").place == Place("KR")
    places.close()


@pytest.mark.parametrize("content", [None, b"", b"no database"])
def test_a_database_that_can_t_be_read_is_named(tmp_path, content):
    path = tmp_path / "x.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"x\.mmdb") as refused:
        Places(str(path))
    assert refused.value.field == "TURNOUT_MMDB"
