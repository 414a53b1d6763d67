"""What happened in six days of October: four campaigns of different channels, a second show, and their people."""

from __future__ import annotations

import random
from typing import Any

Event = dict[str, Any]

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START_MS = 1_791_158_400_000  # 2026-10-05, a Monday, in UTC
DAYS = 6

CAMPAIGNS: dict[str, dict[str, Any]] = {
    "autumn": {
        "number": 11, "title": "Autumn campaign", "channels": ["push"], "started_at": "2026-10-05T00:00:00Z",
        "messages": [{"id": "p1", "title": "Push", "channel": "push"}],
        "variations": [{"id": "a", "name": "Short"}, {"id": "b", "name": "Long"}, {"id": "ctl", "control": True}],
        "goals": [
            {"event": "purchased", "window_s": 2 * 86_400, "after": "sent"},
            {"event": "performed", "name": "signup", "window_s": 86_400, "after": "opened"},
            {"event": "app_opened", "window_s": 4 * 3600, "after": "sent"},
        ],
    },
    "letter": {
        "number": 12, "title": "Letter", "channels": ["email"], "started_at": "2026-10-05T00:00:00Z",
        "messages": [
            {"id": "m1", "title": "First", "channel": "email"}, {"id": "m2", "title": "Second", "channel": "email"},
        ],
        "goals": [{"event": "purchased", "window_s": 86_400, "after": "clicked"}],
    },
    "text": {
        "number": 13, "title": "Text campaign", "channels": ["sms"], "started_at": "2026-10-05T00:00:00Z",
        "messages": [{"id": "t1", "title": "Text", "channel": "sms"}],
        "goals": [{"event": "purchased", "window_s": 86_400, "after": "delivered"}],
    },
    "show": {"number": 14, "title": "Show", "type": "live"},
    "finale": {"number": 15, "title": "Finale", "type": "live"},
}  # fmt: skip


class Story:
    """Makes the events, each at an instant of its own and with an id."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.events: list[Event] = []
        self._taken: set[int] = set()

    def happens(self, kind: str, at_ms: int, **fields: Any) -> int:
        """Note an event; the instant at which it found room."""
        while at_ms in self._taken:
            at_ms += 1
        self._taken.add(at_ms)
        fields = {name: value for name, value in fields.items() if value not in ("", None)}
        self.events.append({"type": kind, "id": f"e{len(self.events)}", "time": at_ms, **fields})
        return at_ms

    def likely(self, share: float) -> bool:
        return self.chance.random() < share

    def within(self, low_ms: int, high_ms: int) -> int:
        return self.chance.randrange(low_ms, high_ms)

    def a_day(self, first: int, after: int) -> int:
        return START_MS + self.within(first * DAY, after * DAY)


def what_happened() -> list[Event]:
    """Pushes in a test with a control group, letters, texts, two shows, and what people did of their own."""
    story = Story(20)
    people = [f"u{number}@{'ex.org' if number % 3 else 'mail.example'}" for number in range(40)]
    for number, who in enumerate(people):
        _pushes(story, who, number)
        _letters(story, who)
        _texts(story, who)
        _deeds(story, who)
        _shows(story, who)
    return story.events


def _pushes(story: Story, who: str, number: int) -> None:
    arm = ("a", "b", "ctl")[number % 3]
    base = {"campaign": "autumn", "recipient": who, "variation": arm}
    if arm == "ctl":
        story.happens("enrolled", story.a_day(0, 2), **base)
        return
    base |= {"message": "p1", "channel": "push"}
    for first in (0, 2) if number % 4 else (0,):
        at = story.happens("sent", story.a_day(first, first + 2), opted_in=story.likely(0.7), **base)
        if story.likely(0.25):
            kind, more = story.chance.choice(
                [("bounced", {"bounce": "hard"}), ("bounced", {"bounce": "soft"}), ("rejected", {}), ("failed", {})]
            )
            story.happens(kind, at + story.within(0, MINUTE), **base, **more)
        if story.likely(0.4):
            opened = story.happens("opened", at + story.within(MINUTE, 20 * HOUR), **base)
            if story.likely(0.5):
                story.happens("clicked", opened + 5000, target="body", **base)
            if story.likely(0.4):
                story.happens("performed", opened + story.within(0, 30 * HOUR), recipient=who, name="signup")
        if story.likely(0.1):
            story.happens("opened", at + story.within(MINUTE, 20 * HOUR), open="influenced", **base)
        if story.likely(0.1):
            more = {"goal": story.chance.choice([0, 0, 1]), "amount": "7.50"}
            story.happens("converted", at + story.within(0, 3 * DAY), campaign="autumn", recipient=who, **more)


def _letters(story: Story, who: str) -> None:
    base = {"campaign": "letter", "recipient": who, "channel": "email", "profile": "brand"}
    for index, message in enumerate(("m1", "m2")):
        if not story.likely(0.8):
            continue
        base |= {"message": message}
        at = story.happens("sent", story.a_day(2 * index, 2 * index + 2), **base)
        if story.likely(0.1):
            story.happens("bounced", at + 1000, bounce=story.chance.choice(["hard", "soft"]), **base)
            continue
        at = story.happens("delivered", at + story.within(0, HOUR), **base)
        for _ in range(story.chance.choice([0, 1, 1, 2, 3])):
            traffic = story.chance.choice(["human", "human", "proxy", "prefetch", "bot"])
            opened = story.happens("opened", at + story.within(0, 30 * HOUR), traffic=traffic, **base)
            for _ in range(story.chance.choice([0, 0, 1, 2])):
                _click(story, opened + story.within(0, HOUR), base)
        if story.likely(0.06):
            story.happens(story.chance.choice(["unsubscribed", "complained"]), at + story.within(0, 2 * DAY), **base)


def _click(story: Story, at_ms: int, base: Event) -> None:
    pick = story.chance.choice
    story.happens(
        "clicked", at_ms, **base,
        traffic=pick(["human", "human", "proxy", "scanner"]),
        country=pick(["DE", "IN", "BR", ""]), device=pick(["phone", "desktop", ""]),
        browser=pick(["Safari", "Firefox", ""]),
        ip=pick(["192.0.2.1", "2001:db8::1", ""]), url="https://ex.org/", link_title=pick(["Buy", "Read", ""]),
        params=pick([{"utm": "a", "page": "1"}, {"utm": "b"}, {"utm": "a", "x": 7}, None]),
    )  # fmt: skip


def _texts(story: Story, who: str) -> None:
    base = {"campaign": "text", "recipient": who, "channel": "sms", "message": "t1"}
    if not story.likely(0.9):
        return
    at = story.happens("sent", story.a_day(1, 3), **base)
    story.happens("carrier_accepted", at + 100, **base)
    if story.likely(0.4):
        more = {"failure": story.chance.choice(["permanent", "temporary"])}
        story.happens(story.chance.choice(["failed", "rejected"]), at + 2000, **base, **more)
        return
    story.happens("delivered", at + story.within(500, HOUR), **base)
    if story.likely(0.4):
        traffic = story.chance.choice(["human", "preview"])
        story.happens("clicked", at + story.within(HOUR, 20 * HOUR), traffic=traffic, **base)
    if story.likely(0.5):
        story.happens("replied", at + story.within(HOUR, DAY), keyword=story.chance.choice(["stop", "help"]), **base)


def _deeds(story: Story, who: str) -> None:
    """Of their own accord: some had used the app long ago, some lately; an order may be reported twice."""
    for first, after, share in ((-30, -16, 0.4), (-3, 0, 0.3)):
        if story.likely(share):
            story.happens("app_opened", story.a_day(first, after), recipient=who)
    for _ in range(story.chance.choice([0, 1, 2, 4])):
        traffic = story.chance.choice(["human", "human", "bot"])
        story.happens("app_opened", story.a_day(0, DAYS), recipient=who, traffic=traffic)
    for index in range(story.chance.choice([0, 1, 2, 3])):
        at, order = story.a_day(0, DAYS), f"{who}-{index}" if story.likely(0.6) else ""
        amount = f"{story.within(100, 9999) / 100:.2f}"
        named = story.chance.choice(["", "", "", "autumn", "letter"])
        story.happens("purchased", at, recipient=who, amount=amount, order=order, campaign=named)
        if order and story.likely(0.3):
            more = {"recipient": who, "amount": amount, "order": order, "campaign": story.chance.choice(["", named])}
            story.happens("purchased", at + story.within(1, DAY), **more)


def _shows(story: Story, who: str) -> None:
    for day, show in ((1, "show"), (3, "finale")):
        if not story.likely(0.6):
            continue
        base = {"campaign": show, "recipient": who, "anonymous": story.likely(0.3)}
        for _ in range(story.chance.choice([1, 1, 2, 3])):
            end = START_MS + day * DAY + story.within(18 * HOUR, 20 * HOUR)
            story.happens("watched", end, duration_s=story.within(1, 2400), **base)
        for kind in ("liked", "chatted", "product_clicked", "banner_clicked"):
            if story.likely(0.4):
                story.happens(kind, START_MS + day * DAY + 19 * HOUR, quantity=story.within(1, 5), **base)
