"""Parameters as the form fields of an HTTP request to a ClickHouse server.

A statement and its values go in; the statement, and the text of each field, come out. A field has a
length limit, so a long array becomes several parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

from turnout.errors import TooLarge
from turnout.store.engine import Parameters, encode_parameters

#: A form field may have 128 KiB (the server's http_max_field_value_size), so a long array goes in parts.
_FIELD_LIMIT_BYTES = 100_000


class Text:
    """A parameter's text as it goes to the server. The driver would escape a plain string in its own way."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


def bind(sql: str, parameters: Parameters | None) -> tuple[str, dict[str, Text] | None]:
    """The statement and its parameters, with each array that is too long for one form field in parts."""
    if not parameters:
        return sql, None
    bound: dict[str, Text] = {}
    for name, text in encode_parameters(parameters).items():
        size = len(text.encode())
        if size <= _FIELD_LIMIT_BYTES:
            bound[name] = Text(text)
            continue
        value = parameters[name]
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise TooLarge(f"a value of {size} bytes is longer than the store takes")
        parts = _parts(value, size)
        marks = [f"{name}__{number}" for number in range(len(parts))]
        bound.update(zip(marks, map(Text, parts), strict=True))
        sql = _in_parts(sql, name, marks)
    return sql, bound


def _parts(value: Sequence[str] | Sequence[int], size: int) -> list[str]:
    """The array's text as that of several arrays, each short enough; `size` is that of the whole."""
    middle = len(value) // 2
    if size <= _FIELD_LIMIT_BYTES or not middle:
        (text,) = encode_parameters({"part": value}).values()
        return [text]
    halves = value[:middle], value[middle:]
    return [part for half in halves for part in _parts(half, len(encode_parameters({"part": half})["part"].encode()))]


def _in_parts(sql: str, name: str, marks: Sequence[str]) -> str:
    """`{name:Array(T)}` as the concatenation of its parts, which the server folds into one constant."""
    before, found, after = sql.partition("{" + name + ":")
    if not found:
        return sql
    kind, _, rest = after.partition("}")
    joined = ", ".join("{" + mark + ":" + kind + "}" for mark in marks)
    return f"{before}arrayConcat({joined}){_in_parts(rest, name, marks)}"
