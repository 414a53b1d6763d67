"""Who may ask: tokens in every form a client sends, what is refused, and the one shape of every error."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import math
import time
from typing import Any

import httpx
import jwt
import pytest
from tests.dialects.shoplive.conftest import Shop, key_of, refused, sign

from turnout.dialects.shoplive import routes, tokens
from turnout.errors import Overloaded, StoreError

#: 32 bytes whose base64 has both of the characters in which the alphabets differ, and padding.
KEY = bytes([251, 239, 190, 255]) * 8
STANDARD, URL_SAFE = base64.b64encode(KEY).decode(), base64.urlsafe_b64encode(KEY).decode()


def ask(shop: Shop, authorization: str | None, path: str | None = None, method: str = "GET") -> httpx.Response:
    """One request with this header, or without one."""
    headers = [] if authorization is None else [(b"Authorization", authorization.encode("latin-1"))]
    request = shop.client.build_request(method, shop.path("") if path is None else path, headers=headers)
    if authorization is None:
        del request.headers["Authorization"]
    return shop.client.send(request)


def secret(shop: Shop, house: Any, value: str) -> None:
    house.services.catalog.change_workspace(shop.tenant.workspace.id, signing_secret=value)


# ---- good tokens ------------------------------------------------------------------------------------


def test_with_and_without_bearer(shop: Shop) -> None:
    token = sign(key_of(shop.tenant.workspace.signing_secret), shop.claims())
    for form in (f"Bearer {token}", f"bearer {token}", f"Bearer   {token}", token):
        assert ask(shop, form).status_code == 200, form
    for form in ("", " ", "Bearer", "Bearer ", "bearer  "):
        assert tokens.of_header(form) in ("", "Bearer")


def test_a_token_as_the_published_library_makes_it(shop: Shop) -> None:
    """live: the way a public Python client signs, from the secret as it was issued."""
    key = base64.b64decode(shop.tenant.workspace.signing_secret, validate=True)
    assert len(key) == 32
    assert ask(shop, jwt.encode(shop.claims(), key, algorithm="HS256")).status_code == 200


@pytest.mark.parametrize("issued", [STANDARD, URL_SAFE, STANDARD.rstrip("="), URL_SAFE.rstrip("=")])
def test_a_secret_is_base64_of_either_alphabet_or_its_own_text(shop: Shop, house: Any, issued: str) -> None:
    assert {"+", "/"} <= set(STANDARD)
    assert STANDARD.endswith("=")
    secret(shop, house, issued)
    for key in (KEY, issued.encode()):
        assert ask(shop, sign(key, shop.claims())).status_code == 200
    refused(ask(shop, sign(KEY + b"x", shop.claims())), 401, -102)


def test_any_secret_that_a_user_sets(shop: Shop, house: Any) -> None:
    """Short keys make a library warn, and a warning fails this run."""
    for issued in ("short", "x", "abc", "not base64!", "päss wörd", "-----BEGIN"):
        secret(shop, house, issued)
        assert ask(shop, sign(issued.encode(), shop.claims())).status_code == 200
        refused(ask(shop, sign(b"", shop.claims())), 401, -102)
        refused(ask(shop, sign(b"other", shop.claims())), 401, -102)


def test_keys_of_secrets() -> None:
    assert tokens.keys_of("YWJj") == (b"abc", b"YWJj")
    assert tokens.keys_of("YWI") == (b"ab", b"YWI")
    assert tokens.keys_of("YWI=") == (b"ab", b"YWI=")
    assert tokens.keys_of("YWJjZ") == (b"YWJjZ",)  # no base64 has that length
    assert tokens.keys_of("====") == (b"====",)
    assert tokens.keys_of("") == ()


# ---- times ------------------------------------------------------------------------------------------


SPANS: list[tuple[dict[str, int], bool]] = [
    ({}, True),  # no times: a token that doesn't end
    ({"exp": 60}, True),
    ({"exp": 3 * 365 * 86400, "iat": -5}, True),  # documented: tokens of three years
    ({"exp": -1}, False),
    ({"exp": 60, "iat": 30}, True),  # a clock that is ahead
    ({"exp": 300, "iat": 120}, False),
    ({"exp": 300, "nbf": 30}, True),
    ({"exp": 300, "nbf": 120}, False),
    ({"exp": 300, "nbf": -10, "iat": -10}, True),
]


def test_when_a_token_holds(shop: Shop) -> None:
    now = int(time.time())
    for times, good in SPANS:
        claims = {"accessKey": shop.access_key, **{name: now + shift for name, shift in times.items()}}
        answer = ask(shop, sign(key_of(shop.tenant.workspace.signing_secret), claims))
        if good:
            assert answer.status_code == 200, times
        else:
            refused(answer, 401, -102, "Needs to login")


def test_times_are_those_of_the_houses_clock() -> None:
    claims = tokens.verify(sign(b"key", {"accessKey": "a", "exp": 1000.5, "iat": 500, "nbf": 600}), "key")
    assert (claims.access_key, claims.begins_s, claims.ends_s) == ("a", 600, 1000.5)
    assert tokens.verify(sign(b"key", {"accessKey": "a"}), "key") == tokens.Claims("a", -math.inf, math.inf)
    for second, holds in ((539.9, False), (540, True), (1000.4, True), (1000.5, False)):
        assert claims.holds_at(dt.datetime.fromtimestamp(second, dt.UTC)) is holds


def test_a_token_that_is_known_still_ends(shop: Shop, house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token = sign(key_of(shop.tenant.workspace.signing_secret), shop.claims())
    assert ask(shop, token).status_code == 200
    known = routes._states.of(house.services).verified._known
    digest = hashlib.sha256(token.encode()).digest()
    was, claims = known[digest]
    monkeypatch.setattr(tokens, "verify", None)  # the signature is checked once
    assert ask(shop, token).status_code == 200
    known[digest] = (was, tokens.Claims(claims.access_key, claims.begins_s, time.time() - 1))
    refused(ask(shop, token), 401, -102, "Needs to login")


def test_a_changed_secret_ends_the_tokens_of_the_old_one(shop: Shop, house: Any) -> None:
    token = sign(key_of(shop.tenant.workspace.signing_secret), shop.claims())
    assert ask(shop, token).status_code == 200
    secret(shop, house, STANDARD)
    refused(ask(shop, token), 401, -102)
    assert ask(shop, sign(KEY, shop.claims())).status_code == 200


def test_only_so_many_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_KNOWN_LIMIT", 3)
    verified = tokens.Verified()
    for number in range(10):
        assert verified.claims(sign(b"key", {"accessKey": str(number)}), "key").access_key == str(number)
    assert len(verified._known) == 3


# ---- bad tokens -------------------------------------------------------------------------------------


def b64(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_no_algorithm_but_hs256(shop: Shop) -> None:
    key, claims = key_of(shop.tenant.workspace.signing_secret), shop.claims()
    for header in (
        {"alg": "none"}, {"alg": "None", "typ": "JWT"}, {"alg": "RS256"}, {"alg": "ES256"}, {"alg": "HS512"},
        {"alg": "hs256"}, {"alg": ""}, {"alg": None}, {"alg": ["HS256"]}, {"alg": {"HS256": 1}}, {"typ": "JWT"},
        {"alg": "HS256", "crit": ["x"]}, {"alg": "HS256", "b64": False}, {"alg": "HS256", "kid": 7},
        {"alg": "HS256", "b64": False, "crit": ["b64"]},
    ):  # fmt: skip
        refused(ask(shop, sign(key, claims, header)), 401, -102, "Needs to login")
    for digest, name in ((hashlib.sha512, "HS512"), (hashlib.sha384, "HS384")):
        refused(ask(shop, sign(key, claims, {"alg": name}, digest)), 401, -102)
    unsigned = f"{b64({'alg': 'none'})}.{b64(claims)}."
    refused(ask(shop, unsigned), 401, -102)
    refused(ask(shop, sign(key, claims).rsplit(".", 1)[0] + "."), 401, -102)


def test_what_is_no_token(shop: Shop) -> None:
    key = key_of(shop.tenant.workspace.signing_secret)
    good = sign(key, shop.claims())
    head, payload, signature = good.split(".")
    for bad in (
        None, "", "Bearer", "Basic dTpw", shop.tenant.key, f"Bearer {shop.tenant.key}", "a.b.c", "..", ".",
        f"{head}.{payload}", f"{good}.x", f"{head}.{payload}.{signature[:-4]}AAAA", f"{head}.{b64({})}.{signature}",
        good.upper(), f"{b64(b'{' * 500)}.{payload}.{signature}", f"{b64([1])}.{payload}.{signature}",
        f"{b64(b'[' * 2000)}.{payload}.{signature}", "x" * 5000, "\xff\xfe", f"Bearer Bearer {good}",
    ):  # fmt: skip
        refused(ask(shop, bad), 401, -102, "Needs to login")


def test_claims_of_the_wrong_kind(shop: Shop) -> None:
    key = key_of(shop.tenant.workspace.signing_secret)
    for payload in (
        [], "text", 7, None, {"accessKey": None}, {"accessKey": 7}, {"exp": "tomorrow"}, {"exp": True}, {"exp": []},
        {"iat": "x"}, {"nbf": {}},
    ):  # fmt: skip
        said = {**shop.claims(), **payload} if isinstance(payload, dict) else payload
        refused(ask(shop, sign(key, said)), 401, -102, "Needs to login")
    # Null is as if it were left out.
    assert ask(shop, sign(key, shop.claims(exp=None, iat=None, nbf=None))).status_code == 200


def test_signed_payloads_that_are_nothing(shop: Shop) -> None:
    key = key_of(shop.tenant.workspace.signing_secret)
    start = b'{"accessKey":"%s","exp":' % shop.access_key.encode()

    def signed(raw: bytes) -> str:
        text = f"{b64({'alg': 'HS256'})}.{b64(raw)}"
        return f"{text}.{b64(hmac.new(key, text.encode(), hashlib.sha256).digest())}"

    for raw in (
        b"", b"{", b"\xff\xfe", b"[" * 1500, start + b"NaN}", start + b"-Infinity}", start + b"1e999}",
        start + b"-" + b"9" * 2000 + b"}",
    ):  # fmt: skip
        refused(ask(shop, signed(raw)), 401, -102, "Needs to login")
    assert ask(shop, signed(start + b"9e20}")).status_code == 200


def test_the_access_key_of_path_and_token(make_shop: Any, house: Any) -> None:
    mine, theirs = make_shop(), make_shop()
    token = sign(key_of(mine.tenant.workspace.signing_secret), mine.claims())
    message = "Please check the access key"
    refused(ask(theirs, token), 401, -102)
    # Even where two workspaces share a secret, a token is of the one that it names.
    secret(theirs, house, mine.tenant.workspace.signing_secret)
    refused(ask(theirs, token), 401, -200, message)
    key = key_of(mine.tenant.workspace.signing_secret)
    for claims in (
        {"exp": int(time.time()) + 60},
        mine.claims(accessKey=""),
        mine.claims(accessKey=mine.access_key[:-1]),
    ):
        refused(ask(mine, sign(key, claims)), 401, -200, message)
    for unknown in ("unknown", "%ff%fe", "%00", "x" * 3000, "%F0%9F%98%80", mine.access_key + "%20"):
        refused(ask(mine, token, f"/v2/{unknown}/campaign"), 401, -200, message)
        refused(ask(mine, None, f"/v2/{unknown}/campaign"), 401, -102)


# ---- errors -----------------------------------------------------------------------------------------


def test_every_route_needs_a_token(shop: Shop) -> None:
    for method, rest in (
        ("GET", "/stats"), ("GET", "/x/stats"), ("GET", ""), ("GET", "/x"), ("POST", ""), ("PUT", "/x"),
    ):  # fmt: skip
        refused(ask(shop, None, shop.path(rest), method), 401, -102, "Needs to login")


def test_paths_and_verbs_that_are_not_there(shop: Shop) -> None:
    refused(shop.client.get(f"/v2/{shop.access_key}/nothing"), 404, -510)
    refused(shop.client.get(shop.path("/")), 404, -510)
    refused(shop.client.get("/v2"), 404, -510)
    answer = shop.client.delete(shop.path("/x"))
    refused(answer, 405, -510)
    assert answer.headers["allow"] == "GET, HEAD, PUT"
    refused(shop.client.post(shop.path("/stats"), json={}), 405, -510)


def test_a_failure_within_has_the_same_shape(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(routes.shows, "figures", fail)
    week = {"from_": "2026-10-05T00:00:00Z", "to": "2026-10-12T00:00:00Z"}
    error: Exception = Overloaded("not now", retry_after_s=7)
    answer = shop.get("/stats", **week)
    refused(answer, 503, -1, "not now")
    assert answer.headers["Retry-After"] == "7"
    error = StoreError("broken")
    refused(shop.get("/stats", **week), 503, -500, "broken")
    error = RuntimeError("a secret")
    answer = shop.get("/stats", **week)
    refused(answer, 500, -500)
    assert "secret" not in answer.text
