"""Values of answers in cells of a file: what CSV and Parquet hold of them, whoever writes the file.

A value enters, what is written leaves.
"""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa

#: What a spreadsheet runs as a formula when a cell begins with it.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")

#: Money in Parquet: by currency, with more digits than any has.
MONEY = pa.map_(pa.string(), pa.decimal128(38, 6))


def text(value: object) -> object:
    """A cell of a CSV file: numbers as they are, nothing for what is not known, and no text that would be run."""
    if isinstance(value, dict):
        return money(value)
    if isinstance(value, str) and value[:1] in _FORMULAS:
        return "'" + value
    return "" if value is None else value


def money(value: dict[str, Decimal]) -> str:
    """Money in one cell: `EUR 19.99; USD 5`."""
    return "; ".join(f"{code} {amount}" for code, amount in value.items())


def arrow(value: object) -> object:
    """A value of an Arrow column; money is that of a map."""
    return list(value.items()) if isinstance(value, dict) else value
