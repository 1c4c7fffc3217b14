"""The session around an endpoint: copies, firewalls, ICMP errors, drops, deviations, and what is done first."""

from __future__ import annotations

import pytest

from rawshake.copies import COPY_WAIT
from rawshake.endpoint import Want
from rawshake.profile import SECOND, Deviation, Profile
from rawshake.report import Judged, Outcome, Remark
from rawshake.session import Session
from rawshake.tcp.notation import CLIENT_ISN, SERVER_ISN, parse_segment
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq
from tests.memory import MILLISECOND, Answers, MemoryLink, Peer, icmp, packed, silence
from tests.playbook import (
    CLIENT,
    HANDSHAKE,
    SERVER,
    Script,
    connect,
    connect_in_vain,
    patient,
    play,
    started,
    transcript,
)

FIN = """
    > F. 1:1(0) ack 1
    < F. 1:1(0) ack 2
    > . 2:2(0) ack 2
"""


def connect_and_close(session: Session) -> None:
    assert session.connect()
    assert session.close()


def connect_and_send(session: Session) -> None:
    assert session.connect()
    session.send(b"bcd", quiet=SECOND)


def theirs(text: str) -> bytes:
    segment = parse_segment(text, src=SERVER, dst=CLIENT, isn=Seq(SERVER_ISN), peer_isn=Seq(CLIENT_ISN))
    return packed(segment)


def test_every_answer_leaves_before_anything_is_judged_or_drawn() -> None:
    drawn: list[int] = []

    class Watched(MemoryLink):
        def send(self, segment: Segment, **given: object) -> bytes:
            drawn.append(len(session.entries))
            return MemoryLink.send(self, segment)

    session, _ = started(Script(HANDSHAKE + FIN), link=Watched(Script(HANDSHAKE + FIN)))
    connect_and_close(session)
    session.settle()
    # SYN, third ACK, then FIN and last ACK: what connect leaves behind is judged when it returns.
    assert (drawn, len(session.entries)) == ([0, 0, 2, 2], 6)


def test_a_slow_answer_does_not_keep_what_has_passed_from_being_drawn() -> None:
    seen: list[int] = []

    def answer(segment: Segment, now: int) -> list[tuple[int, bytes]]:
        return [(SECOND // 2, theirs("S. 0:0(0) ack 1"))] if segment.syn else []

    session, link = started(Answers(answer))
    session.on_entry = lambda entry: seen.append(
        link.now() - entry.step.time if isinstance(entry, Judged) else -1
    )
    assert session.connect()
    assert 0 <= seen[0] <= 30 * MILLISECOND


def test_a_late_copy_tells_the_time_of_what_was_sent() -> None:
    session = play(
        HANDSHAKE, connect, profile=patient(), link=lambda peer: MemoryLink(peer, copy_delay=100_000)
    )
    times = [entry.step.time for entry in session.entries if isinstance(entry, Judged)]
    assert [time % MILLISECOND for time in times] == [100_000, 0, 100_000]


def test_the_second_copy_of_loopback_is_no_segment_of_its_own() -> None:
    class Loopback(MemoryLink):
        def send(self, segment: Segment, **given: object) -> bytes:
            packet = MemoryLink.send(self, segment)
            self.inject(packet)
            return packet

    session = play(HANDSHAKE + FIN, connect_and_close, profile=patient(), link=Loopback)
    assert not session.firewalled


def test_a_segment_that_the_local_firewall_eats_is_told() -> None:
    session = play(
        "> S 0:0(0)  # SYN-SENT / SYN-RECEIVED?; never left this machine\n"
        "+1 > S 0:0(0)  # SYN-SENT / SYN-RECEIVED?; never left this machine",
        connect_in_vain,
        profile=patient(retries=1),
        link=lambda peer: MemoryLink(peer, eats=lambda segment: True),
    )
    assert "never left" in session.firewalled


def test_a_copy_that_the_capture_missed_is_no_firewall_where_the_segment_was_acknowledged() -> None:
    class Blind(MemoryLink):
        """Sees nothing that goes out."""

        def inject(self, packet: bytes, after: int = 0, direction: object = None) -> None:
            if packet[12:16] != bytes([192, 0, 2, 1]):
                MemoryLink.inject(self, packet, after)

    session, _ = started(Script(HANDSHAKE), link=Blind(Script(HANDSHAKE)))
    assert session.connect()
    session.run(lambda: False, deadline=session.link.now() + 2 * COPY_WAIT)
    notes = [entry.step.note for entry in session.entries if isinstance(entry, Judged)]
    assert notes == ["", "", "never left this machine"]  # of a bare ACK nothing can be known


def test_an_answer_sent_just_before_the_end_is_not_called_lost() -> None:
    """The banner comes when the time that late copies are given is nearly over; our ACK's copy comes after it."""
    link = MemoryLink(
        Script(HANDSHAKE + "+0.24 < P. 1:6(5) ack 1\n> . 1:1(0) ack 6"), copy_delay=200 * MILLISECOND
    )
    session, _ = started(link.peer, link=link)
    assert session.connect()
    session.settle()
    session.run(lambda: False, deadline=link.now() + SECOND)
    assert not session.firewalled
    assert not any(entry.step.note for entry in session.entries if isinstance(entry, Judged))


def test_what_this_machine_changes_on_the_way_out_is_still_ours() -> None:
    class Clamping(MemoryLink):
        """As a firewall that writes another MSS into each SYN."""

        def inject(self, packet: bytes, after: int = 0, direction: object = None) -> None:
            if packet[12:16] == bytes([192, 0, 2, 1]) and packet[33] & 2:
                packet = packet[:42] + bytes([1, 0]) + packet[44:]
            MemoryLink.inject(self, packet, after)

    session = play(
        """
        > S 0:0(0) <mss 1460>  # SYN-SENT / SYN-RECEIVED?; changed on its way out
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 1
        """,
        connect,
        profile=patient(options="mss 1460"),
        link=Clamping,
    )
    assert not session.firewalled


def test_a_reset_by_our_own_kernel_is_told_from_one_of_ours() -> None:
    session, link = started(Script(HANDSHAKE))
    assert session.connect()
    text = "R. 1:1(0) ack 1"
    reset = parse_segment(text, src=CLIENT, dst=SERVER, isn=Seq(CLIENT_ISN), peer_isn=Seq(SERVER_ISN))
    link.inject(packed(reset))
    session.run(lambda: False, deadline=link.now() + SECOND)
    assert session.firewalled == "this machine sent R. in our name"
    assert transcript(session)[-1].endswith("not by rawshake: this machine's kernel or firewall")


# ICMP.


def erring(kind: int, code: int, *, seconds: float = 0) -> Peer:
    """Answers nothing but an ICMP error to every segment."""
    return Answers(lambda segment, now: [(round(seconds * SECOND), icmp(packed(segment), kind, code))])


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        (3, 1, "host unreachable"),
        (3, 13, "communication administratively prohibited"),
        (11, 0, "time to live exceeded"),
    ],
)
def test_an_icmp_error_ends_an_attempt_to_connect(kind: int, code: int, words: str) -> None:
    session, _ = started(erring(kind, code))
    connect_in_vain(session)
    assert session.unreachable == f"ICMP from 192.0.2.254: {words}"
    session.settle()
    assert transcript(session)[1:] == [f"# {session.unreachable}"]


@pytest.mark.parametrize(("kind", "code"), [(3, 4), (12, 0), (4, 0)])
def test_other_icmp_errors_are_shown_and_change_nothing(kind: int, code: int) -> None:
    session, _ = started(erring(kind, code), profile=patient(retries=0))
    connect_in_vain(session)
    assert (session.unreachable, session.endpoint.gave_up) == ("", True)
    session.settle()
    assert transcript(session)[1].startswith("# ICMP from 192.0.2.254: ")


def test_a_forged_icmp_error_is_not_believed() -> None:
    """RFC 5927 section 4.1: it quotes a number that is not in flight."""

    def answer(segment: Segment, now: int) -> list[tuple[int, bytes]]:
        quoted = packed(segment)
        return [(0, icmp(quoted[:24] + bytes(4) + quoted[28:], 3, 1))]

    session, _ = started(Answers(answer), profile=patient(12345, retries=0))
    connect_in_vain(session)
    assert session.unreachable == ""


def test_an_icmp_error_about_another_connection_is_not_ours() -> None:
    def answer(segment: Segment, now: int) -> list[tuple[int, bytes]]:
        quoted = packed(segment)
        return [(0, icmp(quoted[:20] + bytes([0, 99]) + quoted[22:], 3, 1))]

    session, _ = started(Answers(answer), profile=patient(retries=0))
    connect_in_vain(session)
    session.settle()
    assert not any(isinstance(entry, Remark) for entry in session.entries)


def test_an_icmp_error_in_an_open_connection_is_to_blame_only_if_nothing_more_comes() -> None:
    def answer(segment: Segment, now: int) -> list[tuple[int, bytes]]:
        if segment.syn:
            return [(0, theirs("S. 0:0(0) ack 1"))]
        return [(0, icmp(packed(segment), 3, 1))] if segment.fin else []

    session, _ = started(Answers(answer), profile=patient(retries=2))
    assert session.connect()
    assert not session.close()
    assert session.unreachable == "ICMP from 192.0.2.254: host unreachable"
    assert len([line for line in transcript(session) if line.partition("> ")[2].startswith("F")]) == 3


# Deviations.


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (Deviation("syn", "window", 0, False), "> S 0:0(0) win 0"),
        (Deviation("syn", "ack", 77, False), "> S 0:0(0) (ack 1379697376)"),
        (Deviation("syn", "checksum", 1, True), "> S 0:0(0) [bad checksum]"),
        (Deviation("ack", "seq", 1, True), "> . 2:2(0) ack 1"),
        (Deviation("ack", "ack", -1, True), "> . 1:1(0) ack 0"),
        (Deviation("ack", "flags", 0, False), "> - 1:1(0) (ack 1)"),
        (Deviation("ack", "checksum", 0, False), "> . 1:1(0) ack 1 [bad checksum]"),
        (Deviation("ack", "window", 9, False), "> . 1:1(0) ack 1 win 9"),
        (Deviation("fin", "seq", 5, True), "> F. 6:6(0) ack 1"),
        (Deviation("fin", "ack", 1, True), "> F. 1:1(0) ack 2"),
        (Deviation("fin", "flags", 0x11 | 8, False), "> FP. 1:1(0) ack 1"),
        (Deviation("fin", "window", -1, True), "> F. 1:1(0) ack 1 win 65534"),
        (Deviation("fin", "checksum", 7, False), "> F. 1:1(0) ack 1 [bad checksum]"),
        (Deviation("lastack", "seq", -1, True), "> . 1:1(0) ack 2"),
        (Deviation("lastack", "ack", 1, True), "> . 2:2(0) ack 3"),
        (Deviation("lastack", "flags", 0x14, False), "> R. 2:2(0) ack 2"),
    ],
)
def test_a_wrong_number_is_sent_where_it_was_asked_for_and_nowhere_else(wrong: Deviation, line: str) -> None:
    at = {"syn": 0, "ack": 2, "fin": 3, "lastack": 5}[wrong.step]
    profile = Profile(isn=Seq(CLIENT_ISN), window=65535, retries=0, deviations=(wrong,))
    session, _ = started(Script(HANDSHAKE + FIN), profile=profile)
    if session.connect():
        session.close()
    session.settle()
    steps = [entry.step for entry in session.entries if isinstance(entry, Judged)]
    assert [step.number for step in steps if step.note] == [at + 1]
    assert steps[at].note == "wrong on purpose"
    mark = " [bad checksum]" * line.endswith("]")
    whole = line if " win " in line else f"{line.removesuffix(mark)} win 65535{mark}"
    assert transcript(session)[at].partition("  #")[0] == whole


def test_data_with_a_wrong_number_goes_out_so_again_and_again() -> None:
    wrong = Profile(
        isn=Seq(CLIENT_ISN), window=65535, retries=1, deviations=(Deviation("data", "seq", 100, True),)
    )
    session = play(
        HANDSHAKE
        + """
        > P. 101:104(3) ack 1 "bcd"
        < . 1:1(0) ack 1
        +0.999 > P. 101:104(3) ack 1 "bcd"
        < . 1:1(0) ack 1
        """,
        connect_and_send,
        profile=wrong,
        honest=False,
    )
    assert session.endpoint.gave_up


# Resets and abort.


@pytest.mark.parametrize(
    ("want", "text"),
    [
        (Want.OPEN, "< R. 1:1(0) ack 1  # CLOSED / CLOSED"),
        (Want.OPEN, "< R 1:1(0)  # CLOSED / CLOSED"),
        (Want.CLOSE, "> F. 1:1(0) ack 1\n< R. 1:1(0) ack 2  # CLOSED / CLOSED"),
        (Want.CLOSE, "> F. 1:1(0) ack 1\n< . 1:1(0) ack 2\n< R. 1:1(0) ack 2  # CLOSED / CLOSED"),
        (
            Want.CLOSE,
            "> F. 1:1(0) ack 1\n< F. 1:1(0) ack 1\n> . 2:2(0) ack 2\n< R. 2:2(0) ack 2  # CLOSED / CLOSED",
        ),
    ],
)
def test_a_reset_in_each_state_ends_it(want: Want, text: str) -> None:
    def act(session: Session) -> None:
        connect(session)
        session.endpoint.want = want
        session.run(lambda: session.over, deadline=session.link.now() + SECOND)
        assert session.was_reset
        assert session.over

    play(HANDSHAKE + text, act, honest=False)


def test_a_reset_beside_the_point_is_challenged() -> None:
    def act(session: Session) -> None:
        connect(session)
        session.run(lambda: False, deadline=session.link.now() + SECOND)
        assert not session.over

    play(HANDSHAKE + "< R 100:100(0)\n> . 1:1(0) ack 1\n< R =5:5(0)", act, honest=False)


def test_an_abort_and_what_comes_after_it() -> None:
    def act(session: Session) -> None:
        connect(session)
        session.abort()
        assert session.over

    play(
        HANDSHAKE
        + """
        > R. 1:1(0) ack 1  # CLOSED / CLOSED?
        < P. 1:6(5) ack 1
        > R 1:1(0)
        """,
        act,
        honest=False,
    )


def test_the_exchange_holds_what_nobody_has_read() -> None:
    session, _ = started(Script(HANDSHAKE + "< P. 1:6(5) ack 1"))
    connect(session)
    session.run(lambda: False, deadline=session.link.now() + SECOND)
    assert session.exchange(Outcome.HELD).data == b"bcdef"
    session.read()
    assert session.exchange(Outcome.HELD).data == b"bcdef"


def test_whoever_cancels_is_heard_within_half_a_second() -> None:
    session, link = started(Answers(silence))
    began = link.now()
    session.cancelled = lambda: link.now() - began > SECOND // 10
    assert not session.connect()
    assert link.now() - began <= SECOND * 6 // 10


def test_whoever_waits_in_vain_for_quiet_may_go_away() -> None:
    session, link = started(Script(HANDSHAKE + "< . 1:1(0) ack 2"))
    assert session.connect()
    gone = link.now() + 2 * SECOND
    session.cancelled = lambda: link.now() >= gone
    session.send(b"b", quiet=3600 * SECOND)
    assert link.now() <= gone + SECOND
