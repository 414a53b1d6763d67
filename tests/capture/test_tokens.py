"""What addresses say, and who said so."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.capture.tokens import LIMIT_CHARS, Claim, Token, read, recipient_claim, sign
from turnout.model import Workspace

NOW = dt.datetime(2026, 10, 5, 10, tzinfo=dt.UTC)
SECRET = "s3cret"


def workspace(secret: str = SECRET) -> Workspace:
    return Workspace(id="w", access_key="a", signing_secret=secret, created_at=NOW)


def by_hand(purpose: str, claim: dict[str, object], secret: str = SECRET) -> str:
    """As docs/links.md says it, with nothing of ours."""
    key = hmac.new(secret.encode(), f"turnout {purpose}".encode(), hashlib.sha256).digest()
    body = b"\x01" + json.dumps(claim).encode()
    mac = hmac.new(key, body, hashlib.sha256).digest()[:16]
    return urlsafe_b64encode(b"\x01" + mac + body[1:]).rstrip(b"=").decode()


def raw(token: str) -> bytearray:
    return bytearray(urlsafe_b64decode(token + "=" * (-len(token) % 4)))


def text(token: bytes) -> str:
    return urlsafe_b64encode(token).rstrip(b"=").decode()


def read_it(token: str) -> Token:
    found = read(token)
    assert found is not None
    return found


WHOLE = Claim(
    workspace="w", campaign="c", message="m", recipient="Ann <ann@x.org>", variation="v", send_id="s", profile="p",
    channel="email", url="https://x.org/ü?a=1", link="l", title="T", position=3, expires_s=7,
)  # fmt: skip


def test_what_is_signed_is_read():
    for purpose in ("recipient", "target"):
        found = read_it(sign(WHOLE, SECRET, purpose))
        assert found.claim == WHOLE
        assert found.is_signed_by(workspace(), purpose)


def test_a_token_is_as_short_as_what_it_says():
    assert len(sign(Claim(recipient="123456"), SECRET, "recipient")) == 42


def test_a_mailer_s_own_token_is_as_good():
    said = {"w": "w", "c": "c", "m": "m", "r": "Jürgen", "v": "v", "s": "s", "p": "p", "h": "sms", "n": 2, "x": 7}
    said |= {"later": [1]}
    found = read_it(by_hand("recipient", said))
    assert found.claim == Claim(
        workspace="w", campaign="c", message="m", recipient="Jürgen", variation="v", send_id="s", profile="p",
        channel="sms", position=2, expires_s=7,
    )  # fmt: skip
    assert found.is_signed_by(workspace(), "recipient")


def test_nobody_else_can_say_it():
    token = sign(WHOLE, SECRET, "recipient")
    assert not read_it(token).is_signed_by(workspace("another"), "recipient")
    assert not read_it(token).is_signed_by(workspace(), "target")
    assert not read_it(by_hand("", {"r": "ann"})).is_signed_by(workspace(), "recipient")
    changed = raw(token)
    for at in range(1, len(changed)):
        changed[at] ^= 1
        found = read(text(changed))
        assert found is None or not found.is_signed_by(workspace(), "recipient"), at
        changed[at] ^= 1


@pytest.mark.parametrize(
    "token",
    [
        "", "AQ", "x" * 42, "é", "a.b", "a b", "AQ==", "\0", "A" * (LIMIT_CHARS + 4),
        text(b"\x02" + bytes(16) + b"{}"), text(b"\x01" + bytes(16) + b"[]"), text(b"\x01" + bytes(16)),
        text(b"\x01" + bytes(16) + b'{"r":1}'), text(b"\x01" + bytes(16) + b'{"r":"\xff"}'),
        text(b"\x01" + bytes(16) + b'{"r":"a\\u0000"}'), text(b"\x01" + bytes(16) + b'{"r":"' + b"a" * 513 + b'"}'),
        text(b"\x01" + bytes(16) + b'{"x":"soon"}'), text(b"\x01" + bytes(16) + b"[" * 5000),
    ],
)  # fmt: skip
def test_what_is_no_token(token):
    assert read(token) is None


@given(st.text(max_size=200) | st.binary(max_size=200).map(text))
def test_anything_may_come(token):
    found = read(token)
    assert found is None or not found.is_signed_by(workspace(), "recipient")


def test_a_token_ends():
    ends = int(NOW.timestamp())
    for expires_s, is_over in ((0, False), (ends + 1, False), (ends, True), (ends - 1, True), (10**30, False)):
        token = sign(Claim(recipient="ann", expires_s=expires_s), SECRET, "recipient")
        assert (recipient_claim(token, workspace(), NOW) is None) is is_over
    assert recipient_claim(sign(Claim(), SECRET, "target"), workspace(), NOW) is None
