"""GET /o/{token}.gif: the same picture for everybody, whatever was asked. Inside a mail nobody wants an error."""

from __future__ import annotations

from starlette.responses import Response

from turnout.capture import pixel
from turnout.capture.recording import context_of, record
from turnout.dialects.contract import Call

_HEADERS = [
    (b"content-type", b"image/gif"),
    (b"content-length", b"%d" % len(pixel.PICTURE)),
    (b"cache-control", b"no-store, no-cache, must-revalidate, private"),
    (b"pragma", b"no-cache"),
    (b"expires", b"0"),
    # A page elsewhere that a message is shown in may ask for it; what it says there is nothing.
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
]


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
    return Picture()


class Picture(Response):
    """Made without what other responses find out about their body: it is always the same."""

    def __init__(self) -> None:
        self.status_code = 200
        self.body = pixel.PICTURE
        self.background = None
        self.raw_headers = _HEADERS.copy()
