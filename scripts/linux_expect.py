"""Writes what Linux comes to in verify where that is not PASS: python -m scripts.linux_expect, as root.

It runs ``verify lab`` over IPv4 and IPv6 in turn; the machine should be quiet. Where two runs do not agree it writes
nothing and says so. What is new wants to be understood, and told on the probe's page, before it is committed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

LINUX: Final = Path(__file__).resolve().parent.parent / "tests" / "live" / "linux.expect"
_HEAD: Final = """\
# What Linux comes to where that is not PASS: ID = VERDICT  # the choices that it makes.
# Each is explained by its choice (rawshake.probes.grid.answers), or on the probe's page.
# Written anew by: python -m scripts.linux_expect

"""

#: A verdict, and the choices of a cell of the grid.
Came = tuple[str, tuple[str, ...]]


def came(report: Mapping[str, Any]) -> dict[str, Came]:
    """What a report of verify has beside PASS, by the probe's id."""
    found: dict[str, Came] = {}
    for one in report["results"]:
        if one["verdict"] not in ("PASS", "SKIPPED"):
            cell = one["attempts"][-1]["cell"] if one["attempts"] else None
            found[one["id"]] = one["verdict"], tuple(cell["choices"]) if cell else ()
    return found


def read(text: str) -> dict[str, Came]:
    """What ``write`` wrote."""
    found: dict[str, Came] = {}
    for line in text.splitlines():
        said, _, choices = line.partition("#")
        if said.strip():
            name, _, verdict = (part.strip() for part in said.partition("="))
            found[name] = verdict, tuple(choices.split())
    return found


def write(found: Mapping[str, Came]) -> str:
    """The file."""
    lines = [
        f"{name} = {verdict}" + (f"  # {' '.join(choices)}" if choices else "")
        for name, (verdict, choices) in found.items()
    ]
    return _HEAD + "\n".join(lines) + "\n"


def run(family: str) -> dict[str, Came]:
    """What this kernel comes to now, in a lab of its own."""
    rawshake = [sys.executable, "-m", "rawshake"]
    verify = [*rawshake, "lab", "run", "--", *rawshake, "verify", "lab", family, "--json", "-"]
    done = subprocess.run(verify, stdout=subprocess.PIPE, text=True, check=False)
    return came(json.loads(done.stdout))


def main() -> int:
    """Write the file, unless two runs differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2, metavar="N", help="how many; 2 unless told otherwise")
    runs = [run("-6" if number % 2 else "-4") for number in range(parser.parse_args().runs)]
    first, differ = runs[0], False
    for number, other in enumerate(runs[1:], 2):
        for name in sorted(first.keys() | other.keys()):
            if first.get(name) != other.get(name):
                differ = True
                print(
                    f"{name}: {first.get(name, 'PASS')} in run 1, {other.get(name, 'PASS')} in run {number}"
                )
    before = read(LINUX.read_text(encoding="utf-8"))
    for name in [*first, *(before.keys() - first.keys())]:
        if first.get(name) != before.get(name):
            print(f"{name}: {first.get(name, 'PASS')}, it was {before.get(name, 'PASS')}")
    if not differ:
        LINUX.write_text(write(first), encoding="utf-8")
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
