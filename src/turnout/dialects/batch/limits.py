"""How often Batch's API may be asked.

Its document has the error, not the number. Clients keep themselves to 60 requests and a minute's rest, or to one
request a second; ten times that leaves room for several of them and still stops a loop that has run wild.
"""

from __future__ import annotations

from turnout.dialects.limits import Limit

#: Of a workspace: campaigns, their statistics and orchestrations together. Statistics of transactional groups have no
#: limit, as their document has no such error.
LIMIT = Limit("requests", requests=600, window_s=60)

#: "Please wait for at least 5 seconds before trying again."
WAIT_S = 5


def limit_of(path: str) -> Limit | None:
    """The limit that requests for this path count against, if there is one."""
    return None if path.split("/")[3:4] == ["transactional"] else LIMIT
