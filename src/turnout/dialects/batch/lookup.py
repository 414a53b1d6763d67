"""Which campaign a request is about: a call goes in, a campaign of the caller's workspace comes out, or no."""

from __future__ import annotations

from turnout.dialects.contract import Call
from turnout.errors import InvalidInput, NotFound
from turnout.model import Campaign

JSON = "application/json"

#: Characters of a transactional group's id.
GROUP_LIMIT = 256

_ORCHESTRATION = "orchestration_"


def campaign_of(call: Call) -> Campaign:
    """The campaign whose token is in the path; NotFound otherwise."""
    found = _with_token(call, call.request.path_params["token"])
    if found is None:
        raise NotFound("there is no campaign with this token")
    return found


def orchestration_of(call: Call, name: str) -> Campaign:
    """The campaign that an orchestration's id means: its own id, its token, or `orchestration_` and its token."""
    catalog, workspace = call.services.catalog, call.workspace.id
    found = _with_token(call, name) or _with_token(call, name.removeprefix(_ORCHESTRATION))
    if found is not None:
        return found
    if catalog.has_campaign(workspace, name):
        return catalog.campaign(workspace, name)
    raise InvalidInput("there is no orchestration with this id", field="orchestration_id")


def _with_token(call: Call, token: str) -> Campaign | None:
    """A token is the same in capitals, whichever of the two it was set in."""
    written = (token, token.lower(), token.upper())
    return next(filter(None, (call.services.catalog.find(call.workspace.id, "token", one) for one in written)), None)
