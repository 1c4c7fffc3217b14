"""A Chromium without a screen: one for a worker of pytest, for as long as it runs tests of this folder."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import Final

from playwright.sync_api import Browser, Error, Playwright, sync_playwright

#: What the system's packages call it.
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS: Final = [
    "--no-sandbox",  # it refuses to run as root with one, and opens nothing here that is not ours
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_running: tuple[Playwright, Browser] | None = None


def chromium() -> Browser:
    """The one that runs, or a new one."""
    global _running
    if _running is None:
        # Where the system has none: what "playwright install chromium" has fetched.
        program = next(filter(None, map(shutil.which, NAMES)), None)
        playwright = sync_playwright().start()
        try:
            browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        except BaseException:
            playwright.stop()
            raise
        _running = playwright, browser
    return _running[1]


def end() -> None:
    """End it, if it runs.

    While it does, this thread has asyncio's running loop, and nothing else in it can have one.
    """
    global _running
    if _running is not None:
        playwright, browser = _running
        _running = None
        try:
            # Ctrl-C in a terminal has ended it already.
            with suppress(Error):
                browser.close()
        finally:
            playwright.stop()
