"""The rooms there are. A new dialect is a folder and a line here."""

from __future__ import annotations

from turnout.dialects.batch.routes import ROOM as BATCH
from turnout.dialects.braze.routes import ROOM as BRAZE
from turnout.dialects.contract import Room
from turnout.dialects.emailconsul.routes import ROOM as EMAILCONSUL
from turnout.dialects.intarget.routes import ROOM as INTARGET
from turnout.dialects.native.routes import ROOM as NATIVE
from turnout.dialects.shoplive.routes import ROOM as SHOPLIVE
from turnout.dialects.tracking.routes import ROOM as TRACKING

ROOMS: tuple[Room, ...] = (NATIVE, TRACKING, BRAZE, BATCH, EMAILCONSUL, INTARGET, SHOPLIVE)
