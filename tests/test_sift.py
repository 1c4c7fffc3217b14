"""What the sift passes on and what it leaves out: floods, scans, overload, late segments; nothing in silence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rawshake.link import Frame
from rawshake.sift import CROWD, FORGOTTEN_AFTER, PATIENCE, SECOND, Load, Sift
from rawshake.tcp.segment import Segment
from tests.memory import packed
from tests.tcp.strategies import ip_packet
from tests.test_follow import WHOLE, segments

SERVER_V4 = b"\xc0\x00\x02\x02\x00\x50"


class Sifting:
    """A sift, and what it passed on, by number."""

    def __init__(self, most: int = 10_000) -> None:
        self.passed: list[int] = []
        self.sift = Sift(lambda frame: self.passed.append(frame.number), most=most)
        self.count = 0

    def give(self, *packets: bytes | Segment, time: int = 0) -> None:
        for one in packets:
            self.count += 1
            octets = packed(one) if isinstance(one, Segment) else one
            self.sift.frame(Frame(time, octets, number=self.count))


def whole(sport: int = 40000) -> list[Segment]:
    return [segment for _, segment in segments(WHOLE, sport=sport)]


def syns(count: int, *, first: int = 1) -> list[Segment]:
    syn = whole()[0]
    return [replace(syn, sport=first + number % 60000, seq=syn.seq + number) for number in range(count)]


def ends(segment: Segment) -> tuple[bytes, bytes]:
    client, server = (bytes(map(int, text.split("."))) for text in (segment.src, segment.dst))
    return client + segment.sport.to_bytes(2, "big"), server + segment.dport.to_bytes(2, "big")


def test_a_connection_is_passed_on_whole_and_in_order() -> None:
    one = Sifting()
    one.give(*whole()[:2])
    assert (one.passed, one.sift.waiting) == ([], 1)
    one.give(*whole()[2:])
    assert one.passed == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("answered", [True, False])
def test_who_waits_too_long_is_passed_on_all_the_same(answered: bool) -> None:
    one = Sifting()
    one.give(*whole()[: 1 + answered])
    one.sift.tick(PATIENCE - 1)
    assert one.passed == []
    one.sift.tick(PATIENCE)
    assert one.passed == [1, 2][: 1 + answered]


def test_a_reset_and_an_icmp_error_are_answers() -> None:
    one = Sifting()
    syn = whole()[0]
    reset = replace(whole()[1], flags=type(syn.flags)(0x14))
    one.give(syn, reset)
    assert one.passed == [1, 2]
    one.give(syn, ip_packet("192.0.2.9", syn.src, b"\x03\x01" + bytes(6) + packed(syn)[:28], protocol=1))
    assert one.passed == [1, 2, 3, 4]


def test_a_crowd_is_counted_and_forgotten_but_not_those_who_get_an_answer() -> None:
    one = Sifting()
    one.give(*syns(CROWD + 10))
    one.give(*whole(), time=SECOND)
    assert len(one.passed) == 8
    one.sift.tick(FORGOTTEN_AFTER)
    left = one.sift.left
    assert left.unanswered[ends(whole()[0])[1]] == sum(left.unanswered.values()) == 10
    assert left.unanswered_packets == 10
    # What is left of it is no crowd.
    assert len(one.passed) == 8 + CROWD
    one.give(replace(syns(1)[0], flags=whole()[2].flags))
    assert left.late == 1


def test_the_end_of_a_flood() -> None:
    one = Sifting(most=3000)
    one.give(*syns(5000), whole()[1])
    assert one.sift.waiting <= 3000
    one.sift.finish()
    assert (one.passed, one.sift.waiting) == ([5001], 0)
    assert sum(one.sift.left.unanswered.values()) == one.sift.left.unanswered_packets == 5000
    few = Sifting()
    few.give(*syns(CROWD))
    few.sift.finish()
    assert few.passed == [*range(1, CROWD + 1)]


def test_answers_of_a_server_under_a_flood_are_told() -> None:
    one = Sifting()
    answer = whole()[1]
    for syn in syns(CROWD + 1):
        one.give(syn, replace(answer, dport=syn.sport, ack=syn.seq + 1))
    one.sift.finish()
    assert one.sift.left.half_open == CROWD + 1
    assert one.sift.left.unanswered_packets == 2 * (CROWD + 1)


def test_under_load_what_begins_is_left_out_and_what_goes_on_is_followed() -> None:
    one = Sifting()
    known, new = whole(), whole(sport=50000)
    one.give(*known[:3])
    one.sift.load = Load.HEAVY
    one.give(*new[:3], *known[3:])
    assert one.passed == [1, 2, 3, 7, 8, 9, 10, 11]
    one.sift.load = Load.LIGHT
    one.give(*new[3:])
    assert (one.sift.left.connections, one.sift.left.packets) == (1, 8)
    one.give(*new)
    assert len(one.passed) == 16


def test_under_a_full_load_what_goes_on_is_cut_off_for_good() -> None:
    one = Sifting()
    known = whole()
    one.give(*known[:3])
    one.sift.load = Load.FULL
    one.give(known[3])
    one.sift.load = Load.LIGHT
    one.give(*known[4:])
    assert one.passed == [1, 2, 3]
    assert (one.sift.left.connections, one.sift.left.packets) == (1, 5)


def test_what_comes_late_begins_no_connection() -> None:
    one = Sifting()
    all_of_it = whole()
    one.give(*all_of_it)
    one.sift.over(*ends(all_of_it[0]), 8)
    one.give(all_of_it[-1])
    assert (len(one.passed), one.sift.left.late) == (8, 1)
    one.give(*all_of_it)
    assert len(one.passed) == 16


def test_the_end_of_a_connection_does_not_end_the_next_of_the_same_ends() -> None:
    one = Sifting()
    one.give(*whole())
    again = [replace(segment, seq=segment.seq + 100_000) for segment in whole()]
    one.give(*again[:3])
    one.sift.over(*ends(whole()[0]), 8)
    one.give(*again[3:])
    assert (len(one.passed), one.sift.left.late) == (16, 0)


def test_what_is_no_whole_segment_is_passed_on() -> None:
    one = Sifting()
    syn = packed(whole()[0])
    one.give(
        b"", syn[:20], syn[:30], b"\x60" + bytes(60), b"\x45" + bytes(40), syn[:6] + b"\x20\x01" + syn[8:]
    )
    assert one.passed == [1, 2, 3, 4, 5, 6]


def test_ipv6() -> None:
    one = Sifting()
    six = [
        replace(segment, src="2001:db8::1", dst="2001:db8::2", ttl=64)
        if segment.sport == 40000
        else replace(segment, src="2001:db8::2", dst="2001:db8::1")
        for segment in whole()
    ]
    one.give(*six[:2])
    assert one.passed == []
    one.give(six[2])
    assert one.passed == [1, 2, 3]
