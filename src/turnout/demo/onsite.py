"""The campaigns of the sample that live in the app and between servers: cards, an in-app message, a webhook.

A `Stage` and the people enter; the stage holds the events afterwards. These go on until the last moment.
"""

from __future__ import annotations

from collections.abc import Sequence

from turnout.demo.people import Person
from turnout.demo.stage import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Stage

_CARD = {"message": "card", "channel": "content_cards"}
_POPUP = {"message": "popup", "channel": "in_app"}


def cards(stage: Stage, everyone: Sequence[Person]) -> None:
    """A card sent to 900 people two weeks ago and seen day by day; a pop-up with two buttons beside it."""
    audience = stage.rng.sample(everyone, 900)
    for person in audience:
        stage.put("sent", stage.at(-14, 7) + stage.rng.randrange(3 * MINUTE_MS), person, **_CARD)
    for day in range(-14, 1):
        # Interest fades, but never quite ends.
        for person in stage.rng.sample(audience, int(30 + 170 * 0.8 ** (day + 14))):
            hour = int(stage.rng.triangular(6, 24, 20))
            _seen(stage, person, stage.at(day, hour) + stage.rng.randrange(HOUR_MS))


def _seen(stage: Stage, person: Person, seen_ms: int) -> None:
    shown, here = (_CARD if stage.rng.random() < 0.65 else _POPUP), person.on_phone
    stage.put("impression", seen_ms, person, **shown, **here)
    acted_ms = seen_ms + stage.lag_ms(6 * SECOND_MS, most_ms=2 * MINUTE_MS)
    luck = stage.rng.random()
    if luck < 0.18:
        stage.put("dismissed", acted_ms, person, **shown, **here)
    elif luck < 0.32 and shown is _CARD:
        url = "https://shop.example.com/kollektion"
        stage.put("clicked", acted_ms, person, target="link", url=url, link="card", **shown, **here)
    elif luck < 0.4 and shown is _POPUP:
        target = stage.rng.choices(("button_1", "button_2", "body"), (6, 3, 1))[0]
        stage.put("clicked", acted_ms, person, target=target, **shown, **here)
        if target == "button_1" and stage.rng.random() < 0.3:
            stage.buy(acted_ms + stage.lag_ms(8 * MINUTE_MS, most_ms=2 * HOUR_MS), person, 32)


def stock_hook(stage: Stage, everyone: Sequence[Person]) -> None:
    """Back in stock: about 25 calls a day to another server, of which every fortieth fails."""
    for number in range(25 * 19):
        person = stage.rng.choice(everyone)
        sent_ms = stage.today_ms + (number // 25 - 18) * DAY_MS + stage.rng.randrange(DAY_MS)
        stage.put("sent", sent_ms, person, message="call", channel="webhook")
        if number % 40 == 39:
            kind = "temporary" if number % 80 == 79 else "permanent"
            failed_ms = sent_ms + stage.rng.randrange(200, 30 * SECOND_MS)
            stage.put("failed", failed_ms, person, message="call", channel="webhook", failure=kind)
