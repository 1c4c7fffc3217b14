"""Lines are counted as they come, and nothing waits for one."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest

from rawshake.net.lines import Lines


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    ends = [read, write]
    yield read, write
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue  # the test has closed it


def test_a_line_is_taken_once(pipe: tuple[int, int]) -> None:
    lines = Lines(pipe[0])
    assert not lines.take()
    os.write(pipe[1], b"yes\n\n")
    assert lines.take()
    assert lines.take()
    assert not lines.take()
    assert not lines.ended


def test_what_is_no_whole_line_yet_is_none(pipe: tuple[int, int]) -> None:
    lines = Lines(pipe[0])
    os.write(pipe[1], b"ye")
    assert not lines.take()
    os.write(pipe[1], b"s\n")
    assert lines.take()


def test_the_end_comes_after_the_last_line(pipe: tuple[int, int]) -> None:
    lines = Lines(pipe[0])
    os.write(pipe[1], b"\n")
    os.close(pipe[1])
    assert lines.take()
    assert not lines.take()
    assert lines.ended


def test_nobody_types_at_a_device_that_is_no_terminal(tmp_path: Path, pipe: tuple[int, int]) -> None:
    ours, theirs = pty.openpty()
    null = os.open(os.devnull, os.O_RDONLY)
    try:
        assert Lines(null).there_are_none
        assert not Lines(theirs).there_are_none
        assert Lines(theirs).is_terminal
        assert not Lines(pipe[0]).there_are_none
        assert not Lines(pipe[0]).is_terminal
    finally:
        for one in (ours, theirs, null):
            os.close(one)
