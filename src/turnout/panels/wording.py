"""Values as people read them. The same value is the same text on every page, in every report and in a terminal.

Pure, and quick to import: every command of the terminal does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turnout.panels.contract import Kind

#: What there is where a value is not known, or a rate is of nothing.
NOTHING = "–"


def cell(value: Any, kind: Kind) -> str:
    """A cell of a table."""
    if value is None:
        return NOTHING
    if kind == "time":
        return moment(value)
    # A cell may hold words instead of a number: "Others", "In all".
    if isinstance(value, str):
        return value
    if kind == "ratio":
        return percent(value)
    if kind == "money":
        return money(value)
    if kind == "seconds":
        return duration(value)
    return number(value)


def number(value: float) -> str:
    """A count or an average: 1,234 or 12.5."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def percent(value: float | None) -> str:
    """A ratio as 12.3 %, 1.23 % or 0.123 %. Only nothing is 0, and only all of it is 100."""
    if value is None:
        return NOTHING
    size = abs(value)
    digits = 1 if size >= 0.1 else 2 if size >= 0.001 or value == 0 else 3
    text = f"{value * 100:,.{digits}f} %"
    if value and not text.strip("-0. %"):
        return "< 0.001 %" if value > 0 else "> -0.001 %"
    return "99.9 %" if text == "100.0 %" and value < 1 else text


def money(value: Mapping[str, Decimal | str]) -> str:
    """Amounts by currency: EUR 1,234.50 + USD 5.00; every digit that an amount has."""
    return " + ".join(amount(code, value[code]) for code in sorted(value)) or NOTHING


def amount(code: str, value: Decimal | str) -> str:
    """An amount of one currency: EUR 1,234.50."""
    exact = Decimal(value)
    places = len(f"{exact:f}".partition(".")[2].rstrip("0"))
    return f"{code} {exact:,.{max(2, places)}f}"


def duration(seconds: float) -> str:
    """Seconds as 2 h 05 min, 3 min 20 s or 12.5 s."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds != int(seconds) else f"{int(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60:,} h {minutes % 60:02d} min"


def moment(label: str) -> str:
    """A label of time: a day, week or month as it is, an hour or minute as 2026-10-25 02:00 +01:00.

    With its offset, since an hour that clocks repeat is there twice.
    """
    if len(label) == 25 and label[10] == "T":
        return f"{label[:10]} {label[11:16]} {label[19:]}"
    return label


def many(count: int, thing: str) -> str:
    """So many of something: 1 event, 1,234 events."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def listed(parts: Sequence[str], last: str = "and") -> str:
    """One, one and another; a, b and c."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"
