"""The README's workflow does what it says, step by step: run as root in a network of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.command import LONG, environment
from tests.live.isolated import isolated
from tests.test_readme_yaml import STEPS

RUNS = {
    step["name"]: str(step["run"]) for step in STEPS if "run" in step and step["name"] != "Install rawshake"
}


def installed(folder: Path) -> dict[str, str]:
    """An environment in which rawshake is a command and sudo is there, whoever we are."""
    programs = {"rawshake": f'exec {sys.executable} -m rawshake "$@"', "sudo": 'exec "$@"'}
    for name, line in programs.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="ascii")
        path.chmod(0o755)
    return environment({"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"})


def run(folder: Path) -> dict[str, tuple[int, str]]:
    """Every step's status and output, as GitHub would run them; what they leave running is ended."""
    (folder / "bin").mkdir()
    known = installed(folder / "bin")
    done = {}
    groups = []
    for name, script in RUNS.items():
        # A chapter is enough: what all probes come to others look at.
        script = script.replace("verify 127.0.0.1", "verify --select header 127.0.0.1")
        with (folder / "log").open("w+", encoding="utf-8") as log:
            process = subprocess.Popen(
                ["bash", "-e", "-c", script],
                cwd=folder,
                env=known,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            groups.append(process.pid)
            status = process.wait(LONG)
            log.seek(0)
            done[name] = status, log.read()
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return done


@pytest.mark.parametrize(("expected", "status"), [("", 0), ("sent-headers-well-formed = WARN\n", 1)])
def test_it_goes_well_where_nothing_has_changed(tmp_path: Path, expected: str, status: int) -> None:
    (tmp_path / "tcp.expect").write_text(expected, encoding="utf-8")
    found: dict[str, tuple[int, str]] = {}
    isolated(lambda: found.update(run(tmp_path)))()
    assert {name: one for name, (one, _) in found.items()} == {
        **dict.fromkeys(RUNS, 0),
        "Verify its TCP": status,
    }, found
    for name in ("verify.xml", "check.xml"):
        assert ElementTree.parse(tmp_path / name).getroot().tag == "testsuites"
    for name in ("verify.json", "verify.html", "verify.pcap", "trace.pcap", "check.html"):
        assert (tmp_path / name).stat().st_size > 1000
    assert ("changed: " in found["Verify its TCP"][1]) is bool(status)
