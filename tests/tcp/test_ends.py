"""Both ways of a connection have one key, and no other connection has it."""

from __future__ import annotations

from dataclasses import replace

from rawshake.tcp.ends import key_of, ordered_ends
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq


def test_both_ways_have_one_key_and_another_connection_has_another() -> None:
    one = Segment(src="10.0.0.1", dst="192.0.2.1", sport=40000, dport=80, seq=Seq(1))
    back = replace(one, src=one.dst, sport=one.dport, dst=one.src, dport=one.sport)
    assert key_of(one) == key_of(back)
    assert key_of(one) != key_of(replace(one, sport=one.sport + 1))
    assert key_of(one) != key_of(replace(one, src="192.0.2.77"))


def test_ports_order_the_ends_of_one_address() -> None:
    assert ordered_ends("10.0.0.1", 9, "10.0.0.1", 7) == ("10.0.0.1", 7, "10.0.0.1", 9)
