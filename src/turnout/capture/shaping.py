"""Columns of a table to fields of an event: which goes where, and how its cells are to be read.

The names of a file's columns and the user's wishes enter; a `Shape` leaves, which turns rows into
JSON-ready events. Every column has a place: a field of that name, the field it was mapped to, a field
guessed from a common name, or `properties`.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from turnout.errors import InvalidInput, UnknownName
from turnout.model import EVENT_TYPES, Event

FIELDS: tuple[str, ...] = Event.__struct_fields__
_MAPPINGS = ("properties", "params")

#: Names that other tools give to a field, most telling first; compared in lower case with `_` for the rest.
GUESSES: dict[str, tuple[str, ...]] = {
    "type": ("event_type", "event", "event_name", "action"),
    "time": ("timestamp", "event_time", "event_timestamp", "occurred_at", "datetime", "ts", "date", "created_at"),
    "campaign": ("campaign_id", "campaignid", "campaign_name", "utm_campaign"),
    "id": ("event_id", "eventid", "event_uuid"),
    "recipient": (
        "recipient_id", "recipient_email", "email", "email_address", "e_mail", "mail", "user_id", "userid", "user",
        "external_user_id", "external_id", "customer_id", "contact_id", "subscriber_id", "person_id", "viewer_id",
        "phone", "phone_number", "msisdn", "contact", "subscriber", "customer", "viewer",
    ),
    "message": ("step", "step_id", "message_name"),
    "variation": ("variant", "variation_id", "variant_id", "ab_variant"),
    "send_id": ("dispatch_id",),
    "url": ("link_url", "clicked_url", "target_url", "href"),
    "link": ("link_id",),
    "position": ("link_position",),
    "ip": ("ip_address", "client_ip", "remote_addr"),
    "user_agent": ("useragent", "ua"),
    "country": ("country_code",),
    "bounce": ("bounce_type",),
    "amount": ("revenue", "order_total", "order_value", "price"),
    "currency": ("currency_code",),
    "order": ("order_id", "order_number"),
    "duration_s": ("duration", "watch_seconds"),
    "product": ("product_id", "sku"),
    "quantity": ("qty",),
}  # fmt: skip

#: What other tools call the event types.
TYPE_WORDS: dict[str, str] = {
    "send": "sent", "delivery": "delivered", "deliver": "delivered", "open": "opened", "click": "clicked",
    "bounce": "bounced", "unsubscribe": "unsubscribed", "complaint": "complained", "complain": "complained",
    "spam": "complained", "spamreport": "complained", "conversion": "converted", "purchase": "purchased",
    "reply": "replied", "reject": "rejected", "fail": "failed", "watch": "watched", "skip": "skipped", "like": "liked",
}  # fmt: skip

_TRUE, _FALSE = {"true", "t", "yes", "y", "1"}, {"false", "f", "no", "n", "0"}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Column:
    """Where a column goes. `key` is the name within `properties` or `params`; `how` says who decided."""

    name: str
    field: str
    how: Literal["named", "mapped", "guessed", "kept", "left out", "untouched"]
    key: str = ""

    @property
    def place(self) -> str:
        """The field as a person writes it: `recipient`, `properties.colour`."""
        return f"{self.field}.{self.key}" if self.key else self.field


@dataclass(frozen=True)
class Wishes:
    """What the user said: `--map` (column to field; empty leaves it out), `--set`, the zone of bare times."""

    mapped: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    timezone: str = ""
    strict: bool = False

    def __post_init__(self) -> None:
        for place in (*self.mapped.values(), *self.constants):
            if place:
                _check_place(place)

    @property
    def is_empty(self) -> bool:
        """Nothing is to be changed: what is JSON already can go as it is."""
        return not (self.mapped or self.constants or self.timezone)


def place_columns(names: Sequence[str], wishes: Wishes, known: Sequence[str] | None = None) -> tuple[Column, ...]:
    """Give every column its place.

    InvalidInput if a mapped column is not there (`known` may name more that could be), two columns want one
    field, or, where `wishes.strict`, a column has no field.
    """
    repeated = {name for name in names if list(names).count(name) > 1}
    if repeated:
        raise InvalidInput(f"the column '{sorted(repeated)[0]}' is there twice", hint="rename one of them")
    for name in wishes.mapped:
        if name not in names and known is None:
            raise UnknownName("column", name, names, field="--map")
    found: dict[str, Column] = {}
    for name in names:
        if name in wishes.mapped:
            found[name] = _mapped(name, wishes.mapped[name])
        elif (plain := _plain(name)) in FIELDS:
            found[name] = Column(name, plain, "named")
        elif name.partition(".")[0] in _MAPPINGS and name.partition(".")[2]:
            found[name] = _mapped(name, name)
    taken = {column.place for column in found.values()}
    for place, aliases in GUESSES.items():
        guess = next((name for alias in aliases for name in names if name not in found and _plain(name) == alias), None)
        if guess is not None and place not in taken:
            found[guess] = Column(guess, place, "guessed")
    for name in names:
        if name not in found:
            if wishes.strict:
                raise InvalidInput(
                    f"the column '{name}' is no field of an event",
                    hint=f"--map '{name}=FIELD', --map '{name}=' to leave it out, or no --strict to keep it",
                )
            found[name] = Column(name, "properties", "kept", name)
    _no_clash(found.values())
    return tuple(found[name] for name in names)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def _mapped(name: str, place: str) -> Column:
    if not place:
        return Column(name, "", "left out")
    base, _, key = place.partition(".")
    return Column(name, base, "mapped", key)


def _check_place(place: str) -> None:
    base, _, key = place.partition(".")
    if base not in FIELDS:
        raise UnknownName("field", place, FIELDS, field="--map or --set")
    if key and base not in _MAPPINGS:
        raise InvalidInput(f"'{base}' has no parts, so '{place}' is no field", hint="only properties and params have")


def _no_clash(columns: object) -> None:
    places: dict[str, str] = {}
    for column in columns:  # type: ignore[attr-defined]
        if column.how == "left out":
            continue
        if column.place in places:
            raise InvalidInput(
                f"the columns '{places[column.place]}' and '{column.name}' are both '{column.place}'",
                hint=f"--map '{column.name}=' leaves one out",
            )
        places[column.place] = column.name


class Shape:
    """Turns rows into events. Made once a file: `columns` are in the order of its cells."""

    def __init__(self, columns: Sequence[Column], wishes: Wishes) -> None:
        zone = ZoneInfo(wishes.timezone) if wishes.timezone else None
        self.columns = tuple(columns)
        self._constants = [(*_split(place), _reader(place, zone)(text)) for place, text in wishes.constants.items()]
        self._cells = [
            (index, column.field, column.key, _as_is if column.how == "untouched" else _reader(column.place, zone))
            for index, column in enumerate(columns)
            if column.how != "left out"
        ]

    def require(self, *places: str) -> None:
        """InvalidInput unless each of these fields has a column or a constant."""
        there = {column.place for column in self.columns} | {base for base, _, _ in self._constants}
        for place in places:
            if place not in there:
                names = ", ".join(column.name for column in self.columns)[:300]
                example = {"type": "sent", "time": "2026-10-05T10:00:00Z"}.get(place, "…")
                raise InvalidInput(
                    f"no column is the '{place}' of the event; there are: {names}",
                    hint=f"--map COLUMN={place} names one, --set {place}={example} gives all rows the same",
                )

    def event(self, cells: Sequence[Any]) -> dict[str, Any]:
        """One row as an event. Empty cells are "not said"; a cell that can't be read goes as it is, to be refused."""
        made: dict[str, Any] = {}
        for index, place, key, read in self._cells:
            cell = cells[index]
            if cell is None or cell == "" or cell != cell:  # a table's NaN
                continue
            value = read(cell)
            if key:
                made.setdefault(place, {})[key] = value
            elif place in _MAPPINGS and place in made and isinstance(value, dict):
                made[place] = {**value, **made[place]}
            else:
                made[place] = value
        for place, key, value in self._constants:
            if key:
                made.setdefault(place, {}).setdefault(key, value)
            else:
                made.setdefault(place, value)
        return made


def _split(place: str) -> tuple[str, str]:
    base, _, key = place.partition(".")
    return base, key


def _reader(place: str, zone: ZoneInfo | None) -> Callable[[Any], Any]:
    """How a cell of a field is read."""
    if place == "time":
        return lambda cell: _time(cell, zone)
    return _READERS.get(place, _as_is if "." in place else _text)


def _time(cell: Any, zone: ZoneInfo | None) -> Any:
    if isinstance(cell, str):
        cell = cell.strip()
        if _NUMBER.fullmatch(cell) and len(cell) > 8:
            return float(cell) if "." in cell else int(cell)
        try:
            cell = dt.datetime.fromisoformat(cell)
        except ValueError:
            return cell
    elif isinstance(cell, dt.date) and not isinstance(cell, dt.datetime):
        cell = dt.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - the zone follows
    if isinstance(cell, dt.datetime):
        return cell if cell.tzinfo is not None else cell.replace(tzinfo=zone or dt.UTC)
    return _as_is(cell)


def _as_is(cell: Any) -> Any:
    """A value of a table that JSON can say."""
    if isinstance(cell, bytes):
        return cell.decode(errors="replace")
    if isinstance(cell, list) and cell and all(isinstance(pair, tuple) and len(pair) == 2 for pair in cell):
        return dict(cell)  # what Parquet calls a map
    return cell


def _text(cell: Any) -> Any:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # ids that a table keeps as floats because some are missing
    if isinstance(cell, int | float | decimal.Decimal | dt.date):
        return str(cell)
    return _as_is(cell)


def _type(cell: Any) -> Any:
    if not isinstance(cell, str) or cell in EVENT_TYPES:
        return cell
    plain = _plain(cell)
    return plain if plain in EVENT_TYPES else TYPE_WORDS.get(plain, cell)


def _truth(cell: Any) -> Any:
    if isinstance(cell, int | float) and cell in (0, 1):
        return bool(cell)
    if isinstance(cell, str):
        plain = cell.strip().lower()
        return True if plain in _TRUE else False if plain in _FALSE else cell
    return cell


def _whole(cell: Any) -> Any:
    if isinstance(cell, str | float):
        try:
            number = float(cell)
        except ValueError:
            return cell
        return int(number) if number.is_integer() else number
    return cell


def _number(cell: Any) -> Any:
    if isinstance(cell, str):
        try:
            return float(cell)
        except ValueError:
            return cell
    return cell


def _amount(cell: Any) -> Any:
    """Text keeps every digit."""
    if isinstance(cell, int | decimal.Decimal) and not isinstance(cell, bool):
        return str(cell)
    return cell.strip() if isinstance(cell, str) else cell


def _mapping(cell: Any) -> Any:
    if isinstance(cell, str):
        try:
            return msgspec.json.decode(cell)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return cell
    return _as_is(cell)


def _upper(cell: Any) -> Any:
    return cell.strip().upper() if isinstance(cell, str) else cell


_READERS: dict[str, Callable[[Any], Any]] = {
    "type": _type,
    "anonymous": _truth,
    "opted_in": _truth,
    "goal": _whole,
    "quantity": _whole,
    "position": _whole,
    "duration_s": _number,
    "amount": _amount,
    "country": _upper,
    "currency": _upper,
    "params": _mapping,
    "properties": _mapping,
    "reasons": _mapping,
    "rule_version": _whole,
}
