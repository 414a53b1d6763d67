"""Every setting, with its unit in its name. Read once, by `cli` and `app`; nothing else looks at the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from turnout.errors import InvalidInput

MIB = 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """Where the data is, where to listen, and every limit.

    `store` is `chdb:///path` (embedded, the default: `data`/store) or `clickhouse://user:password@host:port/database`.
    The credentials are those of the workspace `default`, set at its first start; empty ones are generated.
    """

    data: Path = Path(".turnout")
    store: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    access_key: str = ""
    api_key: str = ""
    signing_secret: str = ""
    timezone: str = "UTC"

    body_limit_bytes: int = 32 * MIB
    expanded_limit_bytes: int = 256 * MIB
    request_limit_events: int = 200_000
    queue_limit_events: int = 400_000
    group_limit_events: int = 50_000
    readers: int = 4
    query_timeout_s: int = 30
    cache_entries: int = 2000
    shutdown_timeout_s: int = 30


#: Environment variables of the public contract, and the field each one sets.
ENVIRONMENT = {
    "TURNOUT_DATA": "data",
    "TURNOUT_STORE": "store",
    "TURNOUT_HOST": "host",
    "TURNOUT_PORT": "port",
    "TURNOUT_ACCESS_KEY": "access_key",
    "TURNOUT_API_KEY": "api_key",
    "TURNOUT_SIGNING_SECRET": "signing_secret",
    "TURNOUT_TIMEZONE": "timezone",
    "TURNOUT_BODY_LIMIT_BYTES": "body_limit_bytes",
    "TURNOUT_EXPANDED_LIMIT_BYTES": "expanded_limit_bytes",
    "TURNOUT_REQUEST_LIMIT_EVENTS": "request_limit_events",
    "TURNOUT_QUEUE_LIMIT_EVENTS": "queue_limit_events",
    "TURNOUT_READERS": "readers",
    "TURNOUT_QUERY_TIMEOUT_S": "query_timeout_s",
    "TURNOUT_CACHE_ENTRIES": "cache_entries",
}


def from_environment(environment: Mapping[str, str], **given: object) -> Settings:
    """Settings from the environment; `given` (command-line options) wins where it is not None."""
    values: dict[str, object] = {}
    for variable, name in ENVIRONMENT.items():
        text = environment.get(variable, "")
        if text:
            values[name] = _convert(variable, name, text)
    values.update({name: value for name, value in given.items() if value is not None})
    return Settings(**values)  # type: ignore[arg-type]


def _convert(variable: str, name: str, text: str) -> object:
    default = getattr(Settings, name)
    if isinstance(default, Path):
        return Path(text)
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise InvalidInput(f"{variable} must be a whole number, not '{text}'", field=variable) from None
    return text
