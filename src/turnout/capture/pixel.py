"""GET /o/{token}.gif: from a token to the open that it is.

A token enters; the workspace and the event leave, without what is known of the request, or nothing at all.
"""

from __future__ import annotations

import datetime as dt

from turnout.capture import tokens
from turnout.capture.recording import new_id
from turnout.model import Event, Workspace
from turnout.store.catalog import Catalog

#: One transparent point: a GIF with two colours, the first of which is the transparent one.
PICTURE = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
    b"!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


def opened(catalog: Catalog, token: str, now: dt.datetime) -> tuple[Workspace, Event] | None:
    """The open that a token says; None if it is forged, over its time, or names no campaign."""
    known = tokens.known(token, catalog, "recipient")
    if known is None or not known[1].campaign or known[1].has_ended(now):
        return None
    workspace, claim = known
    event = Event(
        type="opened",
        open="direct",
        id=new_id(),
        time=now,
        campaign=claim.campaign,
        message=claim.message,
        variation=claim.variation,
        channel=claim.channel,
        recipient=claim.recipient,
        send_id=claim.send_id,
        profile=claim.profile,
    )
    return workspace, event


def pixel_url(base: str, token: str) -> str:
    """The address of a pixel, at a server that is reached at `base`."""
    return f"{base}/o/{token}.gif"
