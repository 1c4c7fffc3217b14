"""A lab for each module of live tests: kernel servers on the far side of a wire, in namespaces of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rawshake.net.lab import SERVER4, SERVER6
from rawshake.net.lab.namespaces import Lab, start


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab that lasts for the module's tests, which run on its client side: there their sockets are made.

    Its servers answer at ``lab.address4`` and ``lab.address6`` on ``lab.ports``; to make a socket on their
    side: ``with lab.entered(Side.SERVER): ...``.
    """
    with start() as started, started.entered():
        yield started


@pytest.fixture
def held() -> Iterator[Lab]:
    """A lab of the test's own, whose servers stand still but for ``held.control.step()``."""
    with start(held=True) as started, started.entered():
        yield started


@pytest.fixture(params=[SERVER4, SERVER6], ids=["IPv4", "IPv6"])
def address(request: pytest.FixtureRequest) -> str:
    """The servers' address in every lab: tests that ask for it run over IPv4 and over IPv6."""
    return str(request.param)
