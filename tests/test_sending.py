"""What goes out again and when: holes that are reported, ACKs that repeat, windows that nobody reopened, Nagle."""

from __future__ import annotations

from rawshake.profile import SECOND
from rawshake.sending import FLIGHT, FLIGHT_SEGMENTS, Sending
from rawshake.session import Session
from rawshake.tcp.notation import pattern
from tests.honest import HonestServer
from tests.memory import MILLISECOND, MemoryLink
from tests.playbook import patient, play, started


def test_the_third_repeated_ack_fills_the_hole() -> None:
    """RFC 5681 section 3.2; the next hole is filled by the partial acknowledgment, RFC 6582."""
    play(
        """
        > S 0:0(0)
        < S. 0:0(0) ack 1 <mss 2>
        > . 1:3(2) ack 1
        > . 3:5(2) ack 1 [lost]
        > . 5:7(2) ack 1
        > . 7:9(2) ack 1 [lost]
        > . 9:11(2) ack 1
        > P. 11:13(2) ack 1
        < . 1:1(0) ack 3
        < . 1:1(0) ack 3
        < . 1:1(0) ack 3
        < . 1:1(0) ack 3
        > . 3:5(2) ack 1
        < . 1:1(0) ack 7
        > . 7:9(2) ack 1
        < . 1:1(0) ack 13
        """,
        lambda session: session.connect(b"bcdefghijklm") and session.send(b"", quiet=SECOND // 5),
        drops="data:1,data:3",
        honest=False,  # more than four segments at first: RFC 6928
    )


def test_what_is_selectively_acknowledged_does_not_go_out_again() -> None:
    """RFC 2018, RFC 6675: each hole as soon as three segments have overtaken it, and the last like RFC 6582."""
    play(
        """
        > S 0:0(0) <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 <mss 2,nop,nop,sackOK>
        > . 1:3(2) ack 1
        > . 3:5(2) ack 1 [lost]
        > . 5:7(2) ack 1
        > . 7:9(2) ack 1 [lost]
        > . 9:11(2) ack 1
        > . 11:13(2) ack 1
        > . 13:15(2) ack 1
        > P. 15:17(2) ack 1 [lost]
        < . 1:1(0) ack 3
        < . 1:1(0) ack 3 <nop,nop,sack 5:7>
        < . 1:1(0) ack 3 <nop,nop,sack 9:11 5:7>
        < . 1:1(0) ack 3 <nop,nop,sack 9:13 5:7>
        > . 3:5(2) ack 1
        < . 1:1(0) ack 3 <nop,nop,sack 9:15 5:7>
        > . 7:9(2) ack 1
        < . 1:1(0) ack 7 <nop,nop,sack 9:15>
        < . 1:1(0) ack 15
        > P. 15:17(2) ack 1
        < . 1:1(0) ack 17
        """,
        lambda session: session.connect(b"bcdefghijklmnopq") and session.send(b"", quiet=SECOND // 5),
        profile=patient(options="mss 1460,nop,nop,sackOK"),
        drops="data:1,data:3,data:7",
        honest=False,
    )


def test_after_a_timeout_the_hole_alone_goes_out_again() -> None:
    play(
        """
        > S 0:0(0) <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 <mss 4,nop,nop,sackOK>
        > . 1:5(4) ack 1
        > . 5:9(4) ack 1 [lost]
        > P. 9:13(4) ack 1
        < . 1:1(0) ack 5
        < . 1:1(0) ack 5 <nop,nop,sack 9:13>
        +0.999 > . 5:9(4) ack 1
        < . 1:1(0) ack 13
        """,
        lambda session: session.connect(b"bcdefghijklm") and session.send(b"", quiet=SECOND // 5),
        profile=patient(options="mss 1460,nop,nop,sackOK"),
        drops="data:1",
    )


def test_a_window_that_was_reopened_unheard_is_found_by_a_probe() -> None:
    """What the peer said in a segment that did not reach us does not count (RFC 9293 section 3.8.6.1)."""
    play(
        """
        > S 0:0(0)
        < S. 0:0(0) ack 1 win 0 <mss 1460>
        > . 1:1(0) ack 1
        < . 1:1(0) ack 1 win 1000 [lost]
        +0.999 > . 1:2(1) ack 1
        < . 1:1(0) ack 2 win 1000
        > P. 2:6(4) ack 1
        < . 1:1(0) ack 6 win 1000
        """,
        lambda session: session.connect() and session.send(b"bcdef", quiet=SECOND // 5),
        drops="theirack:1",
    )


def test_one_segment_that_is_not_full_is_under_way_at_most() -> None:
    def act(session: Session) -> None:
        assert session.connect()
        for piece in (b"b", b"cd", b"efg"):
            session.endpoint.send(piece)
            session.pump()
        session.send(b"", quiet=SECOND // 5)

    play(
        """
        > S 0:0(0)
        < S. 0:0(0) ack 1 <mss 1460>
        > . 1:1(0) ack 1
        > P. 1:2(1) ack 1
        < . 1:1(0) ack 2
        > P. 2:7(5) ack 1
        < . 1:1(0) ack 7
        """,
        act,
    )


def test_as_much_is_under_way_as_the_limits_let() -> None:
    """Ten segments at first; once data has been acknowledged, FLIGHT, within the peer's window."""
    most: list[int] = []

    server = HonestServer(buffer=65535)
    session, _ = started(server, profile=patient(), link=MemoryLink(server, delay=20 * MILLISECOND))
    sent = pattern(1, 300_000)
    session.on_step = lambda step: most.append(
        (step.now.nxt or step.segment.seq) - (step.now.una or step.segment.seq)
    )
    assert session.connect(sent)
    session.send(b"", quiet=SECOND)
    assert bytes(server.heard) == sent
    assert 60_000 < max(most) <= 65535 < FLIGHT
    first = next(at for at, under_way in enumerate(most) if under_way > FLIGHT_SEGMENTS * 1460)
    assert max(most[:first]) == FLIGHT_SEGMENTS * 1460


def test_octets_leave_the_queue_once_they_are_acknowledged() -> None:
    sending = Sending(patient())
    sending.add(b"bcd")
    assert sending.queued == 3
    assert not sending.open
