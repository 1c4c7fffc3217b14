"""Servers of every legal habit: none is charged with anything, and the exchange ends as it should."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from rawshake.api.status import STATUS
from rawshake.net.lab.namespaces import Lab
from rawshake.tcp import option
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.live.peer import ACK, FIN, RST, SYN, Case, Cases, Met, Peer, meet, meet_all, unaltered

honest, slow = Cases(), Cases()
#: All that a connection can agree on, and some data.
EVERYTHING: Final = ("--timestamps", "--sack", "--wscale", "7", "--ecn", "--data", "hello")
EVERY_NAME: Final = "synack data ack finack fin again"


def ordinary(name: str, *options: str, **settings: object) -> None:
    """Add a server that alters nothing."""
    honest.append(Case(name, "closed", unaltered, frozenset(), options, settings))


ordinary("nothing-special")
ordinary("no-options", answers=False)
ordinary("no-options-and-data", answers=False, says=b"w" * 500)
ordinary("banner", says=b"welcome")
ordinary("closes-first", says=b"welcome", closes=True)
ordinary("isn-0", isn=Seq(0), says=b"welcome")
ordinary("isn-before-the-wrap", isn=Seq(0xFFFFFFFF), says=b"welcome", closes=True)
ordinary("isn-wraps-within-data", isn=Seq(0xFFFFFFFA), says=b"welcome")
ordinary("both-isns-the-same", "--isn", "4294967290", isn=Seq(4294967290), says=b"welcome")
ordinary("timestamps-that-wrap", ticks=0xFFFFFFFE, says=b"welcome")
ordinary("timestamps-from-0", ticks=0, says=b"welcome")
ordinary("small-mss", "--data", "one segment is not enough. " * 10, mss=100)
ordinary("small-window", "--data", "one segment is not enough. " * 10, window=256)
ordinary("full-segments", "--mss", "500", says=b"w" * 488)
ordinary("crossing-fins", "--how", "simultaneous", says=b"welcome", closes=True)
ordinary("half-closed", "--how", "half", says=b"welcome")


@honest("closed", "finack")
def fin_and_ack_in_one(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield from ()


@honest("closed", "ack finack")
def one_ack_for_all(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield from ()


@honest("closed", "ack", "--data", "hello", "--timeout", "3")
def data_with_the_ack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield peer.say(b"welcome")


@honest("closed", "ack finack fin")
def all_in_one(peer: Peer, right: Segment) -> Iterator[Segment]:
    if right.flags & FIN:
        peer.nxt = right.seq
        yield peer.say(b"welcome", FIN)


@honest("closed", "ack", "--data", "hello")
def ack_of_data_in_pieces(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=right.ack - 3)
    yield right


@honest("closed", "ack finack")
def acks_that_come_twice(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield from (right, right)


@honest("closed", EVERY_NAME, "--linger", "0.2", says=b"welcome")
def everything_twice(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield from (right, right)


@honest("closed", "synack")
def synack_again(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    peer.later(0.02, lambda: right)


@honest("closed", "synack")
def synack_that_takes_its_time(peer: Peer, right: Segment) -> Iterator[Segment]:
    peer.later(0.1, lambda: right)
    yield from ()


@honest("closed", "synack")
def data_on_the_heels_of_the_synack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    yield peer.say(b"welcome")


@honest("closed", "synack")
def both_open(peer: Peer, right: Segment) -> Iterator[Segment]:
    if peer.count["synack"] > 1:
        yield right
    else:
        peer.echo = 0  # nothing has come yet, so far as it knows
        yield replace(peer.segment(SYN), seq=right.seq, ack=Seq(0))


@honest("closed", "synack")
def data_on_the_synack(peer: Peer, right: Segment) -> Iterator[Segment]:
    peer.nxt = right.end + 7
    yield replace(right, payload=b"welcome")


@honest("closed", "fin", "--how", "half")
def fin_that_takes_its_time(peer: Peer, right: Segment) -> Iterator[Segment]:
    peer.later(0.1, lambda: right)
    yield from ()


@honest("closed", "fin")
def fin_with_data(peer: Peer, right: Segment) -> Iterator[Segment]:
    peer.nxt = right.seq
    yield peer.say(b"farewell", FIN)


@honest("closed", "fin", "--how", "half")
def data_after_our_fin(peer: Peer, right: Segment) -> Iterator[Segment]:
    peer.nxt = right.seq
    yield peer.say(b"all that was left")
    yield peer.say(b" to say")
    peer.later(0.05, lambda: peer.say(b", and the end", FIN))


@honest("closed", "fin", "--linger", "0.2")
def fin_again(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    peer.later(0.05, lambda: right)


@honest("closed", "fin", "--linger", "0.3", "--drop", "lastack:1")
def fin_again_for_want_of_an_ack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    peer.later(0.1, lambda: right)


@honest("closed", "finack")
def fins_that_cross(peer: Peer, right: Segment) -> Iterator[Segment]:
    peer.closed = True
    fin = replace(peer.segment(ACK | FIN), ack=right.ack - 1)
    peer.nxt = fin.end
    yield fin
    yield peer.segment(ACK)


@honest("closed", "finack")
def fin_before_data_that_was_acknowledged(peer: Peer, right: Segment) -> Iterator[Segment]:
    data, peer.closed = peer.say(b"welcome"), True
    fin = peer.segment(ACK | FIN)
    peer.nxt = fin.end
    yield fin
    yield data


@honest("closed", "data", says=b"welcome, whoever you are")
def out_of_order(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=right.seq + 7, payload=right.payload[7:])
    yield replace(right, payload=right.payload[:7])


@honest("closed", "data", says=b"welcome, whoever you are")
def sent_again_in_other_pieces(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, payload=right.payload[:7])
    yield replace(right, seq=right.seq + 7, payload=right.payload[7:])
    yield replace(right, seq=right.seq + 3, payload=right.payload[3:])


@honest("closed", "data finack", says=b"welcome")
def keep_alives(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    yield peer.segment(ACK, seq=peer.nxt - 1)
    yield peer.segment(ACK, seq=peer.nxt - 1, payload=b"\0")


@honest("closed", "synack", "--data", "hello")
def window_closed_at_first(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, window=0)
    peer.later(0.05, lambda: peer.segment(ACK))


@honest("closed", "ack", "--data", "hello, you", window=5)
def window_that_closes_and_opens(peer: Peer, right: Segment) -> Iterator[Segment]:
    peer.window = 65535
    if peer.count["ack"] == 1:
        yield replace(right, window=0)
        peer.later(0.05, lambda: peer.segment(ACK))
    else:
        yield right


@honest("closed", "finack fin")
def window_of_0_after_our_fin(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, window=0)


@honest("reset by the peer", "finack fin")
def reset_for_unread_data(peer: Peer, right: Segment) -> Iterator[Segment]:
    if not right.flags & FIN:
        yield replace(right, flags=RST | ACK, ack=right.ack - 1)


@honest("reset by the peer", "data finack fin again", says=b"welcome")
def abort(peer: Peer, right: Segment) -> Iterator[Segment]:
    peer.nxt = right.seq
    yield replace(right, flags=RST, ack=Seq(0), payload=b"")


@honest("refused", "synack")
def refusal(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=Seq(0), flags=RST | ACK, window=0, options=())


@honest("closed", "synack")
def strange_but_well_formed_options(peer: Peer, right: Segment) -> Iterator[Segment]:
    unknown = option.make(254, b"\x12\x34\x56\x78")
    kept = right.options if len(right.options) < 5 else right.options[1:]
    yield replace(right, options=(option.NOP, unknown, option.NOP, *kept, option.EOL))


@honest("closed", "synack")
def ecn_not_wanted(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=SYN | ACK)


@honest("closed", "data", says=b"welcome")
def congestion_on_the_way(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ecn=3 if right.options else 0, ttl=17)


@honest("closed", "data", says=b"welcome")
def urgent_data(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=right.flags | Flags.URG, urgent=len(right.payload))


@honest("closed", "data", says=b"welcome")
def no_push(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=ACK)


@honest("closed", "again", "--data", "one segment is not enough. " * 4, "--drop", "data:1", mss=40)
def holes_in_what_we_send(peer: Peer, right: Segment) -> Iterator[Segment]:
    assert peer.heard is not None
    block = option.sack((peer.heard.seq, peer.heard.end))
    sack = (*right.options, option.NOP, option.NOP, block) if option.SACK_PERMITTED in peer.offered else ()
    yield replace(right, options=sack)


@slow("closed", "synack")
def a_connection_of_old(peer: Peer, right: Segment) -> Iterator[Segment]:
    if peer.count["synack"] > 1:
        yield right
    else:
        yield replace(right, flags=ACK, seq=Seq(777_777), ack=right.ack + 123_456, options=())


@slow("closed", "data", "--drop", "theirdata:1", says=b"welcome")
def data_again_after_a_while(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    peer.later(0.3, lambda: replace(right, ack=peer.rcv, options=peer.segment(ACK).options))


@slow("closed", "synack")
def fin_on_the_synack(peer: Peer, right: Segment) -> Iterator[Segment]:
    peer.nxt, peer.closed = right.end + 1, True
    yield replace(right, flags=right.flags | FIN)


def check(case: Case, met: Met) -> None:
    assert met.exchange.findings == (), met.drawn
    assert (met.exchange.outcome.value, met.status) == (case.expected, STATUS[met.exchange.outcome]), (
        met.drawn
    )


@pytest.mark.parametrize("case", honest, ids=str)
def test_nothing_is_found(lab: Lab, tmp_path: Path, case: Case) -> None:
    check(case, case.meet(lab, tmp_path))


@pytest.mark.parametrize("case", honest, ids=str)
def test_nothing_is_found_with_everything_agreed_on(lab: Lab, tmp_path: Path, case: Case) -> None:
    check(case, case.meet(lab, tmp_path, *EVERYTHING, address=lab.address6 or ""))


@pytest.mark.parametrize("options", [(), EVERYTHING], ids=["plain", "everything"])
def test_nothing_is_found_in_the_end(lab: Lab, tmp_path: Path, options: tuple[str, ...]) -> None:
    for case, met in meet_all(lab, slow, tmp_path, *options):
        check(case, met)


def test_the_first_synack_binds_whatever_a_second_one_offers(lab: Lab, tmp_path: Path) -> None:
    def other_options(peer: Peer, right: Segment) -> Iterator[Segment]:
        yield replace(right, options=())
        yield right

    peer = Peer(alter=other_options, names=frozenset({"synack"}))
    met = meet(lab, peer, tmp_path, *EVERYTHING)
    assert met.ours == [], met.drawn
    ours = [step.segment for step in met.exchange.steps if step.ours]
    assert [segment.options for segment in ours[1:]] == [()] * (len(ours) - 1), met.drawn
