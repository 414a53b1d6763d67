"""A small MaxMind DB, written by its specification (version 2.0): networks and records in, the file's bytes out."""

from __future__ import annotations

import ipaddress
import struct
from typing import Any

_MARKER = b"\xab\xcd\xefMaxMind.com"


def database(records: dict[str, dict[str, Any]]) -> bytes:
    """An IPv6 database with 32-bit pointers; IPv4 networks are below ::/96."""
    nodes: list[list[int | None]] = [[None, None]]
    data, offsets = b"", []
    for network, record in records.items():
        offsets.append(len(data))
        data += _value(record)
        node, bits = 0, _bits(network)
        for bit in bits[:-1]:
            below = nodes[node][bit]
            if below is None:
                nodes.append([None, None])
                below = nodes[node][bit] = len(nodes) - 1
            node = below
        nodes[node][bits[-1]] = -len(offsets)
    count = len(nodes)
    tree = b"".join(struct.pack(">II", *(_pointer(side, count, offsets) for side in node)) for node in nodes)
    about = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1,
        "database_type": "Test",
        "description": {"en": "test"},
        "ip_version": 6,
        "languages": ["en"],
        "node_count": count,
        "record_size": 32,
    }
    return tree + bytes(16) + data + _MARKER + _value(about)


def _pointer(side: int | None, count: int, offsets: list[int]) -> int:
    if side is None:
        return count
    return side if side > 0 else count + 16 + offsets[-side - 1]


def _bits(network: str) -> list[int]:
    found = ipaddress.ip_network(network)
    text = f"{int(found.network_address):0{found.max_prefixlen}b}"[: found.prefixlen]
    return [0] * (96 if found.version == 4 else 0) + [int(bit) for bit in text]


#: Kinds of numbers by the names that readers insist on: 16, 64 and else 32 bits.
_NUMBERS = {
    **dict.fromkeys(("binary_format_major_version", "binary_format_minor_version", "ip_version", "record_size"), 5),
    "build_epoch": 9,
}


def _value(value: Any, number: int = 6) -> bytes:
    if isinstance(value, str):
        raw = value.encode()
        return _head(2, len(raw)) + raw
    if isinstance(value, int):
        raw = value.to_bytes(4, "big").lstrip(b"\0")
        return _head(number, len(raw)) + raw
    if isinstance(value, dict):
        return _head(7, len(value)) + b"".join(
            _value(key) + _value(one, _NUMBERS.get(key, 6)) for key, one in value.items()
        )
    return _head(11, len(value)) + b"".join(map(_value, value))


def _head(kind: int, size: int) -> bytes:
    assert size < 285
    small, rest = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return bytes([kind << 5 | small]) + rest if kind < 8 else bytes([small, kind - 7]) + rest
