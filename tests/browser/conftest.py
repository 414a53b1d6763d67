"""A real browser: one for the run, a fresh context a test.

It is the system's Chromium or Chrome. Where there is none these tests are left out, but not where CI is set: there
they must run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def executable() -> str:
    """The browser's path; empty if there is none."""
    places = [
        *filter(None, map(shutil.which, NAMES)),
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ]
    return next((place for place in places if Path(place).exists()), "")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser of this run."""
    found = executable()
    if not found:
        missing = "no Chromium or Chrome on this machine"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=ARGUMENTS, headless=True)
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile: no storage, no cache. It calls itself what a person's browser does, so that it counts as one."""
    major = browser.version.split(".")[0]
    opened = browser.new_context(
        user_agent=f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 "
        "Safari/537.36"
    )
    opened.set_default_timeout(10_000)
    yield opened
    try:
        opened.close()
    except Error:
        # A test may have closed it.
        assert not opened.pages
