"""One client for every command, of the real HTTP API, whoever serves it.

A `Target` (where the user pointed) enters; a `Connection` to one workspace leaves. It is the server that
owns the data directory if one runs, a remote one if the user names it, and otherwise a server on a
loopback port in this process, for the life of the command.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from turnout.errors import InvalidInput, NotFound, StoreOwned, TurnoutError
from turnout.settings import Settings, from_environment
from turnout.store.ownership import owner

if TYPE_CHECKING:
    import httpx

    from turnout.app import House

#: A server that owns the directory but has no address yet is starting, or it is another command.
_STARTING_WAIT_S = 5.0
_CONNECT_TIMEOUT_S = 5.0
#: A rebuild of a large campaign takes its time.
_ANSWER_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Target:
    """Where a command is to go: a `url` with its `key`, or a data directory; and there which workspace."""

    url: str | None = None
    key: str | None = None
    data: Path | None = None
    workspace: str = "default"


class Refused(TurnoutError):
    """The server said no; `code`, `field` and `hint` are its own, `status` is HTTP's."""

    def __init__(self, status: int, code: str, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message, field=field, hint=hint)
        self.status = status
        self.code = code


class Unreachable(TurnoutError):
    """No server answers at the address."""

    code = "unreachable"


class Connection:
    """The API of one server, as one workspace. Safe to use from several threads."""

    def __init__(self, client: httpx.Client, url: str, *, local: bool, data: Path | None = None) -> None:
        self.client = client
        self.url = url
        self.local = local
        #: The data directory that the server was found by.
        self._data = data

    @property
    def credentials(self) -> str:
        """What requests are made with now; for `renew`."""
        return str(self.client.headers.get("Authorization", ""))

    def renew(self, credentials: str) -> bool:
        """Find the server of the data directory again: one that was restarted may have another address, and has other
        credentials. Whether there are others now than those that a request was made with."""
        found = owner(self._data) if self._data is not None else None
        if found is not None and found.url and self.credentials != f"Bearer {found.token}":
            self.client.base_url = self.url = found.url
            self.client.headers["Authorization"] = f"Bearer {found.token}"
        return self.credentials != credentials

    def get(self, path: str, query: dict[str, str] | None = None) -> Any:
        """GET a JSON body. Refused or Unreachable."""
        return json.loads(self.call("GET", path, query=query).content)

    def call(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: object = None
    ) -> httpx.Response:
        """One request; its answer if it is a good one. Refused or Unreachable otherwise."""
        import httpx

        try:
            answer = self.client.request(method, path, params=query, json=body)
        except httpx.TransportError as error:
            raise self._unreachable(error) from None
        if answer.status_code >= 400:
            raise refusal(answer)
        return answer

    @contextlib.contextmanager
    def stream(self, path: str, query: dict[str, str]) -> Iterator[Iterator[bytes]]:
        """The body of a GET, block by block."""
        with self._streamed("GET", path, params=query) as answer:
            yield answer.iter_bytes()

    @contextlib.contextmanager
    def told(self, path: str, body: object) -> Iterator[Iterator[str]]:
        """The lines of a POST's answer, as they come."""
        with self._streamed("POST", path, json=body) as answer:
            yield answer.iter_lines()

    @contextlib.contextmanager
    def _streamed(self, method: str, path: str, **what: Any) -> Iterator[httpx.Response]:
        import httpx

        try:
            with self.client.stream(method, path, **what) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise refusal(answer)
                yield answer
        except httpx.TransportError as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> Unreachable:
        import httpx

        reached = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        hint = "its log may say why" if reached else "check --url, and that it is running"
        words = "lost the connection to" if reached else "no answer from"
        return Unreachable(f"{words} {self.url}: {str(error) or type(error).__name__}", hint=hint)


def refusal(answer: httpx.Response) -> Refused:
    """The error of an answer, in the words of the server."""
    try:
        found = json.loads(answer.content)["error"]
        words = (found["code"], found["message"])
        field, hint = found.get("field", ""), found.get("hint", "")
    except (ValueError, KeyError, TypeError):
        words = ("http", f"the server at {answer.url} answered {answer.status_code}, and not as Turnout would")
        field, hint = "", "check --url"
    if answer.status_code == 401:
        hint = "give a key of the workspace: --key KEY or TURNOUT_API_KEY"
    return Refused(answer.status_code, *words, field=field, hint=hint)


def path(*parts: str) -> str:
    """A path of the API; ids within it may hold anything."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


@contextlib.contextmanager
def connect(target: Target, *, creates: bool = False) -> Iterator[Connection]:
    """Connect for the life of a command. `creates` may make a data directory where there is none.

    StoreOwned if another process holds the directory and serves nothing; NotFound if there is no data.
    """
    url = target.url or ("" if target.data else os.environ.get("TURNOUT_URL", ""))
    if url:
        if target.data:
            raise InvalidInput("--url and --data name two different servers", hint="give one of them")
        if target.workspace != "default":
            raise InvalidInput("--workspace is of --data", hint="a key of that workspace says it to --url: --key KEY")
        with _client(_checked(url), target.key or os.environ.get("TURNOUT_API_KEY", ""), "") as client:
            yield Connection(client, url, local=False)
        return
    settings = from_environment(os.environ, data=target.data)
    with _serving(settings, creates) as (where, token), _client(where, token, target.workspace) as client:
        yield Connection(client, where, local=True, data=settings.data)


@contextlib.contextmanager
def connected_to(url: str, key: str) -> Iterator[Connection]:
    """A connection to a server of this process, by a key."""
    with _client(url, key, "default") as client:
        yield Connection(client, url, local=True)


@contextlib.contextmanager
def _serving(settings: Settings, creates: bool) -> Iterator[tuple[str, str]]:
    """Address and local token of whoever serves the directory: its owner, else this process."""
    running = _owner_of(settings.data)
    if running is not None:
        yield running
        return
    if not creates and not settings.store and not (settings.data / "store").exists():
        raise NotFound(
            f"there is no data in {settings.data}",
            hint="--data names another directory; turnout import FILE makes this one",
        )
    from turnout import app

    house = app.open_house(replace(settings, host="127.0.0.1", port=0))
    from turnout.cli.serve import show_generated

    show_generated(house.generated, sys.stderr)
    with background(house) as where:
        yield where, house.services.local_token


def _owner_of(directory: Path) -> tuple[str, str] | None:
    """The server that owns the directory; None if nobody does."""
    until = time.monotonic() + _STARTING_WAIT_S
    while (found := owner(directory)) is not None:
        if found.url:
            return found.url, found.token
        if time.monotonic() > until:
            who = f"process {found.pid}" if found.pid else "another process"
            raise StoreOwned(
                f"{who} owns {directory} and serves nothing",
                hint="wait for it to end, or stop it; then try again",
            )
        time.sleep(0.05)
    return None


@contextlib.contextmanager
def background(house: House) -> Iterator[str]:
    """Serve a house from a thread of its own; the value is the address. Closes the house at the end."""
    import uvloop

    from turnout.serving import serving

    started: list[str] = []
    failed: list[BaseException] = []
    ready = threading.Event()
    loop = uvloop.new_event_loop()
    stop = asyncio.Event()

    async def main() -> None:
        async with serving(house) as url:
            started.append(url)
            ready.set()
            await stop.wait()

    def run() -> None:
        try:
            loop.run_until_complete(main())
        except BaseException as error:
            failed.append(error)
        finally:
            loop.close()
            ready.set()

    thread = threading.Thread(target=run, name="turnout-server", daemon=True)
    try:
        thread.start()
        ready.wait()
        if failed:
            raise failed[0]
        yield started[0]
    finally:
        if not failed:
            loop.call_soon_threadsafe(stop.set)
        thread.join()
        house.close()


@contextlib.contextmanager
def _client(url: str, key: str, workspace: str) -> Iterator[httpx.Client]:
    import httpx

    headers = {"User-Agent": "turnout-cli"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if workspace:
        headers["X-Turnout-Workspace"] = workspace
    with httpx.Client(
        base_url=url,
        headers=headers,
        timeout=httpx.Timeout(_ANSWER_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
        # A proxy is for servers elsewhere.
        trust_env=not workspace,
    ) as client:
        yield client


def _checked(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise InvalidInput(f"'{url}' is no address", field="--url", hint="e.g. --url https://turnout.example.com")
    return url.rstrip("/")
