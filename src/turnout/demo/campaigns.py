"""The campaigns of the sample, as PUT /v1/campaigns/{id} takes them.

The midnight that begins the sample's last day enters; JSON-ready bodies leave. The identifiers given are
fixed, so that a client that was configured once finds the same campaigns in the next sample.
"""

from __future__ import annotations

from typing import Any

from turnout.demo.stage import DAY_MS, HOUR_MS, MINUTE_MS, iso


def bodies(today_ms: int) -> tuple[dict[str, Any], ...]:
    """All campaigns of the sample, the finished, the running and the draft."""
    return _mail(today_ms) + _phone(today_ms) + _onsite(today_ms) + _shows(today_ms)


def _when(today_ms: int, day: int, hour: int, minute: int = 0) -> str:
    return iso(today_ms + day * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS)


def _mail(today_ms: int) -> tuple[dict[str, Any], ...]:
    sale = {
        "id": "spring-sale",
        "title": "Frühling für alle ✿",
        "type": "Email",
        "channels": ["email"],
        "tags": ["sale", "spring", "newsletter"],
        "draft": False,
        "archived": False,
        "uuid": "3bbc4555-8fa0-4c9b-a5c0-4505edf3e064",
        "token": "d9d5e5a52ca08110d4893af3254ec21b",
        "key": "5a1e00000101",
        "number": 101,
        "scheduled_at": _when(today_ms, -12, 8, 30),
        "started_at": _when(today_ms, -12, 8, 30),
        "ended_at": _when(today_ms, -4, 22),
        "messages": [{"id": "m1", "title": "Frühling für alle ✿ 25 % on everything", "channel": "email"}],
        "variations": [
            {"id": "a", "name": "Flowers"},
            {"id": "b", "name": "Price first"},
            {"id": "control", "name": "Control Group", "control": True},
        ],
        "goals": [{"event": "purchased", "window_s": 259_200, "after": "sent"}],
    }
    welcome = {
        "id": "onboarding",
        "title": "Welcome, in two steps",
        "type": "Email",
        "channels": ["email"],
        "tags": ["lifecycle"],
        "uuid": "8c0b7c58-53a1-4d7c-9d4e-2f6c1a0d5b12",
        "token": "aae13559e0493c0b350c547533f5b28f",
        "key": "0b0a4d000102",
        "number": 102,
        "started_at": _when(today_ms, -20, 0),
        "ended_at": None,
        "messages": [
            {"id": "welcome", "title": "Schön, dass du da bist!", "channel": "email"},
            {"id": "tips", "title": "Five tips for the start", "channel": "email"},
        ],
        "goals": [
            {"event": "performed", "name": "profile_completed", "window_s": 604_800, "after": "clicked"},
            {"event": "purchased", "window_s": 604_800, "after": "delivered"},
        ],
    }
    preview = {
        "id": "summer-preview",
        "title": "Été: the first look",
        "type": "Email",
        "channels": ["email"],
        "tags": ["sale", "summer"],
        "draft": True,
        "number": 109,
        "scheduled_at": _when(today_ms, 9, 8),
        "messages": [{"id": "m1", "title": "Été: the first look", "channel": "email"}],
    }
    return sale, welcome, preview


def _phone(today_ms: int) -> tuple[dict[str, Any], ...]:
    push = {
        "id": "app-push",
        "title": "Your size is back",
        "type": "Push",
        "channels": ["ios_push", "android_push"],
        "tags": ["app"],
        "uuid": "41f0a1c4-6c2b-4f52-8f6a-7f0d9ee2a0c3",
        "token": "b7c2d9e04f5a4d1b8e6f3a2c1d0e9f87",
        "key": "a44b00000103",
        "number": 103,
        "scheduled_at": _when(today_ms, -8, 16),
        "started_at": _when(today_ms, -8, 16),
        "ended_at": _when(today_ms, -8, 16, 6),
        "messages": [{"id": "m1", "title": "Your size is back 👟", "channel": "ios_push"}],
        "variations": [{"id": "a", "name": "Plain"}, {"id": "b", "name": "With picture"}],
        "goals": [{"event": "app_opened", "window_s": 10_800, "after": "sent"}],
    }
    text = {
        "id": "sms-flash",
        "title": "48 hours, −30 %",
        "type": "SMS",
        "channels": ["sms"],
        "tags": ["sale", "flash"],
        "uuid": "f2d7b3a9-0e4c-4b8d-b1a5-93c6d8e7f041",
        "token": "0c5e8a7b6d4f4e3c9b2a1f0e8d7c6b5a",
        "key": "5f1a00000104",
        "number": 104,
        "scheduled_at": _when(today_ms, -5, 10),
        "started_at": _when(today_ms, -5, 10),
        "ended_at": _when(today_ms, -3, 10),
        "messages": [{"id": "m1", "title": "48 h: −30 %", "channel": "sms"}],
    }
    return push, text


def _onsite(today_ms: int) -> tuple[dict[str, Any], ...]:
    cards = {
        "id": "cards",
        "title": "New collection, in the app",
        "type": "Cards",
        "channels": ["content_cards", "in_app"],
        "tags": ["app"],
        "uuid": "6e9a2b71-d4c8-4a35-9c07-15b8f3d6ae20",
        "token": "1d2c3b4a5f6e47089a1b2c3d4e5f6071",
        "key": "ca4d00000105",
        "number": 105,
        "started_at": _when(today_ms, -14, 7),
        "ended_at": None,
        "messages": [
            {"id": "card", "title": "Nouvelle collection", "channel": "content_cards"},
            {"id": "popup", "title": "Have a look?", "channel": "in_app"},
        ],
        "goals": [{"event": "purchased", "window_s": 86_400, "after": "impression"}],
    }
    hook = {
        "id": "stock-hook",
        "title": "Back in stock → warehouse",
        "type": "Webhook",
        "channels": ["webhook"],
        "tags": ["system"],
        "uuid": "c5a8e1f3-7b2d-4609-8e3f-d04b6a9c1e77",
        "token": "9f8e7d6c5b4a49388271605f4e3d2c1b",
        "key": "40ac00000106",
        "number": 106,
        "started_at": _when(today_ms, -18, 0),
        "ended_at": None,
        "messages": [{"id": "call", "title": "Stock call", "channel": "webhook"}],
    }
    return cards, hook


def _shows(today_ms: int) -> tuple[dict[str, Any], ...]:
    before = {
        "id": "live-show-11",
        "title": "Live #11: kitchen and table",
        "type": "Live",
        "channels": ["live"],
        "tags": ["live"],
        "key": "11fef8e8e311",
        "number": 107,
        "scheduled_at": _when(today_ms, -10, 18),
        "started_at": _when(today_ms, -10, 18),
        "ended_at": _when(today_ms, -10, 18, 45),
    }
    latest = {
        "id": "live-show-12",
        "title": "Live #12: 夏の新作 ☀",
        "type": "Live",
        "channels": ["live"],
        "tags": ["live", "summer"],
        "key": "1234fef8e8e3",
        "number": 108,
        "scheduled_at": _when(today_ms, -3, 18, 25),
        "started_at": _when(today_ms, -3, 18, 30),
        "ended_at": _when(today_ms, -3, 19, 32),
    }
    return before, latest
