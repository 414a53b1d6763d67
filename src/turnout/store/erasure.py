"""Take persons out of the stored events, and leave every number as it was.

A recipient, or a list of them, enters; how many events were changed leaves. The events stay. Each person becomes a
pseudonym that nothing leads back from, the same one in all of their events, so whatever is counted, counts the same;
what came with their requests is cleared, and texts that hold their id hold the pseudonym instead.

Who is leaving is written down first (table `leaving`), with random keys that make the pseudonyms, and forgotten last.
What dies in between goes on at the next start by the same keys; the keys are then thrown away.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from turnout import sql
from turnout.store.engine import Engine, Parameters, Value, rows
from turnout.store.events import EventStore

_MENTIONED = sql.query("mentioned")
_LETTERS = sql.query("letters_about")
_DROP_LETTERS = sql.query("drop_letters_about")

#: What every pseudonym begins with; 128 bits in hex follow, and the domain where there was an address.
PSEUDONYM = "erased:"

#: What came with requests, and whatever else was said of the person.
CLEARED = ("ip", "user_agent", "city", "network", "properties")

#: Texts that may hold an id. Where `ours` holds, only values that nobody else's events share are changed.
_TEXTS = ("url", "link", "send_id", "order_id", "params")
_MENTIONS = (*_TEXTS, "link_title", "properties")

#: Those of them that are JSON, and what takes JSON apart: texts, numbers, and what is between them.
_JSON = frozenset({"params", "properties"})
_TOKENS = r"""'"(?:[^"\\\\]|\\\\.)*"|-?[0-9][0-9.eE+-]*|[^"0-9-]+|-'"""

#: An id without @ that is shorter may be part of anything, and is not looked for in events of others.
_TELLING_LENGTH = 10

_PENDING = "SELECT DISTINCT workspace, key0, key1, keep_domain FROM leaving WHERE kind = 'ready'"
_EVERYWHERE = "SELECT value FROM leaving WHERE kind = 'mentioned' AND workspace = {workspace:String}"
_ENDED = "KILL MUTATION WHERE database = currentDatabase() AND table = {table:String} AND is_done SYNC"
_ENTER = """
INSERT INTO leaving
SELECT {kind:String}, {workspace:String}, {value:String}, {key0:UInt64}, {key1:UInt64}, {keep_domain:Bool}
"""

_NAME = f"concat('{PSEUDONYM}', lower(hex(sipHash128Keyed(({{key0:UInt64}}, {{key1:UInt64}}), %s))))"
_OWN_NAME = _NAME % "recipient"
_MINE = "workspace = {workspace:String} AND recipient IN (" + (
    "SELECT value FROM leaving WHERE kind = 'recipient' AND workspace = {workspace:String})"
)


@dataclass(frozen=True)
class Found:
    """A person's own events, events of others that name them, and the campaigns of all of these."""

    events: int
    mentions: int
    campaigns: tuple[str, ...]


class Erasure:
    """Erases. Whatever changes anything is to be called while nothing is appended (`Writer.exclusively`).

    StoreError, or what else the engine says, where it can't be done now; to call it again is then right, and so is a
    restart: `finish` goes on where it stopped.
    """

    def __init__(self, engine: Engine, events: EventStore) -> None:
        self._engine = engine
        self._events = events

    def find(self, workspace: str, recipient: str) -> Found:
        """What there is of a person; reads all events of the workspace. Changes nothing."""
        asked: dict[str, Value] = {"workspace": workspace, "recipient": recipient, "pattern": _pattern(recipient)}
        ((own, others, campaigns),) = rows(self._engine, _MENTIONED, asked)
        return Found(int(own), int(others), tuple(campaigns))

    def erase(self, workspace: str, recipient: str, *, keep_domain: bool = True) -> None:
        """Take one person out, by exactly this id; of an address the domain stays unless told otherwise."""
        self.finish()
        keys = _keys()
        self._enter("recipient", workspace, recipient, keys, keep_domain)
        if _pattern(recipient):
            self._enter("mentioned", workspace, recipient, keys, keep_domain)
        self._begin(workspace, keys, keep_domain)

    def erase_all(self, workspace: str, chosen: str, parameters: Parameters) -> int:
        """Take out everybody that a SELECT of the column `recipient` names, each under their own pseudonym; keeps
        their domains. Returns how many persons that were."""
        self.finish()
        keys = _keys()
        self._engine.execute(
            "INSERT INTO leaving SELECT 'recipient', {workspace:String}, recipient, {key0:UInt64}, {key1:UInt64}, 1 "
            f"FROM ({chosen}) SETTINGS max_execution_time = 3600",
            {"workspace": workspace, **keys, **parameters},
        )
        ((count,),) = rows(self._engine, "SELECT count() FROM leaving WHERE kind = 'recipient'")
        if not count:
            return 0
        self._begin(workspace, keys, keep_domain=True)
        return int(count)

    def finish(self) -> bool:
        """End what was interrupted, and leave no trace of who it was. Returns whether there was anything."""
        pending = rows(self._engine, _PENDING)
        if pending:
            self._spread()
        for workspace, key0, key1, keep_domain in pending:
            named: dict[str, Value] = {"workspace": workspace, "key0": int(key0), "key1": int(key1)}
            self._events.amend(list(self._statements(named, bool(keep_domain))))
        if rows(self._engine, "SELECT 1 FROM leaving LIMIT 1"):
            self._engine.execute("TRUNCATE TABLE leaving")
        if pending:
            # The engine keeps the text of what it did, and with it the keys.
            self._engine.execute(_ENDED, {"table": "events"})
        return bool(pending)

    def is_interrupted(self) -> bool:
        """Whether an erasure was begun and has not ended: it was interrupted, or another process is at it."""
        return bool(rows(self._engine, "SELECT 1 FROM leaving LIMIT 1"))

    def drop_letters(self, workspace: str, recipient: str) -> int:
        """Drop what providers told of a person and nobody understood; returns how many letters that were."""
        # An id that may be part of anything is looked for as a value of its own.
        asked: dict[str, Value] = {"workspace": workspace, "pattern": _pattern(recipient) or f'"{_literal(recipient)}"'}
        ((count,),) = rows(self._engine, _LETTERS, asked)
        if count:
            self._engine.execute(_DROP_LETTERS, asked)
            self._engine.execute(_ENDED, {"table": "deadletters"})
        return int(count)

    def _enter(self, kind: str, workspace: str, value: str, keys: dict[str, int], keep_domain: bool = True) -> None:
        entry: dict[str, Value] = {"kind": kind, "workspace": workspace, "value": value, "keep_domain": keep_domain}
        self._engine.execute(_ENTER, {**entry, **keys})

    def _begin(self, workspace: str, keys: dict[str, int], keep_domain: bool) -> None:
        """What others share is found first: afterwards nobody can tell."""
        self._spread()
        for column in _TEXTS:
            self._engine.execute(_shared(column), {"workspace": workspace, **keys})
        self._enter("ready", workspace, "", keys, keep_domain)
        self.finish()

    def _spread(self) -> None:
        """On a cluster each node reads its own copy of the list: every one of them has it whole from here on."""
        if self._engine.placement is not None:
            self._engine.execute("SYSTEM SYNC REPLICA leaving")

    def _statements(self, named: dict[str, Value], keep_domain: bool) -> Iterator[tuple[str, Parameters]]:
        for (recipient,) in rows(self._engine, _EVERYWHERE, named):
            yield _unmention(), {**named, "recipient": recipient, "pattern": _pattern(recipient)}
        yield _unname(keep_domain), named


def _keys() -> dict[str, int]:
    return {"key0": secrets.randbits(64), "key1": secrets.randbits(64)}


def _pattern(recipient: str) -> str:
    """What finds an id in any text, as it is, in other case, percent-encoded or as JSON writes it; empty for an id
    that could be part of anything."""
    if "@" not in recipient and len(recipient) < _TELLING_LENGTH:
        return ""
    written = {recipient, json.dumps(recipient)[1:-1], json.dumps(recipient, ensure_ascii=False)[1:-1]}
    written |= {quote(recipient, safe=""), quote(recipient, safe="!*'()~"), quote_plus(recipient)}
    # The longest first, since the first that fits is taken.
    ordered = sorted(written, key=lambda one: (-len(one), one))
    # After a line break, which JSON writes with a letter, an id begins as well.
    return "(?i)(^|%[0-9a-f]{2}|\\\\(?:[bfnrt]|u[0-9a-f]{4})|[^0-9a-z])(?:" + "|".join(map(_literal, ordered)) + ")"


def _literal(text: str) -> str:
    """A text as the engine's expressions (RE2) take it literally, and not as the beginning of a longer word."""
    taken = re.sub(r"[^0-9A-Za-z]", lambda found: found[0] if found[0] > "\x7f" else f"\\x{ord(found[0]):02x}", text)
    return taken + "\\b" if re.search(r"[0-9A-Za-z]\Z", text) else taken


def _words(text: str) -> str:
    """SQL of a text as words between blanks, so that an id is found as a whole only."""
    return f"concat(' ', replaceRegexpAll({text}, '[^\\\\pL\\\\pN]', ' '), ' ')"


def _held(column: str) -> str:
    """SQL of whether a text of an event holds its recipient's id."""
    text = f"decodeURLComponent(toString({column}))"
    return f"positionCaseInsensitive({_words(text)}, {_words('recipient')}) > 0"


def _shared(column: str) -> str:
    """SQL that enters those values of a column that hold an id of somebody leaving and are in events of others too."""
    return f"""
INSERT INTO leaving
SELECT '{column}', {{workspace:String}}, toString({column}), {{key0:UInt64}}, {{key1:UInt64}}, 1
FROM events
WHERE workspace = {{workspace:String}} AND {column} IN (
    SELECT {column} FROM events WHERE {_MINE} AND {column} != '' AND {_held(column)}
)
GROUP BY {column}
HAVING min(recipient) != max(recipient)
SETTINGS max_execution_time = 3600
"""


def _unname(keep_domain: bool) -> str:
    """SQL that gives those who leave their pseudonym, in their own events."""
    texts = ",\n    ".join(f"{column} = {_without_id(column)}" for column in _TEXTS)
    cleared = ", ".join(f"{column} = ''" for column in CLEARED)
    domain = (
        "if(position(recipient, '@') > 0, concat('@', substringIndex(recipient, '@', -1)), '')" if keep_domain else "''"
    )
    return f"""
ALTER TABLE events UPDATE
    {texts},
    {cleared},
    recipient = concat({_OWN_NAME}, {domain})
WHERE {_MINE}
SETTINGS mutations_sync = 2
"""


def _without_id(column: str) -> str:
    changed = "token" if column in _JSON else f"toString({column})"
    encoded = "encodeURLComponent(recipient)"
    for needle in ("recipient", "lower(recipient)", encoded, f"lower({encoded})"):
        changed = f"replaceAll({changed}, {needle}, {_OWN_NAME})"
    if column in _JSON:
        changed = _in_json(column, changed, "recipient", _OWN_NAME)
    kept = f"SELECT value FROM leaving WHERE kind = '{column}' AND workspace = {{workspace:String}}"
    return f"if({column} != '' AND {_held(column)} AND {column} NOT IN ({kept}), {changed}, toString({column}))"


def _in_json(column: str, changed: str, recipient: str, name: str) -> str:
    """SQL of a column of JSON with each text (`token`) changed, and numbers that are the id turned into texts: in the
    middle of a number a pseudonym would make it unreadable."""
    in_number = f"if(token = {recipient}, concat('\"', {name}, '\"'), token)"
    each = f"token -> if(startsWith(token, '\"'), {changed}, {in_number})"
    return f"arrayStringConcat(arrayMap({each}, extractAll({column}, {_TOKENS})))"


def _unmention() -> str:
    """SQL that puts the pseudonym in the place of an id wherever any event of the workspace holds it."""
    name = _NAME % "{recipient:String}"
    replaced = f"replaceRegexpAll(%s, {{pattern:String}}, concat('\\\\1', {name}))"
    in_texts = {column: replaced % f"toString({column})" for column in _MENTIONS}
    in_texts |= {column: _in_json(column, replaced % "token", "{recipient:String}", name) for column in _JSON}
    texts = ",\n    ".join(f"{column} = {changed}" for column, changed in in_texts.items())
    found = " OR ".join(f"match(toString({column}), {{pattern:String}})" for column in _MENTIONS)
    return f"""
ALTER TABLE events UPDATE
    {texts}
WHERE workspace = {{workspace:String}} AND ({found})
SETTINGS mutations_sync = 2
"""
