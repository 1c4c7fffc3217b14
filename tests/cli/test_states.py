"""``rawshake states``: the picture in both forms, the list, and the way that the connection of a file took."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from rawshake.errors import Exit
from rawshake.tcp.state import State, transitions
from tests.cli.traces import CLEAN, FAULTY, capture, frames, octets
from tests.command import rawshake


def test_the_picture() -> None:
    done = rawshake("states")
    assert (done.status, done.err) == (Exit.OK, "")
    assert max(map(len, done.out.splitlines())) <= 80
    assert all(str(state) in done.out for state in State)
    assert rawshake("states", "--ascii").out.isascii()


def test_it_can_be_written_as_svg_beside_the_text(tmp_path: Path) -> None:
    path = tmp_path / "states.svg"
    done = rawshake("states", "--svg", str(path))
    assert done.out == rawshake("states").out
    written = path.read_text(encoding="utf-8")
    assert ElementTree.fromstring(written).tag == "{http://www.w3.org/2000/svg}svg"
    assert rawshake("states", "--svg", "-").out == written


def test_the_list() -> None:
    assert len(rawshake("states", "--table").out.splitlines()) == len(transitions()) + 1


def test_the_way_of_a_connection(tmp_path: Path) -> None:
    path = str(capture(tmp_path, CLEAN, FAULTY))
    done = rawshake("states", "--walk", path, "--connection", "1", "--svg", str(tmp_path / "way.svg"))
    assert done.status == Exit.OK
    assert "\nserver: LISTEN → SYN-RECEIVED → ESTABLISHED → CLOSE-WAIT → LAST-ACK → CLOSED?\n" in done.out
    title = ElementTree.parse(tmp_path / "way.svg").getroot()[0].text
    assert title == "The states of TCP, as 192.0.2.1:40001 and 192.0.2.2:80 went through them"


def test_the_way_of_what_is_piped_in() -> None:
    done = rawshake("states", "--walk", "-", stdin=octets(frames(CLEAN)))
    assert "\nclient: CLOSED → SYN-SENT → " in done.out
    assert "got FIN c7" in done.out


def test_the_way_in_the_list(tmp_path: Path) -> None:
    done = rawshake("states", "--table", "--walk", str(capture(tmp_path, CLEAN)))
    (line,) = [line for line in done.out.splitlines() if line.startswith("FIN-WAIT-2    got FIN")]
    assert line.split()[-1] == "c7"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--connection", "2"), Exit.USAGE, "--connection 2 needs a file."),
        (("--table", "--svg", "x.svg"), Exit.USAGE, "Leave one of them out."),
        (("--walk", "/nowhere/at-all"), Exit.UNREADABLE, "/nowhere/at-all"),
        (("--svg", "/nowhere/at-all.svg"), Exit.UNREADABLE, "/nowhere/at-all.svg"),
    ],
)
def test_a_mistake_is_told(arguments: tuple[str, ...], status: Exit, said: str) -> None:
    done = rawshake("states", *arguments)
    assert done.status == status
    assert said in done.err
    assert done.out == ""
