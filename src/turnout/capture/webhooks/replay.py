"""Dead letters, parsed again with the providers as they are today.

Described letters enter; what became of them leaves. What is understood now is counted once, whatever was counted of it
before, since events are known by their meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from turnout.capture.webhooks.contract import Delivery
from turnout.capture.webhooks.receiver import keep, understand
from turnout.capture.webhooks.registry import PROVIDERS
from turnout.errors import NotFound
from turnout.model import Hook, Workspace
from turnout.services import Services
from turnout.store.deadletters import Described, Letter


@dataclass
class Replayed:
    """Letters that were understood, and that still are not; and the events of the former."""

    understood: int = 0
    still: int = 0
    accepted: int = 0
    duplicates: int = 0
    ignored: int = 0


async def replay(services: Services, workspace: Workspace, letters: Sequence[Described]) -> Replayed:
    """Parse letters again, one after the other; those that are understood are marked. Overloaded as the writer is."""
    done: list[str] = []
    found = Replayed()
    try:
        for described in letters:
            letter = await services.run(services.dead_letters.get, workspace.id, described.id)
            if await _again(services, workspace, letter, found):
                done.append(letter.id)
    finally:
        if done:
            await services.run(services.dead_letters.mark_replayed, workspace.id, done)
    return found


async def _again(services: Services, workspace: Workspace, letter: Letter, found: Replayed) -> bool:
    """Whether the letter is understood now. Parts of it that are not become letters of their own."""
    provider = PROVIDERS.get(letter.provider)
    if provider is None:
        found.still += 1
        return False
    delivery = Delivery(
        hook=_hook_of(services, workspace, letter),
        body=letter.body,
        headers=letter.headers,
        query=letter.query,
        url="",
        # As if it had come again then: what tells no time of its own happened at that time.
        now=letter.received,
    )
    understood = await services.unpack(lambda: understand(provider, delivery, workspace, services))
    if any(one.id == letter.id for one in understood.letters):
        found.still += 1
        return False
    outcome = await keep(understood, workspace, services)
    found.understood += 1
    found.accepted += outcome.accepted
    found.duplicates += outcome.duplicates
    found.ignored += outcome.ignored
    return True


def _hook_of(services: Services, workspace: Workspace, letter: Letter) -> Hook:
    try:
        return services.catalog.hooks.get(workspace.id, letter.hook)
    except NotFound:
        return Hook(id="", workspace=workspace.id, provider=letter.provider, digest="", created_at=letter.received)
