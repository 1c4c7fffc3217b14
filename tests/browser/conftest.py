"""Pages as a reader has them: opened from a file, at a desk or on a phone, in light or in the dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Error, Page

from tests.browser import chromium
from tests.browser.checks import listen

Scheme = Literal["light", "dark"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A Chromium may stop answering on a busy machine, whatever the page: what timed out is tried once more."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun="TimeoutError"))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """No browser outlives this folder's tests: others that run in this process want its event loop."""
    here = Path(__file__).parent
    if nextitem is None or here not in nextitem.path.parents:
        chromium.end()


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    """Tests that ask for it run in both."""
    wanted: Scheme = request.param
    return wanted


@pytest.fixture(params=[(False, "light"), (True, "dark")], ids=["desk-light", "phone-dark"])
def seat(request: pytest.FixtureRequest) -> tuple[bool, Scheme]:
    """Whether on a phone, and the scheme: colours do not depend on the width, nor what fits on colours."""
    wanted: tuple[bool, Scheme] = request.param
    return wanted


class Reader:
    """Opens files; what their pages complain of, or ask the network for, is found in ``complaints``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.complaints: list[str] = []
        #: How long something that must come may take, in ms: whoever waited for ever would not say for what.
        self.patience = 60_000
        self._contexts: list[BrowserContext] = []

    def opens(
        self, file: Path | str, *, phone: bool = False, scheme: Scheme = "light", scripts: bool = True
    ) -> Page:
        """The page of a file, or of a text that is HTML."""
        if isinstance(file, str):
            text, file = file, self.directory / f"page{len(self._contexts)}.html"
            file.write_text(text, encoding="utf-8")
        context = chromium.chromium().new_context(
            viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 800},
            is_mobile=phone,
            has_touch=phone,
            color_scheme=scheme,
            reduced_motion="reduce",
            java_script_enabled=scripts,
            offline=True,
        )
        context.set_default_timeout(self.patience)
        self._contexts.append(context)
        page = context.new_page()
        listen(page, self.complaints)
        page.goto(file.as_uri())
        return page

    def close(self) -> None:
        for context in self._contexts:
            with suppress(Error):  # Ctrl-C has closed it already
                context.close()


@pytest.fixture
def anyone(tmp_path: Path) -> Iterator[Reader]:
    """Somebody who opens pages, whatever these do."""
    found = Reader(tmp_path)
    yield found
    found.close()


@pytest.fixture
def reader(anyone: Reader) -> Iterator[Reader]:
    """Somebody who opens pages that must be whole by themselves: not one may complain, or ask for more."""
    yield anyone
    assert anyone.complaints == []


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[], str]], Path]:
    """Writes a page once for all tests that open it: its name, and what makes it."""
    directory = tmp_path_factory.mktemp("pages")
    makers: dict[str, str] = {}

    def write(name: str, make: Callable[[], str]) -> Path:
        path = directory / name
        if not path.exists():
            path.write_text(make(), encoding="utf-8")
        # One name for two pages would have a test read another's.
        assert makers.setdefault(name, make.__module__) == make.__module__
        return path

    return write
