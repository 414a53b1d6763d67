"""Which entries a campaign has: channels, arms, names and ids."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from turnout.dialects.braze.arms import UNNAMED_CONTROL, Layout, Seen, api_id, layout
from turnout.dialects.braze.wire import channel_key
from turnout.model import Campaign, Message, Variation

NOW = dt.datetime(2026, 10, 5, tzinfo=dt.UTC)
UUID = "3bbc4555-8fa0-4c9b-a5c0-4505edf3e064"


def campaign(**fields: object) -> Campaign:
    return Campaign(**{"id": "c", "uuid": UUID, "created_at": NOW, "updated_at": NOW, **fields})  # type: ignore[arg-type]


def ids(found: Layout) -> dict[str, list[str]]:
    return {key: [arm.id for arm in arms] for key, arms in found.channels.items()}


A, B = Variation(id="a", name="Variant 1"), Variation(id="b")
CONTROL = Variation(id="ctl", name="Control Group", control=True)

LAYOUTS = {
    "nothing known": (campaign(), [], "message", False, {}),
    "a type says the channel": (campaign(type="Email"), [], "message", False, {"email": [""]}),
    "declared channels": (campaign(channels=("sms", "email")), [], "message", False, {"email": [""], "sms": [""]}),
    "as live: a channel without a message is empty": (
        campaign(channels=("email", "sms"), messages=(Message(id="m", channel="email"),)),
        [], "message", False, {"email": ["m"], "sms": []},
    ),
    "messages in their order": (
        campaign(messages=(Message(id="z", channel="email"), Message(id="a", channel="E-Mail"))),
        [], "message", False, {"email": ["z", "a"]},
    ),
    "a message without a channel goes where it was seen": (
        campaign(channels=("email", "sms"), messages=(Message(id="m"),)),
        [Seen("sms", "m", "")], "message", False, {"email": [], "sms": ["m"]},
    ),
    "events say no channel but their message does": (
        campaign(messages=(Message(id="m", channel="email"), Message(id="n", channel="sms"))),
        [Seen("", "n", "")], "message", False, {"email": ["m"], "sms": ["n"]},
    ),
    "events say no channel and there is only one": (
        campaign(channels=("email",)), [Seen("", "", "")], "message", False, {"email": [""]},
    ),
    "seen only": (
        campaign(), [Seen("email", "m", ""), Seen("sms", "", "")], "message", False, {"email": ["m"], "sms": [""]},
    ),
    "a channel without a key": (campaign(channels=("live",)), [Seen("live", "", "")], "message", False, {}),
    "one variation is no test": (
        campaign(channels=("email",), variations=(A,)), [], "variation", False, {"email": ["a"]},
    ),
    "two variations": (
        campaign(channels=("email",), variations=(B, A)), [], "variation", True, {"email": ["b", "a"]},
    ),
    "a control group comes last": (
        campaign(channels=("email",), variations=(CONTROL, A)), [], "variation", True, {"email": ["a", "ctl"]},
    ),
    "a variation per channel is no test": (
        campaign(channels=("email", "sms"), variations=(A, B)),
        [Seen("email", "", "a"), Seen("sms", "", "b")], "variation", False, {"email": ["a"], "sms": ["b"]},
    ),
    "an unknown variation": (
        campaign(channels=("email",), variations=(A,)),
        [Seen("email", "", "x")], "variation", True, {"email": ["a", "x"]},
    ),
    "events without their variation": (
        campaign(channels=("email",), variations=(A, B)),
        [Seen("email", "", "")], "variation", True, {"email": ["a", "b", ""]},
    ),
    "an enrolment alone makes a control group": (
        campaign(channels=("email",)),
        [Seen("email", "", ""), Seen("", "", "", enrols=True, of_message=False)],
        "variation", True, {"email": ["", UNNAMED_CONTROL]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name: str) -> None:
    one, seen, by, multivariate, wanted = LAYOUTS[name]
    found = layout(one, seen)
    assert (found.by, found.multivariate, ids(found)) == (by, multivariate, wanted)


def test_channels_stand_in_one_order() -> None:
    found = layout(
        campaign(channels=("sms", "in-app", "whatsapp", "email", "ios_push", "webhook", "content_cards")), []
    )
    assert list(found.channels) == [
        "ios_push", "webhook", "email", "sms", "whats_app", "content_cards", "trigger_in_app_message",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("email", "email"), ("E-Mail", "email"), ("whatsapp", "whats_app"), ("whats_app", "whats_app"),
        ("WhatsApp", "whats_app"), ("in_app", "trigger_in_app_message"), ("in-app", "trigger_in_app_message"),
        ("in_app_message", "trigger_in_app_message"), ("In-App Message", "trigger_in_app_message"),
        ("trigger_in_app_message", "trigger_in_app_message"), ("content_card", "content_cards"),
        ("content_cards", "content_cards"), ("push", "android_push"), ("ios_push", "ios_push"),
        ("web push", "web_push"),
        ("live", None), ("line", None), ("", None),
    ],
)  # fmt: skip
def test_words_for_channels(word: str, key: str | None) -> None:
    assert channel_key(word) == key


def test_ids_are_stable_uuids() -> None:
    one = campaign()
    assert api_id(one, "668B8529-0000-4000-8000-000000000000") == "668B8529-0000-4000-8000-000000000000"
    made = api_id(one, "a")
    assert made == api_id(campaign(title="renamed"), "a") == str(uuid.uuid5(uuid.UUID(UUID), "a"))
    assert len({made, api_id(one, "b"), api_id(campaign(uuid=str(uuid.uuid4())), "a")}) == 3
    assert uuid.UUID(api_id(campaign(uuid="not-a-uuid"), "a"))


def test_a_control_group_without_a_channel_is_in_every_channel() -> None:
    found = layout(campaign(channels=("email", "sms"), variations=(A, CONTROL)), [])
    assert found.places("", "ctl") == [("email", "ctl"), ("sms", "ctl")]
    assert found.places("email", "ctl") == [("email", "ctl")]
    assert found.places("", "a") == []
    assert found.places("line", "ctl") == []
