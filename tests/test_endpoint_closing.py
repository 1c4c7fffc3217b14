"""Closing in every order: ours first, theirs first, both at once, in halves, and TIME-WAIT."""

from __future__ import annotations

import pytest

from rawshake.endpoint import Want
from rawshake.profile import SECOND
from rawshake.session import Session
from tests.playbook import HANDSHAKE, patient, play


def connect_and_close(session: Session) -> None:
    assert session.connect()
    assert session.close()


def look_on(session: Session, seconds: int) -> None:
    session.run(lambda: False, deadline=session.link.now() + seconds * SECOND)


def close_and_look_on(session: Session) -> None:
    connect_and_close(session)
    look_on(session, 1)


def look_on_and_close(session: Session) -> None:
    assert session.connect()
    look_on(session, 1)
    assert session.close()


def test_both_ends_after_each_segment_of_our_close() -> None:
    play(
        HANDSHAKE
        + """
        > F. 1:1(0) ack 1  # FIN-WAIT-1 / CLOSE-WAIT?
        < . 1:1(0) ack 2  # FIN-WAIT-2 / CLOSE-WAIT
        < F. 1:1(0) ack 2  # TIME-WAIT / LAST-ACK
        > . 2:2(0) ack 2  # TIME-WAIT / CLOSED?
        """,
        connect_and_close,
    )


@pytest.mark.parametrize("isn", [4294967290, 4294967292, 4294967293, 4294967294, 4294967295])
def test_numbers_wrap_in_data_and_in_fin(isn: int) -> None:
    def act(session: Session) -> None:
        assert session.connect()
        assert session.send(b"bc", quiet=SECOND // 2) == b"bcd"
        assert session.close()

    play(
        HANDSHAKE
        + """
        > P. 1:3(2) ack 1
        < P. 1:4(3) ack 3
        > . 3:3(0) ack 4 win 65532
        +0.5 > F. 3:3(0) ack 4
        < F. 4:4(0) ack 4
        > . 4:4(0) ack 5  # TIME-WAIT / CLOSED?
        """,
        act,
        profile=patient(isn),
        server_isn=isn,
    )


def test_fin_and_ack_in_one_segment() -> None:
    play(
        HANDSHAKE
        + """
        > F. 1:1(0) ack 1
        < F. 1:1(0) ack 2  # TIME-WAIT / LAST-ACK
        > . 2:2(0) ack 2  # TIME-WAIT / CLOSED?
        """,
        connect_and_close,
    )


def test_fin_with_data() -> None:
    session = play(
        HANDSHAKE
        + """
        > F. 1:1(0) ack 1
        < FP. 1:6(5) ack 2  # TIME-WAIT / LAST-ACK
        > . 2:2(0) ack 7 win 65530  # TIME-WAIT / CLOSED?
        """,
        connect_and_close,
    )
    assert bytes(session.data) == b"bcdef"


def test_fin_ahead_of_its_data_counts_once_the_hole_is_filled() -> None:
    session = play(
        HANDSHAKE
        + """
        > F. 1:1(0) ack 1
        < F. 6:6(0) ack 2  # FIN-WAIT-2 / LAST-ACK
        > . 2:2(0) ack 1  # FIN-WAIT-2 / LAST-ACK
        < P. 1:6(5) ack 2  # TIME-WAIT / LAST-ACK
        > . 2:2(0) ack 7 win 65530  # TIME-WAIT / CLOSED?
        """,
        connect_and_close,
    )
    assert bytes(session.data) == b"bcdef"


def test_a_fin_that_overtakes_the_acknowledgment_of_ours() -> None:
    """On two cores the server's FIN, sent after its ACK, may come first."""
    play(
        HANDSHAKE
        + """
        > F. 1:1(0) ack 1
        < F. 1:1(0) ack 2
        > . 2:2(0) ack 2
        < . 1:1(0) ack 2  # TIME-WAIT / CLOSED?
        > . 2:2(0) ack 2
        """,
        close_and_look_on,
    )


def test_data_in_every_state_up_to_their_fin() -> None:
    """A server that goes on sending: before our FIN, before and after its acknowledgment."""
    session = play(
        HANDSHAKE
        + """
        < P. 1:3(2) ack 1  # ESTABLISHED / ESTABLISHED
        > . 1:1(0) ack 3 win 65533
        +0.999 > F. 1:1(0) ack 3 win 65533  # FIN-WAIT-1 / CLOSE-WAIT?
        < P. 3:5(2) ack 1  # FIN-WAIT-1 / CLOSE-WAIT?
        > . 2:2(0) ack 5 win 65533  # FIN-WAIT-1 / CLOSE-WAIT?
        < P. 5:7(2) ack 2  # FIN-WAIT-2 / CLOSE-WAIT
        > . 2:2(0) ack 7 win 65533  # FIN-WAIT-2 / CLOSE-WAIT
        +7 < P. 7:9(2) ack 2
        > . 2:2(0) ack 9 win 65533
        +3 < F. 9:9(0) ack 2
        > . 2:2(0) ack 10  # TIME-WAIT / CLOSED?
        """,
        look_on_and_close,
    )
    assert bytes(session.data) == b"bcdefghi"


def test_a_half_close_reads_for_as_long_as_the_server_sends() -> None:
    session = play(
        HANDSHAKE
        + """
        > F. 1:1(0) ack 1
        < . 1:1(0) ack 2
        +600 < P. 1:11(10) ack 2
        > . 2:2(0) ack 11 win 65525
        +6000 < P. 11:21(10) ack 2
        > . 2:2(0) ack 21 win 65525
        +90000 < F. 21:21(0) ack 2
        > . 2:2(0) ack 22
        """,
        connect_and_close,
    )
    assert len(session.data) == 20


def test_a_close_that_is_not_answered_ends_at_its_deadline() -> None:
    def act(session: Session) -> None:
        assert session.connect()
        assert not session.close(deadline=session.link.now() + 3 * SECOND)
        assert not session.over
        session.abort()

    play(
        HANDSHAKE
        + """
        > F. 1:1(0) ack 1
        < . 1:1(0) ack 2
        +2.999 > R. 2:2(0) ack 1  # CLOSED / CLOSED?
        """,
        act,
    )


def test_a_server_that_closes_first() -> None:
    play(
        HANDSHAKE
        + """
        < F. 1:1(0) ack 1  # CLOSE-WAIT / FIN-WAIT-1
        > . 1:1(0) ack 2  # CLOSE-WAIT / FIN-WAIT-2?
        +0.999 > F. 1:1(0) ack 2  # LAST-ACK / TIME-WAIT?
        < . 2:2(0) ack 2  # CLOSED / TIME-WAIT
        """,
        look_on_and_close,
    )


def test_a_server_that_has_closed_still_takes_data() -> None:
    def act(session: Session) -> None:
        assert session.connect()
        look_on(session, 1)
        session.send(b"bcdef", quiet=SECOND)
        assert session.close()

    play(
        HANDSHAKE
        + """
        < F. 1:1(0) ack 1
        > . 1:1(0) ack 2
        +0.999 > P. 1:6(5) ack 2  # CLOSE-WAIT / FIN-WAIT-2?
        < . 2:2(0) ack 6  # CLOSE-WAIT / FIN-WAIT-2
        > F. 6:6(0) ack 2  # LAST-ACK / TIME-WAIT?
        < . 2:2(0) ack 7  # CLOSED / TIME-WAIT
        """,
        act,
    )


def test_data_and_fin_in_the_first_flight_of_the_server() -> None:
    session = play(
        HANDSHAKE
        + """
        < FP. 1:6(5) ack 1
        > . 1:1(0) ack 7 win 65530
        > F. 1:1(0) ack 7
        < . 7:7(0) ack 2  # CLOSED / TIME-WAIT
        """,
        lambda session: (session.connect(), session.send(b"", quiet=SECOND), session.close()),
    )
    assert bytes(session.data) == b"bcdef"


def test_fins_that_cross_of_themselves() -> None:
    play(
        HANDSHAKE
        + """
        > F. 1:1(0) ack 1  # FIN-WAIT-1 / CLOSE-WAIT?
        < F. 1:1(0) ack 1  # CLOSING / CLOSING?
        > . 2:2(0) ack 2  # CLOSING / TIME-WAIT?
        < . 2:2(0) ack 2  # TIME-WAIT / TIME-WAIT?
        """,
        connect_and_close,
    )


def close_crossing(session: Session) -> None:
    assert session.connect(want=Want.CLOSE_CROSSING)
    assert session.close(crossing=True)


def test_a_simultaneous_close_made_on_purpose() -> None:
    play(
        HANDSHAKE
        + """
        < F. 1:1(0) ack 1  # CLOSE-WAIT? / FIN-WAIT-1; taken as still under way
        > F. 1:1(0) ack 1  # CLOSING? / CLOSING?
        > . 2:2(0) ack 2  # CLOSING / TIME-WAIT?
        < . 2:2(0) ack 2  # TIME-WAIT / TIME-WAIT?
        """,
        close_crossing,
    )


def test_a_simultaneous_close_acknowledges_what_came_before_their_fin() -> None:
    session = play(
        HANDSHAKE
        + """
        < P. 1:4(3) ack 1
        > . 1:1(0) ack 4 win 65532
        < FP. 4:6(2) ack 1  # CLOSE-WAIT? / FIN-WAIT-1; taken as still under way
        > F. 1:1(0) ack 6 win 65533  # CLOSING? / CLOSING?
        > . 2:2(0) ack 7 win 65533  # CLOSING / TIME-WAIT?
        < . 7:7(0) ack 2
        """,
        close_crossing,
    )
    assert bytes(session.data) == b"bcdef"


def test_a_simultaneous_close_with_data_still_to_be_sent() -> None:
    def act(session: Session) -> None:
        assert session.connect(b"bcdefg", want=Want.CLOSE_CROSSING)
        assert session.close(crossing=True)

    play(
        """
        > S 0:0(0)
        < S. 0:0(0) ack 1 win 4 <mss 4>
        > . 1:5(4) ack 1
        < F. 1:1(0) ack 5 win 4  # CLOSE-WAIT? / FIN-WAIT-1; taken as still under way
        > P. 5:7(2) ack 1  # CLOSE-WAIT? / FIN-WAIT-1
        > F. 7:7(0) ack 1  # CLOSING? / CLOSING?
        > . 8:8(0) ack 2  # CLOSING / TIME-WAIT?
        < . 2:2(0) ack 8
        """,
        act,
    )


def test_a_simultaneous_close_of_which_our_fin_is_lost() -> None:
    play(
        HANDSHAKE
        + """
        < F. 1:1(0) ack 1  # CLOSE-WAIT? / FIN-WAIT-1; taken as still under way
        > F. 1:1(0) ack 1 [lost]  # CLOSING? / FIN-WAIT-1
        > . 2:2(0) ack 2  # CLOSING / FIN-WAIT-2?
        +1 > F. 1:1(0) ack 2  # CLOSING / TIME-WAIT?
        < . 2:2(0) ack 2  # TIME-WAIT / TIME-WAIT?
        """,
        close_crossing,
        drops="fin:1",
    )


def test_a_lost_fin_is_sent_again() -> None:
    play(
        HANDSHAKE
        + """
        > F. 1:1(0) ack 1 [lost]  # FIN-WAIT-1 / ESTABLISHED?
        +1 > F. 1:1(0) ack 1  # FIN-WAIT-1 / CLOSE-WAIT?
        < F. 1:1(0) ack 2
        > . 2:2(0) ack 2
        """,
        connect_and_close,
        drops="fin:1",
    )


def test_a_lost_last_ack_is_sent_again_when_their_fin_comes_again() -> None:
    def act(session: Session) -> None:
        connect_and_close(session)
        session.linger(SECOND)

    play(
        HANDSHAKE
        + """
        > F. 1:1(0) ack 1
        < F. 1:1(0) ack 2
        > . 2:2(0) ack 2 [lost]  # TIME-WAIT / LAST-ACK
        +0.2 < F. 1:1(0) ack 2  # TIME-WAIT / LAST-ACK
        > . 2:2(0) ack 2  # TIME-WAIT / CLOSED?
        """,
        act,
        drops="lastack:1",
    )


@pytest.mark.parametrize("linger", [0, 1, 240])
def test_time_wait_is_held_for_as_long_as_asked(linger: int) -> None:
    def act(session: Session) -> None:
        connect_and_close(session)
        began = session.link.now()
        session.linger(linger * SECOND)
        assert session.link.now() - began == linger * SECOND

    play(HANDSHAKE + "> F. 1:1(0) ack 1\n< F. 1:1(0) ack 2\n> . 2:2(0) ack 2", act)


def test_their_fin_again_and_again_in_time_wait() -> None:
    def act(session: Session) -> None:
        connect_and_close(session)
        session.linger(10 * SECOND)

    again = "+0.2 < F. 1:1(0) ack 2\n> . 2:2(0) ack 2  # TIME-WAIT / CLOSED?\n"
    play(HANDSHAKE + "> F. 1:1(0) ack 1\n< F. 1:1(0) ack 2\n> . 2:2(0) ack 2\n" + 15 * again, act)


def test_what_comes_after_their_fin_is_not_read() -> None:
    session = play(
        HANDSHAKE
        + """
        < FP. 1:4(3) ack 1
        > . 1:1(0) ack 5 win 65532
        < P. 5:8(3) ack 1
        > . 1:1(0) ack 5 win 65532
        +0.998 > F. 1:1(0) ack 5 win 65532
        < . 5:5(0) ack 2
        """,
        look_on_and_close,
        honest=False,
    )
    assert bytes(session.data) == b"bcd"
