"""The registry of hooks: known by a token that is kept nowhere."""

from __future__ import annotations

import uuid

import msgspec
import pytest

from turnout.errors import NotFound, TooLarge
from turnout.model import Hook
from turnout.store import hooks
from turnout.store.catalog import Catalog
from turnout.store.engine import rows


@pytest.fixture
def workspace(house):
    return house.services.catalog.add_workspace(f"h{uuid.uuid4().hex[:12]}").id


def bodies(house, workspace):
    asked = "SELECT body FROM catalog FINAL WHERE kind = 'hook' AND workspace = {workspace:String}"
    return [body for (body,) in rows(house.services.engine, asked, {"workspace": workspace})]


def test_a_hook_is_found_by_its_token_and_after_a_restart(house, workspace):
    services = house.services
    made, token = services.catalog.hooks.add(workspace, "postmark", secret="s", options={"header": "x"})
    assert services.catalog.hooks.of_token(token) == made
    assert services.catalog.hooks.of_token(f"{token}x") is None
    assert services.catalog.hooks.of_token("") is None
    assert services.catalog.hooks.of_token("\udcff") is None
    (body,) = bodies(house, workspace)
    assert token not in body
    again = Catalog(services.engine, services.now)
    assert again.hooks.of_token(token) == made
    assert again.hooks.all(workspace) == [made]


def test_a_revoked_hook_is_nobody_s_and_its_secret_is_gone(house, workspace):
    registry = house.services.catalog.hooks
    made, token = registry.add(workspace, "postmark", secret="the secret")
    with pytest.raises(NotFound):
        registry.revoke("another", made.id)
    ended = registry.revoke(workspace, made.id)
    assert registry.of_token(token) is None
    assert registry.revoke(workspace, made.id).revoked_at == ended.revoked_at
    (body,) = bodies(house, workspace)
    assert "the secret" not in body
    assert msgspec.json.decode(body, type=Hook) == ended
    assert Catalog(house.services.engine, house.services.now).hooks.of_token(token) is None


def test_a_workspace_has_so_many(house, workspace, monkeypatch):
    monkeypatch.setattr(hooks, "LIMIT_HOOKS", 1)
    registry = house.services.catalog.hooks
    registry.add(workspace, "postmark")
    with pytest.raises(TooLarge, match="at most 1"):
        registry.add(workspace, "postmark")
