"""What scripts/bench measures works, and it prints every line; how long it takes is nobody's test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LINE = re.compile(r"^(\S.+?) +-?\d+\.\d ms +-?\d+\.\d ms", re.MULTILINE)


def test_every_line_is_measured() -> None:
    command = [sys.executable, "scripts/as_root.py", "--", sys.executable, "scripts/bench.py", "1"]
    # So that nothing installed here besides decides what is measured.
    environment = {**os.environ, "PATH": "/nowhere"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.strip() for line in LINE.findall(done.stdout)] == [
        "python -c pass",
        "rawshake --version",
        "rawshake --help",
        "rawshake teardown, judged and drawn",
        "kernel's TCP, from Python",
        "Scapy script, scapy.all, nothing judged",
        "Python starts and ends",
        "command line: click",
        "rawshake: tracker, rules, drawing",
        "Scapy: import and the first packet",
        "the exchange, judged and drawn, clearing up",
    ]
    each = re.findall(r"^(\S.+?) +-?\d+\.\d us +-?\d+\.\d us +-?\d+$", done.stdout, re.MULTILINE)
    assert each == ["kernel's connect(), from Python", "rawshake teardown --count, all judged"]
    assert re.search(r"by the kernel's clock: median \d+\.\d\d ms", done.stdout)


def test_captures_are_checked_beside_what_else_reads_them() -> None:
    command = [sys.executable, "scripts/as_root.py", "--", sys.executable, "scripts/bench_captures.py", "200"]
    environment = {**os.environ, "PATH": "/nowhere"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    missing = [
        "tshark is not installed: 'tshark -q -z conv,tcp, nothing judged' is left out.",
        "tcptrace is not installed: 'tcptrace, nothing judged' is left out.",
    ]
    assert done.stderr.splitlines() == 3 * missing
    lines = re.findall(r"^(\S.+?) +\d+\.\d s +\d+\.\d s +\d+ MB +\d+\.\d\d$", done.stdout, re.MULTILINE)
    assert lines == 3 * ["rawshake check -q, all rules", "Python loop that unpacks headers"]
    titles = re.findall(r"^(\S.+), \d+ MB +time", done.stdout, re.MULTILINE)
    assert titles[0].startswith("2,00")
    assert titles[2] == "HTTP recorded on loopback: 10 connections"
    assert re.search(r"^A tenth of that takes \d+ MB: [+-]\d+ % memory", done.stdout, re.MULTILINE)
