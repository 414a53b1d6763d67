"""Every provider's bodies, through a real hook: counted once, whatever is repeated, and never by somebody else.

A file of `payloads` is one case: `provider`, `source` (where its content comes from: documented, or ours), `body`
(JSON) or `text`, perhaps `headers`, `query`, the hook's `options`, a `retry` (content with the same events, as the
provider may repeat them); and what must come of it: `events`, `duplicates` among themselves, `ignored`, `quarantined`,
`stats` of the whole workspace and of `campaigns`.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from turnout.capture.webhooks.registry import PROVIDERS

HERE = Path(__file__).parent
CASES = sorted(path.name for path in (HERE / "payloads").glob("*.json"))


def case(name: str) -> dict[str, Any]:
    return json.loads((HERE / "payloads" / name).read_text(encoding="utf-8"))


def signer(provider: str) -> ModuleType | None:
    """The file of `signers` that signs as this provider does."""
    path = HERE / "signers" / f"{provider}.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location(f"signer_of_{provider}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Sender:
    """A provider that posts to a hook of this workspace."""

    def __init__(self, tenant, found: dict[str, Any]) -> None:
        self.client, self.case = tenant.client, found
        self.signs = signer(found["provider"])
        secret = self.signs.SECRET if self.signs else ""
        body = {"provider": found["provider"], "secret": secret, "options": found.get("options", {})}
        made = self.client.post("/v1/hooks", json=body)
        assert made.status_code == 201, made.text
        self.url = made.json()["url"]

    def request(self, content: Any) -> tuple[bytes, dict[str, str]]:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        headers = {"content-type": "application/json", **self.case.get("headers", {})}
        if self.signs is not None:
            body, signed = self.signs.sign(body, self.called(), dt.datetime.now(dt.UTC))
            headers.update(signed)
        return body, headers

    def called(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.case.get("query", {}).items())
        return f"{self.url}?{query}" if query else self.url

    def post(self, body: bytes, headers: dict[str, str]):
        return self.client.post(self.called(), content=body, headers={"authorization": "", **headers})

    def send(self, content: Any) -> dict[str, int]:
        answer = self.post(*self.request(content))
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.headers["content-type"] == "application/json" else {}


@pytest.fixture
def sender(tenant, monkeypatch):
    def make(name: str) -> Sender:
        found = case(name)
        provider = PROVIDERS[found["provider"]]
        if provider.always_verifies and signer(provider.name) is None:
            # Its signatures need somebody else's certificate; its own tests have one.
            monkeypatch.setitem(PROVIDERS, provider.name, replace(provider, verify=None))
        return Sender(tenant, found)

    return make


@pytest.mark.parametrize("name", CASES)
def test_what_a_provider_tells_is_counted_once(tenant, sender, name):
    sending = sender(name)
    found = sending.case
    assert found["source"].startswith(("documented", "ours"))
    told = {kind: found.get(kind, 0) for kind in ("ignored", "quarantined")}
    content = found["text"] if "text" in found else found["body"]
    within = found.get("duplicates", 0)
    first = sending.send(content)
    if first:
        assert first == {"accepted": found["events"], "duplicates": within, **told}
    again = sending.send(content)
    if again:
        assert again == {"accepted": 0, "duplicates": found["events"] + within, **told}
    if "retry" in found:
        repeated = sending.send(found["retry"])
        if repeated:
            assert (repeated["accepted"], repeated["duplicates"]) == (0, found["events"] + within)
    campaigns = found.get("campaigns", {})
    asked = sorted({*found.get("stats", {})}.union(*campaigns.values()))
    if asked:
        counted = tenant.stats(",".join(asked), dimensions="campaign", traffic="all")
        assert {name: counted["totals"][name] for name in found.get("stats", {})} == found.get("stats", {})
        rows = {row["campaign"]: row for row in counted["rows"]}
        assert {one: {name: rows[one][name] for name in numbers} for one, numbers in campaigns.items()} == campaigns
    if told["quarantined"]:
        assert tenant.client.get("/v1/deadletters").json()["letters"]


SIGNED = {case(name)["provider"]: name for name in CASES if signer(case(name)["provider"]) is not None}


@pytest.mark.parametrize("provider", sorted(SIGNED))
def test_what_somebody_else_tells_is_refused_and_leaves_nothing(tenant, sender, provider):
    sending = sender(SIGNED[provider])
    body, headers = sending.request(sending.case.get("text") or sending.case["body"])
    unsigned = {name: value for name, value in headers.items() if name.lower() == "content-type"}
    # One byte in the middle of it, and everything is somebody else's.
    middle = len(body) // 2
    changed = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
    refused = [sending.post(body, unsigned)] if set(headers) != set(unsigned) else []
    if getattr(sending.signs, "COVERS_THE_BODY", True):
        refused.append(sending.post(changed, headers))
    assert {answer.status_code for answer in refused} <= {401}
    assert tenant.client.get("/v1/campaigns").json()["total"] == 0
    assert tenant.client.get("/v1/deadletters").json()["total"] == 0


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_garbage_is_kept_and_answered_well(tenant, monkeypatch, provider):
    monkeypatch.setitem(PROVIDERS, provider, replace(PROVIDERS[provider], verify=None))
    url = tenant.client.post("/v1/hooks", json={"provider": provider}).json()["url"]
    answer = tenant.client.post(url, content=b'{"neither": fish nor flesh \xff', headers={"authorization": ""})
    assert answer.status_code == 200, answer.text
    (letter,) = tenant.client.get("/v1/deadletters").json()["letters"]
    assert (letter["provider"], letter["replayed"]) == (provider, None)
    assert letter["reason"]
    assert tenant.client.get("/v1/campaigns").json()["total"] == 0


def test_every_provider_says_how_to_be_set_up():
    for name, provider in PROVIDERS.items():
        assert name == provider.name
        assert provider.title
        assert provider.setup, name
        assert any(case(one)["provider"] == name for one in CASES), f"no payload of {name}"
