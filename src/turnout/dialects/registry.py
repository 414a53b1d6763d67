"""The rooms there are. A new dialect is a folder and a line here."""

from __future__ import annotations

from turnout.dialects.braze.routes import ROOM as BRAZE
from turnout.dialects.contract import Room
from turnout.dialects.native.routes import ROOM as NATIVE

ROOMS: tuple[Room, ...] = (NATIVE, BRAZE)
