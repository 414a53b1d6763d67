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
    mmdb: str = ""
    #: Where links and pixels that are made here are reached from outside; that of the request if empty.
    public_url: str = ""

    body_limit_bytes: int = 32 * MIB
    expanded_limit_bytes: int = 256 * MIB
    request_limit_events: int = 200_000
    queue_limit_events: int = 400_000
    group_limit_events: int = 100_000
    spool_limit_events: int = 1_000_000
    spool_limit_bytes: int = 1024 * MIB
    spool_age_limit_s: int = 600
    flush_age_ms: int = 1000
    review_delay_s: int = 30
    settle_timeout_s: int = 10
    tracking_timeout_ms: int = 1000
    readers: int = 4
    query_timeout_s: int = 30
    query_memory_limit_bytes: int = 2048 * MIB
    cache_entries: int = 2000
    #: How often it is asked what other processes that share the store have changed in the registry.
    registry_refresh_ms: int = 1000
    #: Of a store that several processes share: up to so many ids are kept in the memory of each.
    known_ids_limit: int = 400_000_000
    shutdown_timeout_s: int = 30
    chart_processes: int = 1
    #: What the dashboard's sessions are signed with; a new one at each start if empty.
    session_secret: str = ""
    #: The mail server of scheduled reports, smtp://user:password@host:587?tls=starttls; without one, none are sent.
    smtp_url: str = ""
    smtp_from: str = ""
    smtp_timeout_s: int = 30
    mail_limit_bytes: int = 20 * MIB
    #: Where scheduled reports are written; `data`/reports if empty.
    reports_dir: str = ""
    report_limit_files: int = 1000

    connection_limit: int = 1024
    header_limit_bytes: int = 128 * 1024
    header_timeout_s: int = 30
    body_timeout_s: int = 120
    inflight_limit_requests: int = 2048
    inflight_limit_bytes: int = 256 * MIB
    key_limit_requests_per_s: int = 0
    key_limit_events_per_s: int = 0
    attempts_limit_per_minute: int = 60
    live_limit_requests_per_s: int = 100
    proxy_hops: int = 0
    free_floor_bytes: int = 256 * MIB
    dead_letter_limit_rows: int = 10_000
    dead_letter_limit_bytes: int = 256 * MIB
    dead_letter_age_limit_days: int = 30

    log_level: str = "info"
    log_format: str = "text"
    log_requests: int = 0
    slow_request_ms: int = 5000


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
    "TURNOUT_MMDB": "mmdb",
    "TURNOUT_PUBLIC_URL": "public_url",
    "TURNOUT_BODY_LIMIT_BYTES": "body_limit_bytes",
    "TURNOUT_EXPANDED_LIMIT_BYTES": "expanded_limit_bytes",
    "TURNOUT_REQUEST_LIMIT_EVENTS": "request_limit_events",
    "TURNOUT_QUEUE_LIMIT_EVENTS": "queue_limit_events",
    "TURNOUT_SPOOL_LIMIT_EVENTS": "spool_limit_events",
    "TURNOUT_SPOOL_LIMIT_BYTES": "spool_limit_bytes",
    "TURNOUT_SPOOL_AGE_LIMIT_S": "spool_age_limit_s",
    "TURNOUT_FLUSH_AGE_MS": "flush_age_ms",
    "TURNOUT_REVIEW_DELAY_S": "review_delay_s",
    "TURNOUT_SETTLE_TIMEOUT_S": "settle_timeout_s",
    "TURNOUT_TRACKING_TIMEOUT_MS": "tracking_timeout_ms",
    "TURNOUT_READERS": "readers",
    "TURNOUT_QUERY_TIMEOUT_S": "query_timeout_s",
    "TURNOUT_QUERY_MEMORY_LIMIT_BYTES": "query_memory_limit_bytes",
    "TURNOUT_CACHE_ENTRIES": "cache_entries",
    "TURNOUT_REGISTRY_REFRESH_MS": "registry_refresh_ms",
    "TURNOUT_KNOWN_IDS_LIMIT": "known_ids_limit",
    "TURNOUT_CHART_PROCESSES": "chart_processes",
    "TURNOUT_SESSION_SECRET": "session_secret",
    "TURNOUT_SMTP_URL": "smtp_url",
    "TURNOUT_SMTP_FROM": "smtp_from",
    "TURNOUT_SMTP_TIMEOUT_S": "smtp_timeout_s",
    "TURNOUT_MAIL_LIMIT_BYTES": "mail_limit_bytes",
    "TURNOUT_REPORTS_DIR": "reports_dir",
    "TURNOUT_REPORT_LIMIT_FILES": "report_limit_files",
    "TURNOUT_CONNECTION_LIMIT": "connection_limit",
    "TURNOUT_HEADER_LIMIT_BYTES": "header_limit_bytes",
    "TURNOUT_HEADER_TIMEOUT_S": "header_timeout_s",
    "TURNOUT_BODY_TIMEOUT_S": "body_timeout_s",
    "TURNOUT_INFLIGHT_LIMIT_REQUESTS": "inflight_limit_requests",
    "TURNOUT_INFLIGHT_LIMIT_BYTES": "inflight_limit_bytes",
    "TURNOUT_KEY_LIMIT_REQUESTS_PER_S": "key_limit_requests_per_s",
    "TURNOUT_KEY_LIMIT_EVENTS_PER_S": "key_limit_events_per_s",
    "TURNOUT_ATTEMPTS_LIMIT_PER_MINUTE": "attempts_limit_per_minute",
    "TURNOUT_LIVE_LIMIT_REQUESTS_PER_S": "live_limit_requests_per_s",
    "TURNOUT_PROXY_HOPS": "proxy_hops",
    "TURNOUT_FREE_FLOOR_BYTES": "free_floor_bytes",
    "TURNOUT_DEAD_LETTER_LIMIT_ROWS": "dead_letter_limit_rows",
    "TURNOUT_DEAD_LETTER_LIMIT_BYTES": "dead_letter_limit_bytes",
    "TURNOUT_DEAD_LETTER_AGE_LIMIT_DAYS": "dead_letter_age_limit_days",
    "TURNOUT_LOG_LEVEL": "log_level",
    "TURNOUT_LOG_FORMAT": "log_format",
    "TURNOUT_LOG_REQUESTS": "log_requests",
    "TURNOUT_SLOW_REQUEST_MS": "slow_request_ms",
}

#: Without one of these a server takes nothing, or never starts to.
_NEEDED = frozenset({
    "readers", "chart_processes", "registry_refresh_ms", "smtp_timeout_s", "mail_limit_bytes", "report_limit_files",
    "body_limit_bytes", "expanded_limit_bytes", "request_limit_events", "queue_limit_events",
    "spool_limit_events", "spool_limit_bytes", "spool_age_limit_s", "settle_timeout_s", "connection_limit",
    "header_limit_bytes", "header_timeout_s", "body_timeout_s", "inflight_limit_requests", "inflight_limit_bytes",
})  # fmt: skip

#: Whoever has a cookie of their own could guess a shorter one, and sign others with it.
_SESSION_SECRET_LEAST_CHARS = 32

#: More than any of them may be; what reckons with them keeps within 64 bits.
_MOST = 2**53


def from_environment(environment: Mapping[str, str], **given: object) -> Settings:
    """Settings from the environment; `given` (command-line options) wins where it is not None.

    InvalidInput names a variable that says no number, or one that its setting can't be.
    """
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
            value = int(text)
        except ValueError:
            raise InvalidInput(f"{variable} must be a whole number, not '{text[:100]}'", field=variable) from None
        least = 1 if name in _NEEDED else 0
        if not least <= value <= _MOST:
            wanted = f"{least} or more" if value < least else f"at most {_MOST}"
            raise InvalidInput(f"{variable} must be {wanted}, not {text[:100]}", field=variable)
        return value
    if name == "session_secret" and len(text) < _SESSION_SECRET_LEAST_CHARS:
        raise InvalidInput(f"{variable} must have at least {_SESSION_SECRET_LEAST_CHARS} characters", field=variable)
    return text
