"""The live shows of the sample: who watched when, and what the viewers did meanwhile.

A `Stage` and the people enter; the stage holds the events afterwards. A `watched` event ends at its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from turnout.demo.people import Person
from turnout.demo.stage import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Stage

_PRODUCTS = ("linen-shirt", "sun-hat", "espadrilles", "beach-bag", "ceramic-cup", "picnic-rug")


@dataclass(frozen=True)
class Airing:
    """One show: when it begins, how long it lasts, and how many see it (guests without a login included)."""

    start_ms: int
    length_ms: int
    viewers: int
    guests: int

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.length_ms


def live_show_11(stage: Stage, everyone: Sequence[Person]) -> None:
    """620 viewers, 170 of them guests: the show before."""
    _air(stage, everyone, Airing(stage.at(-10, 18), 45 * MINUTE_MS, 620, 170))


def live_show_12(stage: Stage, everyone: Sequence[Person]) -> None:
    """940 viewers, 280 of them guests, over 62 minutes; 60 more watch the recording the next day."""
    airing = Airing(stage.at(-3, 18, 30), 62 * MINUTE_MS, 940, 280)
    _air(stage, everyone, airing)
    for number in range(60):
        stopped_ms = airing.start_ms + DAY_MS + stage.rng.randrange(2 * HOUR_MS)
        watched_s = stage.rng.randrange(20, 1500)
        stage.put("watched", stopped_ms, f"guest-replay-{number}", anonymous=True, duration_s=watched_s)


def _air(stage: Stage, everyone: Sequence[Person], airing: Airing) -> None:
    members = stage.rng.sample(everyone, airing.viewers - airing.guests)
    for person in members:
        _visit(stage, airing, person)
    for number in range(airing.guests):
        _visit(stage, airing, f"guest-{stage.name}-{number}")


def _visit(stage: Stage, airing: Airing, viewer: Person | str) -> None:
    """One to three intervals; every twelfth viewer or so has the show on two devices for a while."""
    joined_ms = airing.start_ms + int(airing.length_ms * 0.9 * stage.rng.betavariate(1.1, 3))
    while True:
        stayed_ms = stage.lag_ms(airing.length_ms / 3, least_ms=5 * SECOND_MS, most_ms=airing.length_ms)
        left_ms = min(joined_ms + stayed_ms, airing.end_ms)
        _watched(stage, viewer, joined_ms, left_ms)
        _joins_in(stage, viewer, joined_ms, left_ms)
        if stage.rng.random() < 0.08:
            middle_ms = (joined_ms + left_ms) // 2
            _watched(stage, viewer, middle_ms, min(left_ms + 3 * MINUTE_MS, airing.end_ms))
        joined_ms = left_ms + stage.lag_ms(4 * MINUTE_MS, least_ms=10 * SECOND_MS)
        if stage.rng.random() >= 0.35 or joined_ms >= airing.end_ms - 10 * SECOND_MS:
            return


def _watched(stage: Stage, viewer: Person | str, from_ms: int, to_ms: int) -> None:
    seconds = round((to_ms - from_ms) / SECOND_MS, 3)
    where = {} if isinstance(viewer, str) else viewer.on_phone
    stage.put("watched", to_ms, viewer, duration_s=seconds, anonymous=_guest(viewer), **where)


def _joins_in(stage: Stage, viewer: Person | str, from_ms: int, to_ms: int) -> None:
    """Hearts come in handfuls; guests may like and look, but only members chat."""
    rng = stage.rng

    def moment() -> int:
        return rng.randint(from_ms, to_ms)

    for _ in range(rng.choices((0, 1, 2, 3), (55, 28, 12, 5))[0]):
        stage.put("liked", moment(), viewer, quantity=1 + int(rng.expovariate(0.2)), anonymous=_guest(viewer))
    for _ in range(rng.choices((0, 1, 2, 4), (70, 16, 9, 5))[0] if not isinstance(viewer, str) else 0):
        stage.put("chatted", moment(), viewer)
    while rng.random() < 0.3:
        product = rng.choices(_PRODUCTS, (30, 22, 18, 14, 10, 6))[0]
        clicked_ms = moment()
        stage.put("product_clicked", clicked_ms, viewer, product=product, anonymous=_guest(viewer))
        if not isinstance(viewer, str) and rng.random() < 0.12:
            stage.buy(clicked_ms + stage.lag_ms(5 * MINUTE_MS), viewer, 38)
    if rng.random() < 0.07:
        stage.put("banner_clicked", moment(), viewer, anonymous=_guest(viewer))


def _guest(viewer: Person | str) -> bool | None:
    return True if isinstance(viewer, str) else None
