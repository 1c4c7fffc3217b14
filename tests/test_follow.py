"""Connections of a capture told apart: by ports, by ISN, by what is said to a SYN; bounded, summed up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rawshake.connection import Connection, Ended, Opened
from rawshake.follow import Follower, Limits, Totals
from rawshake.link import Frame
from rawshake.rules import book
from rawshake.tcp.notation import parse_exchange
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import End
from tests.memory import MILLISECOND, icmp, packed

WHOLE = """
    > S 0:0(0) win 65535 <mss 1460>
    < S. 0:0(0) ack 1 win 65535 <mss 1460>
    > . 1:1(0) ack 1 win 65535
    > P. 1:11(10) ack 1 win 65535
    < . 1:1(0) ack 11 win 65535
    > F. 11:11(0) ack 1 win 65535
    < F. 1:1(0) ack 12 win 65535
    > . 12:12(0) ack 2 win 65535
"""


def segments(
    text: str, *, client: int = 1000, server: int = 9000, sport: int = 40000
) -> list[tuple[int, Segment]]:
    lines = parse_exchange(text, client_isn=client, server_isn=server)
    moved = []
    for line in lines:
        segment = line.segment
        ends = {"sport": sport} if line.from_client else {"dport": sport}
        moved.append((line.time, replace(segment, **ends)))  # type: ignore[arg-type]
    return moved


def frames(timed: Iterable[tuple[int, Segment]], *, start: int = 0, number: int = 1) -> list[Frame]:
    return [
        Frame(start + time, packed(segment), number=number + count)
        for count, (time, segment) in enumerate(timed)
    ]


def follow(seen: Iterable[Frame], limits: Limits | None = None) -> tuple[list[Connection], Totals]:
    done: list[Connection] = []
    follower = Follower(book(), done.append, limits=limits)
    for frame in seen:
        follower.frame(frame)
    return sorted(follower_done(follower, done), key=lambda one: one.number), follower.totals


def follower_done(follower: Follower, done: list[Connection]) -> list[Connection]:
    follower.finish()
    return done


def test_one_connection_summed_up() -> None:
    (one,), totals = follow(frames(segments(WHOLE)))
    facts = one.facts
    assert (facts.opened, facts.ended, facts.ended_by) == (Opened.COMPLETE, Ended.CLOSED, End.CLIENT)
    assert facts.handshake_complete
    assert (facts.client.isn, facts.server.isn) == (Seq(1000), Seq(9000))
    assert (facts.client.octets, facts.server.octets) == (10, 0)
    assert facts.client.fin_acked
    assert facts.server.fin_acked
    assert (one.first_frame, one.last_frame, facts.segments) == (1, 8, 8)
    assert one.findings == ()
    assert (totals.frames, totals.segments, totals.connections) == (8, 8, 1)


def test_two_interleaved() -> None:
    one, two = segments(WHOLE), segments(WHOLE, sport=40001, client=5)
    mixed = [timed for pair in zip(one, two, strict=True) for timed in pair]
    done, _ = follow(frames(mixed))
    assert [(item.client[1], item.facts.ended) for item in done] == [
        (40000, Ended.CLOSED),
        (40001, Ended.CLOSED),
    ]
    assert [item.findings for item in done] == [(), ()]


def test_a_port_used_again_is_another_connection() -> None:
    again = [
        *frames(segments(WHOLE)),
        *frames(segments(WHOLE, client=80_077, server=80_088), start=10**9, number=9),
    ]
    done, _ = follow(again)
    assert [(item.number, item.facts.client.isn, item.first_frame) for item in done] == [
        (1, Seq(1000), 1),
        (2, Seq(80_077), 9),
    ]
    assert [item.findings for item in done] == [(), ()]


def test_a_challenged_syn_is_not() -> None:
    text = """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > S 5000:5000(0) win 65535
        < . 1:1(0) ack 1 win 65535
        > P. 1:2(1) ack 1 win 65535
    """
    done, _ = follow(frames(segments(text)))
    assert [(item.facts.client.isn, item.facts.segments) for item in done] == [(Seq(1000), 6)]


def test_a_syn_that_is_answered_is_a_new_one_even_where_the_old_was_open() -> None:
    text = """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > S 5000:5000(0) win 65535
        < S. 700:700(0) ack 5001 win 65535
        > . 5001:5001(0) ack 701 win 65535
    """
    done, _ = follow(frames(segments(text)))
    assert [(item.facts.client.isn, item.facts.opened) for item in done] == [
        (Seq(1000), Opened.COMPLETE),
        (Seq(6000), Opened.COMPLETE),
    ]
    assert [item.first_frame for item in done] == [1, 4]


def test_half_open_discovery() -> None:
    """RFC 9293 figure 9: the SYN is challenged, the challenge reset, the SYN sent again and answered."""
    text = """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        +9 > S 5000:5000(0) win 65535
        < . 1:1(0) ack 1 win 65535
        > R 1:1(0) win 0
        +1 > S 5000:5000(0) win 65535
        < S. 700:700(0) ack 5001 win 65535
        > . 5001:5001(0) ack 701 win 65535
    """
    done, _ = follow(frames(segments(text)))
    assert [(item.facts.client.isn, item.facts.ended) for item in done] == [
        (Seq(1000), Ended.RESET),
        (Seq(6000), Ended.OPEN),
    ]


def test_refused_and_tried_again_with_the_same_isn() -> None:
    text = """
        > S 0:0(0) win 65535
        < R. =0:0(0) ack 1 win 0
        +1 > S 0:0(0) win 65535
        < R. =0:0(0) ack 1 win 0
    """
    done, _ = follow(frames(segments(text)))
    assert [(item.facts.opened, item.facts.ended_by, item.facts.segments) for item in done] == [
        (Opened.REFUSED, End.SERVER, 4)
    ]
    assert done[0].facts.retransmissions.syn == 1


def test_what_was_captured_twice_counts_once() -> None:
    doubled = [frame for frame in frames(segments(WHOLE)) for _ in range(2)]
    (one,), totals = follow(doubled)
    assert (one.facts.segments, totals.copies, one.findings) == (8, 8, ())


def test_checksums_that_were_never_right_accuse_nobody() -> None:
    wrong = [
        (time, replace(segment, checksum=Checksum.WRONG) if segment.sport == 40000 else segment)
        for time, segment in segments(WHOLE)
    ]
    (one,), _ = follow(frames(wrong))
    assert one.findings == ()
    assert one.facts.handshake_complete


def test_one_wrong_checksum_among_right_ones_is_named() -> None:
    for at in range(8):
        timed = segments(WHOLE)
        timed[at] = timed[at][0], replace(timed[at][1], checksum=Checksum.WRONG)
        done, _ = follow(frames(timed))
        rules = [found.ruling.rule for item in done for found in item.findings]
        assert "checksum-sent-valid" in rules, at
        assert {
            found.frame for item in done for found in item.findings if "checksum" in found.ruling.rule
        } == {at + 1}


def test_a_flood_stays_within_bounds() -> None:
    syn = segments(WHOLE)[0][1]
    flood = [
        Frame(n * 1000, packed(replace(syn, sport=n % 60000 + 1, seq=syn.seq + n)), number=n)
        for n in range(500)
    ]
    done, totals = follow(flood, Limits(connections=50))
    assert totals.connections == 500
    assert totals.evicted == 450
    assert {item.facts.opened for item in done} == {Opened.NO_ANSWER}
    assert sum(bool(item.remarks) for item in done) == 450


def test_a_long_connection_is_judged_step_by_step_only() -> None:
    handshake, data = segments(WHOLE)[:3], segments(WHOLE)[3]
    many = [(MILLISECOND * n, replace(data[1], seq=data[1].seq + 10 * n)) for n in range(40)]
    (one,), _ = follow(frames([*handshake, *many]), Limits(steps=20))
    assert one.facts.segments == 43
    assert one.exchange is None
    assert "too long" in one.remarks[0]


def test_a_transcript_is_kept_where_it_is_wanted() -> None:
    done: list[Connection] = []
    follower = Follower(book(), done.append, keep=lambda connection: connection.number == 1)
    for frame in frames(segments(WHOLE)):
        follower.frame(frame)
    follower.finish()
    exchange = done[0].exchange
    assert exchange is not None
    assert len(exchange.steps) == 8


def test_what_has_ended_and_is_silent_is_handed_on_early() -> None:
    done: list[Connection] = []
    follower = Follower(book(), done.append)
    still_open = segments(WHOLE, sport=50000)[:3]
    for frame in (*frames(segments(WHOLE)), *frames(still_open, number=9)):
        follower.frame(frame)
    follower.settle(7 * MILLISECOND)
    assert done == []
    follower.settle(8 * MILLISECOND)
    assert [one.facts.ended for one in done] == [Ended.CLOSED]
    follower.settle(9 * MILLISECOND)
    assert len(done) == 1


def test_a_reset_after_which_traffic_goes_on_ended_nothing() -> None:
    """Injected: at a number that draws a challenge, or at the exact one, of which the target knew better."""
    for number in (500, 11):
        text = f"""
            > S 0:0(0) win 65535
            < S. 0:0(0) ack 1 win 65535
            > . 1:1(0) ack 1 win 65535
            < P. 1:11(10) ack 1 win 65535
            > . 1:1(0) ack 11 win 65535
            < R {number}:{number}(0) win 0
            < P. 11:21(10) ack 1 win 65535
            > . 1:1(0) ack 21 win 65535
            > F. 1:1(0) ack 21 win 65535
            < F. 21:21(0) ack 2 win 65535
            > . 2:2(0) ack 22 win 65535
        """
        (one,), _ = follow(frames(segments(text)))
        assert (one.facts.ended, one.facts.ended_by) == (Ended.CLOSED, End.CLIENT)
        assert (one.facts.client.state, one.facts.server.state) == ("TIME-WAIT", "CLOSED?")
        assert one.facts.server.resets == (6,)


def test_what_comes_late_does_not_revive_who_reset() -> None:
    text = """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 11:21(10) ack 1 win 65535
        < R. 21:21(0) ack 1 win 0
        < P. 1:11(10) ack 1 win 65535
    """
    (one,), _ = follow(frames(segments(text)))
    assert (one.facts.ended, one.facts.ended_by) == (Ended.RESET, End.SERVER)
    assert one.facts.server.state == "CLOSED"


def test_a_connection_is_judged_beside_those_before_it() -> None:
    talks = [frames(segments(WHOLE, client=1000 + 70_000_000 * n, sport=40000 + n), start=n * 10**9, number=1 + 8 * n)
             for n in range(5)]  # fmt: skip
    done, _ = follow([frame for talk in talks for frame in talk])
    rules = [[(found.ruling.rule, found.frame, found.ruling.end) for found in one.findings] for one in done]
    # Four connections with one ISN show it; the host is charged once.
    assert rules == [[], [], [], [("isn-differs-across-tuples", 26, End.SERVER)], []]


def test_an_icmp_error_excuses_what_it_may_have_led_to() -> None:
    lines = ["> S 0:0(0) win 65535 <mss 1460>", *["+1 > S 0:0(0) win 65535 <mss 1460>"] * 8]
    seen = frames(segments("\n".join(lines)))
    done, _ = follow(seen)
    assert [found.ruling.rule for found in done[0].findings] == ["syn-backoff"]
    error = Frame(seen[3].time + 1, icmp(seen[0].packet, 3, 1), number=99)
    done, totals = follow([*seen[:4], error, *seen[4:]])
    assert totals.icmp == 1
    assert done[0].findings == ()
    assert ("syn-backoff", "ICMP errors may have led to it") in done[0].undecidable


def test_a_copy_is_known_whatever_the_link_put_behind_it() -> None:
    once = frames(segments(WHOLE))
    padded = [replace(frame, packet=frame.packet + b"UUUUUU", number=frame.number + 100) for frame in once]
    one, totals = follow(frame for pair in zip(once, padded, strict=True) for frame in pair)
    assert totals.copies == len(once)
    assert (one[0].facts.segments, one[0].findings) == (len(once), ())


def test_a_fin_is_acknowledged_though_its_sender_has_reset_the_connection_meanwhile() -> None:
    seen = frames(
        segments("""
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < P. 1:6(5) ack 1 win 65535
        > R 2:2(0) win 0
        < . 6:6(0) ack 2 win 65535
    """)
    )
    (one,), _ = follow(seen)
    assert one.facts.client.fin_acked
    (other,), _ = follow(seen[:-1])
    assert not other.facts.client.fin_acked
