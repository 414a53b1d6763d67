"""The process that draws: `python -m turnout.charts.worker`, started and fed by `renderer`.

Frames come in on stdin and go out on stdout, one after the other: four bytes of length, big-endian, then so many bytes.
A frame in is JSON: what to make and of what. A frame out begins with `+` or `-`: what was made, or what went wrong. It
ends with its stdin.

The engine of the charts holds Python's interpreter while it works, a twentieth of a second and more. In the server's
own process every redirect and every beacon would wait for it.
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")

#: Nothing is fetched while a chart is drawn: all that it shows is in its specification.
_NO_ADDRESSES: list[str] = []

_TWO_UNITS = re.compile("[\U00010000-\U0010ffff]")


def main() -> None:
    """Draw until stdin ends."""
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not end up between frames.
    os.dup2(2, 1)
    while (frame := read_frame(source)) is not None:
        try:
            answer = b"+" + _make(json.loads(frame))
        except Exception as error:
            answer = b"-" + str(error)[:2000].encode()
        sink.write(LENGTH.pack(len(answer)) + answer)
        sink.flush()


def read_frame(source: BinaryIO) -> bytes | None:
    """The next frame; None at the end."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = source.read(length)
    return body if len(body) == length else None


def _make(asked: dict[str, Any]) -> bytes:
    return _MAKERS[asked["make"]](asked)


def _svg(asked: dict[str, Any]) -> bytes:
    """Where a text is cut to its room, the engine may cut a character of two units (an emoji) in half, and then fails:
    so the chart is drawn without such characters rather than not at all."""
    import vl_convert

    try:
        drawn = vl_convert.vegalite_to_svg(asked["spec"], allowed_base_urls=_NO_ADDRESSES)
    except ValueError:
        plain = _TWO_UNITS.sub("\N{WHITE VERTICAL RECTANGLE}", asked["spec"])
        if plain == asked["spec"]:
            raise
        drawn = vl_convert.vegalite_to_svg(plain, allowed_base_urls=_NO_ADDRESSES)
    return drawn.encode()


def _png(asked: dict[str, Any]) -> bytes:
    import vl_convert

    return vl_convert.svg_to_png(asked["svg"], scale=asked["scale"])


def _pdf(asked: dict[str, Any]) -> bytes:
    import vl_convert

    return vl_convert.svg_to_pdf(asked["svg"])


def _document(asked: dict[str, Any]) -> bytes:
    """A PDF of a Typst template (https://typst.app/docs), which reads its texts and drawings from `data`.

    Texts are values there, never markup.
    """
    import typst

    made = typst.compile(asked["template"].encode(), sys_inputs={"data": json.dumps(asked["data"])}, format="pdf")
    assert isinstance(made, bytes)
    return made


_MAKERS = {"svg": _svg, "png": _png, "pdf": _pdf, "document": _document}

if __name__ == "__main__":
    main()
