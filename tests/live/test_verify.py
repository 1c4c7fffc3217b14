"""`verify` against a real kernel: the same verdicts each time, all explained; and the kernel is left clean."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab
from rawshake.net.lab.servers import SERVERS
from rawshake.tcp.state import State
from scripts import linux_expect
from scripts.linux_expect import LINUX, came
from tests.command import LONG, rawshake, started
from tests.html.reading import Page, unpacked
from tests.render.verify_schema import validated

PORTS = {
    "echo": "echo", "closes-first": "closes-first", "closes-on-eof": "closes-on-eof", "bulk": "sends-bulk",
    "no-read": "does-not-read", "closed": "closed", "dials": "dials-back",
    "agent": "agent",
}  # fmt: skip


def named(lab: Lab) -> list[str]:
    return [word for kind, name in PORTS.items() for word in (f"--{kind}", str(lab.ports[name]))]


def verify(lab: Lab, address: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = rawshake("verify", address, *named(lab), "--rate", "0", "--json", "-", *arguments)
    assert done.err == ""
    return done.status, validated(done.out)


def test_a_kernel_comes_to_what_is_written_of_it(lab: Lab, address: str) -> None:
    status, report = verify(lab, address, "--jobs", "200")
    expected = linux_expect.read(LINUX.read_text())
    found = came(report)
    differing = {name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)}
    differing |= unasked(report)
    if differing:
        # Other tests may have kept the machine busy: what a few at a time come to is what counts.
        words = [word for name in sorted(differing) for word in ("--select", name)]
        status, report = verify(lab, address, "--jobs", "8", *words)
        found = {name: one for name, one in found.items() if name not in differing} | came(report)
    assert found == expected, "python -m scripts.linux_expect writes it anew"
    assert not unasked(report)
    assert status == Exit.OK


def unasked(report: dict[str, Any]) -> set[str]:
    """The probes that were skipped although there is what they need."""
    return {one["id"] for one in report["results"] if one["verdict"] == "SKIPPED"}


def test_what_is_written_of_it_is_read_back() -> None:
    text = LINUX.read_text()
    assert linux_expect.write(linux_expect.read(text)) == text


def test_it_is_left_clean(lab: Lab) -> None:
    states = ["SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-2", "CLOSING"]
    verify(lab, lab.address4, "--jobs", "100", *(word for state in states for word in ("--select", state)))
    assert set(lab.control.census()) == {State.LISTEN}


def test_it_is_left_clean_at_ctrl_c(lab: Lab) -> None:
    words = ["verify", lab.address4, *named(lab), "--jobs", "300", "--rate", "0", "--select", "grid"]
    with started(*words) as process:
        deadline = time.monotonic() + LONG
        while _held(lab) < 50:
            assert time.monotonic() < deadline
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        text = process.stdout.read()
        assert process.wait(LONG) == Exit.INTERRUPTED, text
    assert "; interrupted" in text
    assert _held(lab) == 0, lab.control.census()


def _held(lab: Lab) -> int:
    census: Counter[State] = lab.control.census()
    return sum(count for state, count in census.items() if state not in (State.LISTEN, State.TIME_WAIT))


def test_only_changes_count_where_something_is_expected(lab: Lab, tmp_path: Path) -> None:
    known = tmp_path / "known"
    words = ["verify", lab.address4, "--closed", str(lab.ports["echo"]), "--no-read", "7", "--select", "R01"]
    known.write_text("closed-port-refuses = FAIL\n")
    done = rawshake(*words, "--repeat", "0", "--expect", str(known))
    assert (done.status, done.out.splitlines()[-1].endswith(": 1 KNOWN")) == (Exit.OK, True), done
    known.write_text("closed-port-refuses = WARN\n")
    done = rawshake(*words, "--repeat", "0", "--expect", str(known))
    assert done.status == Exit.RULE_BROKEN
    assert "changed: closed-port-refuses is FAIL, not WARN\n" in done.out


def test_what_failed_is_shown_as_a_ladder(lab: Lab) -> None:
    wrong = ["--closed", str(lab.ports["echo"]), "--no-read", "7"]
    done = rawshake("verify", lab.address4, *wrong, "--select", "R01", "--repeat", "0", "--show", "failed")
    assert done.status == Exit.RULE_BROKEN
    assert "FAIL closed-port-refuses: A SYN to a closed port" in done.out
    assert "├── SYN ────" in done.out
    assert "flags: expected R., got S." in done.out


def test_one_alone_is_drawn_and_the_last_segment_is_not_told_as_missing(lab: Lab) -> None:
    words = ["verify", lab.address4, str(lab.ports["echo"])]
    alone = rawshake(*words, "--select", "syn-opens")
    assert (alone.status, alone.err) == (Exit.OK, "")
    assert alone.out.startswith("PASS syn-opens: A SYN to an open port")
    assert "├── RST ────" in alone.out
    assert "not seen to leave" not in alone.out
    assert max(map(len, alone.out.splitlines())) <= 80
    assert "──" not in rawshake(*words, "--select", "syn-opens", "--select", "syn-number-wraps").out


def test_a_page_is_written(lab: Lab, tmp_path: Path) -> None:
    page, report = tmp_path / "page.html", tmp_path / "report.json"
    words = ["verify", lab.address4, str(lab.ports["echo"]), "--select", "LISTEN", "--select", "syn-opens"]
    done = rawshake(*words, "--html", str(page), "--json", str(report))
    assert (done.status, done.err) == (Exit.OK, "")
    found = Page(page.read_text())
    told = {one[0]: one[2] for one in json.loads(found.script("data-probes"))}
    assert told == {one["id"]: one["verdict"] for one in json.loads(report.read_text())["results"]}
    assert len(told) == 11
    assert unpacked(found, "report", 0) == report.read_text()


def test_only_one_report_goes_to_standard_output() -> None:
    done = rawshake("verify", "127.0.0.1", "80", "--json", "-", "--html", "-")
    assert done.status == Exit.USAGE
    assert done.err.startswith("rawshake: Only one report can go to standard output.")


def test_frames_are_kept(lab: Lab, tmp_path: Path) -> None:
    frames = tmp_path / "frames.pcap"
    verify(lab, lab.address4, "--select", "header", "--pcap", str(frames))
    done = rawshake("check", str(frames), "-q")
    assert done.status in (Exit.OK, Exit.RULE_BROKEN), done
    assert frames.stat().st_size > 500


def test_frames_are_kept_for_each_probe(lab: Lab, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    selected = ("syn-opens", "closed-port-refuses", "ESTABLISHED/RST/at")
    words = [word for name in selected for word in ("--select", name)]
    status, report = verify(lab, lab.address4, *words, "--pcap", str(frames))
    assert (status, {one["verdict"] for one in report["results"]}) == (Exit.OK, {"PASS"})
    names = ["ESTABLISHED_RST_at.pcap", "closed-port-refuses.pcap", "syn-opens.pcap"]
    assert sorted(one.name for one in frames.iterdir()) == names
    refused = rawshake("check", str(frames / "closed-port-refuses.pcap"))
    assert "1 connection" in refused.out
    assert "refused" in refused.out


def test_a_server_that_is_not_there_is_told(lab: Lab) -> None:
    done = rawshake("verify", lab.address4, str(SERVERS["closed"].port))
    assert done.status == Exit.FILTERED
    assert done.err.startswith(f"rawshake: {lab.address4} port 1 opens no connection.")


def test_in_a_lab_all_ports_are_known() -> None:
    python = [sys.executable, "-m", "rawshake"]
    done = rawshake("lab", "run", "--", *python, "verify", "lab", "--select", "teardown", "-q")
    assert done.status == Exit.OK, done
    assert done.out.startswith("lab: ")
    assert "SKIPPED" not in done.out
