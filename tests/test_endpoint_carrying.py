"""What rides along with opening: data on its segments, banners, options."""

from __future__ import annotations

import pytest

from rawshake.profile import SECOND, Profile
from rawshake.report import Outcome
from rawshake.session import Session
from rawshake.tcp.notation import CLIENT_ISN, pattern
from rawshake.tcp.seq import Seq
from tests.playbook import HANDSHAKE, connect, connect_and_look_on, patient, play


def test_data_rides_on_the_third_ack() -> None:
    play(
        """
        > S 0:0(0)
        < S. 0:0(0) ack 1
        > P. 1:6(5) ack 1  # ESTABLISHED / ESTABLISHED?
        """,
        lambda session: session.connect(b"bcdef"),
    )


def test_more_data_than_a_segment_holds_begins_on_the_third_ack() -> None:
    play(
        """
        > S 0:0(0)
        < S. 0:0(0) ack 1 <mss 4>
        > . 1:5(4) ack 1
        > . 5:9(4) ack 1
        > P. 9:11(2) ack 1
        """,
        lambda session: session.connect(b"bcdefghijk"),
    )


def test_data_on_the_syn_ack_is_taken_and_acknowledged() -> None:
    session = play(
        """
        > S 0:0(0)
        < S. 0:5(5) ack 1  # ESTABLISHED? / SYN-RECEIVED
        > . 1:1(0) ack 6 win 65530  # ESTABLISHED / ESTABLISHED?
        """,
        connect,
    )
    assert session.read() == b"bcdef"


@pytest.mark.parametrize("banner", ["< P. 1:6(5) ack 1", "+1 < P. 1:6(5) ack 1"])
def test_a_banner_is_acknowledged_and_kept(banner: str) -> None:
    session = play(
        HANDSHAKE
        + f"""
        {banner}  # ESTABLISHED / ESTABLISHED
        > . 1:1(0) ack 6 win 65530  # ESTABLISHED / ESTABLISHED
        """,
        connect_and_look_on,
    )
    assert session.exchange(Outcome.HELD).data == b"bcdef"
    assert session.read() == b"bcdef"


def test_a_banner_that_overtakes_the_syn_ack_comes_again() -> None:
    play(
        """
        > S 0:0(0)
        < P. 1:6(5) ack 1  # SYN-SENT / SYN-RECEIVED?
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 1
        +0.2 < P. 1:6(5) ack 1
        > . 1:1(0) ack 6 win 65530
        """,
        connect_and_look_on,
        honest=False,  # a note says that it may belong to a connection of old
    )


def test_options_of_the_syn_are_as_asked_and_those_of_the_rest_as_agreed() -> None:
    """The clock of the timestamps goes on from what the SYN said (RFC 7323 section 4.1)."""

    def act(session: Session) -> None:
        assert session.connect()
        session.send(b"bcdef", quiet=SECOND // 2)

    play(
        """
        > S 0:0(0) <mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 7>
        < S. 0:0(0) ack 1 win 2000 <mss 1460,sackOK,TS val 100 ecr 7,nop,wscale 2>
        > . 1:1(0) ack 1 win 511 <nop,nop,TS val 8 ecr 100>
        > P. 1:6(5) ack 1 win 511 <nop,nop,TS val 8 ecr 100>
        < . 1:1(0) ack 6 win 500 <nop,nop,TS val 101 ecr 8>
        < . 4:7(3) ack 6 win 500 <nop,nop,TS val 103 ecr 8>
        > . 6:6(0) ack 1 win 511 <nop,nop,TS val 10 ecr 101,nop,nop,sack 4:7>
        < . 1:4(3) ack 6 win 500 <nop,nop,TS val 102 ecr 8>
        > . 6:6(0) ack 7 win 511 <nop,nop,TS val 11 ecr 102>
        """,
        act,
        profile=patient(options="mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 7"),
    )


def test_what_the_server_does_not_offer_is_not_used() -> None:
    play(
        """
        > S 0:0(0) <mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 7>
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 1
        < . 4:7(3) ack 1
        > . 1:1(0) ack 1
        """,
        connect_and_look_on,
        profile=patient(options="mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 7"),
    )


def test_ecn_is_asked_for_in_the_syn_alone() -> None:
    play(
        """
        > SEW 0:0(0)
        < SE. 0:0(0) ack 1
        > . 1:1(0) ack 1
        < P. 1:6(5) ack 1 [ecn 3]
        > E. 1:1(0) ack 6 win 65530
        < PW. 6:8(2) ack 1
        > . 1:1(0) ack 8 win 65528
        """,
        connect_and_look_on,
        profile=Profile(isn=Seq(CLIENT_ISN), window=65535, ecn=True),
    )


def test_selective_acknowledgments_go_where_the_data_leaves_room() -> None:
    """RFC 6691 section 2: a full segment with options would be longer than the path takes, and refused."""

    def act(session: Session) -> None:
        assert session.connect()
        session.run(lambda: len(session.entries) == 5)
        session.send(pattern(1, 24), quiet=SECOND // 5)

    play(
        """
        > S 0:0(0) <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 <mss 20,nop,nop,sackOK>
        > . 1:1(0) ack 1
        < P. 4:7(3) ack 1
        > . 1:1(0) ack 1 <nop,nop,sack 4:7>
        +0.5 > . 1:21(20) ack 1
        > P. 21:25(4) ack 1 <nop,nop,sack 4:7>
        < . 7:7(0) ack 25
        """,
        act,
        profile=patient(options="mss 1460,nop,nop,sackOK"),
    )
