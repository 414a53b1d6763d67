"""A sample of believable campaigns, to look at before there are any of one's own.

A moment and a seed enter; campaign bodies and JSON-ready events leave. Nothing is random but by the
seed, and every time is told from the UTC midnight of the moment's day, so two samples of one day agree
event by event and differ only in where they end.

These numbers hold for every seed and every moment (the rest follows the seed):

    campaign       channel               holds
    spring-sale    email, A/B + control  enrolled 400, skipped 60, sent 3,600, deferred 45, bounced 36 hard
                                         and 54 soft, delivered 3,510, unsubscribed 18, complained 4,
                                         converted 40 as goal 1
    app-push       ios + android, A/B    sent 2,800 of which 2,240 opted in, bounced 84, failed 30
    sms-flash      sms                   queued and sent 1,200, rejected 18, carrier_accepted 1,182,
                                         failed 32, delivered 1,150, replied 30, unsubscribed 15
    live-show-11   live                  620 viewers, 170 of them guests
    live-show-12   live                  1,000 viewers, 340 of them guests (60 of those: the recording)
    cards          cards and in-app      sent 900

`onboarding`, `cards` and `stock-hook` go on until the sample ends, so their totals grow through the day.
`summer-preview` is a draft and has no events.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from turnout.demo.campaigns import bodies
from turnout.demo.mail import onboarding, spring_sale
from turnout.demo.onsite import cards, stock_hook
from turnout.demo.people import Person, people
from turnout.demo.phone import app_push, sms_flash
from turnout.demo.show import live_show_11, live_show_12
from turnout.demo.stage import MINUTE_MS, SECOND_MS, Stage, midnight_ms

_PEOPLE = 6_000

#: The sample ends this long before its moment: a clock that is a little behind must not call it future.
_QUIET_MS = MINUTE_MS

_SCENES: dict[str, Callable[[Stage, Sequence[Person]], None]] = {
    "onboarding": onboarding,
    "stock-hook": stock_hook,
    "cards": cards,
    "spring-sale": spring_sale,
    "live-show-11": live_show_11,
    "app-push": app_push,
    "sms-flash": sms_flash,
    "live-show-12": live_show_12,
}


@dataclass(frozen=True)
class Sample:
    """Bodies for PUT /v1/campaigns/{id}, and the events that belong to them."""

    campaigns: tuple[dict[str, Any], ...]
    now: dt.datetime
    seed: int

    def events(self) -> Iterator[dict[str, Any]]:
        """The events in the order of their time, each with an id of its own; the same at every call."""
        everyone = people(random.Random(f"{self.seed}/people"), _PEOPLE)
        ends_ms = int(self.now.timestamp()) * SECOND_MS - _QUIET_MS
        happened: list[tuple[int, dict[str, Any]]] = []
        for name, play in _SCENES.items():
            stage = Stage(name, midnight_ms(self.now), self.seed)
            play(stage, everyone)
            happened += (entry for entry in stage.events if entry[0] <= ends_ms)
        happened.sort(key=lambda entry: entry[0])
        return (event for _, event in happened)


def sample(now: dt.datetime, seed: int = 7) -> Sample:
    """The sample that ends a minute before `now` (which has a zone) and begins 20 midnights earlier."""
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    return Sample(campaigns=bodies(midnight_ms(now)), now=now, seed=seed)
