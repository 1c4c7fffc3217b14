"""A line for each finding, for editors, grep and GitHub."""

from __future__ import annotations

import re

from hypothesis import given

from rawshake.connection import Connection
from rawshake.render.lines import broken_file, github, lines
from rawshake.render.options import Options
from tests.cli.traces import FAULTY
from tests.render.captured import captured, connections


def test_file_frame_rule_sentence() -> None:
    (connection,) = captured(FAULTY).connections
    assert list(lines("a.pcap", connection, Options())) == [
        "a.pcap:2: synack-ack-is-isn-plus-1: ack 1000, not ISN 1000 + 1 = 1001\n"
    ]


def test_an_annotation_escapes_what_github_would_read() -> None:
    (connection,) = captured(FAULTY).connections
    (line,) = github("50%,a:b.pcap", connection)
    assert line == (
        "::error file=50%25%2Ca%3Ab.pcap,line=2,title=synack-ack-is-isn-plus-1::frame 2, connection 1, the server: "
        "ack 1000, not ISN 1000 + 1 = 1001 (RFC 9293 3.10.7.2, 3.5)\n"
    )
    assert broken_file("a.pcap", "It ends\nhere") == "::error file=a.pcap::It ends\\nhere\n"


@given(connections())
def test_one_line_each_whatever_it_says(connection: Connection) -> None:
    for ascii_only in (False, True):
        told = list(lines("a.pcap", connection, Options(ascii=ascii_only)))
        assert len(told) == len(connection.findings)
        for line, found in zip(told, connection.findings, strict=True):
            assert line.startswith(f"a.pcap:{found.frame}: {found.ruling.rule}: ")
            assert line.count("\n") == 1
            assert line.isascii() or not ascii_only
    for line in github("a.pcap", connection):
        assert re.fullmatch(r"::(error|warning|notice) file=a\.pcap,line=\d+,title=[^:,]+::[^\n]+\n", line)
