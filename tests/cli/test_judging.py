"""From a capture to connections: their order, and what of the capture is left out."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.api.frames import Reading
from rawshake.cli import judging
from rawshake.cli.judging import WAITING, InOrder
from rawshake.cli.parameters import Output
from rawshake.cli.reporters import Asked
from rawshake.connection import Alike, Connection, Facts
from rawshake.errors import Exit
from rawshake.link import Frame
from rawshake.rules import book
from rawshake.rules.model import Rule, Verdict
from rawshake.screen.road import Screen
from rawshake.trace.expression import parse
from rawshake.trace.model import Damage, LinkType
from tests.cli.traces import CLEAN, FAULTY, frames, octets
from tests.screen.roads import generated


def connection(number: int) -> Connection:
    return Connection(number, ("192.0.2.1", 1), ("192.0.2.2", 2), Facts(), number, number)


@given(st.permutations(range(1, 30)))
def test_connections_come_in_order_as_soon_as_they_can(numbers: list[int]) -> None:
    given_on: list[int] = []
    in_order = InOrder(lambda one: given_on.append(one.number))
    missing = set(numbers)
    for number in numbers:
        in_order.add(connection(number))
        missing.discard(number)
        assert given_on == list(range(1, min(missing, default=30)))
    in_order.finish()
    assert given_on == sorted(numbers)


def test_one_that_stays_open_holds_up_no_more_than_so_many() -> None:
    given_on: list[int] = []
    in_order = InOrder(lambda one: given_on.append(one.number))
    for number in range(2, WAITING + 2):
        in_order.add(connection(number))
    assert given_on == []
    in_order.add(connection(WAITING + 2))
    assert given_on == list(range(2, WAITING + 3))
    in_order.add(connection(WAITING + 4))
    in_order.add(connection(1))
    assert given_on[-1] == 1
    in_order.add(connection(WAITING + 3))
    assert given_on[-2:] == [WAITING + 3, WAITING + 4]


def pcap(link_type: int, packets: list[bytes], *, lost: int = 0) -> bytes:
    """A capture whose packets are each ``lost`` octets shorter than they were."""
    text = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type)
    for at, packet in enumerate(packets):
        kept = packet[: len(packet) - lost]
        text += struct.pack("<IIII", at, 0, len(kept), len(packet)) + kept
    return text


def read(data: bytes, words: str = "") -> tuple[list[Frame], Reading]:
    reading = Reading(parse(words) if words else None)
    return list(reading.frames([data])), reading


MADE = frames(CLEAN)
PACKETS = [frame.packet for frame in MADE]


def test_packets_come_as_frames_with_their_numbers() -> None:
    found, reading = read(octets(MADE))
    assert [frame.packet for frame in found] == PACKETS
    assert [frame.number for frame in found] == list(range(1, 9))
    assert (reading.records, reading.cut, reading.damage) == (8, 0, None)


def test_what_has_no_ip_inside_is_counted_by_reason() -> None:
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    found, reading = read(pcap(LinkType.ETHERNET, [bytes(12) + b"\x08\x00" + PACKETS[0], arp, arp]))
    assert len(found) == 1
    assert reading.left_out == {"not IP": 2}
    _, reading = read(pcap(147, [arp]))
    assert reading.left_out == {"has a link layer that is not known, type 147": 1}


def test_what_is_encrypted_is_named() -> None:
    esp = bytearray(PACKETS[0])
    esp[9] = 50
    _, reading = read(pcap(LinkType.RAW, [bytes(esp)]))
    assert reading.left_out == {"encrypted": 1}


def test_what_was_cut_is_counted_and_passed_on() -> None:
    found, reading = read(pcap(LinkType.RAW, PACKETS, lost=2))
    assert (len(found), reading.cut) == (8, 8)


def test_fragments_are_put_together_or_counted() -> None:
    whole = next(packet for packet in PACKETS if packet.endswith(b"hello\n"))
    first, second = bytearray(whole[:44]), bytearray(whole[:20] + whole[44:])
    for part, word in ((first, 0x2000), (second, 24 // 8)):
        part[2:4] = len(part).to_bytes(2, "big")
        part[6:8] = word.to_bytes(2, "big")
    found, reading = read(pcap(LinkType.RAW, [bytes(second), bytes(first)]))
    (frame,) = found
    assert frame.number == 2
    assert frame.packet[20:] == whole[20:]
    assert not reading.left_out
    _, reading = read(pcap(LinkType.RAW, [bytes(second)]))
    assert reading.left_out == {"fragment": 1}


def test_what_is_not_wanted_is_not_passed_on() -> None:
    data = octets(frames(CLEAN, FAULTY))
    found, reading = read(data, "port 40002")
    assert (len(found), reading.unwanted, reading.records) == (3, 8, 11)
    assert [frame.number for frame in found] == [9, 10, 11]


def test_damage_ends_the_frames_and_is_kept() -> None:
    def broken() -> Iterator[bytes]:
        yield octets(frames(CLEAN))
        raise Damage(77, "It cannot be decompressed")

    reading = Reading()
    assert len(list(reading.frames(broken()))) == 8
    assert reading.damage is not None
    assert reading.damage.offset == 77


def test_times_that_go_back_a_little_are_put_in_order() -> None:
    made = frames(CLEAN)
    made[2], made[3] = made[3], replace(made[2], time=made[2].time)
    found, _ = read(octets(made))
    assert [frame.number for frame in found] == [1, 2, 4, 3, 5, 6, 7, 8]


def test_clean_connections_are_judged_by_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast road is not only there: ``check`` takes it."""
    path = tmp_path / "traffic.pcap"
    path.write_bytes(generated("http", 60, faults=10))
    screens: list[Screen] = []

    class Watched(Screen):
        def __init__(
            self,
            rules: Sequence[Rule],
            done: Callable[[Connection], None],
            *,
            alike: Callable[[Alike], None] | None,
        ) -> None:
            super().__init__(rules, done, alike=alike)
            screens.append(self)

    monkeypatch.setattr(judging, "Screen", Watched)
    output = Output(
        verbose=0,
        compact=False,
        quiet=True,
        ascii=False,
        colour="never",
        json=str(tmp_path / "out"),
        pcap=None,
    )
    asked = Asked(
        files=(str(path),), rules=book(), floor=Verdict.FAIL, form="text", connection=None, wanted=None,
        junit=None, output=output,
    )  # fmt: skip
    assert judging.Check(asked).run() == Exit.RULE_BROKEN
    (screen,) = screens
    assert 40 <= screen.passed <= 56
    document = json.loads((tmp_path / "out").read_text())
    assert [one["number"] for one in document["captures"][0]["connections"]] == list(range(1, 61))
