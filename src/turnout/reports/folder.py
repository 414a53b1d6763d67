"""The folder of a workspace's reports: files are there whole or not at all, and only so many are kept.

Reports enter by the names that are made here, of letters and digits whatever a campaign is called.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import re
from pathlib import Path

from turnout.settings import Settings
from turnout.store.durable import sync

#: Of a campaign's id in a file's name.
_SLUG_LIMIT_CHARS = 60

_OTHERS = re.compile(r"[^a-z0-9]+")
_OURS = re.compile(r"\d{4}-\d{2}-\d{2}-[a-z0-9-]+-[0-9a-f]{8}\.(html|pdf)")
_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Folder:
    """Where the reports of one workspace are written."""

    def __init__(self, settings: Settings, workspace: str) -> None:
        base = Path(settings.reports_dir) if settings.reports_dir else settings.data / "reports"
        self.path = base / (workspace if _PLAIN.fullmatch(workspace) else _digest(workspace))
        self._limit_files = settings.report_limit_files

    def write(self, name: str, body: bytes) -> None:
        """Put a file there, in the place of one of that name, and drop the oldest past the limit. OSError if not."""
        self.path.mkdir(parents=True, exist_ok=True)
        part = self.path / f".{name}.part"
        try:
            part.write_bytes(body)
            sync(part)
            os.replace(part, self.path / name)
        finally:
            part.unlink(missing_ok=True)
        sync(self.path)
        self._drop_oldest(name)

    def _drop_oldest(self, newest: str) -> None:
        """Of what was written here; nothing else is touched."""
        ours = sorted(one for one in self.path.iterdir() if _OURS.fullmatch(one.name) and one.name != newest)
        for one in ours[: max(0, len(ours) + 1 - max(1, self._limit_files))]:
            with contextlib.suppress(FileNotFoundError):
                one.unlink()


def name_of(schedule: str, campaign: str, day: dt.date, form: str) -> str:
    """What a report is called: `2026-10-05-spring-sale-1f2e3d4c.html`. The same one has the same name again."""
    return f"{day.isoformat()}-{slug(campaign)}-{_digest(f'{schedule} {campaign}')[:8]}.{form}"


def slug(text: str) -> str:
    """What is left of a text in small letters, digits and hyphens; `campaign` if that is nothing."""
    return _OTHERS.sub("-", text.lower())[:_SLUG_LIMIT_CHARS].strip("-") or "campaign"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
