"""``sniff`` where more comes than can be followed, where nobody reads, and on a terminal: packets made by hand."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path
from struct import pack

from rawshake.errors import Exit
from tests.command import LONG, environment, read_until
from tests.live.isolated import isolated
from tests.live.sniffer import LISTENING, connection, put, report, sniffing
from tests.tcp.strategies import ip_packet


@isolated
def test_a_flood_is_counted_and_forgotten() -> None:
    many = 60_000
    server = ("203.0.113.80", 80)
    syn = pack("!HHIIHHHH", 1024, 80, 1, 0, 5 << 12 | 2, 1000, 0, 0)
    whole = ip_packet("198.51.100.1", server[0], syn)

    def spoofed(number: int) -> bytes:
        return whole[:12] + pack("!I", 0xC6336400 + number) + whole[16:]

    with sniffing("--table", "--max-connections", "2000", "port", "80") as sniffer:
        put([spoofed(number) for number in range(many // 2)])
        put(connection(1))
        put([spoofed(number + many // 2) for number in range(many // 2)])
        said = read_until(sniffer.process, "complete, closed by the client")
        memory = sniffer.peak()
        assert sniffer.stop() == Exit.OK
    assert "198.51.100.0:1025" in said
    text = " ".join(sniffer.said.split())
    assert (
        f"{many} connections begun and never completed, counted and forgotten: {many} to 203.0.113.80:80."
        in text
    )
    assert f"{many} frames: each is of one of too many connections that nobody completed." in text
    assert "1 connection, 10 segments" in text
    # Each would take 10 KB if it were followed.
    assert memory < 150 << 20


@isolated
def test_a_few_without_an_answer_are_judged() -> None:
    with sniffing("--table") as sniffer:
        put([connection(number)[0] for number in range(3)])
        assert sniffer.stop() == Exit.OK
    assert sniffer.said.count("no answer") == 3
    assert "3 without an answer" in sniffer.said


@isolated
def test_what_cannot_be_judged_in_time_is_said_and_what_is_judged_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    many = 4000
    packets = [packet for number in range(many) for packet in connection(number, odd=0x80)]
    with sniffing("--buffer", "4", "--json", str(path), "-q") as sniffer:
        # So many at once that nobody can follow each.
        put(packets)
        assert sniffer.stop() in (Exit.OK, Exit.RULE_BROKEN)
    capture = report(path)
    totals = capture["totals"]
    assert totals["segments"] + sum(totals["left_out"].values()) == 10 * many, totals
    assert totals["segments"] < 10 * many
    assert "more came than can be judged" in str(totals["left_out"])


@isolated
def test_the_most_connections_are_kept() -> None:
    with sniffing("--max-connections", "50", "--table") as sniffer:
        put([packet for number in range(200) for packet in connection(number)[:4]])
        assert sniffer.stop() == Exit.OK
    assert "150 connections: forgotten while open: too many connections at a time." in sniffer.said


@isolated
def test_it_ends_when_nobody_reads_it_any_more(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with sniffing("--table", "--json", str(path)) as sniffer:
        assert sniffer.process.stdout is not None
        sniffer.process.stdout.close()
        put(connection(1))
        assert sniffer.process.wait(LONG) == Exit.OK
    assert len(report(path)["connections"]) == 1


@isolated
def test_the_table_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rawshake", "sniff", "--table", "--color", "always"]
    env = environment({"TERM": "xterm", "COLUMNS": "100", "LINES": "30"})
    process = subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = ""

    def read(wanted: str) -> None:
        nonlocal seen
        while wanted not in seen:
            assert select.select([ours], [], [], LONG)[0], seen
            seen += os.read(ours, 65536).decode("utf-8", "replace")

    try:
        read(LISTENING)
        put(connection(1))
        put([packet for number in range(2, 4) for packet in connection(number)[:5]])
        read("complete, closed by the client")
        read("3 connections, 2 of them open")
        process.send_signal(signal.SIGINT)
        read("still open")
        read("rules held")
        assert process.wait(LONG) == Exit.OK
        assert "198.51.100.0:1025" in seen
        assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h")  # the cursor is shown again
    finally:
        process.kill()
        process.wait()
        os.close(ours)
