"""What we acknowledge and when, how our window moves, and which blocks we report."""

from __future__ import annotations

from dataclasses import replace

from rawshake.profile import SECOND, Profile
from rawshake.session import Session
from rawshake.tcp.notation import pattern
from tests.honest import HonestServer
from tests.memory import MILLISECOND
from tests.playbook import HANDSHAKE, connect_and_look_on, patient, play, started


def lazy(profile: Profile) -> Profile:
    """One that delays its acknowledgments by 200 ms."""
    return replace(profile, delayed_ack=200 * MILLISECOND)


def test_a_single_segment_is_acknowledged_late_and_a_second_at_once() -> None:
    play(
        HANDSHAKE
        + """
        < P. 1:4(3) ack 1
        +0.2 > . 1:1(0) ack 4 win 65532
        < P. 4:7(3) ack 1
        < P. 7:10(3) ack 1
        > . 1:1(0) ack 10 win 65526
        """,
        connect_and_look_on,
        profile=lazy(patient()),
    )


def test_a_gap_and_what_fills_it_are_acknowledged_at_once() -> None:
    """RFC 5681 section 4.2."""
    play(
        HANDSHAKE
        + """
        < P. 4:7(3) ack 1
        > . 1:1(0) ack 1
        < P. 1:4(3) ack 1
        > . 1:1(0) ack 7 win 65529
        """,
        connect_and_look_on,
        profile=lazy(patient()),
    )


def test_a_fin_is_acknowledged_at_once() -> None:
    play(
        HANDSHAKE
        + """
        < F. 1:1(0) ack 1
        > . 1:1(0) ack 2
        """,
        connect_and_look_on,
        profile=lazy(patient()),
    )


def test_data_carries_the_acknowledgment_that_waits() -> None:
    def act(session: Session) -> None:
        assert session.connect()
        session.run(lambda: False, deadline=session.link.now() + 50 * MILLISECOND)
        session.send(b"bcd", quiet=SECOND)

    play(
        HANDSHAKE
        + """
        < P. 1:4(3) ack 1
        > P. 1:4(3) ack 4
        < . 4:4(0) ack 4
        """,
        act,
        profile=lazy(patient()),
    )


def test_each_segment_above_a_gap_is_acknowledged_by_itself_the_newest_block_first() -> None:
    play(
        """
        > S 0:0(0) <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1
        < P. 4:7(3) ack 1
        > . 1:1(0) ack 1 <nop,nop,sack 4:7>
        < P. 10:13(3) ack 1
        > . 1:1(0) ack 1 <nop,nop,sack 10:13 4:7>
        < P. 16:19(3) ack 1
        > . 1:1(0) ack 1 <nop,nop,sack 16:19 10:13 4:7>
        < P. 7:10(3) ack 1
        > . 1:1(0) ack 1 <nop,nop,sack 4:13 16:19>
        < P. 1:4(3) ack 1
        > . 1:1(0) ack 13 win 65523 <nop,nop,sack 16:19>
        """,
        connect_and_look_on,
        profile=patient(options="mss 1460,nop,nop,sackOK"),
    )


def test_the_right_edge_stands_still_until_it_can_move_by_a_segment() -> None:
    """RFC 9293 section 3.8.6.2.2: whoever reads octet by octet opens nothing octet by octet."""
    server = HonestServer(says=pattern(1, 40_000))
    session, link = started(server, profile=replace(patient(options="mss 1460"), window=4000))
    assert session.connect()
    heard = bytearray()
    while len(heard) < len(server.says):
        session.run(lambda: False, deadline=link.now() + 10 * MILLISECOND)
        heard += session.endpoint.read(100)
    assert bytes(heard) == server.says
    edges = {entry.step.after.client.edge for entry in session.entries if hasattr(entry, "step")}
    assert len(edges) < 40


def test_what_waits_above_a_gap_is_bounded_by_the_window() -> None:
    """What begins beyond it is refused."""
    play(
        """
        > S 0:0(0) win 10
        < S. 0:0(0) ack 1 <mss 1460>
        > . 1:1(0) ack 1 win 10
        < P. 4:9(5) ack 1
        > . 1:1(0) ack 1 win 10
        < P. 11:14(3) ack 1
        > . 1:1(0) ack 1 win 10
        < P. 1:4(3) ack 1
        > . 1:1(0) ack 9 win 2
        """,
        connect_and_look_on,
        profile=replace(patient(), window=10),
        honest=False,
    )
