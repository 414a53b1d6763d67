"""Batch: the files of its Export API, posted here by whoever downloads them.

A CSV enters, separated by `;` (or `,`, tab, `|`), plain or gzip, with its header line; each row is an event.

| event_type | event |
|---|---|
| push_sent | sent |
| push_open, push_opened | opened |
| push_error | rejected: the provider refused it |
| …_delivered, …_displayed, …_clicked, …_dismissed, …_bounced, …_unsubscribed, …_spam | the event of that word |

The word before the first underscore is the channel: push, inapp (`in_app`), email, sms. A word that is not known, a row
with too few or too many cells, or one without a person is unread, with its line.

Identity: (campaign, event_type, install_id, custom_id, advertising_id, time of the row), so a file may be posted
again. An `ids` export has no times: give ?date=2026-03-17T10:00:00 (UTC without an offset) in the address, else the
events happened when the file came; that date is not part of the identity. An `ids` and an `events` export of one
campaign would count twice: post one of them. Recipient: custom_id, else install_id, else advertising_id, or the column
that the hook's option `recipient` names. Campaign: the row's, else ?campaign=TOKEN. The advertising id is not kept.

Signature: Batch does not call anybody; whoever posts the file sends the hook's secret as `Authorization: Bearer`.
Larger files than a request may be go through `turnout import`, whose columns can be mapped.

Source: doc.batch.com/developer/api/mep/export/create and …/get-status: the columns install_id, custom_id,
advertising_id and event_type, the types push_sent, push_opened and push_error, `;`, UTC. Not verified: the columns of
`events` exports (the time is looked for under its usual names), and the types of in-app and e-mail exports.
"""

from __future__ import annotations

import csv
import datetime as dt
from typing import Any

from turnout.capture import body as bodies
from turnout.capture.shaping import GUESSES
from turnout.capture.webhooks import reading, signatures
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, Said, Unread, Unreadable, identity
from turnout.capture.webhooks.reading import Unclear, text
from turnout.errors import InvalidInput, TooLarge

#: What a gzip file may become; larger ones are for `turnout import`.
EXPANDED_LIMIT_BYTES = 64 * 1024 * 1024
ROWS_LIMIT = 50_000

#: Each row is kept with the header, should it be none.
HEADER_LIMIT_CHARACTERS = 2_000

_GZIP = b"\x1f\x8b"
_DELIMITERS = ";,\t|"
_PEOPLE = ("custom_id", "install_id", "advertising_id")
_TYPE = "event_type"
_TIMES = ("event_date", "date", *GUESSES["time"])
_CAMPAIGNS = ("campaign_token", *GUESSES["campaign"], "campaign")

_WORDS: dict[str, dict[str, Any]] = {
    "sent": {"type": "sent"},
    "open": {"type": "opened"},
    "opened": {"type": "opened"},
    "error": {"type": "rejected"},
    "delivered": {"type": "delivered"},
    "displayed": {"type": "impression"},
    "clicked": {"type": "clicked"},
    "click": {"type": "clicked"},
    "dismissed": {"type": "dismissed"},
    "bounced": {"type": "bounced"},
    "unsubscribed": {"type": "unsubscribed"},
    "spam": {"type": "complained"},
}
_CHANNELS = {"push": "push", "inapp": "in_app", "in_app": "in_app", "email": "email", "sms": "sms"}


def parse(delivery: Delivery) -> Parsed:
    """One event of each row. Raises Unreadable for what is no such file, TooLarge for what is too long a one."""
    header, *lines = _lines(delivery.body)
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        columns = [name.strip().lower() for name in _cells(header, delimiter)]
    except Unclear as unclear:
        raise Unreadable(f"the first line is no header: {unclear}") from None
    if _TYPE not in columns or not set(columns) & {*_PEOPLE, delivery.hook.options.get("recipient", "").lower()}:
        raise Unreadable(f"the first line names no column '{_TYPE}', or none of {', '.join(_PEOPLE)}")
    if len(set(columns)) < len(columns):
        raise Unreadable("a column is there twice")
    asked = delivery.query.get("date", "")
    try:
        usual = reading.moment(asked, "date") if asked else delivery.now
    except Unclear:
        raise InvalidInput("the date in the address is no time", field="date") from None
    parsed = Parsed()
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        source = f"{header}\n{line}".encode()
        try:
            cells = _cells(line, delimiter)
            if len(cells) != len(columns):
                raise Unclear(f"{len(cells)} cells where the header has {len(columns)}")
            parsed.said.append(Said(_event(dict(zip(columns, cells, strict=True)), usual, delivery), source))
        except Unclear as unclear:
            parsed.unread.append(Unread(source, f"line {number}: {unclear}"))
    return parsed


def _lines(body: bytes) -> list[str]:
    if body[:2] == _GZIP:
        try:
            body = bodies.expand(body, "gzip", EXPANDED_LIMIT_BYTES)
        except InvalidInput as problem:
            raise Unreadable(problem.message) from None
    try:
        lines = [line.rstrip("\r") for line in body.decode("utf-8-sig").strip("\r\n").split("\n")]
    except UnicodeDecodeError as problem:
        raise Unreadable(f"the file is not UTF-8: {problem.reason} at byte {problem.start}") from None
    if not lines[0].strip():
        raise Unreadable("the file is empty")
    if len(lines[0]) > HEADER_LIMIT_CHARACTERS:
        raise Unreadable(f"the first line is over {HEADER_LIMIT_CHARACTERS} characters, so it is no header")
    if len(lines) > ROWS_LIMIT + 1:
        raise TooLarge(f"more than {ROWS_LIMIT} rows in one file", field="body", hint="post parts, or turnout import")
    return lines


def _cells(line: str, delimiter: str) -> list[str]:
    """One line's cells. Ids have no line breaks, so a line is a row, and a broken quote spoils no other."""
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error as problem:
        raise Unclear(f"not CSV: {problem}") from None


def _event(row: dict[str, str], usual: dt.datetime, delivery: Delivery) -> dict[str, Any]:
    kind = text(row[_TYPE]).lower()
    known = _known(kind)
    ids = [reading.person(row.get(name)) for name in _PEOPLE]
    chosen = reading.person(row.get(delivery.hook.options.get("recipient", "").lower()))
    person = reading.person(chosen, *ids)
    if not person:
        raise Unclear("no id of a person")
    campaign = reading.campaign(*(row.get(name) for name in _CAMPAIGNS))
    whose = campaign or text(delivery.query.get("campaign")) or delivery.hook.campaign
    own = reading.first(*(row.get(name) for name in _TIMES))
    fields = {
        **known,
        "id": identity("batch", whose, kind, *ids, chosen, own),
        "time": reading.moment(own, "the date") if own else usual,
        "recipient": person,
        "campaign": campaign,
        "properties": reading.properties("batch", kind, install_id=row.get("install_id")),
    }
    return reading.filled(fields)


def _known(kind: str) -> dict[str, Any]:
    """What a type like `push_opened` is in our words."""
    for prefix, channel in _CHANNELS.items():
        word = kind.removeprefix(f"{prefix}_")
        if word != kind and word in _WORDS:
            return {**_WORDS[word], "channel": channel}
    raise Unclear(f"the event_type '{kind}' is not known")


PROVIDER = Provider(
    name="batch",
    title="Batch exports (CSV)",
    parse=parse,
    verify=signatures.require_credential,
    options={
        "recipient": "the column whose id is the person's, e.g. install_id (otherwise custom_id where there is one)"
    },
    setup=(
        "Post the file of an export to this address, with ?campaign=TOKEN, for an export of ids also &date=…, and the "
        "hook's secret as a bearer token: curl --data-binary @export.csv -H 'Authorization: Bearer SECRET' ADDRESS."
    ),
)
