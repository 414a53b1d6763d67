"""A price as providers write it, a number or text, becomes the exact decimal that an event takes."""

from __future__ import annotations

import decimal

_STEP = decimal.Decimal("0.000001")


def amount(value: object) -> str:
    """The decimal as text, rounded to the six places that are kept (19.990000000000002 is 19.99); empty if it is none.

    A number counts as it is written in JSON, not as the binary fraction it stands for.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    try:
        found = decimal.Decimal(str(value).strip()[:64])
        return format(found.quantize(_STEP).normalize(), "f") if found.is_finite() else ""
    except decimal.InvalidOperation:
        return ""
