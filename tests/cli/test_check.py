"""``rawshake check`` as a user types it: captures in, a report and an exit status out."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import sys
import termios
import time
from collections.abc import Callable
from io import RawIOBase
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import fromstring

import pytest
from jsonschema import Draft202012Validator

from rawshake.errors import Exit
from rawshake.render.json import dump
from rawshake.report import Report
from rawshake.rules.model import Verdict
from rawshake.tcp.notation import parse_exchange
from tests.cli.traces import CLEAN, FAULTY, MIDSTREAM, REFUSED, capture, frames, octets
from tests.command import LONG, ROOT, rawshake, started
from tests.render.exchanges import FAULTY as FAULTY_LIVE
from tests.render.exchanges import WHOLE, exchange, ruling

PLAIN = {"COLUMNS": "80"}
SCHEMA: Final = json.loads((ROOT / "rawshake/render/check.schema.json").read_text())


def test_a_clean_connection_with_all_that_its_lines_have(tmp_path: Path) -> None:
    done = rawshake("check", str(capture(tmp_path, CLEAN)), env=PLAIN)
    assert (done.status, done.err) == (Exit.OK, "")
    first, *rest = done.out.splitlines()
    assert first == f"  1  {'192.0.2.1:40001 > 192.0.2.2:80':43}  complete, closed by the client"
    told = " ".join(line.strip() for line in rest)
    assert "TIME-WAIT / CLOSED? · 8 segments in frames 1 to 8 · octets 6 / 0" in told
    assert "rtt 42 ms · isn 1000 / 4294967295" in told
    assert "1 connection, 8 segments in 8 frames: 1 complete; 1 closed." in told
    assert rest[-1].endswith("rules held, 0 broken")


def test_a_breach_is_told_once_with_frame_and_arithmetic(tmp_path: Path) -> None:
    done = rawshake("check", str(capture(tmp_path, CLEAN, FAULTY)), env=PLAIN)
    assert (done.status, done.err) == (Exit.RULE_BROKEN, "")
    assert "     FAIL synack-ack-is-isn-plus-1\n" in done.out
    grouped = done.out[done.out.index("\nFAIL ") :]
    assert grouped.startswith(f"\nFAIL {'synack-ack-is-isn-plus-1':70} once\n")
    assert "frame 10, connection 2, the server: < S. 0:0(0) ack 0" in grouped
    assert "2001" in grouped  # ISN 2000 + 1
    assert "1 breach" in grouped.splitlines()[-1]


def test_no_line_is_wider_than_asked(tmp_path: Path) -> None:
    path = capture(tmp_path, CLEAN, FAULTY, REFUSED, MIDSTREAM)
    for width in (60, 80, 132):
        done = rawshake("check", str(path), env={"COLUMNS": str(width)})
        assert max(map(len, done.out.splitlines())) <= width


def test_standard_input_and_several_files_with_headings(tmp_path: Path) -> None:
    path = capture(tmp_path, CLEAN)
    done = rawshake("check", "-", str(path), stdin=octets(frames(FAULTY)), env=PLAIN)
    assert done.status == Exit.RULE_BROKEN
    headings = [line for line in done.out.splitlines() if line in ("-", str(path))]
    assert headings == ["-", str(path)]


def test_damage_is_told_after_what_could_be_read(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    whole = octets(frames(CLEAN))
    path.write_bytes(whole[:-5])
    done = rawshake("check", str(path), env=PLAIN)
    assert done.status == Exit.UNREADABLE
    assert "8 segments in frames 1 to 8" in done.out or "7 segments" in done.out
    assert "is damaged" in done.err
    assert "octet" in done.err


def test_a_missing_file_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    done = rawshake("check", str(tmp_path / "none.pcap"), str(capture(tmp_path, CLEAN)), env=PLAIN)
    assert done.status == Exit.UNREADABLE
    assert "none.pcap" in done.err
    assert "complete, closed by the client" in done.out


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ((), Exit.RULE_BROKEN),
        (("--ignore", "handshake"), Exit.OK),
        (("--ignore", "synack-ack-is-isn-plus-1"), Exit.OK),
        (("--select", "options,header"), Exit.OK),
        (("--select", "handshake"), Exit.RULE_BROKEN),
        (("--filter", "port 81"), Exit.OK),
        (("--filter", "host 192.0.2.1 and port 80"), Exit.RULE_BROKEN),
    ],
)
def test_what_is_judged_can_be_chosen(tmp_path: Path, options: tuple[str, ...], status: Exit) -> None:
    done = rawshake("check", str(capture(tmp_path, FAULTY)), *options, env=PLAIN)
    assert (done.status, done.err) == (status, "")


def test_lines_for_editors(tmp_path: Path) -> None:
    path = capture(tmp_path, CLEAN, FAULTY)
    done = rawshake("check", str(path), "--format", "lines")
    assert done.status == Exit.RULE_BROKEN
    (line,) = done.out.splitlines()
    assert line.startswith(f"{path}:10: synack-ack-is-isn-plus-1: ack 2000")


def test_annotations_for_github(tmp_path: Path) -> None:
    path = capture(tmp_path, FAULTY)
    done = rawshake("check", str(path), "--format", "github")
    (line,) = done.out.splitlines()
    where = f"::error file={path},line=2,title=synack-ack-is-isn-plus-1::frame 2, connection 1, the server: "
    assert line.startswith(where)


def test_one_connection_is_drawn_with_the_numbers_of_its_frames(tmp_path: Path) -> None:
    path = capture(tmp_path, CLEAN, FAULTY)
    done = rawshake("check", str(path), "--connection", "2", env=PLAIN)
    assert done.status == Exit.RULE_BROKEN
    assert "192.0.2.1:40001" not in done.out
    assert re.search(r"^ 10 +1\.000 ms │◄─ SYN,ACK", done.out, re.MULTILINE)
    assert max(map(len, done.out.splitlines())) <= 80
    assert "those of the frames" in " ".join(done.out.split())


def test_one_connection_in_lines_that_the_notation_reads(tmp_path: Path) -> None:
    done = rawshake("check", str(capture(tmp_path, CLEAN)), "--connection", "1", "--compact")
    lines = parse_exchange(done.out)
    assert len(lines) == 8


def test_a_connection_that_is_not_there(tmp_path: Path) -> None:
    done = rawshake("check", str(capture(tmp_path, CLEAN)), "--connection", "2")
    assert done.status == Exit.USAGE
    assert "which has 1 connection." in done.err


def test_compact_is_a_line_for_each_connection(tmp_path: Path) -> None:
    done = rawshake("check", str(capture(tmp_path, CLEAN, FAULTY)), "--compact", env=PLAIN)
    first, second = done.out.splitlines()[:2]
    assert first.startswith(
        "1 192.0.2.1:40001 > 192.0.2.2:80 complete, closed by the client; TIME-WAIT / CLOSED?; "
    )
    assert second.endswith("; FAIL synack-ack-is-isn-plus-1")


def test_quiet_is_a_line_for_each_capture(tmp_path: Path) -> None:
    one, two = capture(tmp_path, CLEAN), capture(tmp_path, FAULTY, name="two.pcap")
    done = rawshake("check", "-q", str(one), str(two))
    first, second = done.out.splitlines()
    assert first.startswith(f"{one}: 1 connection, 8 segments: ")
    assert second.startswith(f"{two}: 1 connection, 3 segments: ")
    assert second.endswith("1 breach")


def test_a_report_is_loaded_again_and_tells_the_same(tmp_path: Path) -> None:
    path = capture(tmp_path, CLEAN, FAULTY, REFUSED, MIDSTREAM)
    report = tmp_path / "report.json"
    whole = rawshake("check", str(path), "--json", str(report), env=PLAIN)
    again = rawshake("check", str(report), env=PLAIN)
    assert again.status == whole.status == Exit.RULE_BROKEN
    assert again.out == f"{path}\n{whole.out}"
    Draft202012Validator(SCHEMA).validate(json.loads(report.read_text()))
    assert rawshake("check", str(report), "--ignore", "synack-ack-is-isn-plus-1").status == Exit.OK
    piped = rawshake("check", str(path), "--json", "-")
    assert piped.out == report.read_text()


def test_a_report_of_a_damaged_capture_says_so_again(tmp_path: Path) -> None:
    path, report = tmp_path / "cut.pcap", tmp_path / "report.json"
    path.write_bytes(octets(frames(CLEAN))[:-5])
    first = rawshake("check", str(path), "--json", str(report))
    again = rawshake("check", str(report))
    assert (first.status, again.status) == (Exit.UNREADABLE, Exit.UNREADABLE)
    assert first.err == again.err


def test_a_report_of_a_live_exchange_is_judged_like_a_capture(tmp_path: Path) -> None:
    fault = ruling("synack-ack-is-isn-plus-1", Verdict.FAIL, "ack 2915269997 is the ISN itself")
    path = tmp_path / "connect.json"
    path.write_text(
        dump(Report("connect", (exchange(FAULTY_LIVE, {2: [fault]}), exchange(WHOLE)), ("syn-form",)))
    )
    done = rawshake("check", str(path), env=PLAIN)
    assert done.status == Exit.RULE_BROKEN
    assert "     FAIL synack-ack-is-isn-plus-1\n" in done.out
    assert "     segment 2, connection 1, the server:" in done.out
    assert "complete, closed by the client" in done.out
    drawn = rawshake("check", str(path), "--connection", "2", env=PLAIN)
    assert (drawn.status, drawn.out.count("TIME-WAIT")) == (Exit.OK, 3)
    refused = rawshake("check", str(path), "--filter", "port 80")
    assert refused.status == Exit.USAGE


def test_what_is_no_report_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text('{"some": "json"}')
    done = rawshake("check", str(path))
    assert done.status == Exit.UNREADABLE
    assert "$ has no 'command'" in done.err


def test_junit_goes_to_a_file_beside_the_text(tmp_path: Path) -> None:
    path, junit = capture(tmp_path, FAULTY), tmp_path / "out.xml"
    done = rawshake("check", str(path), "--junit", str(junit), env=PLAIN)
    assert "1 breach" in done.out
    (suite,) = fromstring(junit.read_text())
    assert (suite.attrib["name"], suite.attrib["failures"]) == (str(path), "1")


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--select", "hanshake"), Exit.USAGE, "The nearest is 'handshake'."),
        (("--select", "header", "--ignore", "header"), Exit.USAGE, "leave no rule"),
        (("--filter", "prt 80"), Exit.USAGE, "'prt' is not known"),
        (("--json", "/no/such/folder/x"), Exit.UNREADABLE, "/no/such/folder/x"),
        (("--json", "-", "--junit", "-"), Exit.USAGE, "cannot both"),
        (("--connection", "0"), Exit.USAGE, "0 is not between"),
        (("another.pcap", "--connection", "1"), Exit.USAGE, "2 files are named"),
        (("--fail-on", "never"), Exit.USAGE, "never"),
    ],
)
def test_a_mistake_is_told_before_anything_is_read(options: tuple[str, ...], status: Exit, said: str) -> None:
    done = rawshake("check", "no-such.pcap", *options)
    assert (done.status, done.out) == (status, "")
    assert said in done.err


def test_no_file_at_all() -> None:
    done = rawshake("check")
    assert done.status == Exit.USAGE
    assert "FILE..." in done.err


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_whoever_stops_a_growing_pipe_gets_the_report_of_what_came(
    tmp_path: Path, end: signal.Signals
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    whole = octets(frames(CLEAN, FAULTY))
    with started("check", str(pipe), env=PLAIN) as process, pipe.open("wb", buffering=0) as growing:
        growing.write(whole[:-7])
        wait_until(lambda: unread(growing) == 0 and asleep(process.pid))
        process.send_signal(end)
        assert process.stdout is not None
        out = process.stdout.read()
        assert process.wait(LONG) == 128 + end
    assert "complete, closed by the client" in out
    assert "2 connections, 10 segments" in out or "2 connections, 11 segments" in out
    assert "damaged" not in out


def unread(pipe: RawIOBase) -> int:
    """How many octets wait in a pipe."""
    told = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, told)
    return int.from_bytes(told, sys.byteorder)


def asleep(pid: int) -> bool:
    """Whether the process waits for something."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < deadline
        os.sched_yield()
