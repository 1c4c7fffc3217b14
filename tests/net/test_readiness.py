"""What ends a wait: something to read, the time, or a call to wake up."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from rawshake.net.readiness import Readiness


class Pipe:
    """A pipe of which the reading end is watched."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def fileno(self) -> int:
        return self.reader

    def fill(self) -> None:
        os.write(self.writer, b"x")

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)


@pytest.fixture
def pipes() -> Iterator[tuple[Pipe, Pipe]]:
    with ExitStack() as stack:
        both = Pipe(), Pipe()
        for pipe in both:
            stack.callback(pipe.close)
        yield both


def test_it_tells_what_can_be_read(pipes: tuple[Pipe, Pipe]) -> None:
    first, second = pipes
    readiness = Readiness(first)
    readiness.watch(second)
    assert list(readiness.wait(0)) == []
    second.fill()
    assert list(readiness.wait(None)) == [second.reader]
    first.fill()
    assert sorted(readiness.wait(None)) == sorted([first.reader, second.reader])


def test_a_deadline_ends_it_not_before_its_time(pipes: tuple[Pipe, Pipe]) -> None:
    deadline = time.time_ns() + 2_000_000
    assert list(Readiness(pipes[0]).wait(deadline)) == []
    assert time.time_ns() >= deadline


def test_who_wakes_it_comes_before_what_can_be_read(pipes: tuple[Pipe, Pipe]) -> None:
    source, waker = pipes
    readiness = Readiness(source)
    readiness.wake_by(waker.reader)
    source.fill()
    waker.fill()
    assert list(readiness.wait(None)) == []
    readiness.wake_by(None)
    assert list(readiness.wait(None)) == [source.reader]
