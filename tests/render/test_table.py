"""A line for each connection: what it says, and that it fits."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.connection import Connection, Ended, Facts, Opened
from rawshake.render.options import Options
from rawshake.render.table import Table, frames_text, how_it_went
from rawshake.render.text import columns
from rawshake.tcp.view import End
from tests.cli.traces import CLEAN, FAULTY, MIDSTREAM, REFUSED
from tests.render.captured import captured, connections
from tests.render.golden import STYLE


def drawn(*exchanges: str, width: int = 80) -> str:
    table = Table(Options(width=width))
    return "".join(map(table.connection, captured(*exchanges).connections))


def test_at_eighty_columns() -> None:
    assert drawn(CLEAN, FAULTY, REFUSED, MIDSTREAM) == (
        "  1  192.0.2.1:40001 > 192.0.2.2:80               complete, closed by the client\n"
        "     TIME-WAIT / CLOSED? · 8 segments in frames 1 to 8 · octets 6 / 0 ·\n"
        "     rtt 42 ms · isn 1000 / 4294967295\n"
        "  2  192.0.2.1:40002 > 192.0.2.2:80               incomplete, still open\n"
        "     SYN-SENT / LISTEN? · 3 segments in frames 9 to 11 · isn 2000 / 123456790\n"
        "     FAIL synack-ack-is-isn-plus-1\n"
        "  3  192.0.2.1:40003 > 192.0.2.2:80               refused\n"
        "     CLOSED? / CLOSED · 2 segments in frames 12 to 13 · isn 98768431 / not seen\n"
        "  4  192.0.2.2:80 > 192.0.2.1:40004               midstream, still open\n"
        "     ESTABLISHED / ESTABLISHED · 2 segments in frames 14 to 15 · octets 10 / 0\n"
    )


def test_at_132_columns_the_numbers_are_on_one_line() -> None:
    assert drawn(CLEAN, width=132).splitlines()[1:] == [
        "     TIME-WAIT / CLOSED? · 8 segments in frames 1 to 8 · octets 6 / 0 · rtt 42 ms · isn 1000 / 4294967295"
    ]


def test_what_was_sent_again_and_which_side_was_seen() -> None:
    text = " ".join(drawn("> S 0:0(0)\n+1 > S 0:0(0)\n+2 > S 0:0(0)").split())
    assert "no answer" in text
    assert "sent again: 2 SYN" in text
    assert "was seen" not in text
    one_sided = " ".join(drawn("> S 0:0(0)\n> . 1:1(0) ack 1\n> P. 1:5(4) ack 1").split())
    assert one_sided.endswith("only the client was seen")


@pytest.mark.parametrize(
    ("opened", "ended", "by", "text"),
    [
        (Opened.COMPLETE, Ended.CLOSED, End.CLIENT, "complete, closed by the client"),
        (Opened.SIMULTANEOUS, Ended.SIMULTANEOUS, None, "simultaneous open, closed by both"),
        (Opened.INCOMPLETE, Ended.RESET, End.SERVER, "incomplete, reset by the server"),
        (Opened.MIDSTREAM, Ended.OPEN, None, "midstream, still open"),
        (Opened.REFUSED, Ended.RESET, End.SERVER, "refused"),
        (Opened.NO_ANSWER, Ended.OPEN, None, "no answer"),
        (Opened.NO_ANSWER, Ended.RESET, End.CLIENT, "no answer, reset by the client"),
    ],
)
def test_how_it_went(opened: Opened, ended: Ended, by: End | None, text: str) -> None:
    facts = Facts(opened=opened, ended=ended, ended_by=by)
    assert how_it_went(Connection(1, ("192.0.2.1", 1), ("192.0.2.2", 2), facts, 1, 1)) == text


def test_frames() -> None:
    assert (frames_text(3, 3), frames_text(3, 12)) == ("frame 3", "frames 3 to 12")


@given(connections(), st.integers(60, 140), st.booleans())
def test_whatever_it_is_it_fits(connection: Connection, width: int, ascii_only: bool) -> None:
    options = Options(width=width, ascii=ascii_only)
    text = Table(options).connection(connection)
    assert max(map(columns, text.splitlines())) <= width
    assert text.endswith("\n")
    assert text.isascii() or not ascii_only
    assert re.search(r"[^\n -~]", text) is None or not ascii_only
    assert STYLE.sub("", Table(replace(options, colour=True)).connection(connection)) == text


@given(connections())
def test_compact_is_one_line(connection: Connection) -> None:
    text = Table(Options(), compact=True).connection(connection)
    assert text.count("\n") == 1
    assert text.startswith(f"{connection.number} ")
