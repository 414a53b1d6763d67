"""GET /o/{token}.gif: the same picture for everybody, whatever was asked. Inside a mail nobody wants an error."""

from __future__ import annotations

from starlette.responses import Response

from turnout.capture import pixel
from turnout.capture.recording import context_of, record
from turnout.dialects.contract import Call

_HEADERS = {
    "Cache-Control": "no-store, no-cache, must-revalidate, private",
    "Pragma": "no-cache",
    "Expires": "0",
    # A page elsewhere that a message is shown in may ask for it; what it says there is nothing.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


async def opened(call: Call) -> Response:
    """Note that a message was opened, where the token says which; then the picture."""
    request, services = call.request, call.services
    if request.method == "GET":
        found = pixel.opened(services.catalog, request.path_params["token"], services.now())
        if found is not None:
            workspace, event = found
            event.ip, event.user_agent, ahead = context_of(request, services.settings.proxy_hops)
            if ahead:
                event.reasons = ("prefetch_header",)
            await record(services, workspace, event, "open")
    return picture()


def picture() -> Response:
    """43 bytes, transparent, not to be kept."""
    return Response(pixel.PICTURE, headers=_HEADERS, media_type="image/gif")
