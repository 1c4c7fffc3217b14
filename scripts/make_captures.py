"""Writes the small captures of tests/captures from the exchanges written there: python -m scripts.make_captures.

    == name: one sentence
    finds: rule VERDICT end frame       (as often as there are findings; none for what is legal)
    > S 0:0(0) win 65535 <mss 1460>

A line "port 40001" begins another connection of that client port, a line "over IPv6" says that all goes over it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from struct import pack
from typing import Final

from rawshake.net.craft import build
from rawshake.tcp.notation import CLIENT, SERVER, Line, parse_exchange
from rawshake.tcp.segment import Checksum

CAPTURES: Final = Path(__file__).resolve().parent.parent / "tests" / "captures"
KINDS: Final = ("faults", "legal")
START: Final = 1_700_000_000 * 1_000_000_000
_SECOND: Final = 1_000_000_000
_V6: Final = ("[2001:db8::1]:40000", "[2001:db8::2]:80")


@dataclass(frozen=True, slots=True)
class Written:
    """An exchange as it is written: what is said of it, what is found in it, and its connections."""

    name: str
    sentence: str
    finds: tuple[str, ...]
    lines: tuple[Line, ...]


def read(text: str) -> Iterator[Written]:
    """All exchanges of a file. Raises ValueError where one has no name or no sentence."""
    for block in text.split("\n== ")[1:]:
        title, *rest = block.splitlines()
        name, _, sentence = title.partition(": ")
        if not sentence or not name.replace("-", "").isalnum():
            raise ValueError(f"an exchange is called {title!r}, not name: sentence")
        finds = tuple(line.removeprefix("finds: ") for line in rest if line.startswith("finds: "))
        yield Written(name, sentence, finds, tuple(_lines(rest)))


def _lines(rest: list[str]) -> Iterator[Line]:
    client, server = _V6 if "over IPv6" in rest else (CLIENT, SERVER)
    time, port = START, "40000"
    pieces: list[tuple[str, list[str]]] = [(port, [])]
    for line in rest:
        if line.startswith("port "):
            pieces.append((line.removeprefix("port "), []))
        elif line.startswith(("<", ">", "+")):
            pieces[-1][1].append(line)
    for port, lines in pieces:
        address = client.removesuffix("40000") + port
        for found in parse_exchange("\n".join(lines), client=address, server=server, start=time):
            if not found.lost:
                yield found
            time = found.time + _SECOND


def pcap(lines: tuple[Line, ...]) -> bytes:
    """A pcap file of raw IP packets, little-endian, times in nanoseconds."""
    octets = [pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 0x40000, 101)]
    for ident, line in enumerate(lines, 1):
        packet = _packet(line, ident)
        seconds, nanoseconds = divmod(line.time, _SECOND)
        octets += [pack("<IIII", seconds, nanoseconds, len(packet), len(packet)), packet]
    return b"".join(octets)


def _packet(line: Line, ident: int) -> bytes:
    segment = line.segment
    if segment.checksum is Checksum.UNVERIFIABLE:
        raise ValueError("what is left to the hardware is not written here")
    return build(replace(segment, payload_length=len(segment.payload)), ident=ident)


def files() -> dict[Path, bytes]:
    """Every capture there is to be, by its path."""
    found = {}
    for kind in KINDS:
        for written in read((CAPTURES / f"{kind}.txt").read_text()):
            path = CAPTURES / kind / f"{written.name}.pcap"
            if path in found:
                raise ValueError(f"two exchanges are called {written.name}")
            found[path] = pcap(written.lines)
    return found


def main() -> int:
    """Write them all, or with --check say which are not as they would be written."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, say what is stale")
    check = parser.parse_args().check
    wanted = files()
    present = {path for kind in KINDS for path in (CAPTURES / kind).glob("*.pcap")}
    for path in sorted(present - set(wanted)):
        print(f"{path.name} is written nowhere", file=sys.stderr)
        if not check:
            path.unlink()
    stale = sorted(
        path for path, octets in wanted.items() if not path.exists() or path.read_bytes() != octets
    )
    for path in stale:
        print(f"{path.relative_to(CAPTURES)}{' is stale' if check else ''}")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(wanted[path])
    return int(check and bool(stale or present - set(wanted)))


if __name__ == "__main__":
    sys.exit(main())
