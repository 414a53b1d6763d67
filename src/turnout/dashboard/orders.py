"""In which order campaigns are by a number. A question about one metric of all campaigns enters, its rows leave.

Where there are thousands of campaigns, counting one metric of all of them takes longer than a page may, and while
events come in it would have to be done for every page. So there the order is kept for some seconds; what a page then
shows of its campaigns is asked anew, and is of the moment.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from turnout.dialects.kept import PerHouse
from turnout.panels.contract import Cell
from turnout.services import Services
from turnout.stats.question import Question

#: From so many campaigns on an order is kept, for so long; and so many orders.
KEPT_FROM_CAMPAIGNS = 1000
KEPT_S = 15
KEPT_LIMIT = 8

Rows = Mapping[str, Mapping[str, Cell]]


@dataclass
class _Orders:
    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: OrderedDict[Question, tuple[datetime, Rows]] = field(default_factory=OrderedDict)


_orders: PerHouse[_Orders] = PerHouse(_Orders)


def ranking(services: Services, question: Question) -> Rows:
    """The rows of a question by campaign, by the campaign. Blocks."""
    orders, now = _orders.of(services), services.now()
    with orders.lock:
        known = orders.kept.get(question)
    if known is not None and abs((now - known[0]).total_seconds()) < KEPT_S:
        return known[1]
    found = {str(row["campaign"]): row for row in services.statistics.rows(question)}
    if len(found) >= KEPT_FROM_CAMPAIGNS:
        with orders.lock:
            orders.kept[question] = now, found
            orders.kept.move_to_end(question)
            while len(orders.kept) > KEPT_LIMIT:
                orders.kept.popitem(last=False)
    return found
