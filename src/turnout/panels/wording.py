"""Values as people read them. The same value is the same text on every page, in every report and in a terminal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from turnout.panels.contract import Kind

#: What there is where a value is not known, or a rate is of nothing.
NOTHING = "–"


def cell(value: Any, kind: Kind) -> str:
    """A cell of a table."""
    if value is None:
        return NOTHING
    if kind == "ratio":
        return percent(value)
    if kind == "money":
        return money(value)
    if kind == "seconds":
        return duration(value)
    if kind == "count":
        return f"{value:,}"
    return str(value)


def percent(value: float | None) -> str:
    """A ratio as 12.34 %; small ones keep their first digits."""
    if value is None:
        return NOTHING
    digits = 1 if value >= 0.1 else 2 if value >= 0.001 or value == 0 else 3
    return f"{value * 100:.{digits}f} %"


def money(value: dict[str, Decimal]) -> str:
    """Amounts by currency: EUR 1,234.50 + USD 5.00; every digit that an amount has."""
    parts = []
    for code, amount in sorted(value.items()):
        exact = Decimal(amount).normalize()
        places = max(2, -int(exact.as_tuple().exponent))
        parts.append(f"{code} {exact:,.{places}f}")
    return " + ".join(parts) or NOTHING


def duration(seconds: float) -> str:
    """Seconds as 2 h 05 min, 3 min 20 s or 12.5 s."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds != int(seconds) else f"{int(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60:,} h {minutes % 60:02d} min"
