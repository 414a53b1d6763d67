"""Batch's routes, its keys, its limit and the two shapes of its errors."""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.responses import Response

from turnout import errors
from turnout.dialects.batch import campaigns, render, stats, wire
from turnout.dialects.batch.compatibility import COMPATIBILITY
from turnout.dialects.batch.example import example
from turnout.dialects.batch.limits import WAIT_S, limit_of
from turnout.dialects.batch.lookup import JSON
from turnout.dialects.batch.state import STATES
from turnout.dialects.batch.wire import Refusal
from turnout.dialects.contract import Caller, Room, Route, bearer
from turnout.model import DEFAULT_TRAFFIC, Workspace
from turnout.services import Services

#: Keys of apps under development begin like this; the API is for live ones.
_DEVELOPMENT = "DEV"

_PROJECT = "project_"


# ---- who asks, and how often ------------------------------------------------------------------------


def authenticate(request: Request, services: Services) -> Caller:
    """The workspace of the REST API key, if the app or project that is named beside it is not another's.

    The older API has the key in X-Authorization and the app (the workspace's access key) in the path; the newer one a
    Bearer key and the project in X-Batch-Project. The request is counted.
    """
    minor = request.path_params["minor"]
    if not (minor.isascii() and minor.isdigit()):
        raise errors.NotFound("there is no such version of the API")
    newer = _is_newer(request)
    key = services.catalog.key_of(bearer(request) if newer else request.headers.get("x-authorization", "").strip())
    if key is None:
        raise errors.Unauthenticated("the REST API key is missing or not known")
    workspace = services.catalog.workspace(key.workspace)
    if newer:
        _check_project(request.headers.get("x-batch-project", "").strip(), workspace, services)
    else:
        _check_app(request.path_params["key"], workspace)
    _count(request, workspace, services)
    return Caller(workspace, key)


def _is_newer(request: Request) -> bool:
    path: str = request.scope["path"]
    return path.startswith("/2.")


def _check_app(app: str, workspace: Workspace) -> None:
    if app.startswith(_DEVELOPMENT):
        raise errors.Forbidden("only LIVE API keys are supported by this API")
    if not hmac.compare_digest(app.encode(), workspace.access_key.encode()):
        raise errors.NotFound("there is no app with this API key")


def _check_project(project: str, workspace: Workspace, services: Services) -> None:
    """The key says which workspace it is, so a project may be called anything but another workspace."""
    if not project:
        raise wire.MissingParameter("the header 'X-Batch-Project' is missing", field="X-Batch-Project")
    for name in (project, project.removeprefix(_PROJECT)):
        named = services.catalog.workspace_by_access_key(name)
        if named is not None and named.id != workspace.id:
            raise errors.Unauthenticated("the REST API key is not valid for this project")


def _count(request: Request, workspace: Workspace, services: Services) -> None:
    limit = limit_of(request.scope["path"])
    if limit is None:
        return
    now = services.now()
    rate = STATES.of(services).limiter.count(workspace.id, limit, now)
    if rate.exceeded:
        wait_s = max(WAIT_S, rate.reset_s - int(now.timestamp()))
        raise errors.RateLimited(f"too many requests, try again in {wait_s} seconds", retry_after_s=wait_s)


# ---- how no is said ---------------------------------------------------------------------------------

_REFUSALS: dict[type[errors.TurnoutError], Refusal] = {
    errors.InvalidInput: wire.MALFORMED_PARAMETER,
    errors.UnknownName: wire.MALFORMED_PARAMETER,
    errors.BodyTimeout: wire.MALFORMED_PARAMETER,
    errors.Conflict: wire.MALFORMED_PARAMETER,
    errors.TooLarge: wire.MALFORMED_PARAMETER,
    wire.MissingParameter: wire.MISSING_PARAMETER,
    wire.MalformedBody: wire.MALFORMED_JSON_BODY,
    errors.Unauthenticated: wire.AUTHENTICATION_INVALID,
    errors.Forbidden: wire.API_MISUSE,
    errors.NotFound: wire.ROUTE_NOT_FOUND,
    errors.MethodNotAllowed: wire.ROUTE_NOT_FOUND,
    errors.RateLimited: wire.TOO_MANY_REQUESTS,
    errors.Overloaded: wire.MAINTENANCE_ERROR,
}


def render_error(error: errors.TurnoutError, request: Request) -> Response:
    """`{"code", "message"}`, or `{"error_code", "error_message"}` from the newer API; what helps is in the message."""
    refusal = _REFUSALS.get(type(error), wire.SERVER_ERROR)
    headers = {}
    if isinstance(error, errors.RateLimited | errors.Overloaded):
        headers["Retry-After"] = str(error.retry_after_s)
    # Without parameters it is a path that no route has; it is not repeated.
    message = error.message if request.path_params else "there is no such route"
    return Response(render.error(refusal, message, newer=_is_newer(request)), refusal.status, headers, media_type=JSON)


_APP = "/1.{minor}/{key}"

#: The fixed paths stand before those with a token in their place.
ROUTES: tuple[Route, ...] = (
    Route(
        "GET", f"{_APP}/campaigns/stats/{{token}}", stats.campaign_stats,
        "A campaign day by day", ("campaigns.stats", "read"),
    ),
    Route("GET", f"{_APP}/campaigns/list", campaigns.listing, "A page of campaigns", ("campaigns.list", "read")),
    Route("POST", f"{_APP}/campaigns/create", campaigns.create, "Make a campaign", ("campaigns.create", "admin")),
    Route(
        "POST", f"{_APP}/campaigns/update/{{token}}", campaigns.update,
        "Change a campaign", ("campaigns.update", "admin"),
    ),
    Route(
        "POST", f"{_APP}/campaigns/delete/{{token}}", campaigns.delete,
        "Forget a campaign", ("campaigns.delete", "admin"),
    ),
    Route("GET", f"{_APP}/campaigns/{{token}}", campaigns.details, "A campaign", ("campaigns.details", "read")),
    Route(
        "GET", f"{_APP}/transactional/stats/{{group}}", stats.group_stats,
        "A transactional group day by day", ("transactional.stats", "read"),
    ),
    Route(
        "GET", "/2.{minor}/orchestrations/stats", stats.orchestration_stats,
        "An orchestration day by day", ("orchestrations.stats", "read"),
    ),
)  # fmt: skip

ROOM = Room(
    "batch", ROUTES, authenticate, render_error,
    compatibility=COMPATIBILITY, title="Batch", example=example, traffic=DEFAULT_TRAFFIC,
)  # fmt: skip
