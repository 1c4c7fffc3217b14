"""What a script holds: numbers, segments that no segment can be, further connections, ICMP, a peer that dials."""

from __future__ import annotations

from collections.abc import Iterable

from rawshake.play import (
    Ending,
    IcmpArrival,
    Peer,
    Script,
    handshake,
    rehearse,
)
from rawshake.play.rehearse import START, Reply
from rawshake.report import Judged
from rawshake.tcp.notation import parse_segment
from rawshake.tcp.segment import Segment
from rawshake.tcp.state import State
from tests.honest import HonestServer
from tests.play.stacks import ISN, Answers, Honest, says
from tests.play.transcript import mismatch, transcript

SECOND = 1_000_000_000


def test_numbers_that_are_computed() -> None:
    def script(peer: Peer) -> Script:
        assert (peer.our.nxt, peer.our.isn) == (0, peer.isn)
        yield from handshake(peer)
        assert peer.their.state is State.ESTABLISHED
        yield peer.send("P.", data=b"abc")
        yield peer.send(f". {peer.our.nxt + 1_000}:", data=b"beyond a gap")
        yield peer.send(f". {peer.our.nxt + 100_000}:", data=b"beyond the window")
        yield peer.send("P. [bad checksum]", data=b"damaged")
        yield peer.expect(". ack 4")
        ours, theirs = peer.our, peer.their
        assert (ours.nxt, ours.una, ours.rcv_nxt, theirs.nxt, theirs.acked) == (4, 4, 1, 1, 4)
        assert (ours.top, theirs.top, theirs.window) == (1_016, 1, 65535)
        return peer.sent_at

    played = rehearse(script, Honest())
    assert played.result.value == START + 1_000_000 + 6 * 1_000, played.result


def test_timestamps_go_on_by_themselves_once_both_have_them() -> None:
    def stamped(segment: Segment) -> Iterable[Reply]:
        return says("S. 0:0(0) ack 1 <TS val 77 ecr 5>", to=segment) if segment.syn else ()

    def script(peer: Peer) -> Script:
        yield peer.send("S <TS val 5 ecr 0>")
        yield peer.expect("S.")
        with_them = yield peer.send(".")
        without = yield peer.send(". <>")
        return with_them.timestamps, without.options

    value = rehearse(script, Answers(stamped)).result.value
    assert value == ((6, 77), ())


def test_a_segment_in_fragments_is_followed_but_not_awaited_in_the_capture() -> None:
    def script(peer: Peer) -> Script:
        yield from handshake(peer)
        yield peer.send("P.", data=b"abc", fragment=16)
        yield peer.expect(". ack 4")
        yield peer.send("P.", data=b"def", fragment=12)

    played = rehearse(script, Honest())
    mistake = played.result.mistake
    assert mistake is not None
    assert "An IP fragment holds a multiple of 8 octets, not 12." in mistake.problem
    notes = [one.step.note for one in played.exchanges[0].entries if isinstance(one, Judged)]
    assert notes[:5] == ["", "", "", "in IP fragments of 16 octets", ""]


def test_segments_that_no_segment_can_be() -> None:
    seen: list[Segment] = []

    def note(segment: Segment) -> Iterable[Reply]:
        seen.append(segment)
        return ()

    def script(peer: Peer) -> Script:
        yield peer.send("S", offset=4)
        yield peer.send("S", cut=9)
        yield peer.send("S", checksum=0)
        yield peer.send("S", src="224.0.0.1")
        yield peer.send("S <raw 0205ff>", options=b"\x03\x00")
        yield peer.wait(0.1)

    played = rehearse(script, Answers(note))
    assert [one.defects for one in seen[:3]] == [("data offset 4",), ("cut to 9 octets",), ()]
    assert seen[2].checksum.value == "wrong"
    assert seen[3].src == "224.0.0.1"
    assert b"".join(one.wire for one in seen[4].options) == b"\x03\x00\x00\x00"
    assert [line for line in transcript(played) if line.startswith("#")] == [
        "# sent S 0:0(0) win 65535, data offset 4",
        "# sent S 0:0(0) win 65535, cut to 9 octets",
        "# sent S 0:0(0) win 65535, from 224.0.0.1 to 192.0.2.2",
    ]


def test_several_connections_each_with_its_own_inbox() -> None:
    servers: dict[int, Honest] = {}

    def answer(segment: Segment) -> Iterable[Reply]:
        server = servers.setdefault(segment.sport, Honest(HonestServer(isn=segment.sport)))
        return server.took(segment, START)

    def script(peer: Peer) -> Script:
        other, third = peer.another(), peer.another(81)
        for one in (peer, other, third):
            yield one.send("S")
        isns = []
        for one in (third, other, peer):
            synack = yield one.expect("S. 0: ack 1", strict=True)
            isns.append(int(synack.segment.seq))
        yield peer.quiet(0.1)
        return isns, third.there[1]

    played = rehearse(script, Answers(answer))
    assert played.result.value == ([40002, 40001, 40000], 81)
    assert len({exchange.client for exchange in played.exchanges}) == 3
    assert len({exchange.steps[0].segment.seq for exchange in played.exchanges}) == 3
    assert all(transcript(played, which)[-1] == "> R 1(0)" for which in range(3))


def test_the_same_ports_once_more() -> None:
    def script(peer: Peer) -> Script:
        yield peer.send("S")
        yield peer.expect("S. 0: ack 1")
        yield peer.send("R 1:")
        yield peer.wait(0.1)
        peer.restart(5)
        yield peer.send("S")
        yield peer.expect("S. 0: ack 1")
        return int(peer.our.isn or 0)

    stack = Answers(lambda segment: says("S. 0:0(0) ack 1", to=segment) if segment.syn else ())
    played = rehearse(script, stack)
    assert played.result.value == 5
    assert len(played.exchanges) == 1


def test_icmp_both_ways() -> None:
    told: list[str] = []

    def note(error: object) -> Iterable[Reply]:
        told.append(getattr(error, "description", ""))
        return ()

    stack = Answers(lambda segment: says("S. 0:0(0) ack 1", to=segment) if segment.syn else (), note)

    def script(peer: Peer) -> Script:
        yield peer.send("S")
        synack = yield peer.expect("S.")
        yield peer.send_icmp(synack.segment, type=3, code=4, mtu=576)
        yield peer.quiet(0.1)
        yield peer.expect_icmp("host unreachable", within=0.3)

    found = mismatch(rehearse(script, stack))
    assert told == ["fragmentation needed"]
    assert found.sentence == "expected ICMP: host unreachable within 0.3 s; nothing came"


def test_an_icmp_error_that_comes() -> None:
    from rawshake.tcp.icmp import IcmpError

    def unreachable(segment: Segment) -> Iterable[Reply]:
        yield (
            0,
            IcmpError(
                src="192.0.2.254",
                dst=segment.src,
                type=3,
                code=1,
                v6=False,
                quoted_src=segment.src,
                quoted_dst=segment.dst,
                quoted_sport=segment.sport,
                quoted_dport=segment.dport,
            ),
        )

    def script(peer: Peer) -> Script:
        yield peer.send("S")
        arrival: IcmpArrival = yield from peer.expect_icmp("host unreachable")
        yield peer.send("S")
        yield peer.quiet(0.1)
        return arrival

    found = mismatch(rehearse(script, Answers(unreachable)))
    assert found.sentence == "expected nothing within 0.1 s; ICMP from 192.0.2.254: host unreachable came"


def test_a_peer_that_dials() -> None:
    class Dialler(Answers):
        def deadline(self) -> int | None:
            return None if sent else START + SECOND

        def woke(self, now: int) -> Iterable[Reply]:
            sent.append(now)
            here, there = ("192.0.2.2", 5000), ("192.0.2.1", 40000)
            yield 0, parse_segment("S 0:0(0)", src=here, dst=there, isn=ISN)

    sent: list[int] = []

    def script(peer: Peer) -> Script:
        yield peer.expect("S 0:0(0)", within=2)
        yield peer.send("S.")
        yield peer.quiet(0.1)

    played = rehearse(script, Dialler(lambda segment: ()), port=0)
    assert played.result.ending is Ending.PLAYED
    assert played.exchanges[0].client == ("192.0.2.2", 5000)
    # It is left with a reset that it believes in SYN-SENT, or in ESTABLISHED.
    assert transcript(played) == ["< S 0(0)", "> S. 0(0) ack 1", "> R 1(0)"]
