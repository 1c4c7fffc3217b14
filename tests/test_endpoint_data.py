"""Sending and receiving: retransmission, windows that close, probes, a peer that never reads, a megabyte."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from rawshake.profile import SECOND
from rawshake.session import Session
from rawshake.tcp.notation import pattern
from rawshake.tcp.segment import Segment
from tests.honest import HonestServer
from tests.memory import Answers, MemoryLink
from tests.playbook import HANDSHAKE, patient, play, started


def send_bcdef(session: Session) -> None:
    assert session.connect()
    session.send(b"bcdef", quiet=SECOND // 5)


def test_data_is_acknowledged_and_answered() -> None:
    def act(session: Session) -> None:
        assert session.connect()
        assert session.send(b"bcdef", quiet=SECOND // 5) == b"bcd"

    play(
        HANDSHAKE
        + """
        > P. 1:6(5) ack 1
        < . 1:1(0) ack 6
        < P. 1:4(3) ack 6
        > . 6:6(0) ack 4 win 65532
        """,
        act,
    )


def test_lost_data_is_sent_again_with_doubled_waits_until_it_gives_up() -> None:
    session = play(
        HANDSHAKE
        + """
        > P. 1:6(5) ack 1
        +1 > P. 1:6(5) ack 1
        +2 > P. 1:6(5) ack 1
        """,
        send_bcdef,
        profile=patient(retries=2),
    )
    assert session.endpoint.gave_up
    assert session.endpoint.unacknowledged


def test_after_a_timeout_hole_after_hole_is_filled_at_once() -> None:
    """RFC 6582: each partial acknowledgment brings the next segment, not the next timeout."""
    play(
        """
        > S 0:0(0)
        < S. 0:0(0) ack 1 <mss 2>
        > . 1:3(2) ack 1
        > . 3:5(2) ack 1 [lost]
        > . 5:7(2) ack 1 [lost]
        > P. 7:8(1) ack 1 [lost]
        < . 1:1(0) ack 3
        +1 > . 3:5(2) ack 1
        < . 1:1(0) ack 5
        > . 5:7(2) ack 1
        < . 1:1(0) ack 7
        > P. 7:8(1) ack 1
        < . 1:1(0) ack 8
        """,
        lambda session: session.connect(b"bcdefgh") and session.send(b"", quiet=SECOND // 5),
        drops="data:1,data:2,data:3",
    )


def test_segments_out_of_order_are_put_in_order() -> None:
    def act(session: Session) -> None:
        assert session.connect()
        assert session.send(b"", quiet=SECOND) == b"bcdefgh"

    play(
        HANDSHAKE
        + """
        < P. 6:8(2) ack 1
        > . 1:1(0) ack 1
        < . 4:6(2) ack 1
        > . 1:1(0) ack 1
        < . 1:4(3) ack 1
        > . 1:1(0) ack 8 win 65528
        """,
        act,
    )


def test_a_closed_window_is_probed_and_what_waits_goes_out_when_it_opens() -> None:
    play(
        """
        > S 0:0(0)
        < S. 0:0(0) ack 1 win 0 <mss 1460>
        > . 1:1(0) ack 1
        +1 > . 1:2(1) ack 1
        < . 1:1(0) ack 1 win 0
        +1.999 > . 1:2(1) ack 1
        < . 1:1(0) ack 1 win 0
        +3.999 > . 1:2(1) ack 1
        < . 1:1(0) ack 1 win 0
        +5 < . 1:1(0) ack 1 win 1000
        > P. 1:6(5) ack 1
        < . 1:1(0) ack 6 win 1000
        """,
        send_bcdef,
        profile=patient(retries=2),
    )


def test_a_reset_behind_the_probe_of_a_closed_window_stands_where_the_window_ends() -> None:
    """Elsewhere the peer would not believe it, and keep a connection that nobody else has."""

    def act(session: Session) -> None:
        assert session.connect()
        session.endpoint.send(b"bcdef")
        session.run(lambda: False, deadline=session.link.now() + 4 * SECOND)
        session.abort()

    play(
        """
        > S 0:0(0)
        < S. 0:0(0) ack 1 win 0 <mss 1460>
        > . 1:1(0) ack 1
        +1 > . 1:2(1) ack 1
        < . 1:1(0) ack 1 win 0
        +1.999 > . 1:2(1) ack 1
        < . 1:1(0) ack 1 win 0
        +0.999 > R. 1:1(0) ack 1  # CLOSED / CLOSED?
        """,
        act,
        profile=patient(retries=2),
    )


def test_a_peer_that_answers_probes_may_keep_its_window_closed() -> None:
    """RFC 9293 section 3.8.6.1; one that does not answer is given up."""

    def answer(segment: Segment, now: int) -> list[tuple[int, Segment]]:
        shut = replace(
            segment,
            src=segment.dst,
            dst=segment.src,
            sport=segment.dport,
            dport=segment.sport,
            seq=segment.ack,
            ack=segment.end if segment.syn else segment.seq,
            flags=segment.flags | 0x10,
            window=0,
            payload=b"",
            payload_length=0,
        )
        return [(0, shut)] if segment.length else []

    session, link = started(Answers(answer), profile=patient(retries=2, timeout=600))
    assert session.connect()
    session.send(b"bcdef", quiet=SECOND, deadline=link.now() + 3600 * SECOND)
    assert not session.endpoint.gave_up
    assert 60 < len(link.sent) < 80  # a probe a minute at last


@pytest.mark.parametrize("buffer", [1000, 4096, 65535])
def test_a_megabyte_through_a_window(buffer: int) -> None:
    server = HonestServer(buffer=buffer)
    session, link = started(server, profile=patient())
    sent = pattern(1, 1 << 20)
    assert session.connect()
    session.send(sent, quiet=SECOND)
    assert bytes(server.heard) == sent
    assert session.close()
    most = max(len(entry) for entry in link.sent)
    assert most <= 40 + min(1460, buffer)


def test_a_reader_that_takes_a_little_each_second_is_not_fed_silly_segments() -> None:
    """RFC 9293 section 3.8.6.2.1."""
    server = HonestServer(buffer=4000, appetite=300)
    session, link = started(server, profile=patient(timeout=3600, retries=1000))
    sent = pattern(1, 20_000)
    assert session.connect()
    session.send(sent, quiet=SECOND)
    assert bytes(server.heard) == sent
    assert len(link.sent) < 40


def test_our_window_closes_when_nobody_reads_and_opens_when_somebody_does() -> None:
    server = HonestServer(says=pattern(1, 200_000))
    session, link = started(server, profile=patient(), link=MemoryLink(server))
    assert session.connect()
    session.run(lambda: False, deadline=link.now() + 60 * SECOND)
    assert len(session.endpoint.unread) == 65535
    assert session.client.edge == session.client.rcv_nxt
    assert session.send(b"", quiet=30 * SECOND) == server.says


def test_the_right_edge_never_moves_left() -> None:
    """Nor by what the window's shift rounds off."""
    server = HonestServer(says=pattern(1, 5000), mss=100)
    session, _ = started(server, profile=patient(options="mss 100,nop,wscale 7"))
    assert session.connect()
    session.run(lambda: False, deadline=session.link.now() + 10 * SECOND)
    edges = [entry.step.after.client.edge for entry in session.entries if hasattr(entry, "step")]
    known = [edge for edge in edges if edge is not None]
    assert all(later - earlier >= 0 for earlier, later in pairwise(known))
    assert session.client.edge is not None
    last = session.entries[-1].step  # type: ignore[union-attr]
    assert last.segment.ack + (last.segment.window << session.client.shift) == session.client.edge
