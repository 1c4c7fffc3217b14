"""Either end of a connection: one that dials and one that listens, both of them rawshake's, and both honest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rawshake.conversation import Conversation
from rawshake.endpoint import Want
from rawshake.impair import Harm, Impairments, parse
from rawshake.profile import SECOND, Profile
from rawshake.report import Exchange, Outcome
from rawshake.rules import book
from rawshake.rules.model import Verdict
from rawshake.session import Session
from rawshake.tcp.notation import CLIENT_ISN, SERVER_ISN, parse_options
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End
from tests.memory import MemoryLink
from tests.ours import Ours, Outbox
from tests.playbook import CLIENT, SERVER, patient, transcript

EVERYTHING = "<mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>"


def listening(
    serve: Callable[[Conversation], None] = lambda conversation: None,
    *,
    profile: Profile | None = None,
    want: Want = Want.OPEN,
    drops: str = "",
    crossing: bool = False,
    deaf_to_fin: bool = False,
) -> Ours:
    """The server's end of a connection that nobody has dialled yet."""
    end = Conversation(
        Outbox(),
        Tracker(CLIENT, SERVER),
        profile or patient(SERVER_ISN),
        book(),
        Impairments(parse(Harm.DROP, drops) if drops else ()),
        ours=End.SERVER,
        crossing=crossing,
        deaf_to_fin=deaf_to_fin,
    )
    end.endpoint.want = want
    return Ours(end, serve)


def dialling(server: Ours, *, profile: Profile | None = None, drops: str = "") -> Session:
    profile = profile or patient()
    return Session(
        MemoryLink(server),
        Tracker(CLIENT, SERVER),
        profile,
        book(),
        Impairments(parse(Harm.DROP, drops) if drops else ()),
    )


def echo(end: Conversation) -> None:
    end.endpoint.send(end.read())
    fin = end.peer.fin
    if fin is not None and end.me.rcv_nxt is not None and end.me.rcv_nxt > fin:
        end.endpoint.want = Want.CLOSE


def both(session: Session, server: Ours) -> tuple[Exchange, Exchange]:
    """What each end made of it, which is nothing to complain of, about either."""
    server.conversation.judge(rest=True)
    found = session.exchange(Outcome.CLOSED), server.conversation.transcript(Outcome.CLOSED)
    for exchange in found:
        broken = [one.sentence for one in exchange.findings if one.verdict is not Verdict.NOTE]
        assert broken == [], transcript(session)
    return found


@pytest.mark.parametrize("ours", ["", EVERYTHING, "<mss 536>"])
@pytest.mark.parametrize("theirs", ["", EVERYTHING, "<mss 1460,nop,wscale 2>"])
@pytest.mark.parametrize("ecn", [False, True])
def test_one_that_dials_and_one_that_listens(ours: str, theirs: str, ecn: bool) -> None:
    server = listening(echo, profile=replace(patient(SERVER_ISN, options=theirs), ecn=ecn))
    session = dialling(server, profile=replace(patient(options=ours), ecn=ecn))
    text = bytes(range(256)) * 200
    assert session.connect()
    assert session.send(text, quiet=SECOND) == text
    assert session.close()
    session.linger(SECOND)
    mine, other = both(session, server)
    assert (session.client.expected, session.server.expected) == (State.TIME_WAIT, State.CLOSED)
    assert server.conversation.me.expected is State.CLOSED
    assert server.conversation.data == text
    assert sorted(int(one.segment.seq) for one in mine.steps) == sorted(
        int(one.segment.seq) for one in other.steps
    )
    # What is not offered is not answered.
    (synack,) = [one.segment for one in other.steps if one.segment.syn and one.segment.has_ack]
    offered = {one.kind for one in parse_options(ours)}
    assert {one.kind for one in synack.options} - {1, 2} == {
        one.kind for one in parse_options(theirs) if one.kind in offered
    } - {1, 2}
    assert str(synack.flags) == ("S.E" if ecn else "S.")


@pytest.mark.parametrize("lost", ["syn:1", "synack:1", "synack:2", "ack:1"])
def test_a_handshake_survives_loss_on_either_side(lost: str) -> None:
    name, _, which = lost.partition(":")
    at_server = f"synack:1,synack:{which}" if name == "synack" else ""
    server = listening(echo, drops=at_server)
    session = dialling(server, drops=f"{name}:{which}" if name != "synack" else "")
    assert session.connect(b"hello")
    assert session.send(b"", quiet=5 * SECOND) == b"hello"
    assert session.close()
    both(session, server)


def test_a_syn_ack_that_nobody_answers_is_sent_again_and_given_up() -> None:
    server = listening(profile=patient(SERVER_ISN, retries=2, timeout=100))
    session = dialling(server, drops="synack:100%", profile=patient(retries=0))
    assert not session.connect()
    session.run(lambda: False, deadline=session.link.now() + 20 * SECOND)
    sent = [one for one in server.conversation.transcript(Outcome.OPEN).steps if one.ours]
    assert [(one.time - sent[0].time) // SECOND for one in sent] == [0, 1, 3]
    assert server.conversation.endpoint.gave_up
    assert server.conversation.ended


def test_a_refusal_is_what_a_closed_port_says() -> None:
    server = listening(want=Want.REFUSE)
    session = dialling(server)
    assert not session.connect()
    assert session.refused
    assert [str(one.segment.flags) for one in session.exchange(Outcome.REFUSED).steps] == ["S", "R."]
    assert server.conversation.ended
    both(session, server)


def test_a_server_that_wants_nothing_yet_does_not_answer() -> None:
    server = listening(want=Want.LISTEN)
    session = dialling(server, profile=patient(retries=1))
    assert not session.connect()
    assert session.endpoint.gave_up
    assert not any(one.ours for one in server.conversation.transcript(Outcome.OPEN).steps)


def test_a_reset_of_a_half_open_connection_ends_it() -> None:
    server = listening()
    session = dialling(server, drops="synack:1")
    session.endpoint.want = Want.OPEN
    session.run(lambda: session.server.iss is not None, deadline=session.link.now() + SECOND)
    session.abort()
    assert server.conversation.was_reset
    assert server.conversation.me.expected is State.LISTEN


def test_the_server_closes_first() -> None:
    def serve(end: Conversation) -> None:
        if end.established:
            end.endpoint.want = Want.CLOSE

    server = listening(serve)
    session = dialling(server)
    assert session.connect()
    session.run(lambda: session.server.fin is not None)
    assert session.close()
    both(session, server)
    assert session.client.expected is State.CLOSED
    assert server.conversation.me.expected is State.TIME_WAIT
    assert server.conversation.closed


def test_a_fin_that_is_never_acknowledged_comes_again() -> None:
    server = listening(deaf_to_fin=True)
    session = dialling(server)
    assert session.connect()
    assert not session.close(deadline=session.link.now() + 8 * SECOND)
    assert session.client.expected is State.FIN_WAIT_1
    steps = server.conversation.transcript(Outcome.OPEN).steps
    assert [str(one.segment.flags) for one in steps] == ["S", "S.", ".", "F.", "F.", "F.", "F."]


def test_a_split_handshake() -> None:
    """RFC 9293 figure 7, where it is the server that opens as if both had dialled."""
    server = listening(echo, crossing=True)
    session = dialling(server)
    assert session.connect()
    assert session.send(b"hello", quiet=SECOND) == b"hello"
    assert session.close()
    steps = both(session, server)[0].steps
    assert [str(one.segment.flags) for one in steps[:3]] == ["S", "S", "S."]


@pytest.mark.parametrize("isn", [0, CLIENT_ISN])
def test_both_dial(isn: int) -> None:
    """The one that waits for the other's SYN sends its own as if both had crossed."""
    other = Conversation(
        Outbox(), Tracker(SERVER, CLIENT), patient(SERVER_ISN), book(), ours=End.CLIENT, crossing=True
    )
    other.endpoint.want = Want.OPEN

    def serve(end: Conversation) -> None:
        end.endpoint.want = Want.OPEN if end.called or end.me.iss is not None else Want.LISTEN
        if end.peer.fin is not None:
            end.endpoint.want = Want.CLOSE

    peer = Ours(other, serve)
    session = dialling(peer, profile=replace(patient(), isn=Seq(isn)))
    assert session.connect()
    assert session.close()
    steps = both(session, peer)[0].steps
    assert [str(one.segment.flags) for one in steps[:3]] == ["S", "S", "S."]
    assert other.established or other.closed
