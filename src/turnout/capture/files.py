"""A user's files, read: NDJSON, JSON, CSV and Parquet in, chunks of NDJSON out.

Each chunk knows where its events stand in the file, so that a refusal can be traced to its line. A
file of any length is read in bounded memory: a chunk at a time, a line of at most `LINE_LIMIT_BYTES`.
"""

from __future__ import annotations

import codecs
import csv
import decimal
import io
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from turnout.capture.opening import Source, read_block, seekable
from turnout.capture.shaping import Column, Shape, Wishes, place_columns
from turnout.errors import InvalidInput

CHUNK_EVENTS = 10_000
CHUNK_BYTES = 8 << 20
LINE_LIMIT_BYTES = 1 << 20

_BLOCK_BYTES = 1 << 18
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Refused:
    """A line that isn't sent, since it can't be an event."""

    place: int
    field: str
    error: str


@dataclass
class Chunk:
    """Events as NDJSON lines, `places[i]` being the line (or row) of the i-th; and lines refused here."""

    source: str
    unit: str
    lines: list[bytes] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    #: How far the file was read, in its own bytes.
    position: int = 0

    @property
    def last(self) -> int:
        """The line (or row, or item) that it ends with, refused ones included."""
        return max([self.places[-1] if self.places else 0, *(one.place for one in self.refused[-1:])])

    def halves(self) -> tuple[Chunk, Chunk]:
        """The same in two chunks."""
        middle = len(self.lines) // 2
        first = Chunk(self.source, self.unit, self.lines[:middle], self.places[:middle], self.refused, self.position)
        return first, Chunk(self.source, self.unit, self.lines[middle:], self.places[middle:], [], self.position)


#: An event's line and its bytes, or why there are none.
Item = tuple[int, bytes] | Refused


@dataclass(frozen=True)
class Options:
    """How to read: the wishes about fields, and for text the encoding and for CSV the delimiter ("" finds it out)."""

    wishes: Wishes = field(default_factory=Wishes)
    encoding: str = "utf-8"
    delimiter: str = ""
    #: What stands up to this line (or row, or item) is left out: it was read before.
    after: int = 0
    #: Told once a table, before its first row, where its columns go.
    on_columns: Callable[[str, Sequence[Column]], None] = lambda name, columns: None


def chunks(source: Source, options: Options) -> Iterator[Chunk]:
    """The events of an opened file. InvalidInput if it can't be read on; what was given before is good."""
    if source.format == "parquet":
        unit, items, position = "row", _parquet(source, options), source.position
    elif source.format == "csv":
        unit, items, position = "line", _csv(source, options), source.position
    elif source.format == "json":
        unit, items, position = "item", _json(source, options), source.position
    else:
        unit, items, position = "line", _ndjson(source, options), source.position
    chunk, size = Chunk(source.name, unit), 0
    for item in items:
        if isinstance(item, Refused):
            chunk.refused.append(item)
        else:
            chunk.places.append(item[0])
            chunk.lines.append(item[1])
            size += len(item[1])
        if len(chunk.lines) >= CHUNK_EVENTS or size >= CHUNK_BYTES or len(chunk.refused) >= CHUNK_EVENTS:
            chunk.position = position()
            yield chunk
            chunk, size = Chunk(source.name, unit), 0
    chunk.position = position()
    if chunk.lines or chunk.refused:
        yield chunk


# ---- NDJSON and JSON ------------------------------------------------------------------------------


def _ndjson(source: Source, options: Options) -> Iterator[Item]:
    shape = _JsonShape(options.wishes)
    for number, line in _lines(source):
        if number <= options.after:
            continue
        if line is None:
            yield Refused(number, "", f"the line is over {LINE_LIMIT_BYTES} bytes")
            continue
        text = line.strip()
        if number == 1:
            text = text.removeprefix(_BOM)
        if not text:
            continue
        if text[:1] != b"{":
            yield Refused(number, "", "the line is not a JSON object")
        else:
            yield shape.item(number, text)


def _lines(source: Source) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their numbers, from 1; None for one that is too long."""
    rest, number, too_long = b"", 0, False
    while block := read_block(source, _BLOCK_BYTES):
        parts = (rest + block).split(b"\n")
        rest = parts.pop()
        for part in parts:
            number += 1
            yield number, None if too_long else part
            too_long = False
        if len(rest) > LINE_LIMIT_BYTES:
            rest, too_long = b"", True
    if rest or too_long:
        yield number + 1, None if too_long else rest


def _json(source: Source, options: Options) -> Iterator[Item]:
    """An array of objects, or objects one behind the other, spread over lines or not."""
    shape = _JsonShape(options.wishes)
    decoder = json.JSONDecoder()
    # Bytes that are no UTF-8 are carried through, so that only their event is refused.
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    buffer, at, ended, number, in_array = "", 0, False, 0, None

    def more() -> bool:
        nonlocal buffer, at, ended
        if ended:
            return False
        block = read_block(source, _BLOCK_BYTES)
        ended = not block
        buffer, at = buffer[at:] + text.decode(block, final=ended), 0
        return True

    while True:
        at = _skip(buffer, at, " \t\r\n,\ufeff" if in_array is not None else " \t\r\n\ufeff")
        if at >= len(buffer):
            if more():
                continue
            if in_array:
                raise InvalidInput(f"{source.name}: the array is cut short after item {number}", hint=_KEPT)
            return
        if in_array is None:
            in_array = buffer[at] == "["
            at += in_array
            continue
        if in_array and buffer[at] == "]":
            return
        try:
            found, end = decoder.raw_decode(buffer, at)
        except (json.JSONDecodeError, RecursionError) as error:
            if len(buffer) - at <= LINE_LIMIT_BYTES and more():
                continue
            raise InvalidInput(f"{source.name}: item {number + 1} can't be read: {error}", hint=_KEPT) from None
        if end >= len(buffer) and not isinstance(found, dict) and more():
            continue  # a bare number may go on
        number += 1
        if number <= options.after:
            pass
        elif isinstance(found, dict):
            # A string can't hold a bare line break, so these are all between the words.
            line = buffer[at:end].replace("\n", " ").replace("\r", " ").encode("utf-8", "surrogateescape")
            yield shape.item(number, line)
        else:
            yield Refused(number, "", "the item is not a JSON object")
        at = end


_KEPT = "what came before it is in; importing the mended file again counts nothing twice"


def _skip(buffer: str, at: int, blank: str) -> int:
    while at < len(buffer) and buffer[at] in blank:
        at += 1
    return at


class _JsonShape:
    """Objects that are events already go as they are, unless the user wished for changes.

    Objects with the same names share one shape.
    """

    _KNOWN_SHAPES = 1000

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._shapes: dict[tuple[str, ...], Shape] = {}

    def item(self, place: int, text: bytes) -> Item:
        if self._wishes.is_empty:
            return place, text
        try:
            found = _decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return Refused(place, "", f"the event is not valid JSON: {error}")
        names = tuple(found)
        shape = self._shapes.get(names)
        if shape is None:
            if len(self._shapes) >= self._KNOWN_SHAPES:
                self._shapes.clear()
            shape = Shape(_json_columns(names, self._wishes), self._wishes)
            self._shapes[names] = shape
        return place, _encode(shape.event(tuple(found.values())))


def _json_columns(names: tuple[str, ...], wishes: Wishes) -> tuple[Column, ...]:
    """In JSON only what is mapped moves: the rest is an event's own words, to be judged as such."""
    columns: list[Column] = []
    for name in names:
        if name in wishes.mapped:
            columns += place_columns([name], wishes, known=names)
        else:
            columns.append(Column(name, name, "named" if name == "time" else "untouched"))
    return tuple(columns)


#: Numbers keep every digit on their way through.
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=decimal.Decimal).decode
_encode = msgspec.json.Encoder(enc_hook=str, decimal_format="number").encode


# ---- tables ---------------------------------------------------------------------------------------


def _shape_of(names: Sequence[str], source: Source, options: Options) -> Shape:
    try:
        columns = place_columns(names, options.wishes)
        shape = Shape(columns, options.wishes)
        shape.require("type", "time")
    except InvalidInput as error:
        error.message = f"{source.name}: {error.message}"
        raise
    options.on_columns(source.name, columns)
    return shape


def _csv(source: Source, options: Options) -> Iterator[Item]:
    csv.field_size_limit(LINE_LIMIT_BYTES)
    encoding = "utf-8-sig" if options.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else options.encoding
    text = _text(source, encoding)
    try:
        head = next(text, "")
        rows = csv.reader(itertools.chain([head], text), delimiter=options.delimiter or _delimiter(head))
        names = [name.strip() for name in next(rows, [])]
        if not names:
            raise InvalidInput(f"{source.name}: the file is empty", hint="a CSV begins with the names of its columns")
        shape = _shape_of(names, source, options)
        width = len(names)
        line = rows.line_num + 1
        for cells in rows:
            if line <= options.after:
                line = rows.line_num + 1
                continue
            if len(cells) < width:
                cells += [""] * (width - len(cells))
            if any(cells[width:]):
                yield Refused(line, "", f"the line has {len(cells)} cells, the header {width}")
            elif any(cells):
                yield line, _encode(shape.event(cells))
            line = rows.line_num + 1
    except csv.Error as error:
        raise InvalidInput(f"{source.name}: line {rows.line_num} can't be read: {error}", hint=_KEPT) from None
    except UnicodeError as error:
        raise InvalidInput(
            f"{source.name} is not {options.encoding}: {error}",
            hint="name its encoding: --encoding latin-1 (or cp1252 …)",
        ) from None


def _text(source: Source, encoding: str) -> Iterator[str]:
    """Lines of text with their ends kept, as csv wants them."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError:
        raise InvalidInput(f"there is no encoding '{encoding}'", field="--encoding", hint="e.g. latin-1") from None
    rest = ""
    while block := read_block(source, _BLOCK_BYTES):
        lines = (rest + decoder.decode(block)).split("\n")
        rest = lines.pop()
        if len(rest) > LINE_LIMIT_BYTES:
            raise InvalidInput(f"{source.name}: a line is over {LINE_LIMIT_BYTES} bytes", hint=_KEPT)
        for line in lines:
            yield f"{line}\n"
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def _delimiter(head: str) -> str:
    """The likeliest of the usual ones; a comma where a file has one column."""
    return max((",", ";", "\t", "|"), key=head.count)


def _parquet(source: Source, options: Options) -> Iterator[Item]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = seekable(source)
    try:
        table = pq.ParquetFile(file, pre_buffer=False)
        shape = _shape_of(table.schema_arrow.names, source, options)
        row, wanted = _groups_after(table, options.after)
        for batch in table.iter_batches(batch_size=CHUNK_EVENTS, row_groups=wanted):
            left_out = min(max(0, options.after - row), batch.num_rows)
            row, batch = row + left_out, batch.slice(left_out)
            columns = [column.to_pylist() for column in batch.columns]
            for cells in zip(*columns, strict=True):
                row += 1
                yield row, _encode(shape.event(cells))
    except pa.ArrowException as error:
        raise InvalidInput(f"{source.name}: not a Parquet file, or a broken one: {error}") from None
    finally:
        if not isinstance(file, io.BufferedReader):
            file.close()


def _groups_after(table: Any, after: int) -> tuple[int, list[int]]:
    """How many rows stand in the groups that end by row `after`, of which nothing is read; and the other groups."""
    before = 0
    for group in range(table.metadata.num_row_groups):
        rows = table.metadata.row_group(group).num_rows
        if before + rows > after:
            return before, list(range(group, table.metadata.num_row_groups))
        before += rows
    return before, []
