"""Captures that are damaged on purpose, read and decoded, or checked: nothing may fail, hang, or take much memory.

Each has a seed, from which it can be made again; whatever goes wrong leaves the capture behind and names it.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import signal
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory, gettempdir
from types import FrameType
from typing import Final

from rawshake.api.frames import Reading
from rawshake.net.tracefile import opened
from rawshake.tcp.decode import Undecoded, decode
from rawshake.tcp.segment import Segment
from rawshake.trace import links
from rawshake.trace.model import Damage, LinkType, Record
from rawshake.trace.read import records

CAPTURES: Final = Path(__file__).parent.parent / "tests" / "captures"
#: What a number in a header is replaced with: the edges of what its octets hold, and numbers of formats.
NUMBERS: Final = (
    *(
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        12,
        16,
        17,
        19,
        20,
        24,
        28,
        40,
        41,
        44,
        47,
        60,
        63,
        64,
        101,
        127,
        128,
        137,
        255,
    ),
    *(
        256,
        1500,
        2152,
        4500,
        4789,
        6081,
        8472,
        0x0800,
        0x8100,
        0x86DD,
        0x8847,
        0x8864,
        32767,
        32768,
        65535,
        65536,
    ),
    *(0x0A0D0D0A, 0x1A2B3C4D, 0xA1B2C3D4, 0xA1B23C4D, 2**31 - 1, 2**31, 2**32 - 1),
)
_LINK_TYPES: Final = (*(int(one) for one in LinkType), 147, 65535)
_ETHER: Final = bytes(12) + b"\x08\0"
_SNAP: Final = b"\xaa\xaa\x03\0\0\0\x08\0"
_DATA_FRAME: Final = b"\x08\x01" + bytes(22)
_QOS_FRAME: Final = b"\x88\x01" + bytes(22)
#: Link types and tunnels that few captures have: the IP protocol or 0, and what stands before the packet.
WRAPPINGS: Final = (
    (LinkType.RAW, 4, b""),
    (LinkType.RAW, 41, b""),
    (LinkType.RAW, 47, b"\0\0\x08\0"),
    (LinkType.RAW, 47, b"\x30\0\x65\x58" + bytes(8) + _ETHER),
    (LinkType.RAW, 47, b"\0\0\x88\x47\0\1\1\xff"),
    (LinkType.RAW, 47, b"\x30\x01\x88\x0b\0\x40\0\1\0\0\0\1\xff\x03\0\x21"),
    (LinkType.RAW, 47, b"\x10\0\x88\xbe\0\0\0\1\x10" + bytes(7) + _ETHER),
    (LinkType.RAW, 137, b"\0\1\1\xff"),
    (LinkType.RAW, 17, b"\x12\x34\x12\xb5\0\0\0\0\x08" + bytes(7) + _ETHER),
    (LinkType.RAW, 17, b"\x12\x34\x17\xc1\0\0\0\0\x01\0\x65\x58" + bytes(8) + _ETHER),
    (LinkType.RAW, 17, b"\x08\x68\x08\x68\0\0\0\0\x30\xff\0\x60" + bytes(4)),
    (LinkType.RAW, 17, b"\x08\x68\x08\x68\0\0\0\0\x34\xff\0\x60" + bytes(6) + b"\0\x85\1\0\0\0"),
    (LinkType.PPP, 0, b"\xff\x03\0\x21"),
    (LinkType.C_HDLC, 0, b"\x0f\0\x08\0"),
    (LinkType.PPP_ETHERNET, 0, b"\x11\0\0\1\0\x40\0\x21"),
    (LinkType.ETHERNET, 0, bytes(12) + b"\x88\x64\x11\0\0\1\0\x40\0\x21"),
    (LinkType.ETHERNET, 0, bytes(12) + b"\x88\xa8\0\1\x88\x47\0\1\1\xff"),
    (LinkType.IEEE802_11, 0, _DATA_FRAME + _SNAP),
    (LinkType.IEEE802_11, 0, _QOS_FRAME + b"\0\0" + _SNAP),
    (LinkType.IEEE802_11, 0, _QOS_FRAME + b"\x80\0" + bytes(12) + b"\0\x60" + _SNAP),
    (LinkType.IEEE802_11_RADIOTAP, 0, b"\0\0\x08\0\0\0\0\0" + _DATA_FRAME + _SNAP),
)
#: One capture may take so long, in seconds; the process may have so much memory, in octets.
SECONDS: Final = 20
MEMORY: Final = 4 << 30


class TooLong(Exception):
    """One capture took longer than ``SECONDS``."""


def mutated(file: bytes, random: Random) -> bytes:
    """The capture with a few changes anywhere in it, or with changed packets in an order that may be another."""
    if random.random() < 0.6:
        packets = _packets(file)
        if packets:
            return _rewritten(packets, random)
    octets = bytearray(file)
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        _change(octets, random, len(octets))
    return bytes(octets)


def _packets(file: bytes) -> list[Record]:
    found: list[Record] = []
    with suppress(Damage):
        found.extend(records([file]))
    return found


def _rewritten(packets: Sequence[Record], random: Random) -> bytes:
    """A capture that is whole, of packets that are not."""
    order = random.choice("<>")
    link_type = packets[0].link_type if random.random() < 0.9 else random.choice(_LINK_TYPES)
    wrapping = random.choice(WRAPPINGS) if random.random() < 0.3 else None
    if wrapping is not None:
        link_type = wrapping[0]
    file = [struct.pack(f"{order}IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, link_type)]
    chosen = list(packets)
    if random.random() < 0.2:
        chosen = random.choices(chosen, k=len(chosen))
    often = random.choice((0.05, 0.3, 1.0))
    for record in chosen:
        data = bytearray(record.data)
        if wrapping is not None:
            packet = links.ip(record.link_type, record.data) or record.data
            data = bytearray(_wrapped(wrapping, packet))
        if random.random() < often:
            for _ in range(random.choice((1, 1, 2, 3))):
                _change(data, random, 120)
        when = record.time if random.random() < 0.98 else random.choice(NUMBERS) * 1_000_000_007
        seconds, fraction = divmod(when, 1_000_000_000)
        original = (
            max(len(data), record.original_length) if random.random() < 0.95 else random.choice(NUMBERS)
        )
        data = data[:262_144]
        file.append(
            struct.pack(f"{order}IIII", seconds % 2**32, fraction, len(data), original % 2**32) + data
        )
    return b"".join(file)


def _wrapped(wrapping: tuple[LinkType, int, bytes], packet: bytes) -> bytes:
    """The packet in a tunnel: link type, IP protocol or 0, and what stands between."""
    link_type, protocol, between = wrapping
    if link_type != LinkType.RAW:
        return between + packet
    outer = 20 + len(between) + len(packet)
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, outer % 65536, 1, 0, 64, protocol, 0, b"\x0a\0\0\1", b"\x0a\0\0\2"
    )
    return head + between + packet


def _change(octets: bytearray, random: Random, within: int) -> None:
    """One change, more likely in the first ``within`` octets."""
    at = random.randrange(max(1, min(len(octets), within if random.random() < 0.8 else len(octets))))
    kind = random.randrange(9)
    if kind == 0 and octets:
        octets[at] ^= 1 << random.randrange(8)
    elif kind == 1 and octets:
        octets[at] = random.choice(NUMBERS) & 0xFF
    elif kind in (2, 3):
        size = random.choice((2, 4)) if kind == 2 else 2
        number = random.choice(NUMBERS) + random.choice((0, 0, -1, 1))
        octets[at : at + size] = (number % 256**size).to_bytes(size, random.choice(("big", "little")))
    elif kind == 4:
        del octets[at : at + random.choice((1, 2, 4, 8, 60, len(octets)))]
    elif kind == 5:
        octets[at:at] = random.randbytes(random.choice((1, 2, 4, 8, 60)))
    elif kind == 6:
        length = random.choice((4, 16, 20, 40, 60, 300))
        octets[at:at] = octets[at : at + length] * random.choice(
            (1, 1, 3, 200 if len(octets) < 1 << 16 else 1)
        )
    elif kind == 7:
        octets[at : at + 8] = random.randbytes(8)
    else:
        start = random.randrange(len(octets) + 1)
        octets[at : at + 40] = octets[start : start + 40]


@dataclass(slots=True)
class Count:
    """What became of the frames."""

    captures: int = 0
    frames: int = 0
    damaged: int = 0
    segments: int = 0
    defective: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def read_all(file: bytes, count: Count) -> None:
    """Read a capture and decode each packet, as ``rawshake check`` does."""
    reading = Reading()
    for frame in reading.frames(file[at : at + 65_536] for at in range(0, len(file), 65_536)):
        seen = decode(frame.packet)
        if isinstance(seen, Segment):
            count.segments += 1
            count.defective += bool(seen.defects)
        elif isinstance(seen, Undecoded):
            count.left_out[seen.reason.value] += 1
    count.captures += 1
    count.frames += reading.records
    count.damaged += reading.damage is not None
    count.left_out.update(reading.left_out)


def check_all(path: Path) -> None:
    """The whole command on one capture, in this process: every report of it."""
    from rawshake.cli.judging import Check
    from rawshake.cli.parameters import Output
    from rawshake.cli.reporters import Asked
    from rawshake.rules import book
    from rawshake.rules.model import Verdict

    output = Output(
        verbose=1, compact=False, quiet=False, ascii=False, colour="never", json=os.devnull, pcap=None
    )
    asked = Asked(
        files=(str(path),), rules=book(), floor=Verdict.FAIL, form="text", connection=None, wanted=None,
        junit=os.devnull, output=output,
    )  # fmt: skip
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        Check(asked).run()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise ``TooLong`` after so many seconds."""

    def over(signum: int, frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def corpus(given: Sequence[str]) -> list[Path]:
    """The captures named, those in folders named too; without any those of the tests."""
    found: list[Path] = []
    for path in map(Path, given or [str(CAPTURES)]):
        found += sorted(path.rglob("*.pcap*")) if path.is_dir() else [path]
    return found


def fuzz(files: Sequence[bytes], seed: int, goes_on: Callable[[Count], bool], folder: Path | None) -> Count:
    """Mutate and read until told to end; with ``folder`` the whole command runs, on files made there."""
    count = Count()
    while goes_on(count):
        number = seed + count.captures
        random = Random(number)
        file = mutated(random.choice(files), random)
        try:
            with within(SECONDS):
                if folder is not None:
                    path = folder / "mutated.pcap"
                    path.write_bytes(file)
                    check_all(path)
                read_all(file, count)
        # Whatever it is, it is what was looked for.
        except BaseException as wrong:
            if not isinstance(wrong, KeyboardInterrupt):
                kept = Path(gettempdir()) / f"rawshake-fuzz-{number}.pcap"
                kept.write_bytes(file)
                print(
                    f"seed {number}: {type(wrong).__name__}: {wrong}; the capture is {kept}", file=sys.stderr
                )
            raise
    return count


def cut(files: Sequence[Path], until: int) -> int:
    """Every capture, cut at each offset of its first octets; how many were read. See tests/cli/test_damaged.py."""
    number = 0
    for path in files:
        octets = path.read_bytes()
        with TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            copy.write_bytes(octets)
            for end in reversed(range(min(until, len(octets)) + 1)):
                os.truncate(copy, end)
                with within(SECONDS), opened(str(copy)) as chunks:
                    for frame in Reading().frames(chunks):
                        decode(frame.packet)
                number += 1
    return number


def main() -> int:
    """Run as asked and tell what was done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("captures", nargs="*", help="files and folders; those of the tests")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--frames", type=int, help="end after so many frames instead")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1_000_000 % 2**32 * 1000)
    parser.add_argument("--check", action="store_true", help="run the whole command, which is slower")
    parser.add_argument("--cut", type=int, metavar="N", help="cut each capture at its first N octets instead")
    asked = parser.parse_args()
    frames: int | None = asked.frames
    seconds: float = asked.minutes * 60
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    paths = corpus(asked.captures)
    began = time.monotonic()
    if asked.cut:
        print(f"{cut(paths, asked.cut)} copies of {len(paths)} captures in {time.monotonic() - began:.0f} s")
        return 0
    files = []
    for path in paths:
        with opened(str(path)) as chunks, suppress(Damage):
            files.append(b"".join(chunks))
    print(f"{len(files)} captures, seed {asked.seed}", flush=True)

    def goes_on(count: Count) -> bool:
        return count.frames < frames if frames is not None else time.monotonic() - began < seconds

    with TemporaryDirectory() as folder:
        count = fuzz(files, asked.seed, goes_on, Path(folder) if asked.check else None)
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{count.frames} frames of {count.captures} captures, {count.damaged} of them damaged, in "
        f"{time.monotonic() - began:.0f} s and {largest} MB: {count.segments} segments, "
        f"{count.defective} of them defective"
    )
    for reason, times in count.left_out.most_common(12):
        print(f"  {times} x {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
