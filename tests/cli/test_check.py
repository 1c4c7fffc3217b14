"""``rawshake check`` as a user types it: captures in, a report and an exit status out."""

from __future__ import annotations

from pathlib import Path

import pytest

from rawshake.errors import Exit
from tests.cli.traces import CLEAN, FAULTY, MIDSTREAM, REFUSED, capture, frames, octets
from tests.command import rawshake

PLAIN = {"COLUMNS": "80"}


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
