"""How each client is pointed here: its base URL, what it signs in with, and a line for a shell that works.

The rooms say how their clients ask (`Room.example`); here it becomes a line in which the shell puts the key, so that no
secret is on the page. What it takes to run it is `KEY` in the environment, and curl.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.responses import Response

from turnout.capture.links import public_base
from turnout.capture.webhooks.registry import PROVIDERS
from turnout.dashboard import pages
from turnout.dialects.contract import Call, Example, Room, Route, Shown
from turnout.model import Campaign, Workspace

#: What stands for the key while a line is made: nothing that an address would encode.
_KEY = "TurnoutKeyOfTheReader"

#: What stands for the signing secret, so that not even a token that it signed is on the page.
_SECRET = "not-the-secret"

_BEARER = '-H "Authorization: Bearer $KEY"'


@dataclass(frozen=True)
class Credential:
    """Something that a client signs in with, and where it is found; `value` is shown, of a secret it is empty."""

    name: str
    place: str
    value: str = ""


@dataclass(frozen=True)
class Line:
    """A line to copy, with what it does. `is_shell` says whether it is one for a shell."""

    title: str
    about: str
    code: str
    is_shell: bool = True


@dataclass(frozen=True)
class Vendor:
    """A vendor whose clients may come here; without a line as long as there is no campaign to ask about."""

    name: str
    title: str
    credentials: tuple[Credential, ...]
    line: Line | None
    routes: tuple[Route, ...]


async def connect(call: Call) -> Response:
    """The base URL and a working line for each vendor."""
    base, workspace = public_base(call.request, call.services.settings), call.workspace
    campaigns = tuple(call.services.catalog.campaigns(workspace.id))
    now = call.services.now()
    return pages.page(
        call,
        "connect.html",
        "Connect",
        base=base,
        access_key=workspace.access_key,
        lines=_own(base, workspace, now),
        vendors=[_vendor(room, base, workspace, campaigns, now) for room in call.rooms if room.title],
        providers=sorted((one.title, one.name) for one in PROVIDERS.values()),
    )


def _vendor(room: Room, base: str, workspace: Workspace, campaigns: tuple[Campaign, ...], now: datetime) -> Vendor:
    routes = room.routes
    if room.example is None or not campaigns:
        return Vendor(room.name, room.title, (), None, routes)
    example = room.example(Shown(_blank(workspace), _KEY, campaigns, now))
    line = Line("", "", shell(base, example))
    return Vendor(room.name, room.title, _credentials(example, workspace), line, routes)


def _blank(workspace: Workspace) -> Workspace:
    """The workspace, with nothing in it that nobody may see."""
    return msgspec.structs.replace(workspace, signing_secret=_SECRET)


def shell(base: str, example: Example) -> str:
    """The request as a line for a shell which has the key in `KEY`; where the client signs a token, with the lines
    before it that make one in `JWT`."""
    lines = _signing(base, example.claims) if example.token else []
    headers = [_header(name, value, example.token) for name, value in example.headers.items()]
    path, _, query = example.path.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    open_ = [(name, value) for name, value in pairs if _KEY not in value]
    keyed = [name for name, value in pairs if _KEY in value]
    if keyed:
        query = urlencode(open_)
    url = base + path + (f"?{query}" if query else "")
    # The key is the reader's own, so curl encodes it.
    data = [f'-G --data-urlencode "{name}=$KEY"' for name in keyed]
    return "\n".join([*lines, _line("curl -s", *headers, *data, shlex.quote(url))])


def _line(*parts: str) -> str:
    """A command over several lines, so that it can be read."""
    return " \\\n  ".join(parts)


def _header(name: str, value: str, token: str) -> str:
    if token and token in value:
        return f'-H "{name}: {value.replace(token, "$JWT")}"'
    if _KEY in value:
        return f'-H "{name}: {value.replace(_KEY, "$KEY")}"'
    return f"-H {shlex.quote(f'{name}: {value}')}"


def _signing(base: str, claims: dict[str, str]) -> list[str]:
    """Lines that sign a token for an hour. The secret goes from one command to the next, and is never printed."""
    said = msgspec.json.encode(claims).decode().removesuffix("}")
    begun = f'{said}{"," if claims else ""}"exp":'
    return [
        f"SECRET=$(curl -s {_BEARER} {shlex.quote(base + '/v1/workspaces')} |",
        """  sed -n 's/.*"signing_secret":"\\([^"]*\\)".*/\\1/p')""",
        "part() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }",
        'HEAD=$(printf \'{"alg":"HS256","typ":"JWT"}\' | part)',
        f"BODY=$(printf '%s%d}}' {shlex.quote(begun)} $(($(date +%s) + 3600)) | part)",
        'JWT=$HEAD.$BODY.$(printf %s "$HEAD.$BODY" | openssl dgst -sha256 -hmac "$SECRET" -binary | part)',
    ]


def _credentials(example: Example, workspace: Workspace) -> tuple[Credential, ...]:
    """What of the workspace stands in a request, and where."""
    found = []
    for name, value in example.headers.items():
        if _KEY in value:
            found.append(Credential("API key", f"in the header {name}"))
        if example.token and example.token in value:
            found.append(
                Credential(
                    "Token", f"in the header {name}: a JWT (HS256) that the client signs with the workspace's signing "
                    "secret",
                )
            )  # fmt: skip
    path, _, query = example.path.partition("?")
    found += [Credential("API key", f"as {name} in the query") for name, value in parse_qsl(query) if _KEY in value]
    if workspace.access_key in path.split("/"):
        found.append(Credential("Access key", "in the path", workspace.access_key))
    found += [
        Credential("Access key", f"in the token, as {name}", value)
        for name, value in example.claims.items()
        if value == workspace.access_key
    ]
    return tuple(found)


def _own(base: str, workspace: Workspace, now: datetime) -> tuple[Line, ...]:
    """The first steps with our own API, in the order in which they are taken."""
    provider = min(PROVIDERS)
    show = urlencode({"key": workspace.access_key})

    def at(path: str) -> str:
        return shlex.quote(base + path)

    def post(path: str, **said: object) -> str:
        body = shlex.quote(msgspec.json.encode(said).decode())
        return _line(f"curl -s {_BEARER}", at(path), f"-d {body}")

    when = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    viewer = '{"type":"watched","recipient":"guest-1","anonymous":true,"duration_s":10}'
    return (
        Line(
            "First event", "A campaign that is seen first in an event is made of it.",
            post("/v1/events", type="opened", time=when, campaign="hello", recipient="ann"),
        ),
        Line(
            "First question", "Numbers by the same names as everywhere on these pages.",
            _line(f"curl -s {_BEARER}", at("/v1/stats?campaign=hello&metrics=opened,unique_opened")),
        ),
        Line(
            "A tracked link", "The answer has its address: whoever follows it is counted and sent on.",
            post("/v1/links", url="https://example.com/", campaign="hello"),
        ),
        Line(
            "A live show", "Make it first; pages may only tell of shows that there are.",
            _line(
                f"curl -s -X PUT {_BEARER}", at("/v1/campaigns/first-show"),
                """-d '{"title":"First show","channels":["live"]}'""",
            ),
        ),
        Line(
            "Its script", "In the page that shows it. It says what viewers watch, and what they click.",
            f'<script src="{escape(base)}/turnout.js" data-campaign="first-show"\n'
            f'  data-key="{escape(workspace.access_key)}" async></script>', is_shell=False,
        ),
        Line(
            "What the script says", "A viewer who watched for ten seconds.",
            _line("curl -s", at(f"/v1/live/first-show?{show}"), f"-d {shlex.quote(viewer)}"),
        ),
        Line(
            "A provider's webhooks", "The answer has the address to be set at the provider, this one time.",
            post("/v1/hooks", provider=provider),
        ),
        Line(
            "Files", "NDJSON here; the command turnout import reads CSV and Parquet, too.",
            _line(
                f"curl -s {_BEARER}", "-H 'Content-Type: application/x-ndjson'", at("/v1/events"),
                "--data-binary @events.ndjson",
            ),
        ),
    )  # fmt: skip
