"""What the room remembers between requests: who asked how often, and rendered answers."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from turnout.dialects.kept import Bodies, PerHouse
from turnout.dialects.limits import Limiter


@dataclass(frozen=True)
class State:
    """`changing` is held while a campaign is read, changed and written."""

    limiter: Limiter = field(default_factory=Limiter)
    bodies: Bodies = field(default_factory=Bodies)
    changing: threading.Lock = field(default_factory=threading.Lock)


STATES = PerHouse(State)
