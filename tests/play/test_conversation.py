"""A script from its first segment to its last, and what a driver sees of it."""

from __future__ import annotations

from rawshake.play import (
    Conversation,
    Ending,
    Peer,
    Script,
    close,
    handshake,
    rehearse,
)
from rawshake.play.rehearse import START, place
from rawshake.rules import book
from rawshake.tcp.notation import parse_segment
from rawshake.tcp.segment import Segment
from tests.play.stacks import Honest
from tests.play.transcript import transcript

SECOND = 1_000_000_000


def hello(peer: Peer) -> Script:
    yield peer.send("S 0:0(0) <mss 1460>")
    synack = yield peer.expect("S. 0:0(0) ack 1", within=1.0)
    yield peer.send(". 1:1(0) ack 1")
    yield peer.send("P.", data=b"hello")
    answer = yield peer.expect("R", ". ack 6")
    yield peer.quiet(0.3)
    return synack.segment.mss, answer.which, answer.text


def test_a_script_reads_like_code_that_blocks() -> None:
    played = rehearse(hello, Honest(), rules=book())
    assert played.result.ending is Ending.PLAYED
    assert played.result.value == (1460, 1, ". 1:1(0) ack 6 win 65535")
    assert transcript(played) == [
        "> S 0(0)",
        "< S. 0(0) ack 1",
        "> . 1(0) ack 1",
        "> P. 1(5) ack 1",
        "< . 1(0) ack 6",
        "> R 6(0)",
    ]
    assert played.exchanges[0].findings == ()


def test_times_are_those_of_the_rehearsal() -> None:
    (exchange,) = rehearse(hello, Honest(), delay=7_000_000).exchanges
    times = [(step.time - START) // 1_000_000 for step in exchange.steps]
    assert times == [0, 14, 14, 14, 28, 328]


def test_an_opening_and_a_close_leave_nobody_to_reset() -> None:
    def script(peer: Peer) -> Script:
        yield from handshake(peer)
        fin = yield from close(peer)
        return fin.segment.fin

    played = rehearse(script, Honest(), rules=book())
    assert played.result.value is True
    assert transcript(played)[-1] == "> . 2(0) ack 2"
    assert played.exchanges[0].findings == ()


def test_stopped_it_leaves_the_peer_with_a_reset() -> None:
    def script(peer: Peer) -> Script:
        yield peer.send("S")
        try:
            yield peer.wait(60)
        finally:
            yield peer.send(".")  # what is yielded while it is stopped is lost

    conversation = Conversation(script, place())
    assert conversation.poll(START) is not None
    assert conversation.poll(START) is None
    assert conversation.deadline() == START + 60 * SECOND
    conversation.stop(START + 1)
    done = conversation.done
    last = conversation.poll(START + 1)
    assert last is not None
    assert isinstance(last.what, Segment)
    assert str(last.what.flags) == "R"
    assert conversation.poll(START + 1) is None
    assert (done, conversation.done) == (False, True)
    assert conversation.result is not None
    assert conversation.result.ending is Ending.STOPPED


def test_what_is_for_somebody_else_is_not_taken() -> None:
    def script(peer: Peer) -> Script:
        yield peer.send("S")
        yield peer.wait(1)

    conversation = Conversation(script, place())
    outgoing = conversation.poll(START)
    assert outgoing is not None
    assert isinstance(outgoing.what, Segment)
    sent = outgoing.what
    for text, source, target in (
        ("another host", ("192.0.2.3", 80), (sent.src, sent.sport)),
        ("another port", ("192.0.2.2", 81), (sent.src, sent.sport)),
        ("another connection", ("192.0.2.2", 80), (sent.src, 4)),
    ):
        assert not conversation.took(parse_segment("R =0:0(0)", src=source, dst=target), START), text
    mine = parse_segment("R =0:0(0)", src=("192.0.2.2", 80), dst=(sent.src, sent.sport))
    assert conversation.took(mine, START)
    assert conversation.left(sent, START + 9)
    assert not conversation.left(sent, START + 10)
    (exchange,) = conversation.exchanges()
    assert [step.time for step in exchange.steps] == [START + 9, START]


def typed(peer: Peer) -> Script:
    segment: Segment = yield from peer.send("S")
    yield from peer.expect("S.")
    return segment.length


def test_yield_from_does_the_same() -> None:
    assert rehearse(typed, Honest()).result.value == 1
