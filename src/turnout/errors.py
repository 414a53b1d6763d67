"""Everything that can go wrong, once. No HTTP here: each room gives an error its status and body.

    TurnoutError
    ├── InvalidInput            the request can't be understood; changing it helps
    │   ├── UnknownName         a metric, dimension, zone … that does not exist; knows the nearest
    │   └── BodyTimeout         its body did not come in time
    ├── Unauthenticated         no credentials, or wrong ones
    │   └── SignedOut           a person who has not signed in, or whose session is over
    ├── Forbidden               the credentials are good, but not for this
    ├── NotFound                no such thing in this workspace
    │   └── Gone                there was, and it has ended
    ├── MethodNotAllowed        there is such a thing, but not by that verb
    ├── Conflict                it would clash with something that is there
    ├── TooLarge                over a limit, which the message names
    ├── UnsupportedFormat       a content type or encoding that is not spoken
    ├── RateLimited             too often; knows when to come back
    ├── Overloaded              not now; nothing was taken; knows when to come back
    ├── NotDrawn                a chart or document could not be made; its numbers are there
    └── StoreError              the store could not do it
        ├── StoreDamaged        what is stored can't be read; asking again does not help
        ├── StoreOwned          another process owns the data directory
        └── SchemaTooNew        a newer Turnout wrote this store
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TurnoutError(Exception):
    """The root. `code` is stable and machine-readable, `message` is for a person.

    `field` names the part of the input at fault, `hint` says what to do instead.
    """

    code = "error"

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint


class InvalidInput(TurnoutError):
    """The request can't be understood as it is; sending it again unchanged won't help."""

    code = "invalid_input"


class UnknownName(InvalidInput):
    """A name that does not exist among `known`; the hint suggests the nearest."""

    code = "unknown_name"

    def __init__(self, kind: str, name: str, known: Iterable[str], *, field: str = "") -> None:
        near = difflib.get_close_matches(name[:200], list(known), n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else ""
        super().__init__(f"unknown {kind} '{name[:200]}'", field=field, hint=hint)


class BodyTimeout(InvalidInput):
    """The body did not come within the time there is for one; nothing was taken."""

    code = "body_timeout"


class Unauthenticated(TurnoutError):
    """No credentials, or wrong ones."""

    code = "unauthenticated"


class SignedOut(Unauthenticated):
    """Nobody is signed in here. No secret was tried, so it does not count as an attempt."""

    code = "signed_out"


class Forbidden(TurnoutError):
    """The credentials are good, but lack the scope that this needs."""

    code = "forbidden"


class NotFound(TurnoutError):
    """No such thing in this workspace (another workspace's things do not exist here)."""

    code = "not_found"


class Gone(NotFound):
    """There was such a thing; it was deleted, or its time is over."""

    code = "gone"


class MethodNotAllowed(TurnoutError):
    """The path exists, but not with that method."""

    code = "method_not_allowed"


class Conflict(TurnoutError):
    """What is asked would clash with something that is there already."""

    code = "conflict"


class TooLarge(TurnoutError):
    """A body, batch, range or page over its limit; the message names the limit."""

    code = "too_large"


class UnsupportedFormat(TurnoutError):
    """A content type or content encoding that is not spoken here."""

    code = "unsupported_format"


class RateLimited(TurnoutError):
    """Asked too often; `retry_after_s` seconds from now it works again."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Overloaded(TurnoutError):
    """Not now: nothing was taken, and sending it again in `retry_after_s` seconds is right."""

    code = "overloaded"

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotDrawn(TurnoutError):
    """A chart or document could not be made, or not in time; the numbers it would show can still be asked for."""

    code = "not_drawn"


class StoreError(TurnoutError):
    """The store could not do what was asked; its own words are in the log, not in the answer."""

    code = "store_error"


class StoreDamaged(StoreError):
    """Part of what is stored can't be read. Other questions are answered; this one needs somebody to mend it."""

    code = "store_damaged"

    def __init__(
        self,
        message: str = "part of the stored data is damaged, and this needs it",
        *,
        hint: str = "turnout check says what is damaged, turnout rebuild mends it",
    ) -> None:
        super().__init__(message, hint=hint)


class StoreOwned(StoreError):
    """Another process owns the data directory; the message names it."""

    code = "store_owned"


class SchemaTooNew(StoreError):
    """The store was written by a newer Turnout than this one."""

    code = "schema_too_new"
