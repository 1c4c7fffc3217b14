"""Tables where somebody looks, and the plain lines of always in a pipe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rawshake.cli import tables
from rawshake.errors import Exit
from rawshake.probes import catalogue
from rawshake.render.options import Options
from rawshake.render.page import rule_table
from rawshake.render.text import columns
from rawshake.rules import book
from tests.command import rawshake
from tests.render.captured import captured
from tests.render.golden import STYLE
from tests.terminal import terminal

ENGLISH = {"LC_ALL": "C.UTF-8"}
FAULTY = str(Path(__file__).parents[1] / "captures" / "faults" / "data-after-fin.pcap")
SESSIONS = [
    ("ID", "FROM", "TO", "STATES", "UNREAD", "LEFT"),
    ("1", "192.0.2.1:40000", "192.0.2.2:80", "ESTABLISHED / ESTABLISHED?", "0", "600 s"),
    ("2", "[2001:db8::1]:40001", "[2001:db8::2]:443", "FIN-WAIT-2 / CLOSE-WAIT", "12", "5 s"),
]


def all_of(options: Options) -> dict[str, str]:
    return {
        "sessions": tables.sessions(SESSIONS, options),
        "rules": tables.rules(book(), options),
        "probes": tables.probes(catalogue(), options),
        "connections": tables.connections(captured("> S 0:0(0)\n< R. =0:0(0) ack 1").connections, options),
    }


@pytest.mark.parametrize("width", [60, 80, 132])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_tables_are_no_wider_than_the_terminal(width: int, ascii_only: bool) -> None:
    for drawn in all_of(Options(width=width, ascii=ascii_only)).values():
        for line in drawn.splitlines():
            assert columns(line) <= width
            assert line == line.rstrip()
            assert not ascii_only or line.isascii()


def test_colour_adds_nothing_but_colour() -> None:
    plain, coloured = all_of(Options()), all_of(Options(colour=True))
    for name, drawn in coloured.items():
        stripped = STYLE.sub("", drawn)
        assert [line.rstrip() for line in stripped.splitlines()] == plain[name].splitlines()
    assert "\x1b" in coloured["rules"]
    assert "\x1b" not in "".join(plain.values())


def test_every_rule_and_every_probe_has_its_row() -> None:
    drawn = all_of(Options())
    for rule in book():
        assert re.search(rf"^{rule.id}\s", drawn["rules"], re.MULTILINE)
    for probe in catalogue():
        assert re.search(rf"^{probe.id}\s", drawn["probes"], re.MULTILINE)


def test_what_others_wrote_is_harmless_and_whole() -> None:
    rows = [*SESSIONS[:1], ("1", "\x1b[31mevil", "[bold]name[/bold]:smile:", "A / B", "0", "1 s")]
    drawn = tables.sessions(rows, Options(width=132))
    assert "\\x1b[31mevil" in drawn
    assert "[bold]name[/bold]:smile:" in drawn


def test_a_connection_with_what_was_found() -> None:
    with terminal("check", FAULTY, env=ENGLISH) as shown:
        assert shown.end() == Exit.RULE_BROKEN
    assert re.search(r"client, server\s+how it went", STYLE.sub("", shown.seen))
    piped = rawshake("check", FAULTY, env=ENGLISH)
    assert "how it went" not in piped.out
    assert re.match(r"  1  192\.0\.2\.1:40000 > 192\.0\.2\.2:80 ", piped.out)


@pytest.mark.parametrize(("command", "head"), [("rules", "rule, clause"), ("probes", "probe, scenarios")])
def test_a_pipe_has_no_table(command: str, head: str) -> None:
    with terminal(command, "--chapter", "reset", env=ENGLISH) as shown:
        assert shown.end() == Exit.OK
    assert head in STYLE.sub("", shown.seen)
    assert head not in rawshake(command, "--chapter", "reset", env=ENGLISH).out


def test_the_pipe_has_what_it_always_had() -> None:
    of_reset = [rule for rule in book() if rule.chapter == "reset"]
    assert rawshake("rules", "--chapter", "reset", env=ENGLISH).out == rule_table(of_reset, Options())


def test_an_older_way_of_drawing_is_kept_for_what_still_grows() -> None:
    octets = Path(FAULTY).read_bytes()
    assert "how it went" not in rawshake("check", "-", stdin=octets, env=ENGLISH).out
