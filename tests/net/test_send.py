"""Each refusal of the kernel becomes a sentence, a next step and an exit status of its own."""

from __future__ import annotations

import errno
import os

import pytest

from rawshake.errors import Exit
from rawshake.net.send import foreign_source, no_interface, refusal


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        (errno.EPERM, Exit.LOCAL_FIREWALL, "own firewall"),
        (errno.ENETUNREACH, Exit.NO_ROUTE, "No route leads to 192.0.2.7"),
        (errno.EHOSTUNREACH, Exit.NO_ROUTE, "192.0.2.7"),
        (errno.EACCES, Exit.NO_ROUTE, "prohibits"),
        (errno.EINVAL, Exit.NO_ROUTE, "192.0.2.7"),
        (errno.ENETDOWN, Exit.INTERFACE_DOWN, "is down"),
        (errno.ENODEV, Exit.INTERFACE_DOWN, "is gone"),
        (errno.ENXIO, Exit.INTERFACE_DOWN, "is gone"),
        (errno.ENOBUFS, Exit.INTERFACE_DOWN, "stays full"),
        (errno.EMSGSIZE, Exit.USAGE, "1501 octets"),
        (errno.EIO, Exit.NO_ROUTE, os.strerror(errno.EIO)),
    ],
)
def test_a_refusal_is_explained(code: int, status: Exit, words: str) -> None:
    failure = refusal(OSError(code, os.strerror(code)), "192.0.2.7", 1501)
    assert failure.status is status
    assert words in failure.problem
    assert "{" not in str(failure)
    assert failure.problem.endswith(".")
    assert failure.next_step.endswith(".")


def test_a_missing_interface_is_named_and_so_are_those_there_are() -> None:
    failure = no_interface("nope0")
    assert failure.status is Exit.INTERFACE_DOWN
    assert "'nope0'" in failure.problem
    assert "lo" in failure.next_step


def test_a_foreign_source_is_named() -> None:
    failure = foreign_source("198.51.100.1")
    assert failure.status is Exit.FOREIGN_SOURCE
    assert "198.51.100.1" in failure.problem
