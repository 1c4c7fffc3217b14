"""Writes a capture of many connections at a time, some with planted faults, to measure and to test with."""

from __future__ import annotations

import argparse
import random
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

START: Final = 1_700_000_000 * 1_000_000_000
MSS: Final = 1460
_RECORD: Final = struct.Struct("<IIII")
_IP: Final = struct.Struct("!BBHHHBBH4s4s")
_TCP: Final = struct.Struct("!HHIIHHHH")
_ETHERNET: Final = bytes.fromhex("0200000000020200000000010800")
_SYN, _ACK, _PSH, _FIN, _RST = 0x02, 0x10, 0x08, 0x01, 0x04


@dataclass(slots=True)
class Side:
    """One end: address, port, what it sends next and what it has got; ``clock`` is its timestamps' zero, in ms."""

    address: bytes
    port: int
    nxt: int
    clock: int
    ident: int
    window: int = 64240
    got: int = 0
    heard: int = 0


@dataclass(slots=True)
class Packet:
    """What is sent next: by whom, flags, payload; and what a fault changes of it."""

    by_client: bool
    flags: int
    payload: bytes = b""
    seq: int = 0
    ack: int = 0
    corrupt: bool = False
    #: how far it moves SND.NXT, if that is not what it holds
    moves: int | None = None


Script = list[Packet]
Fault = Callable[[Script, random.Random], None]


@dataclass(slots=True)
class Connection:
    """A connection on its way through a script."""

    client: Side
    server: Side
    script: Iterator[Packet]
    fault: str = ""
    last: dict[bool, bytes] = field(default_factory=dict)


def exchange(
    requests: list[tuple[bytes, bytes]], *, server_first: bool, crossing: bool, every: int = 2
) -> Script:
    """A whole connection: each request is acknowledged and answered; then both ends close.

    Of the answer's segments the client acknowledges one in so many.
    """
    script = [Packet(True, _SYN), Packet(False, _SYN | _ACK), Packet(True, _ACK)]
    for request, response in requests:
        script += [Packet(True, _PSH | _ACK, request), Packet(False, _ACK)]
        pieces = [response[at : at + MSS - 12] for at in range(0, len(response), MSS - 12)]
        for count, piece in enumerate(pieces, 1):
            script.append(Packet(False, _ACK | (_PSH if count == len(pieces) else 0), piece))
            if count % every == 0 or count == len(pieces):
                script.append(Packet(True, _ACK))
    first, last = not server_first, server_first
    if crossing:
        script += [Packet(first, _FIN | _ACK), Packet(last, _FIN | _ACK, ack=-1), Packet(first, _ACK)]
        return [*script, Packet(last, _ACK)]
    return [*script, Packet(first, _FIN | _ACK), Packet(last, _FIN | _ACK), Packet(first, _ACK)]


def wrong_synack(script: Script, _: random.Random) -> None:
    """The SYN,ACK acknowledges the ISN itself."""
    script[1].ack = -1


def short_third_ack(script: Script, _: random.Random) -> None:
    """The third segment acknowledges one less."""
    script[2].ack = -1


def gap(script: Script, chance: random.Random) -> None:
    """Data begins one octet too high."""
    chance.choice([packet for packet in script if packet.payload]).seq = 1


def data_after_fin(script: Script, _: random.Random) -> None:
    """Who closed first goes on sending."""
    script.append(Packet(script[-1].by_client, _PSH | _ACK, b"more"))


def corrupt(script: Script, chance: random.Random) -> None:
    """A checksum is wrong."""
    chance.choice(script[2:]).corrupt = True


def reset(script: Script, _: random.Random) -> None:
    """The server resets instead of closing, with another number than its own."""
    del script[-2:]
    script.append(Packet(False, _RST | _ACK, seq=-1))


def twice(script: Script, chance: random.Random) -> None:
    """Data is sent again."""
    at = chance.choice([at for at, packet in enumerate(script) if packet.payload])
    again = script[at]
    script.insert(
        at + 1, Packet(again.by_client, again.flags, again.payload, seq=-len(again.payload), moves=0)
    )


FAULTS: Final[tuple[Fault, ...]] = (wrong_synack, short_third_ack, gap, data_after_fin, corrupt, reset, twice)


def traffic(
    kind: str, connections: int, concurrent: int, faults: int, chance: random.Random
) -> Iterator[tuple[int, bytes]]:
    """Times in ns, and frames of Ethernet; every ``faults``-th connection has a fault (0: none)."""
    pages = [(b"%06d " % at) * 2048 for at in range(16)]
    open_now: list[Connection] = []
    begun = 0
    now = START
    while True:
        while len(open_now) < concurrent and begun < connections:
            begun += 1
            fault = FAULTS[begun // faults % len(FAULTS)] if faults and begun % faults == 0 else None
            open_now.append(_connection(kind, begun, fault, pages, chance))
        if not open_now:
            return
        at = chance.randrange(len(open_now))
        one = open_now[at]
        packet = next(one.script, None)
        if packet is None:
            open_now[at] = open_now[-1]
            open_now.pop()
            continue
        now += chance.randrange(2_000, 12_000)
        yield now, _frame(one, packet, now)


def _connection(
    kind: str, number: int, fault: Fault | None, pages: list[bytes], chance: random.Random
) -> Connection:
    if kind == "http":
        count = 1 if chance.random() < 0.8 else 2
        wanted = [
            (pages[0][: chance.randrange(80, 600)], chance.choice(pages)[: chance.randrange(200, 12_000)])
            for _ in range(count)
        ]
        script = exchange(wanted, server_first=chance.random() < 0.7, crossing=chance.random() < 0.05)
    elif kind == "flights":
        # Ten segments at once, as today's stacks do, and sometimes more.
        wanted = [(pages[0][:100], pages[3][: chance.randrange(3_000, 15_500)])]
        script = exchange(wanted, server_first=chance.random() < 0.5, crossing=False, every=20)
    else:
        wanted = [(pages[1][: chance.randrange(1, 100)], pages[2][: chance.randrange(1, 100)])]
        script = exchange(wanted, server_first=False, crossing=False)
    if fault is not None:
        fault(script, chance)
    port = 20_000 + number // 250 % 40_000
    client = bytes([10, 0, number // 10_000_000, number % 250 + 1])
    server = bytes([192, 0, 2, number % 8 + 1])
    return Connection(
        Side(client, port, chance.getrandbits(32), chance.getrandbits(31), chance.getrandbits(16)),
        Side(server, 80, chance.getrandbits(32), chance.getrandbits(31), chance.getrandbits(16)),
        iter(script),
    )


def _frame(one: Connection, packet: Packet, now: int) -> bytes:
    me, peer = (one.client, one.server) if packet.by_client else (one.server, one.client)
    syn = packet.flags & _SYN
    value = (me.clock + (now - START) // 1_000_000) & 0xFFFFFFFF
    stamps = struct.pack("!BBII", 8, 10, value, me.heard)
    options = b"\x02\x04\x05\xb4\x04\x02" + stamps + b"\x01\x03\x03\x07" if syn else b"\x01\x01" + stamps
    ack = (me.got + packet.ack) & 0xFFFFFFFF if packet.flags & _ACK else 0
    seq = (me.nxt + packet.seq) & 0xFFFFFFFF
    window = me.window if syn else 512
    words = (5 + len(options) // 4) << 12 | packet.flags
    head = _TCP.pack(me.port, peer.port, seq, ack, words, window, 0, 0) + options
    length = len(head) + len(packet.payload)
    octets = head + packet.payload
    total = int.from_bytes(me.address + peer.address, "big") + 6 + length
    total += int.from_bytes(octets, "big") << (8 if length & 1 else 0)
    checksum = 0xFFFF - total % 0xFFFF
    if packet.corrupt:
        checksum ^= 0x1234
    me.ident = (me.ident + 1) & 0xFFFF
    ip = _IP.pack(0x45, 0, 20 + length, me.ident, 0x4000, 64, 6, 0, me.address, peer.address)
    ip_sum = 0xFFFF - int.from_bytes(ip, "big") % 0xFFFF
    moved = packet.moves
    if moved is None:
        moved = len(packet.payload) + (packet.flags & _SYN > 0) + (packet.flags & _FIN > 0)
    me.nxt = (me.nxt + moved) & 0xFFFFFFFF
    if not packet.corrupt:
        peer.got = me.nxt
        peer.heard = value
    return b"".join(
        (
            _ETHERNET,
            ip[:10],
            struct.pack("!H", ip_sum),
            ip[12:],
            octets[:16],
            struct.pack("!H", checksum),
            octets[18:],
        )
    )


def write(file: BinaryIO, frames: Iterator[tuple[int, bytes]], most: int = 0) -> int:
    """Write a pcap file of at most so many packets (0: all); how many there are."""
    file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 0x40000, 1))
    count = 0
    for now, frame in frames:
        seconds, fraction = divmod(now, 1_000_000_000)
        file.write(_RECORD.pack(seconds, fraction, len(frame), len(frame)) + frame)
        count += 1
        if count == most:
            break
    return count


def main(arguments: list[str]) -> int:
    """Write one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--kind", choices=["plain", "http", "flights"], default="plain")
    parser.add_argument("--connections", type=int, default=200_000)
    parser.add_argument("--concurrent", type=int, default=1000)
    parser.add_argument("--faults", type=int, default=1000, help="every so many-th has one; 0: none")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(arguments)
    chance = random.Random(wanted.seed)
    frames = traffic(wanted.kind, wanted.connections, wanted.concurrent, wanted.faults, chance)
    with Path(wanted.file).open("wb") as file:
        print(f"{write(file, frames)} packets")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
