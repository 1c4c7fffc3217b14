"""What it costs to import rawshake, and to start its command: next to nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_import_rawshake_loads_nothing_else() -> None:
    program = (
        "import sys; before = set(sys.modules); import rawshake; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["rawshake"]


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_every_command_pays_is_little(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "rawshake", option],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    # import time:      1234 |       5678 |     package.module
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "click" in loaded
    assert not loaded & {"scapy", "pyroute2", "rich", "jinja2", "asyncio", "subprocess", "multiprocessing"}
