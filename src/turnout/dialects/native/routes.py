"""The own API: its table of routes, who may ask, and the one shape of its errors."""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.responses import Response

from turnout import errors
from turnout.dialects.contract import STATUS, Call, Caller, Room, Route, bearer
from turnout.dialects.kept import PerHouse
from turnout.dialects.native import (
    admin,
    backup,
    campaigns,
    charts,
    damage,
    events,
    health,
    hooks,
    links,
    openapi,
    people,
    reclassify,
    render,
    reports,
    stats,
    wire,
    wire_check,
    wire_hooks,
    wire_links,
    wire_reclassify,
    wire_reports,
)
from turnout.model import CampaignFields, Event
from turnout.services import Services
from turnout.store.schedules import ScheduleFields


def authenticate(request: Request, services: Services) -> Caller:
    """The workspace of the Bearer key. A command on this machine names the workspace in X-Turnout-Workspace."""
    secret = bearer(request)
    if not secret:
        raise errors.Unauthenticated("no API key", hint="send the header 'Authorization: Bearer KEY'")
    if services.local_token and hmac.compare_digest(secret.encode(), services.local_token.encode()):
        name = request.headers.get("x-turnout-workspace", "default")
        return Caller(services.catalog.workspace(name), local=True)
    key = services.catalog.key_of(secret)
    if key is None:
        raise errors.Unauthenticated("this API key is not known", hint="turnout keys list shows the keys there are")
    return Caller(services.catalog.workspace(key.workspace), key)


def render_error(error: errors.TurnoutError, request: Request) -> Response:
    """`{"error": {"code", "message", "field", "hint"}}`, with a status and Retry-After where due."""
    body = wire.ErrorAnswer(wire.ErrorBody(error.code, error.message, error.field, error.hint))
    headers = {}
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is None and isinstance(error, errors.StoreError) and not isinstance(error, errors.StoreDamaged):
        retry_after_s = 5
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return Response(render.encode(body), STATUS.get(type(error), 500), headers, "application/json")


async def _openapi(call: Call) -> Response:
    """This description."""
    made = _documents.of(call.services)
    if not made:
        made.append(openapi.document(openapi.described(call.rooms)))
    return Response(made[0], media_type="application/json")


#: The description, once it was asked for.
_documents: PerHouse[list[bytes]] = PerHouse(list)


_EVENT_BODY = Event | list[Event]
_EVENT_TYPES = ("application/json", "application/x-ndjson")

ROUTES: tuple[Route, ...] = (
    Route(
        "POST", "/v1/events", events.capture, "Take events in", ("ingest",),
        body=_EVENT_BODY, body_types=_EVENT_TYPES, answers={200: wire.EventsAnswer},
    ),
    Route(
        "GET", "/v1/events", events.export_events, "Stream raw events", ("read",),
        query=wire.ExportQuery, answers={200: None},
    ),
    Route(
        "GET", "/v1/stats", stats.stats, "Metrics by dimensions over a range", ("read",),
        query=wire.StatsQuery, answers={200: wire.StatsAnswer},
    ),
    Route("GET", "/v1/metrics", stats.metrics, "The dictionary of metrics", answers={200: wire.MetricsAnswer}),
    Route(
        "GET", "/v1/campaigns", campaigns.listing, "List campaigns", ("read",),
        query=wire.CampaignsQuery, answers={200: wire.CampaignsAnswer},
    ),
    Route(
        "GET", "/v1/campaigns/{id:path}/recipients", stats.recipients, "Who did and who did not", ("read",),
        query=wire.RecipientsQuery, answers={200: None},
    ),
    Route(
        "GET", "/v1/campaigns/{id:path}/chart.{form}", charts.chart, "A chart, as PNG, SVG or PDF", ("read",),
        query=wire.ChartQuery, answers={200: None},
    ),
    Route(
        "GET", "/v1/campaigns/{id:path}/report.{form}", reports.report, "A report, as HTML or PDF", ("read",),
        query=wire_reports.ReportQuery, answers={200: None},
    ),
    Route(
        "GET", "/v1/campaigns/{id:path}", campaigns.get, "One campaign", ("read",),
        answers={200: wire.CampaignAnswer},
    ),
    Route(
        "PUT", "/v1/campaigns/{id:path}", campaigns.put, "Create or set a campaign", ("admin", "ingest"),
        body=CampaignFields, answers={200: wire.CampaignAnswer, 201: wire.CampaignAnswer},
    ),
    Route(
        "DELETE", "/v1/campaigns/{id:path}", campaigns.delete, "Forget a campaign's entry", ("admin",),
        answers={204: None},
    ),
    Route(
        "POST", "/v1/links", links.add, "Register a tracked link", ("ingest", "admin"),
        body=wire_links.NewLink, answers={200: wire_links.LinkAnswer, 201: wire_links.LinkAnswer}, waits=False,
    ),
    Route(
        "GET", "/v1/links", links.listing, "List tracked links", ("read",),
        query=wire_links.LinksQuery, answers={200: wire_links.LinksAnswer}, waits=False,
    ),
    Route(
        "GET", "/v1/links/{id}", links.get, "One tracked link, by its id or code", ("read",),
        answers={200: wire_links.LinkAnswer}, waits=False,
    ),
    Route(
        "PATCH", "/v1/links/{id}", links.change, "Change a tracked link", ("ingest", "admin"),
        body=wire_links.LinkChange, answers={200: wire_links.LinkAnswer}, waits=False,
    ),
    Route(
        "DELETE", "/v1/links/{id}", links.delete, "End a tracked link", ("ingest", "admin"),
        answers={204: None}, waits=False,
    ),
    Route(
        "POST", "/v1/links/{id}/addresses", links.addresses, "Signed addresses of a link", ("ingest", "admin"),
        body=wire_links.Addressing, answers={200: wire_links.AddressesAnswer}, waits=False,
    ),
    Route(
        "POST", "/v1/rewrite", links.rewrite, "Track the links of an HTML body", ("ingest", "admin"),
        body=wire_links.Rewrite, answers={200: wire_links.RewriteAnswer}, waits=False,
    ),
    Route(
        "GET", "/v1/hooks", hooks.listing, "List hooks", ("admin",),
        answers={200: wire_hooks.HooksAnswer}, waits=False,
    ),
    Route(
        "POST", "/v1/hooks", hooks.add, "Make a hook for a provider's webhooks", ("admin",),
        body=wire_hooks.NewHook, answers={201: wire_hooks.HookAnswer}, waits=False,
    ),
    Route(
        "DELETE", "/v1/hooks/{id}", hooks.revoke, "Revoke a hook", ("admin",),
        answers={200: wire_hooks.HookAnswer}, waits=False,
    ),
    Route(
        "GET", "/v1/deadletters", hooks.letters, "List what of webhooks was not understood", ("admin",),
        query=wire_hooks.DeadLettersQuery, answers={200: wire_hooks.DeadLettersAnswer}, waits=False,
    ),
    Route(
        "DELETE", "/v1/deadletters", hooks.drop_letters, "Forget dead letters", ("admin",),
        query=wire_hooks.DropQuery, answers={200: wire_hooks.DroppedAnswer}, waits=False,
    ),
    Route(
        "POST", "/v1/deadletters/replay", hooks.replay, "Parse dead letters again", ("admin",),
        body=wire_hooks.Replay, answers={200: wire_hooks.ReplayAnswer}, waits=False,
    ),
    Route(
        "GET", "/v1/deadletters/{id}", hooks.letter, "One dead letter", ("admin",),
        answers={200: wire_hooks.DeadLetterAnswer}, waits=False,
    ),
    Route(
        "DELETE", "/v1/deadletters/{id}", hooks.drop_letter, "Forget a dead letter", ("admin",),
        answers={204: None}, waits=False,
    ),
    Route(
        "GET", "/v1/reports", reports.listing, "List scheduled reports", ("read",),
        answers={200: wire_reports.ReportsAnswer}, waits=False,
    ),
    Route(
        "POST", "/v1/reports", reports.add, "Have reports made by the clock", ("admin",),
        body=ScheduleFields, answers={201: wire_reports.ReportAnswer},
    ),
    Route(
        "GET", "/v1/reports/{id}", reports.get, "One scheduled report", ("read",),
        answers={200: wire_reports.ReportAnswer}, waits=False,
    ),
    Route(
        "DELETE", "/v1/reports/{id}", reports.delete, "End a scheduled report", ("admin",),
        answers={204: None}, waits=False,
    ),
    Route(
        "POST", "/v1/reports/{id}/run", reports.run, "Have a scheduled report made now", ("admin",),
        answers={202: wire_reports.ReportAnswer}, waits=False,
    ),
    Route("GET", "/v1/keys", admin.list_keys, "List keys", ("admin",), answers={200: wire.KeysAnswer}, waits=False),
    Route(
        "POST", "/v1/keys", admin.add_key, "Make a key", ("admin",),
        body=wire.NewKey, answers={201: wire.KeyAnswer}, waits=False,
    ),
    Route(
        "DELETE", "/v1/keys/{id}", admin.revoke_key, "Revoke a key", ("admin",),
        answers={200: wire.KeyAnswer}, waits=False,
    ),
    Route(
        "GET", "/v1/workspaces", admin.list_workspaces, "The caller's workspace", ("admin",),
        answers={200: wire.WorkspacesAnswer},
    ),
    Route(
        "POST", "/v1/workspaces", admin.add_workspace, "Make a workspace (commands on this machine)", ("admin",),
        body=wire.NewWorkspace, answers={201: wire.WorkspaceAnswer},
    ),
    Route(
        "PATCH", "/v1/workspaces", admin.change_workspace, "Change the caller's workspace", ("admin",),
        body=wire.NewWorkspace, answers={200: wire.WorkspaceAnswer},
    ),
    Route(
        "DELETE", "/v1/recipients/{id:path}", people.erase, "Erase a person, keep the totals", ("admin",),
        query=wire.EraseQuery, answers={200: wire.ErasedAnswer},
    ),
    Route(
        "POST", "/v1/retention", people.retain, "Take out what is past its time", ("admin",),
        body=wire.RetentionRun, answers={200: wire.RetentionAnswer},
    ),
    Route(
        "POST", "/v1/check", admin.check, "Hold the rollup against raw", ("admin",),
        body=wire_check.Scope, answers={200: wire_check.CheckAnswer},
    ),
    Route(
        "POST", "/v1/check/duplicates", admin.check_duplicates, "Find events that are stored twice", ("admin",),
        answers={200: wire_check.DuplicatesAnswer},
    ),
    Route(
        "POST", "/v1/reclassify", reclassify.reclassify, "Find anew who is human", ("admin",),
        body=wire_reclassify.Reclassify, answers={200: wire_reclassify.ReclassifyAnswer},
    ),
    Route(
        "POST", "/v1/rebuild", admin.rebuild, "Make the rollup anew", ("admin",),
        body=wire_check.Scope, answers={200: wire_check.CheckAnswer},
    ),
    Route(
        "POST", "/v1/rebuild/duplicates", admin.drop_duplicates, "Drop all copies of events but one", ("admin",),
        answers={200: wire_check.DuplicatesAnswer},
    ),
    Route(
        "POST", "/v1/check/store", damage.check_store, "Read the whole store (commands on this machine)", ("admin",),
        answers={200: wire_check.StoreAnswer}, waits=False,
    ),
    Route(
        "POST", "/v1/rebuild/store", damage.mend_store, "Mend a damaged store (commands on this machine)", ("admin",),
        answers={200: wire_check.MendedAnswer}, waits=False,
    ),
    Route(
        "POST", "/v1/backups", backup.make_backup, "Back up the store (commands on this machine)", ("admin",),
        body=wire.NewBackup, answers={200: None}, waits=False,
    ),
    Route("GET", "/healthz", health.healthz, "Liveness", answers={200: wire.Health}),
    Route("GET", "/readyz", health.readyz, "Readiness", answers={200: wire.Readiness, 503: wire.Readiness}),
    Route("GET", "/metrics", health.prometheus, "Prometheus counters", answers={200: None}),
    Route("GET", "/openapi.json", _openapi, "This description", answers={200: None}),
)  # fmt: skip

ROOM = Room("native", ROUTES, authenticate, render_error)
