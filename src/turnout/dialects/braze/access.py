"""Who asks this room, how often they may, and how it says no. A request goes in; a caller or an error comes out."""

from __future__ import annotations

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from turnout import errors
from turnout.capture import body as bodies
from turnout.dialects.braze import render
from turnout.dialects.braze.limits import limit_of
from turnout.dialects.contract import Call, Caller, bearer
from turnout.dialects.kept import PerHouse
from turnout.dialects.limits import Limiter, Rate
from turnout.services import Services

#: A body that only carries a key is small; a larger one isn't looked at.
KEY_BODY_LIMIT_BYTES = 8192

_limiters = PerHouse(Limiter)


class _KeyBody(msgspec.Struct):
    """The part of a body that says who asks."""

    api_key: str = ""


async def prepare(request: Request) -> None:
    """Read the key that old clients send in the JSON body of a GET; only where nothing else has one."""
    length = request.headers.get("content-length", "")
    if _said(request) or (length in ("", "0") and "transfer-encoding" not in request.headers):
        return
    try:
        raw = await bodies.read(
            request.stream(), KEY_BODY_LIMIT_BYTES, int(length) if length.isascii() and length.isdigit() else None
        )
        request.state.braze_key = msgspec.json.decode(raw, type=_KeyBody).api_key
    except (msgspec.DecodeError, errors.TooLarge, ClientDisconnect, UnicodeDecodeError):
        return


def authenticate(request: Request, services: Services) -> Caller:
    """The workspace of the Bearer key, or of the older `api_key`; the request is counted for it."""
    key = services.catalog.key_of(_secret(request))
    if key is None:
        raise errors.Unauthenticated("this API key is not known")
    workspace = services.catalog.workspace(key.workspace)
    now = services.now()
    rate = _limiters.of(services).count(workspace.id, limit_of(request.scope["path"]), now)
    request.state.braze_rate = rate
    if rate.exceeded:
        raise errors.RateLimited("Rate limit exceeded", retry_after_s=max(1, rate.reset_s - int(now.timestamp())))
    return Caller(workspace, key)


def _said(request: Request) -> str:
    """The key of the header or the query, empty if neither has one."""
    return bearer(request) or request.query_params.get("api_key", "")


def _secret(request: Request) -> str:
    """The key as it was sent, empty if none was."""
    return _said(request) or request.scope.get("state", {}).get("braze_key", "")


_STATUS: dict[type[errors.TurnoutError], int] = {
    errors.InvalidInput: 400,
    errors.UnknownName: 400,
    errors.BodyTimeout: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 404,
    errors.RateLimited: 429,
    errors.TooLarge: 503,
    errors.Overloaded: 503,
    errors.StoreError: 503,
}


def render_error(error: errors.TurnoutError, request: Request) -> Response:
    """`{"message": …}` in Braze's words where they are known."""
    status = _STATUS.get(type(error), 500)
    message = error.message
    if status == 401:
        message = f"Invalid API key: {_secret(request)}"
    elif status == 403:
        message = "You do not have permission to access this resource"
    elif status == 404:
        message = "Invalid URL"
    headers = {"Cache-Control": "no-cache", **_rate_headers(request)}
    return Response(render.error(message), status, headers, "application/json")


def _rate_headers(request: Request) -> dict[str, str]:
    """Present on every response; empty where no workspace is known."""
    rate: Rate | None = request.scope.get("state", {}).get("braze_rate")
    values = (str(rate.limit), str(rate.remaining), str(rate.reset_s)) if rate else ("", "", "")
    return dict(zip(("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"), values, strict=True))


def decorate(call: Call, response: Response) -> None:
    """The rate headers; `render_error` has set them already, for paths that no route has too."""
    if response.status_code == 200:
        headers = _rate_headers(call.request)
        response.raw_headers += [(name.encode(), value.encode()) for name, value in headers.items()]
