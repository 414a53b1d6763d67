"""Secrets, HMACs and times of requests: what is let through, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from tests.capture.webhooks.deliveries import NOW, delivery

from turnout.capture.webhooks import signatures
from turnout.errors import Unauthenticated

AT = NOW.timestamp()


def refused(check, *arguments):
    with pytest.raises(Unauthenticated):
        check(*arguments)


def test_an_hmac_is_right_in_its_form_only():
    right = hmac.new(b"k", b"body", hashlib.sha256)
    signatures.require_hex(f" {right.hexdigest().upper()} ", "k", b"body")
    sha1 = hmac.new(b"k", b"body", hashlib.sha1)
    signatures.require_hex(sha1.hexdigest(), "k", b"body", "sha1")
    for given in ("", right.hexdigest()[:-1], sha1.hexdigest(), "\udcff", "ü"):
        refused(signatures.require_hex, given, "k", b"body")
    refused(signatures.require_hex, right.hexdigest(), "l", b"body")


def test_a_time_is_within_the_window_or_refused():
    signatures.require_fresh(AT - 300, delivery({}))
    signatures.require_fresh(str(int(AT) + 300), delivery({}))
    signatures.require_fresh(int(AT) - 400, delivery({}), 500)
    for given in (AT - 301, AT + 301, "soon", "", "-1", "1e9", "٣", "9" * 400, float("nan"), float("inf"), 0):
        refused(signatures.require_fresh, given, delivery({}))


BASIC = "Basic " + base64.b64encode(b"user:pass word").decode()


@pytest.mark.parametrize(
    ("secret", "header", "options", "good"),
    [
        ("user:pass word", {"authorization": BASIC}, {}, True),
        ("user:pass word", {"authorization": BASIC.replace("Basic", "basic")}, {}, True),
        ("user:pass", {"authorization": BASIC}, {}, False),
        ("user:pass word", {"authorization": "Digest user:pass word"}, {}, False),
        ("token", {"x-mine": "Bearer token"}, {"header": "X-Mine"}, False),
        ("token", {"authorization": "Bearer token"}, {}, True),
        ("token", {"authorization": "token"}, {}, True),
        ("token", {"authorization": "Bearer tokens"}, {}, False),
        ("token", {"authorization": "Bearer "}, {}, False),
        ("token", {}, {}, False),
        ("a:b", {"x-mine": "a:b"}, {"header": "X-Mine"}, True),
        ("a:b", {"authorization": "a:b"}, {"header": "X-Mine"}, False),
        ("Bearer token", {"authorization": "Bearer token"}, {}, True),
        ("Bearer token", {"authorization": "token"}, {}, False),
    ],
)
def test_a_credential_is_the_secret_as_it_is(secret, header, options, good):
    request = delivery({}, headers=header, secret=secret, **options)
    if good:
        signatures.require_credential(request)
    else:
        refused(signatures.require_credential, request)
