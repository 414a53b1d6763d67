"""SendGrid: what its fields say, what changes between repetitions, and who signed."""

from __future__ import annotations

import base64
import datetime as dt
import importlib.util
import json
from pathlib import Path

import pytest
from tests.capture.webhooks.deliveries import NOW, delivery, endures, events, one, wrongs

from turnout.capture.webhooks.sendgrid import PROVIDER
from turnout.errors import Unauthenticated

OPEN = {
    "event": "open", "email": "ada@example.com", "timestamp": 1773741600, "sg_event_id": "e1", "sg_message_id": "m.1",
    "useragent": "Mozilla/5.0", "ip": "192.0.2.7", "category": ["news"], "url_offset": {"index": 1, "type": "html"},
}  # fmt: skip


def signer():
    path = Path(__file__).parent / "signers" / "sendgrid.py"
    spec = importlib.util.spec_from_file_location("signer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parsed(**fields):
    return one(PROVIDER.parse(delivery([{**OPEN, **fields}])))


def test_an_opening_by_a_machine_says_so():
    assert (parsed().type, parsed().traffic, parsed().ip) == ("opened", None, "192.0.2.7")
    assert parsed(sg_machine_open=True).traffic == "prefetch"
    assert parsed(sg_machine_open="true").traffic is None


@pytest.mark.parametrize(
    ("fields", "bounce"),
    [
        ({"type": "bounce"}, "hard"), ({"type": "blocked"}, "soft"), ({"type": "expired"}, "hard"),
        ({"status": "5.1.1"}, "hard"), ({"status": "4.2.2"}, "soft"), ({}, "hard"),
    ],
)  # fmt: skip
def test_bounces_are_hard_or_soft(fields, bounce):
    found = parsed(event="bounce", **fields)
    assert (found.type, found.bounce) == ("bounced", bounce)
    # That is the machine that sent it.
    assert found.ip == ""
    assert found.properties["sending_ip"] == "192.0.2.7"


def test_the_campaign_is_the_first_that_is_named():
    names = {"campaign": "a", "campaign_id": "b", "singlesend_id": "c", "marketing_campaign_id": 4}
    found = []
    while names:
        found.append(parsed(**names).campaign)
        del names[next(iter(names))]
    assert found == ["a", "b", "c", "4"]
    assert parsed().campaign == "news"
    assert parsed(category="cats").campaign == "cats"
    assert parsed(category=None).campaign == ""


def test_an_event_is_known_by_its_meaning():
    first = parsed().id
    for same in ({"sg_event_id": "another"}, {"reason": "x"}, {"category": []}, {"timestamp": "1773741600"}):
        assert parsed(**same).id == first, same
    for other in (
        {"event": "click"}, {"email": "bob@example.com"}, {"timestamp": 1773741601}, {"sg_message_id": "m.2"},
        {"url": "https://a.example"}, {"url_offset": {"index": 2}}, {"attempt": "2"},
    ):  # fmt: skip
        assert parsed(**other).id != first, other
    without = {"sg_message_id": "", "smtp-id": "<x@y>"}
    assert parsed(**without).id != parsed(**{**without, "smtp-id": "<z@y>"}).id


def test_one_event_without_an_array_is_read_too():
    assert one(PROVIDER.parse(delivery(OPEN))).id == parsed().id
    lines = b"\n".join(json.dumps({**OPEN, "timestamp": at}).encode() for at in (1773741600, 1773741601))
    assert len(events(PROVIDER.parse(delivery(lines)))) == 2


def test_nothing_in_a_body_makes_it_fail():
    for body in wrongs([OPEN]):
        endures(PROVIDER, delivery(body))


def signed(body=b"[]", at=NOW, secret=None, **headers):
    signing = signer()
    _, made = signing.sign(body, "", at)
    given = {name.lower(): value for name, value in {**made, **headers}.items() if value}
    return delivery(body, headers=given, secret=signing.SECRET if secret is None else secret)


def test_a_signature_is_good_for_its_body_its_time_and_its_key():
    PROVIDER.verify(signed())
    PROVIDER.verify(signed(at=NOW - dt.timedelta(hours=47)))
    pem = f"-----BEGIN PUBLIC KEY-----\n{signer().SECRET}\n-----END PUBLIC KEY-----\n"
    good = signed()
    with pytest.raises(Unauthenticated, match="not right"):
        # Another run's key: each signer makes its own.
        PROVIDER.verify(delivery(good.body, headers=dict(good.headers), secret=pem))
    name, clock = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"
    for bad, words in (
        (signed(**{name: ""}), "no header"),
        (signed(**{clock: ""}), "no header"),
        (signed(**{clock: str(int(NOW.timestamp()) + 1)}), "not right"),
        (signed(**{clock: "soon"}), "epoch seconds"),
        (signed(**{name: "%%%"}), "not base64"),
        (signed(**{name: base64.b64encode(b"nothing").decode()}), "not right"),
        (signed(at=NOW - dt.timedelta(hours=49)), "too old"),
        (signed(at=NOW + dt.timedelta(hours=49)), "too old"),
        (signed(secret="bm8ga2V5"), "no public key"),
    ):
        with pytest.raises(Unauthenticated, match=words):
            PROVIDER.verify(bad)
