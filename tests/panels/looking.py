"""How tests look at panels: over the real store, or over answers that they make up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.conftest import Tenant

from turnout.app import House
from turnout.model import Campaign, Workspace
from turnout.panels import view
from turnout.panels.contract import Shown, View
from turnout.stats.answer import Answer
from turnout.stats.question import Question

Draw = Callable[..., Shown]

MOMENT_MS = 1_790_000_000_000


def look(house: House, tenant: Tenant, campaign: str, **query: str) -> View:
    """What a page would show for this query (`from_` is `from`)."""
    services = house.services
    # Panels wait for nothing: whoever asks over HTTP has waited at the door for what was acknowledged before.
    tenant.stats("events", campaign=campaign)
    asked = {name.removesuffix("_"): value for name, value in query.items()}
    return view.read(services, tenant.workspace, services.catalog.campaign(tenant.workspace.id, campaign), asked)


def shown(house: House, tenant: Tenant, draw: Draw, campaign: str, **query: str) -> Shown:
    """A panel over the real store."""
    return draw(look(house, tenant, campaign, **query), house.services.statistics.ask)


def totals(tenant: Tenant, metrics: str, campaign: str, **query: str) -> dict[str, Any]:
    """What the API answers to the same view."""
    found: dict[str, Any] = tenant.stats(metrics, campaign=campaign, **query)["totals"]  # type: ignore[assignment]
    return found


def made_up(workspace: Workspace, **fields: Any) -> View:
    """A view of a campaign that has no events anywhere; `campaign` holds the campaign's fields."""
    moment = workspace.created_at
    about = {"id": "made-up", "workspace": workspace.id, "created_at": moment, "updated_at": moment}
    campaign = Campaign(**{**about, **fields.pop("campaign", {})})
    given = {"timezone": "UTC", "traffic": ("human", "proxy"), "now_ms": MOMENT_MS, **fields}
    return View(workspace=workspace, campaign=campaign, **given)


def answering(numbers: Mapping[str, Any]) -> Callable[[Question], Answer]:
    """Answers every question with these numbers, 0 where there is none; without rows by a dimension."""

    def ask(question: Question) -> Answer:
        row = {name: numbers.get(name, 0) for name in question.metrics}
        return Answer(question, [] if question.dimensions else [row], {} if question.rows_only else row, 1)

    return ask
