"""How a client of Shoplive asks: the shows of the last week, with a token that it signs itself."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from turnout.dialects.contract import Example, Shown
from turnout.dialects.shoplive import tokens

_WEEK = timedelta(days=7)
#: As long as an example is looked at.
_VALID = timedelta(days=1)


def example(shown: Shown) -> Example:
    """The statistics of a week."""
    workspace = shown.workspace
    query = {"from": f"{shown.now - _WEEK:%Y-%m-%dT%H:%M:%SZ}", "to": f"{shown.now:%Y-%m-%dT%H:%M:%SZ}"}
    token = tokens.sign(workspace.access_key, workspace.signing_secret, shown.now, shown.now + _VALID)
    path = f"/v2/{workspace.access_key}/campaign/stats?{urlencode(query, safe=':')}"
    return Example(path, {"Authorization": f"Bearer {token}"}, token, {"accessKey": workspace.access_key})
