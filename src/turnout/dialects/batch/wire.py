"""The shapes of Batch's answers, as data: which keys, in which order, of which metrics; and the codes of its errors.

The tables of counters are what the questions, the rendering and COMPATIBILITY.md are made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from turnout.dialects.contract import Source
from turnout.errors import InvalidInput
from turnout.model import DEFAULT_TRAFFIC, TRAFFIC_CLASSES

#: Which traffic a counter is of: `all` for what the sender does, `people` for what a person does, `machines` for what
#: a mail program fetched in advance.
Traffic = Literal["all", "people", "machines"]

TRAFFIC: dict[Traffic, tuple[str, ...]] = {
    "all": TRAFFIC_CLASSES,
    "people": DEFAULT_TRAFFIC,
    "machines": ("prefetch",),
}


@dataclass(frozen=True)
class Counter:
    """One key of a day: the sum of these metrics over events of one kind of traffic."""

    key: str
    metrics: tuple[str, ...]
    traffic: Traffic
    source: Source = "documented"
    note: str = ""


@dataclass(frozen=True)
class Shape:
    """The counters of a day and of a version of it, each in its order. `every` holds those of both, once."""

    day: tuple[Counter, ...]
    version: tuple[Counter, ...]

    @property
    def every(self) -> tuple[Counter, ...]:
        """All counters that have to be asked for."""
        return tuple(dict.fromkeys((*self.day, *self.version)))


_REFUSED = ("bounced", "rejected", "failed")

SENT = Counter("sent", ("sent",), "all")
SENT_OPTINS = Counter("sent_optins", ("sent_opted_in",), "all", note="of those, with `opted_in`")
DIRECT_OPEN = Counter("direct_open", ("unique_opened_direct",), "people", note="distinct recipients")
INFLUENCED_OPEN = Counter(
    "influenced_open", ("unique_influenced_opens",), "people",
    note="distinct recipients who opened the app within the workspace's `influence_window_s` (3 h unless set) and "
    "not by the push, or whose open says that it was influenced",
)  # fmt: skip
REENGAGED = Counter(
    "reengaged", ("unique_reengaged",), "people",
    note="distinct recipients who had not opened the app for the workspace's `dormant_s` and did within 3 days",
)  # fmt: skip
ERRORS = Counter("errors", _REFUSED, "all", note="what the provider did not take, or gave back")

_OPENS = (DIRECT_OPEN, INFLUENCED_OPEN, REENGAGED)

#: A campaign; one that is a test (its days have no `sent_optins`, its versions no `errors`); a transactional group.
CAMPAIGN = Shape((SENT, SENT_OPTINS, *_OPENS, ERRORS), ())
TEST = Shape((SENT, *_OPENS, ERRORS), (SENT, SENT_OPTINS, *_OPENS))
GROUP = Shape((SENT, *_OPENS, ERRORS), ())

_ORCHESTRATION = (
    SENT,
    Counter("delivered", ("delivered",), "all"),
    Counter(
        "unique_open",
        ("unique_opened_direct",),
        "people",
        "inferred",
        "distinct recipients; not the machine's opens, of which the documented example has more",
    ),
    Counter("total_open", ("opened_direct",), "people", "inferred", "not the machine's opens"),
    Counter("unique_machine_open", ("unique_opened_direct",), "machines", "inferred", "distinct recipients"),
    Counter("unique_click", ("unique_clicked",), "people", note="distinct recipients"),
    Counter("total_click", ("clicked",), "people", note="scanners, previews and bots don't count (ours)"),
    Counter("spam", ("complained",), "all"),
    Counter("unsubscribe", ("unsubscribed",), "all"),
    Counter("total_bounce", _REFUSED, "all", "inferred", "what the provider did not take, or gave back"),
    Counter("skipped", ("skipped",), "all"),
)

#: An orchestration of the newer API, e-mail, push or SMS: versions have the counters of a day.
ORCHESTRATION = Shape(_ORCHESTRATION, _ORCHESTRATION)

#: Keys of a campaign that stand before and after all others of what its maker sent.
PAYLOAD_HEAD = ("name", "live", "push_time", "local_push_time", "gcm_collapse_key")
PAYLOAD_TAIL = ("targeting", "messages")


class MissingParameter(InvalidInput):
    """A parameter that has to be there is not."""


class MalformedBody(InvalidInput):
    """The body is no JSON object."""


@dataclass(frozen=True)
class Refusal:
    """How an error is told: its HTTP status, the number of the older API and the name of the newer one."""

    status: int
    code: int
    name: str


AUTHENTICATION_INVALID = Refusal(401, 10, "AUTHENTICATION_INVALID")
API_MISUSE = Refusal(403, 12, "API_MISUSE")
ROUTE_NOT_FOUND = Refusal(404, 20, "ROUTE_NOT_FOUND")
MISSING_PARAMETER = Refusal(400, 30, "MISSING_PARAMETER")
MALFORMED_PARAMETER = Refusal(400, 31, "MALFORMED_PARAMETER")
MALFORMED_JSON_BODY = Refusal(400, 32, "MALFORMED_JSON_BODY")
TOO_MANY_REQUESTS = Refusal(429, 60, "TOO_MANY_REQUESTS")
SERVER_ERROR = Refusal(500, 0, "SERVER_ERROR")
MAINTENANCE_ERROR = Refusal(503, 2, "MAINTENANCE_ERROR")
